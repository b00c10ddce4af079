"""TensorFlow Data Validation: a schema in protobuf's text format (.pbtxt) as rules.

Shape: https://github.com/tensorflow/metadata/blob/master/tensorflow_metadata/proto/v0/schema.proto. Protobuf's own
parser needs the compiled schema, which only TensorFlow Metadata has; the text format is small enough to be read here:
https://protobuf.dev/reference/protobuf/textformat-spec/.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, TypeAlias

from retrue.adapters.imports.imported import Imported, Item, Left, Making, among
from retrue.errors import TableError

Message: TypeAlias = dict[str, list[Any]]
"""What a message has of each field, in order."""

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?P<mark>[{}<>\[\]:;,])|(?P<word>[^\s{}<>\[\]:;,"'\#]+)"""
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
DEPTH = 100
"""Messages within messages at most."""
KINDS = "values of another kind than the reference's are counted and watched"


def tfdv(text: str) -> Imported:
    """Read a schema.

    Raises:
        TableError: it is no text format, with the line.
    """
    schema = parse(text)
    features = [one for one in schema.get("feature", []) if isinstance(one, dict)]
    if not features:
        raise TableError("it has no features", where="a schema", expected='feature { name: "..." }')
    domains = {str(first(one, "name")): one for one in schema.get("string_domain", []) if isinstance(one, dict)}
    found, watched = list[Item | Left](), list[Left]()
    for feature in features:
        column = str(first(feature, "name", ""))
        if first(feature, "lifecycle_stage") in ("DEPRECATED", "DISABLED", "PLANNED", "ALPHA", "DEBUG_ONLY"):
            found.append(Left(f"feature {column}", f"it is {first(feature, 'lifecycle_stage')}, so nothing is checked"))
            continue
        found += of_feature(feature, column, domains)
        if first(feature, "type") is not None:
            watched.append(Left(f"type {first(feature, 'type')} of {column}", KINDS))
    return Imported.of(found, watched)


def of_feature(feature: Message, column: str, domains: dict[str, Message]) -> Iterator[Item | Left]:
    """The rules of one feature."""
    presence = message(feature, "presence")
    fraction = float(first(presence, "min_fraction", 0.0))
    if fraction > 0:
        yield Making(f"presence of {column}").rule("missing", "<=", round(1 - fraction, 12), column)
    for kind in ("int_domain", "float_domain"):
        yield from of_numbers(message(feature, kind), Making(f"{kind} of {column}"), column)
    yield from of_texts(feature, column, domains)
    for comparator in ("skew_comparator", "drift_comparator"):
        yield from of_comparator(message(feature, comparator), Making(f"{comparator} of {column}"), column)
    for kind, reason in OTHERS.items():
        if kind in feature:
            yield Left(f"{kind} of {column}", reason)


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
    for end, op in (("min", ">="), ("max", "<=")):
        value = first(domain, end)
        if isinstance(value, int | float) and math.isfinite(value):
            yield make.rule(end, op, float(value), column)
    if first(domain, "disallow_nan") is True:
        yield make.rule("nan", "<=", 0.0, column)
    if first(domain, "disallow_inf") is True:
        yield make.rule("infinite", "<=", 0.0, column)


def of_texts(feature: Message, column: str, domains: dict[str, Message]) -> Iterator[Item | Left]:
    """The values that there may be: no row has another, or as few as `min_domain_mass` leaves."""
    domain = message(feature, "string_domain") or domains.get(str(first(feature, "domain", "")), {})
    values = [str(one) for one in domain.get("value", [])]
    if not values:
        return
    mass = float(first(message(feature, "distribution_constraints"), "min_domain_mass", 1.0))
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
        yield make.left('it is against the span before: register with against = "previous", and thresholds are learned')
        return
    norm = first(message(comparator, "infinity_norm"), "threshold")
    divergence = first(message(comparator, "jensen_shannon_divergence"), "threshold")
    if norm is not None:
        yield make.rule("linf", "<=", float(norm), column)
    if divergence is not None:
        note = "the distance is the root of the divergence"
        yield Making(make.source, note).rule("js", "<=", round(math.sqrt(float(divergence)), 12), column)
    if norm is None and divergence is None:
        yield make.left("it names no threshold that Retrue has")


# --- the text format --------------------------------------------------------------------------------------------------


def first(held: Message, field: str, otherwise: Any = None) -> Any:
    """The first value of a field."""
    return next(iter(held.get(field, [])), otherwise)


def message(held: Message, field: str) -> Message:
    """A field that is a message; an empty one where it isn't there."""
    found = first(held, field)
    return found if isinstance(found, dict) else {}


def parse(text: str) -> Message:
    """Read a message in the text format.

    Raises:
        TableError: it is none, with the line.

    >>> parse('feature { name: "age" int_domain { min: 0 max: 1 } }')
    {'feature': [{'name': ['age'], 'int_domain': [{'min': [0], 'max': [1]}]}]}
    """
    return Reader(list(tokens(text))).fields(None, 0)


def tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """The kind, the text and the line of each token."""
    at, line = 0, 1
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise TableError(
                f"{text[at : at + 20]!r}", where=f"line {line} of a schema", expected="protobuf's text format"
            )
        if found.lastgroup is not None:
            yield found.lastgroup, found[0], line
        line += found[0].count("\n")
        at = found.end()
    yield "end", "", line


class Reader:
    """Reads fields off tokens."""

    def __init__(self, found: list[tuple[str, str, int]]) -> None:
        self._tokens, self._at = found, 0

    def _next(self) -> tuple[str, str, int]:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _peek(self) -> str:
        return self._tokens[self._at][1]

    def fields(self, end: str | None, depth: int) -> Message:
        """The fields of a message up to its end."""
        found: Message = {}
        while True:
            kind, name, line = self._next()
            if (kind == "end" and end is None) or (end is not None and name == end and kind == "mark"):
                return found
            if kind == "mark" and name in ",;":
                continue
            if kind != "word" or depth > DEPTH:
                raise TableError(f"{name or 'its end'!r}", where=f"line {line} of a schema", expected="a field")
            found.setdefault(name, []).extend(self.values(depth))

    def values(self, depth: int) -> list[Any]:
        """The value of a field, or those of a list."""
        if self._peek() == ":":
            self._next()
        if self._peek() != "[":
            return [self.value(depth)]
        self._next()
        found = list[Any]()
        while self._peek() != "]":
            found.append(self.value(depth))
            if self._peek() == ",":
                self._next()
        self._next()
        return found

    def value(self, depth: int) -> Any:
        """One value: a message, a text, a number, a word."""
        kind, said, line = self._next()
        if kind == "mark" and said in "{<":
            return self.fields("}" if said == "{" else ">", depth + 1)
        if kind == "text":
            whole = unquoted(said)
            while self._tokens[self._at][0] == "text":  # texts that follow each other are one
                whole += unquoted(self._next()[1])
            return whole
        if kind != "word":
            raise TableError(f"{said or 'its end'!r}", where=f"line {line} of a schema", expected="a value")
        return word(said)


def word(said: str) -> Any:
    """A number, a truth, or a name."""
    if said in ("true", "false"):
        return said == "true"
    for kind in (int, float):
        try:
            return kind(said.removesuffix("f") if kind is float else said)
        except ValueError:
            continue
    return said


def unquoted(text: str) -> str:
    """What stands between quotes."""
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text[1:-1])
