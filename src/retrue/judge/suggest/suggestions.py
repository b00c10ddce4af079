"""`rt.suggest`: rules for a table, from all its columns at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from typing import Any

import polars as pl

from retrue.core.times import event_times, window_starts
from retrue.errors import TableError
from retrue.judge.rules import Rule
from retrue.judge.suggest.proposals import (
    CATEGORIES,
    Suggestion,
    categories,
    completeness,
    enough_rows,
    ranges,
)
from retrue.judge.thresholds import print_duration
from retrue.judge.words import percent
from retrue.schema import Kind, Schema
from retrue.slices import Slice
from retrue.tables import read

SHAKY = 0.05
"""A rule that alarms on more of the windows is said, and not proposed."""
BLOCKS = 20
"""Windows of a table without time: so many stretches of its rows, in their order."""
FEWEST = 10
"""Windows that it takes to tell days from hours."""
NUMBERS = 40
"""Numeric columns at most of which pairs are compared."""
PROOF = 300
"""Rows that a relation between two columns must hold in: it then breaks in fewer than 1 % of rows (rule of three)."""

WATCHED = {"missing": "Never missing", "mismatch": "Of one type"}
"""What every model is told of without a rule; a rule at 0 is stricter."""
ANYWAY = "What follows is watched without a rule, too, by learned thresholds: keep a rule where one row is too many."
MANY = 3
"""Columns that keep such a rule from which on they stand together."""
WIDTH = 116
"""Characters of a line of them."""


@dataclass(frozen=True)
class Suggestions:
    """What is suggested for a table.

    Attributes:
        rules: rules to adopt, by column.
        shaky: rules that would alarm on more than 5 % of the reference's own windows.
        unique: columns of which no value comes twice: one of them may be the id.
        windows: how many windows the rules were tried on.
        by: how they were cut: "1d", "1h", the model's window such as "1w", or "rows".
    """

    rules: tuple[Suggestion, ...]
    shaky: tuple[Suggestion, ...]
    unique: tuple[str, ...]
    windows: int
    by: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "rules": [one.to_dict() for one in self.rules],
            "shaky": [one.to_dict() for one in self.shaky],
            "unique": list(self.unique),
            "windows": self.windows,
            "by": self.by,
        }

    def to_toml(self, model: str = "NAME") -> str:
        """A table for `retrue.toml`, to edit."""
        cut = "stretches of the reference's rows" if self.by == "rows" else f"windows of {self.by} of the reference"
        named = ", as no time was named" if self.by == "rows" else ""
        lines = [f"# Tried on {self.windows} {cut}{named}; each left out while its rule was made.",
                 f"[models.{model}]", "rules = ["]  # fmt: skip
        lines += [*listed(self.rules), "]"]
        if self.shaky:
            lines.append("# These would have alarmed on windows where nothing was wrong:")
            lines += [f"#   {plain(str(one.rule))}: {said(one)}" for one in self.shaky]
        lines += [f"# no value of {plain(name)} comes twice: it may be the id" for name in self.unique]
        return "\n".join(lines) + "\n"


def listed(rules: Sequence[Suggestion]) -> Iterator[str]:
    """Rules as lines of TOML: those with figures of their own, each with its comment; then what many columns keep."""
    strict = {measure: [one for one in rules if plainly(one, measure)] for measure in WATCHED}
    blocks = {measure: some for measure, some in strict.items() if len(some) >= MANY}
    for one in rules:
        if one not in blocks.get(one.rule.metric, ()):
            yield f"    {quoted(one)}, # {said(one)}"
    if blocks:
        yield f"    # {ANYWAY}"
    for measure, some in blocks.items():
        yield f"    # {WATCHED[measure]} in the reference; each: {tried(some[0])}"
        yield from filled([f"{quoted(one)}," for one in some])


def plainly(one: Suggestion, measure: str) -> bool:
    """Whether a rule only says that a column never has something, and the reference never had it."""
    return one.rule.metric == measure and one.rule.bound == 0 and one.rule.slice is None and not one.alarms


def filled(texts: Iterable[str]) -> Iterator[str]:
    """Texts of TOML as lines, as many in one as fit; none is broken."""
    line = ""
    for text in texts:
        if line and len(line) + len(text) > WIDTH:
            yield f"    {line}"
            line = ""
        line = f"{line} {text}" if line else text
    yield f"    {line}"


def quoted(one: Suggestion) -> str:
    """A rule as a text of TOML."""
    return json.dumps(str(one.rule), ensure_ascii=False)


def said(one: Suggestion) -> str:
    """A suggestion's comment."""
    return plain(f"{one.why}; {tried(one)}")


