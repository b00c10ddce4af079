"""TensorFlow Data Validation: a schema in protobuf's text format (.pbtxt) as rules.

Shape: https://github.com/tensorflow/metadata/blob/master/tensorflow_metadata/proto/v0/schema.proto. Protobuf's own
parser needs the compiled schema, which only TensorFlow Metadata has; the text format is small enough to be read here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from retrue.adapters.imports.imported import Imported, Item, Left, Making, among, name
from retrue.adapters.imports.pbtxt import Message, parse
from retrue.errors import TableError

KINDS = "values of another kind than the reference's are counted and watched"
AS_A_SHARE = "the share that may be missing says it"
UNREAD = "it isn't read: Retrue knows no counterpart"
STAGES = ("DEPRECATED", "DISABLED", "PLANNED", "ALPHA", "DEBUG_ONLY")
"""In which of a feature's lives TFDV checks nothing."""


def tfdv(text: str) -> Imported:
    """Read a schema.

    Raises:
        TableError: it is no text format, with the line.
    """
    schema = parse(text)
    features = schema.messages("feature")
    if not features:
        raise TableError("it has no features", where="a schema", expected='feature { name: "..." }')
    domains = {str(one.first("name")): one for one in schema.messages("string_domain")}
    schema.tell("string_domain")
    found, watched = list[Item | Left](), list[Left]()
    for feature in features:
        of_one, anyway = whole_feature(feature, domains)
        found += of_one
        watched += anyway
    schema.tell("feature")
    found += of_dataset(schema.message("dataset_constraints"))
    found += unlike_columns(schema)
    found += [Left(f"{field} of the schema", UNREAD) for field in schema.unread()]
    return Imported.of(found, watched)


def whole_feature(feature: Message, domains: dict[str, Message]) -> tuple[list[Item | Left], list[Left]]:
    """All of one feature: its rules with what has no counterpart, and what is watched anyway."""
    column = str(feature.first("name") or "")
    stage = "DEPRECATED" if feature.first("deprecated") is True else feature.first("lifecycle_stage")
    if stage in STAGES:
        return [Left(f"feature {column}", f"it is {stage}, so nothing is checked")], []
    watched = [Left(f"type {one} of {column}", KINDS) for one in feature.all("type")[:1]]
    presence = feature.message("presence")
    if presence.amount("min_count") == 1 and (presence.amount("min_fraction") or 0) > 0:
        watched.append(Left(f"presence.min_count of {column}", AS_A_SHARE))
    found = list(of_feature(feature, column, domains))
    feature.tell("annotation")  # what people note: nothing that is checked
    return [*found, *(Left(f"{field} of {column}", UNREAD) for field in feature.unread())], watched


def of_dataset(constraints: Message) -> Iterator[Item | Left]:
    """How many rows there may be."""
    make = Making("dataset_constraints", "rows of each window, not of a dataset")
    for field, op in (("min_examples_count", ">="), ("max_examples_count", "<=")):
        if (count := constraints.amount(field)) is not None:
            yield make.rule("rows", op, count)
    for field in ("num_examples_drift_comparator", "num_examples_version_comparator"):
        if field in constraints:
            constraints.tell(field)
            yield Left(f"dataset_constraints.{field}", "it is against the span before: say rows within 3 sigma")


def unlike_columns(schema: Message) -> Iterator[Left]:
    """What is made of several columns."""
    for field, reason in (
        ("sparse_feature", "columns are dense: one value in each row"),
        ("weighted_feature", "a weight is of whole events, as the role weight of a comparison"),
    ):
        for one in schema.messages(field):
            yield Left(f"{field} {one.first('name')}", reason)
        if field in schema.read:
            schema.tell(field)


def of_feature(feature: Message, column: str, domains: dict[str, Message]) -> Iterator[Item | Left]:
    """The rules of one feature."""
    yield from of_presence(feature.message("presence"), column)
    for kind in ("int_domain", "float_domain"):
        yield from of_numbers(feature.message(kind), Making(f"{kind} of {column}"), column)
    yield from of_truths(feature, column)
    yield from of_texts(feature, column, domains)
    for comparator in ("skew_comparator", "drift_comparator"):
        yield from of_comparator(feature.message(comparator), Making(f"{comparator} of {column}"), column)
    for kind, reason in OTHERS.items():
        if kind in feature:
            feature.tell(kind)
            yield Left(f"{kind} of {column}", reason)


