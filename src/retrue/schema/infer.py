"""How a schema is found: sample the table, find kinds, check roles, find the task."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any

import polars as pl

from retrue.errors import SchemaError
from retrue.schema.column import Column, Kind, overridden
from retrue.schema.kinds import infer_column
from retrue.schema.roles import Roles, several
from retrue.schema.task import Target, Task, find_target
from retrue.schema.values import Sample, text_of
from retrue.tables import Table, read

NESTED_ROWS = 1_000
"""Rows to look at of columns that hold lists, structs or bytes: embeddings are large, and all alike."""
COLUMNS = 32
"""Columns to read at a time where each costs only itself."""
CELLS = 10_000_000
"""Values to hold at most."""
TYPO = 0.85
"""A missing label whose name is so similar to a column's is a typing mistake."""
NUMBERS = ("score", "latency", "weight", "value")
"""Roles that hold numbers."""


@dataclass(frozen=True)
class Look:
    """What was seen of a table.

    Attributes:
        values: a sample of each column, in the table's order.
        columns: each column with the kind that its sample suggests.
    """

    values: Mapping[str, pl.Series]
    columns: tuple[Column, ...]

    @classmethod
    def at(cls, table: Table, rows: int) -> Look:
        """Look at `rows` rows, evenly over the table."""
        values, total = sampled(table, rows), table.count_rows()
        return cls(values, tuple(infer_column(series, total) for series in values.values()))


Looker = Callable[[Table, int], Look]
"""Looks at so many rows of a table."""


def infer_fields(
    source: Any,
    given: Mapping[str, Any],
    kinds: Mapping[str, str],
    task: str | None,
    positive: str | None,
    sample_rows: int,
    look: Looker,
) -> dict[str, Any]:
    """Find the fields of a schema.

    Args:
        source: anything that `read` takes.
        given: the columns in each role, as the user names them.
        kinds: kinds by column, as the user wants them.
        task: what the user says the task is.
        positive: the label value that the user calls positive.
        sample_rows: how many rows to look at.
        look: how.

    Raises:
        TableError: the table can't be read.
        SchemaError: roles that don't fit the table.
    """
    table = read(source)
    roles = given_roles(given)
    check_roles(roles, table.dtypes)
    seen = look(table, sample_rows)
    values, columns = seen.values, seen.columns
    roles = replace(roles, features=roles.features if roles.features is not None else roles.rest(table.dtypes))
    target = found_target(table, roles, columns, values, task, positive)
    check_types(columns, roles, values)
    return {
        "columns": overridden(tuple(in_role(column, roles, target) for column in columns), kinds),
        **{name: getattr(roles, name) for name in given},
        "score": one_score(roles, target),
        "task": target.task,
        "positive": target.positive,
        "classes": target.classes,
    }


def found_target(
    table: Table,
    roles: Roles,
    columns: Sequence[Column],
    values: Mapping[str, pl.Series],
    task: str | None,
    positive: str | None,
) -> Target:
    """Find the task from the sample, and rare classes from the whole table."""
    named = {column.name: column for column in columns}
    outcomes = {name: values[name] for name in (roles.label, roles.prediction) if name is not None and name in named}
    target = find_target(roles, named, outcomes, task, positive, leaning(roles, values))
    if target.task != Task.MULTICLASS or all(len(series) == table.count_rows() for series in outcomes.values()):
        return target
    every = find_target(roles, named, {name: table.distinct(name) for name in outcomes}, Task.MULTICLASS, None)
    return replace(target, classes=every.classes)


def leaning(roles: Roles, values: Mapping[str, pl.Series]) -> str | None:
    """The label whose rows have the highest mean score; None without one score and labels, or where two have."""
    if roles.label is None or not isinstance(roles.score, str):
        return None
    label, score = values.get(roles.label), values.get(roles.score)
    if label is None or score is None or is_large(label.dtype) or is_large(score.dtype):
        return None
    both = pl.DataFrame({"label": label, "score": score.cast(pl.Float64, strict=False)}).drop_nulls()
    means = both.filter(pl.col("score").is_finite()).group_by("label").agg(pl.col("score").mean()).sort("score")
    if means.height < 2 or math.isclose(means["score"][-1], means["score"][-2]):
        return None
    return text_of(means["label"][-1])


def given_roles(given: Mapping[str, Any]) -> Roles:
    """The roles as the user names them."""
    features = given["features"]
    score = given["score"]
    return Roles(
        **{
            **given,
            "score": {str(name): column for name, column in score.items()} if isinstance(score, Mapping) else score,
            "features": None if features is None else several(features, "features"),
            "slices": several(given["slices"], "slices"),
            "feedback": several(given["feedback"], "feedback"),
        }
    )


