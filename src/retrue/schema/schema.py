"""`Schema`: what an event looks like."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

from retrue.errors import SchemaError, nearest
from retrue.schema.change import Change, changes
from retrue.schema.column import UNPROFILED, Column, kind_named, overridden, projected
from retrue.schema.roles import ROLES, Roles, several
from retrue.schema.task import Task, task_named
from retrue.schema.worth import ValueMatrix, check_value_matrix, plain_matrix
from retrue.schema.written import FORMAT, check_format, check_keys, from_toml, to_toml

if TYPE_CHECKING:
    from retrue.schema.infer import Looker

SAMPLE_ROWS = 100_000
"""Rows of a table to look at, evenly over it."""


@dataclass(frozen=True)
class Schema:
    """What an event looks like: columns with their kinds, roles, and the task.

    Attributes:
        columns: the columns of the table, in its order.
        id, time, version, label, prediction, latency, weight, value: the column in that role.
        score: the column with the probability of the positive class, or a column for each class.
        features: what the model sees.
        slices: columns that part the events into segments.
        feedback: what users did afterwards.
        task: what the model predicts.
        positive: the label value that counts as 1, as text.
        classes: the label values as text; for a binary task the negative one first.
        timezone: of times that name none.
        value_matrix: what predictions are worth, by label and prediction: `{"tp": 100, "fp": -5}` for a binary task,
            `{"cat": {"dog": -1}}` by label and prediction for a multiclass one; what isn't named is worth 0.

    Raises:
        SchemaError: roles that name unknown columns or don't go together, an unknown time zone, or a value matrix that
            doesn't fit the task.

    >>> schema = Schema.infer({"age": [31, 47, 25], "y": [0, 1, 1], "p": [0.2, 0.9, 0.6]}, label="y", score="p")
    >>> schema.task, schema.positive, schema.features
    (<Task.BINARY: 'binary'>, '1', ('age',))
    """

    columns: tuple[Column, ...]
    id: str | None = None
    time: str | None = None
    version: str | None = None
    label: str | None = None
    prediction: str | None = None
    score: str | Mapping[str, str] | None = None
    latency: str | None = None
    weight: str | None = None
    value: str | None = None
    features: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()
    feedback: tuple[str, ...] = ()
    task: Task | None = None
    positive: str | None = None
    classes: tuple[str, ...] = ()
    timezone: str = "UTC"
    value_matrix: ValueMatrix | None = None

    def __post_init__(self) -> None:
        known = self.named
        if len(known) < len(self.columns):
            names = [column.name for column in self.columns]
            twice = next(name for i, name in enumerate(names) if name in names[:i])
            raise SchemaError(f"two columns are called {twice!r}", where="schema", expected="a name for each column")
        # Labels and feedback come later: a schema may name them before any table had them.
        later = {column for column in (self.label, *self.feedback) if column is not None}
        self.roles.check({*known, *later})
        check_timezone(self.timezone)
        if self.value_matrix is not None:
            check_value_matrix(self.value_matrix, self.task, self.classes)

    @classmethod
    def infer(
        cls,
        table: Any,
        *,
        id: str | None = None,
        time: str | None = None,
        version: str | None = None,
        label: str | None = None,
        score: str | Mapping[str, str] | None = None,
        prediction: str | None = None,
        latency: str | None = None,
        weight: str | None = None,
        value: str | None = None,
        features: Sequence[str] | None = None,
        slices: Sequence[str] = (),
        feedback: Sequence[str] = (),
        kinds: Mapping[str, str] | None = None,
        projections: Mapping[str, Sequence[str]] | None = None,
        task: str | None = None,
        positive: str | None = None,
        timezone: str = "UTC",
        value_matrix: ValueMatrix | None = None,
        sample_rows: int = SAMPLE_ROWS,
        look: Looker | None = None,
    ) -> Self:
        """Find out what the events of `table` look like.

        Args:
            table: anything that `retrue.tables.read` takes.
            id: the column that tells events apart.
            time: the column that says when the prediction was made.
            version: the column that says which version of the model made it.
            label: the column of the truth; may be missing where score or prediction tells the task.
            score: the column of the probability of the positive class, or one for each class.
            prediction: the column of what the model said.
            latency: the column of how long it took.
            weight: the column of how many events this one stands for.
            value: the column of what it is worth.
            features: what the model sees; all columns that play no role, unless named.
            slices: columns that part the events into segments.
            feedback: columns of what users did afterwards; may be missing.
            kinds: kinds by column, where the guess is wrong.
            projections: by column, what it is looked at through instead of the usual projections of its kind.
            task: where the guess is wrong.
            positive: the label value that counts as 1, where the guess is wrong.
            timezone: of times that name none.
            value_matrix: what predictions are worth (see `Schema`).
            sample_rows: how many rows to look at, evenly over the table.
            look: how the table is looked at, by those who do something else with it in the same read.

        Raises:
            TableError: the table can't be read.
            SchemaError: roles that don't fit the table.
        """
        from retrue.schema.infer import Look, infer_fields

        roles = {
            "id": id, "time": time, "version": version, "label": label, "score": score, "prediction": prediction,
            "latency": latency, "weight": weight, "value": value, "features": features, "slices": slices,
            "feedback": feedback,
        }  # fmt: skip
        found = infer_fields(table, roles, kinds or {}, task, positive, sample_rows, look or Look.at)
        found["columns"] = projected(found["columns"], projections or {})
        return cls(**found, timezone=timezone, value_matrix=value_matrix)

    @cached_property
    def named(self) -> dict[str, Column]:
        """The columns by name."""
        return {column.name: column for column in self.columns}

    @property
    def roles(self) -> Roles:
        """Which column plays which role."""
        return Roles(**{role: getattr(self, role) for role in ROLES})

    @property
    def scores(self) -> tuple[str, ...]:
        """The score columns: none, one, or one for each class."""
        return self.roles.scores

    def column(self, name: str) -> Column:
        """The column called `name`.

        Raises:
            SchemaError: there is none; the nearest is named.
        """
        if name not in self.named:
            raise SchemaError(f"unknown column {name!r}", where="schema", hint=nearest(name, self.named))
        return self.named[name]

    @property
    def profiled(self) -> tuple[Column, ...]:
        """The columns that get a grid: features, scores, prediction, label, value, latency and slices, in that order.

        Never id, time or version, and no ids, texts, embeddings, images or empty columns.
        """
        wanted = [*self.features, *self.scores, self.prediction, self.label, self.value, self.latency, *self.slices]
        columns = (self.named[name] for name in dict.fromkeys(wanted) if name in self.named)
        apart = {self.id, self.time, self.version}
        return tuple(column for column in columns if column.name not in apart and column.kind not in UNPROFILED)

    def replace(self, **changed: Any) -> Self:
        """The same schema with other roles, task, positive, timezone, kinds or projections.

        A column that gets a role is no feature any more, unless `features` are named.

        Raises:
            SchemaError: an unknown field, column or kind, or roles that don't go together.

        >>> Schema.infer({"x": [1, 2, 3, 3]}).replace(kinds={"x": "categorical"}).column("x").reason
        'set by hand'
        """
        check_keys(changed, [*FIELDS, *WITHIN], "replace")
        for name, change in WITHIN.items():
            if (wanted := changed.pop(name, None)) is not None:
                changed["columns"] = change(changed.get("columns", self.columns), wanted)
        changed |= {name: several(changed[name], name) for name in LISTS if name in changed}
        if changed.get("task") is not None:
            changed["task"] = task_named(changed["task"])
        if "features" not in changed:
            roles = Roles(**{role: changed.get(role, getattr(self, role)) for role in ROLES if role != "features"})
            changed["features"] = roles.rest(self.features)
        return dataclasses.replace(self, **changed)

    def check_table(self, dtypes: Mapping[str, object]) -> tuple[Change, ...]:
        """Say which columns were added, removed, renamed or changed their type.

        Args:
            dtypes: the dtype of each column of a table, as `Table.dtypes` gives them.

        >>> [change.detail for change in Schema.infer({"income": [1.5, 2.5]}).check_table({"incme": "Float64"})]
        ["'income' is now called 'incme'"]
        """
        later = [name for name in (self.label, *self.feedback) if name is not None]
        return changes(self.columns, {name: str(dtype) for name, dtype in dtypes.items()}, later)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with the version of the form as `format`."""
        values: dict[str, Any] = {"format": FORMAT}
        for name in FIELDS[1:]:
            value = getattr(self, name)
            values[name] = list(value) if isinstance(value, tuple) else value
        values["task"] = None if self.task is None else str(self.task)
        values["score"] = dict(self.score) if isinstance(self.score, Mapping) else self.score
        values["value_matrix"] = plain_matrix(self.value_matrix)
        values["columns"] = [column.to_dict() for column in self.columns]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises:
            SchemaError: an unknown key, kind or task, a newer format, or roles that don't go together.
        """
        check_keys(values, ["format", *FIELDS], "schema")
        check_format(values)
        entries = values.get("columns")
        if not isinstance(entries, list | tuple):
            raise SchemaError(f"columns are {entries!r}", where="schema", expected="a list of columns")
        fields = {name: read_value(name, values[name]) for name in FIELDS[1:] if values.get(name) is not None}
        fields["task"] = None if values.get("task") is None else task_named(values["task"])
        return cls(**fields, columns=tuple(column_from(entry) for entry in entries))

    def to_json(self) -> str:
        """Write JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read JSON.

        Raises:
            SchemaError: it isn't JSON, or no schema.
        """
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise SchemaError(f"a schema that isn't JSON: {error}") from error
        return cls.from_dict(values)

    def to_toml(self) -> str:
        """Write TOML, for people to edit."""
        return to_toml(self.to_dict())

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Read TOML.

        Raises:
            SchemaError: it isn't TOML, or no schema.
        """
        return cls.from_dict(from_toml(text))