def tried(one: Suggestion) -> str:
    """How it fared on the reference's own windows."""
    alarms = "1 false alarm" if one.alarms == 1 else f"{one.alarms} false alarms"
    return (
        f"{alarms} in {one.windows} windows, kept by at least {percent(one.confidence)}" if one.windows else "not tried"
    )


def plain(text: str) -> str:
    """A text that ends no comment."""
    return "".join(char if char.isprintable() else " " for char in text)


def suggest(source: Any, *, schema: Schema | None = None, window: float | None = None, **roles: Any) -> Suggestions:
    """Suggest rules that a table keeps, with the false alarms that each would have raised in the table's own windows.

    Completeness, ranges, categories, types, how many rows there are, and which columns are never greater than another.

    Args:
        source: the reference: a frame, path or URL.
        schema: what its rows look like; inferred with the roles unless given.
        window: seconds of a window; a day where there are ten of them, else an hour; without time 20 stretches of rows.
        roles: as for `Schema.infer`: `id`, `time`, `label`, `kinds` ...

    Raises:
        TableError: the table can't be read, or has no rows.
        SchemaError: roles that don't fit.

    >>> found = suggest({"age": [20, 30, 40] * 200, "sex": ["f", "m"] * 300})
    >>> [str(one.rule) for one in found.rules if one.rule.column == "age"]
    ['missing(age) <= 0', 'min(age) >= 0', 'max(age) <= 42', 'mismatch(age) <= 0']
    """
    table = read(source)
    known = schema if schema is not None else Schema.infer(table, **roles)
    frame = table.collect()
    if not frame.height:
        raise TableError("a table without rows", where=table.name, expected="at least one row")
    groups, by = cut(frame, known, window)
    apart = (known.id, known.time, known.label, known.version)
    columns = [one for one in known.columns if one.name in frame.columns and one.name not in apart]
    numbers = [one.name for one in columns if one.kind == Kind.NUMERIC and frame.schema[one.name].is_numeric()]
    few = [one.name for one in columns if one.kind == Kind.CATEGORICAL and listable(frame[one.name])]
    seen = counted(frame, groups, [one.name for one in columns], numbers, few)
    found = list(of_columns(seen, columns, numbers, few))
    found += [
        *pairs(frame, numbers, seen.height),
        *(enough_rows(seen["n"].cast(pl.Float64).to_numpy()) if by != "rows" else ()),
    ]
    good = [one for one in found if not one.rate or one.rate <= SHAKY]
    return Suggestions(
        tuple(good), tuple(one for one in found if one not in good), tuple(unique(frame, known)), seen.height, by
    )


def cut(frame: pl.DataFrame, schema: Schema, window: float | None) -> tuple[pl.Series, str]:
    """The window of each row, and how they were cut."""
    if schema.time is not None and schema.time in frame.columns:
        times = event_times(frame[schema.time], schema.timezone)
        for seconds, name in ((window, print_duration(window)),) if window else ((86_400, "1d"), (3_600, "1h")):
            starts = window_starts(times, int(seconds or 1), schema.timezone)
            if window or starts.n_unique() >= FEWEST:
                return starts.alias("_window"), name
    rows = pl.Series("_window", range(frame.height), dtype=pl.Int64)
    return rows * BLOCKS // frame.height, "rows"


def listable(column: pl.Series) -> bool:
    """Whether there are few enough values to list, all of them plain."""
    plain_ = column.dtype in (pl.String, pl.Boolean) or column.dtype.is_integer()
    return plain_ and column.n_unique() <= CATEGORIES + 1


