"""Mix: what a model is trained on, as named parts with shares of the weight.

A share is a share of the *weight*, not of the rows: half the weight on 500 edge cases and half on 50,000 original rows
keeps every row and lets both halves speak equally loud.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl

from retrue.core.state import Floats
from retrue.core.values import text_rows
from retrue.errors import ConfigError, RefusedError, SchemaError

HEAVIEST = 100
"""What one row may count as: beyond that a model learns single rows by heart."""


class Part(Protocol):
    """Something that rows can be taken from: a reference, a collection, a period of the log."""

    @property
    def name(self) -> str:
        """What the manifest calls it."""

    @property
    def frame(self) -> pl.DataFrame:
        """Its rows."""


@dataclass(frozen=True)
class Mixed:
    """A training set.

    Attributes:
        table: the rows, features and label.
        weights: float64[rows], mean 1.
        manifest: the parts with rows, share and digest, from which the same set can be told again.
    """

    table: pl.DataFrame
    weights: Floats
    manifest: dict[str, Any]


class Mix:
    """Parts and their shares of the training weight.

    >>> from types import SimpleNamespace as Part
    >>> old = Part(name="old", frame=pl.DataFrame({"x": [1, 2, 3]}))
    >>> new = Part(name="new", frame=pl.DataFrame({"x": [9]}))
    >>> mixed = Mix([(old, 0.5), (new, 0.5)]).build(["x"])
    >>> mixed.weights.round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    """

    def __init__(self, parts: Mapping[Any, float] | list[tuple[Any, float]]) -> None:
        """Take the parts.

        Args:
            parts: each part with its share; shares are normalised.

        Raises:
            ConfigError: no parts, what is none, or a share that isn't positive.
        """
        self.parts: list[tuple[Part, float]] = list(parts.items() if isinstance(parts, Mapping) else parts)
        if not self.parts:
            raise ConfigError("a mix of nothing", expected="at least one part with its share")
        for part, share in self.parts:
            if not isinstance(getattr(part, "frame", None), pl.DataFrame):
                raise ConfigError(
                    f"{part!r} as a part of a mix",
                    expected="a reference, a collection or a part of the log",
                    hint="model.reference, model.collect(...), model.logged()",
                )
            if not 0 < share < float("inf"):
                raise ConfigError(f"share {share!r} of {part.name!r}", expected="a positive number")

    def build(self, columns: list[str], *, key: str | None = None) -> Mixed:
        """Put the parts together.

        Args:
            columns: what to keep of each part, in this order.
            key: a column of ids; a row that several parts have counts in the smallest of them: edge cases are drawn
                from the log, and are to keep their weight.

        Raises:
            SchemaError: a part lacks a column.
            RefusedError: a part has no rows left.
            ConfigError: a part has so few rows for its share that each would count as more than `HEAVIEST`.
        """
        frames = self.rows_once(columns, key)
        total = sum(share for _, share in self.parts)
        said: list[dict[str, Any]] = [
            {"part": part.name, "share": share / total, "rows": frame.height, "digest": digest(frame)}
            for (part, share), frame in zip(self.parts, frames, strict=True)
        ]
        table = pl.concat(frames, how="vertical_relaxed")
        for entry in said:
            each = entry["share"] * table.height / entry["rows"]
            if each > HEAVIEST:
                raise ConfigError(
                    f"{entry['rows']:,} rows for {entry['share']:.0%} of the weight: each would count as {each:,.0f}",
                    where=f"part {entry['part']!r} of the mix",
                    expected=f"at most {HEAVIEST}",
                    hint="give it a smaller share, or collect more rows",
                )
        weights = np.concatenate(
            [np.full(f.height, p["share"] * table.height / f.height) for f, p in zip(frames, said, strict=True)]
        )
        return Mixed(table, weights, {"parts": said, "rows": table.height, "columns": columns})

    def rows_once(self, columns: list[str], key: str | None) -> list[pl.DataFrame]:
        """The rows of each part, in the parts' order, each row in one of them."""
        whole = [part.frame for part, _ in self.parts]
        found: dict[int, pl.DataFrame] = {}
        seen: pl.Series | None = None
        for place in sorted(range(len(whole)), key=lambda place: whole[place].height):
            frame = self.rows_of(self.parts[place][0], whole[place], columns, key, seen)
            if key is not None:
                ids = text_rows(frame[key])
                seen = ids if seen is None else pl.concat([seen, ids])
            found[place] = frame.select(columns)
        return [found[place] for place in range(len(whole))]

    @staticmethod
    def rows_of(
        part: Part, frame: pl.DataFrame, columns: list[str], key: str | None, seen: pl.Series | None
    ) -> pl.DataFrame:
        """The rows of one part that are new."""
        missing = [name for name in [*columns, *([key] if key else [])] if name not in frame.columns]
        if missing:
            raise SchemaError(f"column {missing[0]!r} is missing", where=f"part {part.name!r} of the mix")
        if key is not None and seen is not None:
            # Ids are compared as text, as the lake keeps them. A row without one is nobody else's.
            frame = frame.filter(~text_rows(frame[key]).is_in(seen.implode()).fill_null(value=False))
        if not frame.height:
            raise RefusedError(
                [f"part {part.name!r} of the mix has no rows"],
                what="nothing to learn from",
                hint="are its labels known, and its rows not all in another part, or held out for the proof?",
            )
        return frame


def digest(frame: pl.DataFrame) -> str:
    """16 hex digits that name these rows in this order, the same on every machine.

    >>> digest(pl.DataFrame({"x": [1, 2]})) == digest(pl.DataFrame({"x": [2, 1]}))
    False
    """
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]  # which CSV has no words for
    flat = frame.with_columns(pl.struct(name).struct.json_encode().alias(name) for name in nested)
    return hashlib.blake2b(flat.write_csv().encode(), digest_size=8).hexdigest()
