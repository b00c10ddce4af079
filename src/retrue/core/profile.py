"""Profiles: what a set of events looks like. `a + b` is exact, so hours make days, parts make wholes.

A profile is stored as an Arrow table with one row for each field of each state, whatever the state: see `to_arrow`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any, ClassVar, Self
from zlib import crc32

import numpy as np
import polars as pl

from retrue.core.column import ColumnProfile, prefixed, within
from retrue.core.grid import Grid
from retrue.core.outcome import Outcome
from retrue.core.state import REGISTRY, Fields, Floats, Ints, State
from retrue.core.weighted import WeightedColumn
from retrue.errors import ProfileError

MAGIC = b"RTRU"
FORMAT = 1
"""Version of the stored form; a reader refuses a newer one."""


@dataclass(frozen=True, eq=False)
class Profile(State):
    """What a set of events looks like on one set of grids.

    Attributes:
        rows: how many events.
        columns: the profile of each column by name.
        outcome: labels, predictions and scores together, None where the model has none.
        extras: states of the model's other counters, by name.
    """

    state: ClassVar[str] = "profile"
    rows: int
    columns: Mapping[str, ColumnProfile]
    outcome: Outcome | None = None
    extras: Mapping[str, State] = field(default_factory=dict)

    def __add__(self, other: Self) -> Self:
        self.check(other)
        outcome = self.outcome + other.outcome if self.outcome and other.outcome else None
        return type(self)(
            self.rows + other.rows,
            {name: column + other.columns[name] for name, column in self.columns.items()},
            outcome,
            {name: extra + other.extras[name] for name, extra in self.extras.items()},
        )

    def subtract(self, other: Self) -> Self:
        self.check(other)
        outcome = self.outcome.subtract(other.outcome) if self.outcome and other.outcome else None
        return type(self)(
            self.rows - other.rows,
            {name: column.subtract(other.columns[name]) for name, column in self.columns.items()},
            outcome,
            {name: extra.subtract(other.extras[name]) for name, extra in self.extras.items()},
        )

    def check(self, other: Profile) -> None:
        """Raise ProfileError unless both describe the same columns, task and extras."""
        mine, theirs = self.described(), other.described()
        if mine != theirs:
            odd = sorted(mine ^ theirs)
            raise ProfileError(
                f"profiles of different things don't add up: {', '.join(odd[:5])} in only one of them",
                hint="count both with the same grids",
            )

    def described(self) -> set[str]:
        """Names of everything the profile describes."""
        outcome = set() if self.outcome is None else {f"outcome {self.outcome.state}"}
        return {f"column {c}" for c in self.columns} | {f"extra {e}" for e in self.extras} | outcome

    def fields(self, *, grids: bool = True) -> dict[str, Ints | Floats | list[str]]:
        packed: dict[str, Ints | Floats | list[str]] = {
            "rows": np.array([self.rows]),
            "columns": list(self.columns),
            "outcome": [self.outcome.state] if self.outcome else [],
            "extras": list(self.extras),
            "extra_states": [extra.state for extra in self.extras.values()],
        }
        for i, column in enumerate(self.columns.values()):
            packed |= prefixed(f"column{i}", column.fields() if grids else column.content())
        for i, extra in enumerate(self.extras.values()):
            packed |= prefixed(f"extra{i}", extra.fields())
        if self.outcome:
            packed |= prefixed("of", self.outcome.fields())
        return packed

    @classmethod
    def from_fields(cls, fields: Fields, grids: Mapping[str, Grid] | None = None) -> Self:
        """Rebuild a profile; `grids` by column stand in for those that were left out when it was written."""
        if "columns" not in fields:
            raise ProfileError("these bytes hold no profile", hint="they may hold grids, or a reference")
        named, extras = grouped(fields, "column"), grouped(fields, "extra")
        columns = {
            str(name): read_column(named[str(i)], None if grids is None else grids.get(str(name)))
            for i, name in enumerate(fields["columns"])
        }
        states = zip(fields["extras"], fields["extra_states"], strict=True)
        kept = {str(n): state_of(str(s)).from_fields(extras[str(i)]) for i, (n, s) in enumerate(states)}
        outcome = state_of(str(fields["outcome"][0])).from_fields(within("of", fields)) if fields["outcome"] else None
        if outcome is not None and not isinstance(outcome, Outcome):
            raise ProfileError(f"{outcome.state!r} is no outcome", hint="the bytes are damaged")
        return cls(int(np.asarray(fields["rows"])[0]), columns, outcome, kept)

    @staticmethod
    def column_from_fields(fields: Fields, name: str, grid: Grid | None = None) -> ColumnProfile | None:
        """Rebuild one column's profile of what `fields` gave, and nothing else; None where it isn't there."""
        names = [str(one) for one in fields["columns"]]
        return read_column(within(f"column{names.index(name)}", fields), grid) if name in names else None

    def agrees(self, other: object) -> bool:
        if not isinstance(other, Profile) or self.rows != other.rows or self.described() != other.described():
            return False
        outcomes = self.outcome is None or self.outcome.agrees(other.outcome)
        columns = all(column.agrees(other.columns[name]) for name, column in self.columns.items())
        return outcomes and columns and all(e.agrees(other.extras[name]) for name, e in self.extras.items())

    def without_sums(self) -> Profile:
        """The same with counts only of each column."""
        kept = {name: column.without_sums() for name, column in self.columns.items()}
        return self if all(kept[name] is own for name, own in self.columns.items()) else replace(self, columns=kept)

    def coarsen(self, coarse: Mapping[str, Grid]) -> Profile:
        """The same events with each column on its coarse grid."""
        columns = {name: column.coarsen(coarse[name]) for name, column in self.columns.items()}
        return Profile(self.rows, columns, self.outcome, self.extras)

    def to_arrow(self, *, grids: bool = True) -> pl.DataFrame:
        """The profile as a table that any Arrow reader takes: one row for each field.

        Columns: `field` (its path), `ints`, `floats`, `texts` (lists; the one that it holds is not null).

        Args:
            grids: False leaves the column grids out; `from_arrow` then wants them back.
        """
        return fields_to_frame(self.fields(grids=grids))

    @classmethod
    def from_arrow(cls, table: Any, grids: Mapping[str, Grid] | None = None) -> Self:
        """Rebuild a profile from what `to_arrow` gave, as any object with the Arrow PyCapsule interface."""
        frame = table if isinstance(table, pl.DataFrame) else pl.DataFrame(table)
        return cls.from_fields(frame_to_fields(frame), grids)

    def to_bytes(self, *, grids: bool = True) -> bytes:
        """The profile as bytes: a version, then `to_arrow` as a compressed Arrow IPC stream."""
        return frame_to_bytes(self.to_arrow(grids=grids))

    @classmethod
    def from_bytes(cls, data: bytes, grids: Mapping[str, Grid] | None = None) -> Self:
        """Rebuild a profile from `to_bytes`.

        Raises:
            ProfileError: not a profile, damaged, or written by a newer version.
        """
        return cls.from_arrow(bytes_to_frame(data), grids)


def grouped(fields: Fields, prefix: str) -> dict[str, dict[str, Ints | Floats | list[str]]]:
    """Fields named `{prefix}{i}/...` by i: one pass, however many columns."""
    groups: dict[str, dict[str, Ints | Floats | list[str]]] = {}
    for name, value in fields.items():
        if not name.startswith(prefix):
            continue
        head, slash, rest = name.partition("/")
        if slash:
            groups.setdefault(head[len(prefix) :], {})[rest] = value
    return groups


def read_column(fields: Fields, grid: Grid | None) -> ColumnProfile:
    """Read a column's profile, on its own grid or on the given one."""
    kind = WeightedColumn if "squares" in fields else ColumnProfile
    return kind.from_fields(fields) if grid is None else kind.from_content(grid, fields)


