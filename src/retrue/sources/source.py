"""`Source`: what all sources share. Each kind is one class in a file of its own, known by the key that only it has."""

from __future__ import annotations

import os
import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Self

import polars as pl
from pydantic import Field

from retrue.config import Duration, Name, SettingsTable, validated
from retrue.errors import ConfigError, TableError, nearest
from retrue.tables import Description, Table
from retrue.tables.table import listed

ROWS = 250_000
"""Rows that are taken at once, more or less."""
KINDS = ("delta", "iceberg", "files", "sql", "kafka")
"""The keys that say what kind of source it is, and the modules that know how to read it."""
FROM_ENVIRONMENT = re.compile(r"\$\{(\w+)\}")

State = Mapping[str, Any]
"""By lane (a partition of Kafka; "" elsewhere): where to go on, as JSON can hold it."""


class SourceChangedError(TableError):
    """Something became of a source that can't be read on from: rows were rewritten, history is gone.

    Attributes:
        steps: what to remember, so that it is told once, and the next attempt goes on behind it.
    """

    def __init__(self, what: str, steps: State, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what, where=where, hint=hint)
        self.steps = dict(steps)


@dataclass(frozen=True)
class Unreadable:
    """What stood where a row should: its number among its piece's, why it is none, and its text."""

    row: int
    reason: str
    text: str | None


@dataclass(frozen=True)
class Piece:
    """Rows of a chunk from one lane.

    Attributes:
        rows: how many.
        step: what to remember once they are taken (see `Source.fold`).
        lane: which.
        broken: what couldn't be read.
    """

    rows: int
    step: Mapping[str, Any]
    lane: str = ""
    broken: tuple[Unreadable, ...] = ()


@dataclass(frozen=True)
class Chunk:
    """Rows to be taken at once, piece after piece."""

    frame: pl.DataFrame
    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, frame: pl.DataFrame, step: Mapping[str, Any]) -> Chunk:
        """Rows of a source that has one lane."""
        return cls(frame, (Piece(len(frame), step),))

    def halves(self) -> tuple[Chunk, ...]:
        """The same rows as two chunks, where they are of a kind that can be halved."""
        return ()

    def refused(self, reason: str) -> Chunk:
        """The same rows as what couldn't be read."""
        texts, start, pieces = self.frame.select(pl.exclude(pl.Binary)).write_ndjson().splitlines(), 0, list[Piece]()
        for piece in self.pieces:
            own = texts[start : start + piece.rows]
            start += piece.rows
            gone = {one.row for one in piece.broken}
            numbers = [n for n in range(piece.rows + len(gone)) if n not in gone]
            broken = [Unreadable(n, reason, text) for n, text in zip(numbers, own, strict=True)]
            pieces.append(Piece(0, piece.step, piece.lane, (*piece.broken, *broken)))
        return Chunk(pl.DataFrame(), tuple(pieces))


class Source(SettingsTable, Description):
    """Abstract: where a model's reference, events, labels or feedback are.

    Attributes:
        columns: names of the model's columns, each with what the source calls it; others keep their names.
        every: how often the service looks for what is new.
    """

    key: ClassVar[str] = ""
    passes: ClassVar[bool] = False  # whether rows that no model can take are set aside: they can't be mended there
    columns: Mapping[Name, Name] = Field(default_factory=dict)
    every: Duration = timedelta(minutes=1)

    @property
    def shared(self) -> bool:
        """Whether the service leaves it to processes of its own."""
        return False

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(getattr(self, self.key))

    def __str__(self) -> str:
        """Name it."""
        return self.name

    @abstractmethod
    def after(self, state: State, *, ids: bool) -> Iterator[Chunk]:
        """Read on: what has come since `state` ({}: all), until there is no more.

        Args:
            state: what was remembered by lane.
            ids: whether rows are known by an id, so that those that come again are known, too.

        Raises:
            TableError: it is away, or can't be read; the next attempt starts where this one ended.
            SourceChangedError: it was rewritten, or has lost what was to be read next.
        """

    @abstractmethod
    def column_names(self, seconds: float) -> Sequence[str] | None:
        """What its columns are called there, told without reading its rows; None where only rows can tell.

        Args:
            seconds: how long somebody who answers to us may take, where that can be said.

        Raises:
            RetrueError: it is away, isn't there, or can't be opened as it is described.
        """

    def reach(self, seconds: float) -> None:
        """Open it, and see that the columns that it renames are there; nothing is read on, and nothing remembered.

        Raises:
            RetrueError: as `column_names`; TableError also where a column isn't there.
        """
        names = self.column_names(seconds)
        if names is not None:
            self.renamed(pl.DataFrame(schema=dict.fromkeys(names)))

    def fold(self, state: Any, step: Mapping[str, Any]) -> Any:  # noqa: ARG002 - a state that is its last step
        """What to remember of a lane after one more step."""
        return dict(step)

    def renamed(self, frame: pl.DataFrame | pl.LazyFrame) -> Any:
        """A frame with the model's names.

        Raises:
            TableError: a column that was to be renamed isn't there.
        """
        if not self.columns:
            return frame
        known = frame.collect_schema().names()
        for theirs in self.columns.values():
            if theirs not in known and self.passes:
                frame = frame.with_columns(pl.lit(None).alias(theirs))
            elif theirs not in known:
                raise TableError(
                    f"no column {theirs!r}", where=self.name, expected=listed(known), hint=nearest(theirs, known)
                )
        kept = [name for name in known if name not in {*self.columns, *self.columns.values()}]
        return frame.select(*kept, *(pl.col(theirs).alias(ours) for ours, theirs in self.columns.items()))

    def beside(self, folder: Path) -> Self:
        """The same, where a relative path starts at a folder: the one that the description was written in."""
        place = getattr(self, self.key)
        if self.key not in {"delta", "files"} or "://" in place or Path(place).expanduser().is_absolute():
            return self
        return self.model_copy(update={self.key: str(folder.absolute() / place)})

    @property
    def place(self) -> dict[str, Any]:
        """What of the description says which rows are read: where it changes, reading begins anew."""
        return {key: value for key, value in self.to_dict().items() if key not in {"columns", "every", "overlap"}}

    def unsaid(self, text: str) -> str:
        """A text without the environment's values that the description names: messages are kept, and shown."""
        values = {os.environ.get(name, "") for name in FROM_ENVIRONMENT.findall(str(self.to_dict()))}
        for value in sorted(values - {""}, key=len, reverse=True):
            text = text.replace(value, "***")
        return text

    def to_dict(self) -> dict[str, Any]:
        """What was said, as `source_of` reads it."""
        said = {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}
        return {k: f"{v.total_seconds():.12g}s" if isinstance(v, timedelta) else v for k, v in said.items()}