def check_roles(roles: Roles, known: Collection[str]) -> None:
    """Check roles against a table; a label that comes later is let through where score or prediction tell the task.

    Raises:
        SchemaError: an unknown column, or one in two roles that don't go together.
    """
    label = roles.label
    absent = isinstance(label, str) and label not in known and (roles.score or roles.prediction) is not None
    if absent and not any(SequenceMatcher(None, str(label), name).ratio() >= TYPO for name in known):
        known = {*known, str(label)}
    roles.check([*known, *roles.feedback])


def sampled(table: Table, rows: int) -> dict[str, pl.Series]:
    """A sample of each column, in the table's order; few rows where each holds much, or there are very many columns."""
    large = [name for name, dtype in table.dtypes.items() if is_large(dtype)]
    small = [name for name in table.dtypes if name not in large]
    # One at a time takes the least memory, but opens every file for each column.
    together = 1 if table.seekable else COLUMNS if table.columnar else max(len(small), 1)
    parts = [small[start : start + together] for start in range(0, len(small), together)]
    samples = [table.sample(names, rows_of(table, small[0], rows)) for names in parts]
    if large:
        samples.append(table.sample(large, rows_of(table, large[0], rows)))
    found = {series.name: series for sample in samples for series in sample.get_columns()}
    return {name: found[name] for name in table.dtypes}


def rows_of(table: Table, name: str, rows: int) -> int:
    """How many rows of a column to look at, where `rows` would be enough to tell its kind."""
    if is_large(table.dtypes[name]):
        return min(rows, NESTED_ROWS)
    small = sum(not is_large(dtype) for dtype in table.dtypes.values())
    return min(rows, max(CELLS // small, NESTED_ROWS))


def is_large(dtype: pl.DataType) -> bool:
    """Tell whether each value of this type may be large."""
    return dtype.is_nested() or dtype == pl.Binary


def in_role(column: Column, roles: Roles, target: Target) -> Column:
    """The column with the kind that its role implies, and the role in the reason."""
    role = next((role for role, name in roles.named() if name == column.name), None)
    if role is None:
        return column
    implied = implied_kind(role, column, target)
    agreed = implied in (None, column.kind) or column.kind in (Kind.EMPTY, Kind.CONSTANT)
    reason = f"the {role}: {column.reason}" if agreed and role != "id" else f"the {role}"
    if role == "label":
        reason += f"; task {target.task}: {target.reason}"
    return replace(column, kind=column.kind if agreed or implied is None else implied, reason=reason)


def implied_kind(role: str, column: Column, target: Target) -> Kind | None:
    """The kind that a column's role implies."""
    if role == "id":
        return Kind.ID
    if role in NUMBERS:
        return Kind.NUMERIC
    if role == "version":
        return Kind.CATEGORICAL
    return outcome_kind(column, target) if role in {"label", "prediction"} else None


def outcome_kind(column: Column, target: Target) -> Kind:
    """The kind of a label or prediction."""
    if target.task == Task.REGRESSION:
        return Kind.NUMERIC
    if target.task == Task.RANKING and column.dtype.startswith(("List", "Array")):
        return Kind.TEXT
    return Kind.BOOLEAN if column.kind == Kind.BOOLEAN else Kind.CATEGORICAL


def check_types(columns: Sequence[Column], roles: Roles, values: Mapping[str, pl.Series]) -> None:
    """See that numbers are where numbers must be, and times where times must be.

    Raises:
        SchemaError: a score, latency, weight or value that isn't numeric, or a time that is none.
    """
    named = {column.name: column for column in columns}
    for role, name in roles.named():
        if name not in named or named[name].kind == Kind.EMPTY:
            continue
        if role in NUMBERS and not reads_as_number(values[name]):
            raise SchemaError(f"{role} {name!r} is not numeric", expected=f"numbers, not {named[name].dtype}")
        if role == "time" and not reads_as_time(values[name]):
            hint = "turn it into dates or datetimes first, for example with polars.from_epoch"
            raise SchemaError(
                f"time {name!r} is no time", expected=f"dates or datetimes, not {named[name].dtype}", hint=hint
            )


def reads_as_number(values: pl.Series) -> bool:
    """Tell whether values are numbers, or text of numbers."""
    if values.dtype == pl.String:
        return values.cast(pl.Float64, strict=False).null_count() < len(values)
    return values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Duration)


def reads_as_time(values: pl.Series) -> bool:
    """Tell whether values are times, or text of times."""
    from retrue.schema.texts import date_kind

    if values.dtype == pl.String:
        return date_kind(Sample.of(values, len(values))) is not None
    return values.dtype in (pl.Date, pl.Datetime)


def one_score(roles: Roles, target: Target) -> str | Mapping[str, str] | None:
    """The score as the task wants it: for a binary task the positive class's column."""
    if target.task == Task.BINARY and isinstance(roles.score, Mapping) and target.positive is not None:
        return roles.score.get(target.positive, roles.score)
    return roles.score