FIELDS = tuple(entry.name for entry in dataclasses.fields(Schema))
"""The names of a schema's fields, `columns` first."""


WITHIN: Mapping[str, Callable[[tuple[Column, ...], Any], tuple[Column, ...]]] = {
    "kinds": overridden,
    "projections": projected,
}
"""What is said by column, and changes it."""
LISTS = ("features", "slices", "feedback", "classes")
"""Fields that hold several names."""


def column_from(entry: Any) -> Column:
    """Read a column; dtype and reason may be left out by hand."""
    check_keys(entry, ["name", "kind", "dtype", "reason", "projections"], "a column of the schema")
    if not isinstance(entry.get("name"), str):
        raise SchemaError("a column without a name", where="schema", expected="name and kind")
    kind = kind_named(entry.get("kind", ""), entry["name"])
    column = Column(entry["name"], kind, str(entry.get("dtype", "")), str(entry.get("reason", "")))
    wanted = entry.get("projections")
    return column if wanted is None else projected((column,), {column.name: wanted})[0]


def read_value(name: str, value: Any) -> Any:
    """Read a field of the written form.

    Raises:
        SchemaError: it is of another type.
    """
    if name in LISTS:
        if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
            raise SchemaError(f"{name} is {value!r}", where="schema", expected="a list of texts")
        return tuple(value)
    if name == "score" and isinstance(value, Mapping):
        return {str(key): read_value("score column", column) for key, column in value.items()}
    if name == "value_matrix":
        return value
    if not isinstance(value, str):
        raise SchemaError(f"{name} is {value!r}", where="schema", expected="a text")
    return value


def check_timezone(name: str) -> None:
    """Raise SchemaError unless `name` is a time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError) as error:
        expected = "a name such as UTC or Europe/Berlin"
        raise SchemaError(f"unknown time zone {name!r}", where="timezone", expected=expected) from error