def counted(
    frame: pl.DataFrame, groups: pl.Series, columns: Sequence[str], numbers: Sequence[str], few: Sequence[str]
) -> pl.DataFrame:
    """One pass over all columns: a row for each window."""
    wanted = [pl.len().alias("n")]
    wanted += [(pl.col(name).null_count() / pl.len()).alias(f"missing/{name}") for name in columns]
    for name in numbers:
        finite = pl.col(name).cast(pl.Float64)
        finite = finite.filter(finite.is_finite())
        wanted += [finite.min().alias(f"min/{name}"), finite.max().alias(f"max/{name}")]
    wanted += [pl.col(name).drop_nulls().unique().alias(f"set/{name}") for name in few]
    return frame.with_columns(groups.alias("_window")).group_by("_window").agg(wanted).sort("_window")


def of_columns(
    seen: pl.DataFrame, columns: Sequence[Any], numbers: Sequence[str], few: Sequence[str]
) -> Iterator[Suggestion]:
    """What each column keeps."""
    for one in columns:
        name = one.name
        if one.kind == Kind.EMPTY:
            continue
        yield completeness(name, seen[f"missing/{name}"].to_numpy())
        if name in numbers:
            ends = [seen[f"{end}/{name}"].cast(pl.Float64).fill_null(float("nan")).to_numpy() for end in ("min", "max")]
            yield from ranges(name, ends[0], ends[1])
        if name in few:
            sets = [frozenset(values) for values in seen[f"set/{name}"].to_list()]
            found = categories(sets, partial(outside, name))
            yield from [] if found is None else [found]
        if one.kind in (Kind.NUMERIC, Kind.BOOLEAN, Kind.DATETIME):
            yield Suggestion(Rule("mismatch", "<=", 0.0, name), f"all values are {one.kind}", seen.height, 0)


def outside(column: str, values: frozenset[Any]) -> str:
    """Rows with another value, as a slice's text."""
    order = str if any(isinstance(value, str) for value in values) else None
    listed = ", ".join(literal(value) for value in sorted(values, key=order))
    return f'"{column.replace(chr(34), chr(34) * 2)}" NOT IN ({listed})'


def literal(value: Any) -> str:
    """A value in a slice's text."""
    if isinstance(value, bool):
        return str(value).upper()
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def pairs(frame: pl.DataFrame, numbers: Sequence[str], windows: int) -> Iterator[Suggestion]:
    """Columns that are never greater than another, though their ranges meet; those that follow from others left out."""
    some = list(numbers)[:NUMBERS]
    asked = [
        pl.struct((pl.col(a) > pl.col(b)).sum().alias("more"), (pl.col(a) < pl.col(b)).sum().alias("less"),
                  (pl.col(a) < pl.col(b)).is_not_null().sum().alias("rows"),
                  (pl.col(a).max() > pl.col(b).min()).alias("meet")).alias(f"{i}")
        for i, (a, b) in enumerate(permutations(some, 2))
    ]  # fmt: skip
    if not asked:
        return
    told = frame.select(asked).row(0, named=True)
    found = {
        pair: one["rows"]
        for i, pair in enumerate(permutations(some, 2))
        if (one := told[f"{i}"])["more"] == 0 and one["less"] and one["rows"] >= PROOF and one["meet"]
    }
    for (a, b), rows in found.items():
        if any((a, c) in found and (c, b) in found for c in some):
            continue
        left, right = (f'"{name.replace(chr(34), chr(34) * 2)}"' for name in (a, b))
        rule = Rule("rows", "=", 0.0, slice=Slice.parse(f"{left} > {right}"))
        yield Suggestion(rule, f"{a} is at most {b} in all of {rows:,} rows", windows, 0)


def unique(frame: pl.DataFrame, schema: Schema) -> Iterator[str]:
    """Columns of which no value comes twice; floats by chance have none."""
    for name, dtype in frame.schema.items():
        plain_ = dtype == pl.String or dtype.is_integer()
        if name != schema.id and plain_ and frame.height > 1 and frame[name].n_unique() == frame.height:
            yield name