def of_presence(presence: Message, column: str) -> Iterator[Item | Left]:
    """How many rows must have a value: a share, a number."""
    fraction, count = presence.amount("min_fraction") or 0.0, presence.amount("min_count") or 0.0
    make = Making(f"presence of {column}")
    if fraction > 0:
        yield make.rule("missing", "<=", round(1 - fraction, 12), column)
    if count > 1 or (count == 1 and fraction <= 0):
        counted = Making(make.source, "rows of each window, not of a dataset")
        yield counted.rule("rows", ">=", count, part=f"{name(column)} IS NOT NULL")


def of_truths(feature: Message, column: str) -> Iterator[Item | Left]:
    """The two values that there may be: those that are named, or 0 and 1 of numbers."""
    if "bool_domain" not in feature:
        return
    domain, make = feature.message("bool_domain"), Making(f"bool_domain of {column}")
    domain.tell("name")
    values: list[object] = [one for one in (domain.first("true_value"), domain.first("false_value")) if one is not None]
    if not values and feature.first("type") in ("INT", "FLOAT"):
        values = [0, 1]
    if values:
        yield make.rule("rows", "=", 0.0, part=among(column, values, negated=True))
    else:
        yield make.left("it names neither value")


OTHERS = {
    "unique_constraints": "profiles keep shares of values, not how many there are",
    "value_count": "a column has one value in each row",
    "value_counts": "a column has one value in each row",
    "shape": "a column has one value in each row",
    "not_in_environment": "a label that comes later is known to be missing from events",
    "in_environment": "a label that comes later is known to be missing from events",
    "struct_domain": "columns have no columns within",
    "natural_language_domain": "texts are seen through projections",
    "image_domain": "images are seen through projections",
    "url_domain": "slices have no such test",
    "time_domain": "slices have no such test",
}


def of_numbers(domain: Message, make: Making, column: str) -> Iterator[Item | Left]:
    """The range of numbers, and what of them is none."""
    domain.tell("name", "is_categorical")
    for end, op in (("min", ">="), ("max", "<=")):
        if (value := domain.amount(end)) is not None:
            yield make.rule(end, op, value, column)
        elif domain.get(end) in ([math.inf], [-math.inf]):
            domain.tell(end)  # no bound
    if domain.first("disallow_nan") is True:
        yield make.rule("nan", "<=", 0.0, column)
    if domain.first("disallow_inf") is True:
        yield make.rule("infinite", "<=", 0.0, column)


def of_texts(feature: Message, column: str, domains: dict[str, Message]) -> Iterator[Item | Left]:
    """The values that there may be: no row has another, or as few as `min_domain_mass` leaves."""
    domain = feature.message("string_domain") or domains.get(str(feature.first("domain") or ""), Message())
    domain.tell("name", "is_categorical")
    values = [str(one) for one in domain.all("value")]
    if not values:
        return
    limit = feature.message("distribution_constraints").amount("min_domain_mass")
    mass = 1.0 if limit is None else limit
    source = f"domain of {column}"
    if mass >= 1:
        yield Making(source).rule("rows", "=", 0.0, part=among(column, values, negated=True))
    else:
        note = "values that the reference hasn't shown, instead of those outside the domain"
        yield Making(source, note).rule("unseen", "<=", round(1 - mass, 12), column)


def of_comparator(comparator: Message, make: Making, column: str) -> Iterator[Item | Left]:
    """How far a distribution may move."""
    if not comparator:
        return
    if make.source.startswith("drift"):
        comparator.tell(*comparator)
        yield make.left('it is against the span before: register with against = "previous", and thresholds are learned')
        return
    norm = comparator.message("infinity_norm").amount("threshold")
    divergence = comparator.message("jensen_shannon_divergence").amount("threshold")
    if norm is not None:
        yield make.rule("linf", "<=", norm, column)
    if divergence is not None and divergence >= 0:
        note = "the distance is the root of the divergence"
        yield Making(make.source, note).rule("js", "<=", round(math.sqrt(divergence), 12), column)
    if norm is None and divergence is None:
        yield make.left("it names no threshold that Retrue has")
