"""Roles: which column is the id, the time, the label, the score ..., and that they go together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from retrue.errors import SchemaError, nearest


@dataclass(frozen=True)
class Roles:
    """Which column plays which role; a column plays one, but a slice column may play another one too.

    Attributes:
        id: tells events apart, and joins labels and feedback to them.
        time: when the prediction was made.
        version: the version of the model that made it.
        label: the truth, often known later.
        prediction: what the model said: a class, a number, or a ranked list.
        score: one column with the probability of the positive class, or one for each class.
        latency: how long the prediction took.
        weight: how many events this one stands for.
        value: what it is worth in money or the like.
        features: what the model sees.
        slices: columns whose values part the events into segments.
        feedback: what users did afterwards.
    """

    id: str | None = None
    time: str | None = None
    version: str | None = None
    label: str | None = None
    prediction: str | None = None
    score: str | Mapping[str, str] | None = None
    latency: str | None = None
    weight: str | None = None
    value: str | None = None
    features: tuple[str, ...] | None = None
    slices: tuple[str, ...] = ()
    feedback: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a score that names neither a column nor one for each class."""
        if self.score is not None and not isinstance(self.score, str | Mapping):
            raise SchemaError(
                f"score is {self.score!r}",
                expected="the name of a column, or {class: column}",
                hint="which class each column belongs to: score={'class a': 'column', 'class b': 'other column'}",
            )

    @property
    def scores(self) -> tuple[str, ...]:
        """The score columns: none, one, or one for each class."""
        if self.score is None:
            return ()
        return (self.score,) if isinstance(self.score, str) else tuple(self.score.values())

    def named(self) -> Iterator[tuple[str, str]]:
        """Each role but features and slices, with each of its columns."""
        for role in SINGLE:
            column = getattr(self, role)
            if column is not None:
                yield role, column
        yield from (("score", column) for column in self.scores)
        yield from (("feedback", column) for column in self.feedback)

    def check(self, known: Collection[str]) -> None:
        """See that each column is there and plays one role.

        Raises:
            SchemaError: an unknown column (the label may be missing: it comes later), or one in two roles.
        """
        taken: dict[str, str] = {}
        for role, column in self.named():
            check_known(column, role, known)
            if column in taken:
                raise conflict(column, taken[column], role)
            taken[column] = role
        for role, columns in (("features", self.features or ()), ("slices", self.slices)):
            for column in columns:
                check_known(column, role, known)
            repeated = next((column for i, column in enumerate(columns) if column in columns[:i]), None)
            if repeated is not None:
                raise SchemaError(f"column {repeated!r} is named twice", where=role)
        leaked = next((column for column in self.features or () if column in taken), None)
        if leaked is not None:
            raise conflict(leaked, taken[leaked], "features")

    def rest(self, columns: Iterable[str]) -> tuple[str, ...]:
        """The columns that play no role: the features, unless they are named."""
        taken = {column for _, column in self.named()}
        return tuple(column for column in columns if column not in taken)


SINGLE = ("id", "time", "version", "label", "prediction", "latency", "weight", "value")
"""Roles of one column."""
ROLES = tuple(entry.name for entry in fields(Roles))
"""The names of all roles."""


INFERRED = (*ROLES, "kinds", "projections", "task", "positive", "timezone", "value_matrix", "sample_rows")
"""All that `Schema.infer` may be told."""


def check_given(names: Iterable[str], more: Iterable[str] = ()) -> None:
    """See that keywords are roles, or else what `Schema.infer` may be told, or one of `more`.

    Raises:
        SchemaError: one is not; names the nearest.
    """
    known = (*INFERRED, *more)
    for name in names:
        if name not in known:
            raise SchemaError(f"unknown role {name!r}", expected=", ".join(ROLES), hint=nearest(name, known))


def check_apart(schema: object | None, roles: Iterable[str]) -> None:
    """See that roles aren't given beside a schema, which has its own: which of the two counts would be a guess.

    Raises:
        SchemaError: they are; names them.
    """
    names = list(roles)
    if schema is not None and names:
        raise SchemaError(
            f"a schema and {'a role' if len(names) == 1 else 'roles'} beside it: {', '.join(names)}",
            expected="one or the other",
            hint=f"change the schema instead: schema.replace({names[0]}=...)",
        )


def conflict(column: str, first: str, second: str) -> SchemaError:
    """A column in two roles that don't go together."""
    hint = "a model that sees its label learns nothing" if {first, second} == {"label", "features"} else None
    return SchemaError(f"column {column!r} is both {first} and {second}", expected="one role", hint=hint)


def check_known(column: object, role: str, known: Collection[str]) -> None:
    """Raise SchemaError unless `column` is a known name."""
    if not isinstance(column, str):
        raise SchemaError(f"{role} is {column!r}", expected="the name of a column")
    if column not in known:
        hint = nearest(column, known)
        raise SchemaError(f"unknown column {column!r}", where=f"role {role}", expected=listed(known), hint=hint)


def listed(names: Iterable[str], most: int = 12) -> str:
    """Write names for a message, the first few of them."""
    names = list(names)
    text = ", ".join(map(repr, names[:most]))
    return text if len(names) <= most else f"{text}, ... ({len(names)} in all)"


def several(names: str | Sequence[str] | None, role: str) -> tuple[str, ...]:
    """Read a role of several columns; one name is one column.

    >>> several("origin", "slices"), several(["a", "b"], "slices"), several(None, "slices")
    (('origin',), ('a', 'b'), ())
    """
    if names is None:
        return ()
    if isinstance(names, str):
        return (names,)
    if isinstance(names, Mapping) or not all(isinstance(name, str) for name in names):
        raise SchemaError(f"{role} is {names!r}", expected="names of columns")
    return tuple(names)