def source(**said: Any) -> Source:
    """Describe a table that stays where it is: for `register`, `compare`, and what a model pulls.

    Args:
        said: one of `delta=`, `iceberg=`, `files=`, `sql=`, `kafka=`, and what belongs to it; see docs/sources.md.

    Raises:
        ConfigError: something isn't understood.

    >>> source(files="exports/*.parquet", columns={"id": "booking"}).to_dict()
    {'columns': {'id': 'booking'}, 'files': 'exports/*.parquet'}
    """
    return source_of(said)


def source_of(said: Any, where: str = "source") -> Source:
    """Read a description.

    Raises:
        ConfigError: no kind of source, or several, or a key that isn't known.
    """
    if isinstance(said, Source):
        return said
    if not isinstance(said, Mapping):
        raise ConfigError(f"{said!r:.60}", where=where, expected=f"a table with one of {', '.join(KINDS)}")
    found = [key for key in KINDS if key in said]
    if len(found) != 1:
        what = f"both {found[0]} and {found[1]}" if found else f"none of {', '.join(KINDS)}"
        raise ConfigError(what, where=where, expected="one of them", hint=nearest(next(iter(said), ""), KINDS))
    kind: type[Source] = import_module(f"retrue.sources.{found[0]}").KIND
    return validated(kind, said, where=where)


def revealed(text: str, where: str) -> str:
    """A text with the environment's values in place of `${NAME}`.

    Raises:
        ConfigError: one isn't set.
    """

    def value(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            raise ConfigError(f"the environment has no {found[1]}", where=where, hint=f"set {found[1]} for the service")
        return os.environ[found[1]]

    return FROM_ENVIRONMENT.sub(value, text)


Read = tuple[pl.DataFrame, Mapping[str, Any]]
"""Rows, and the step that says how far they go."""


def last(before: Mapping[str, Any], after: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG001 - a way to merge
    """Of two steps the later one."""
    return after


def gathered(
    pieces: Iterable[Read],
    merged: Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]] = last,
    rows: int = ROWS,
) -> Iterator[Read]:
    """Frames of one schema that follow each other, as fewer larger ones.

    What was read before something went wrong comes first: the step of a SourceChangedError goes on behind it.
    """
    held, step = list[pl.DataFrame](), dict[str, Any]()
    try:
        for frame, after in pieces:
            if held and (held[0].schema != frame.schema or sum(map(len, held)) + len(frame) > rows):
                yield pl.concat(held), step
                held = []
            step = dict(merged(step, after)) if held else dict(after)
            held.append(frame)
    except Exception:
        if held:
            yield pl.concat(held), step
        raise
    if held:
        yield pl.concat(held), step


def renamed_table(source: Source, table: Table) -> Table:
    """A whole table with the model's names."""
    if not source.columns:
        return table
    frame = source.renamed(table.frame)
    return Table(frame, table.name, table.rows, table.columnar, table.paths, keep=table.keep)