def state_of(name: str) -> type[State]:
    """The registered state of that name."""
    if name not in REGISTRY:
        raise ProfileError(
            f"unknown state {name!r}", hint="import the module that defines it before you read the profile"
        )
    return REGISTRY[name]


def fields_to_frame(fields: Fields) -> pl.DataFrame:
    """Write fields as a table: `field`, `ints`, `floats`, `texts`."""
    kinds = {"ints": pl.Int64, "floats": pl.Float64, "texts": pl.String}
    held: dict[str, list[object]] = {kind: [] for kind in kinds}
    for value in fields.values():
        own = "texts" if isinstance(value, list) else "floats" if value.dtype.kind == "f" else "ints"
        for kind, column in held.items():
            column.append(pl.Series(value, dtype=kinds[kind]) if kind == own else None)
    # Given a type beside series, Polars reads them value by value: that takes three times as long.
    types = {kind: None if any(one is not None for one in held[kind]) else pl.List(kinds[kind]) for kind in kinds}
    return pl.DataFrame(
        {"field": list(fields), **{kind: pl.Series(values, dtype=types[kind]) for kind, values in held.items()}},
        schema_overrides={"field": pl.String},
    )


def frame_to_fields(frame: pl.DataFrame) -> dict[str, Ints | Floats | list[str]]:
    """Read what `fields_to_frame` wrote."""
    missing = {"field", "ints", "floats", "texts"} - set(frame.columns)
    if missing:
        raise ProfileError(f"the table has no column {min(missing)!r}", expected="a table from to_arrow()")
    fields: dict[str, Ints | Floats | list[str]] = {}
    for name, ints, floats, texts in zip(*(frame[c] for c in ("field", "ints", "floats", "texts")), strict=True):
        if texts is not None:
            fields[name] = texts.to_list()
        else:
            fields[name] = (ints if ints is not None else floats).to_numpy()
    return fields


def frame_to_bytes(frame: pl.DataFrame) -> bytes:
    """Write the frame as a zstd-compressed Arrow IPC stream, after the version and a checksum."""
    buffer = BytesIO()
    frame.write_ipc_stream(buffer, compression="zstd")
    content = buffer.getvalue()
    return MAGIC + FORMAT.to_bytes(2, "big") + crc32(content).to_bytes(4, "big") + content


def bytes_to_frame(data: bytes) -> pl.DataFrame:
    """Read what `frame_to_bytes` wrote."""
    if data[: len(MAGIC)] != MAGIC:
        raise ProfileError("these bytes are no profile", expected=f"they begin with {MAGIC!r}")
    version = int.from_bytes(data[4:6], "big")
    if version > FORMAT:
        raise ProfileError(f"profile format {version}", expected=f"at most {FORMAT}", hint="upgrade retrue")
    # An Arrow reader given damaged bytes may give other numbers, or end the process: they never get there.
    if crc32(data[10:]) != int.from_bytes(data[6:10], "big"):
        raise ProfileError("damaged profile: its checksum is wrong", hint="take it from a backup, or recount")
    try:
        return pl.read_ipc_stream(BytesIO(data[10:]))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ProfileError(f"damaged profile: {error}", hint="take it from a backup, or recount") from error
