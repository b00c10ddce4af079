"""The reference: what the model was trained or validated on, as everything later needs it.

The schema, the grids and the profile; how well the model did in each bin (so that a moved feature's cost is
arithmetic); and how the reference's own windows wander (so that a threshold knows what is normal).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from retrue.core.column import SPECIALS, ColumnProfile, prefixed, within
from retrue.core.count import bin_amounts, bin_sums
from retrue.core.cube import EVERYTHING, cube
from retrue.core.grids import Grids
from retrue.core.profile import Profile, bytes_to_frame, fields_to_frame, frame_to_bytes, frame_to_fields, grouped
from retrue.core.state import Bools, Counts, Fields, Floats, Ints, counted
from retrue.core.weighted import read_weights
from retrue.errors import ProfileError
from retrue.schema import Schema

WINDOWS = 200
"""The most reference windows kept: the last ones, in order of time."""


@dataclass(frozen=True, eq=False)
class BinScores:
    """How well the model did in each bin of a column, over the labelled events of the reference.

    Attributes:
        n: int64[bins + 5], events (specials last); effective ones where they are weighted.
        total: float64[bins + 5], the sum of their scores: 1 for right and 0 for wrong, or |error|, or NDCG.
        squares: float64[bins + 5], the sum of the squared scores.
    """

    n: Counts
    total: Floats
    squares: Floats


@dataclass(frozen=True, eq=False)
class Reference:
    """What later windows are compared with.

    Attributes:
        schema: what the events look like.
        grids: how columns and outcomes are counted.
        profile: all of the reference.
        scores: for each column how well the model did in each bin; empty where the reference has no labels.
        windows: profiles of the reference's own windows, oldest first; empty without time.
        slices: the same for each slice that windows are judged in, by its SQL, on `grids.coarse`.
    """

    schema: Schema
    grids: Grids
    profile: Profile
    scores: Mapping[str, BinScores] = field(default_factory=dict)
    windows: tuple[Profile, ...] = ()
    slices: Mapping[str, Reference] = field(default_factory=dict)

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        """Everything as named arrays."""
        packed: dict[str, Ints | Floats | list[str]] = {
            "reference": ["reference"],
            "schema": [self.schema.to_json()],
            "slices": list(self.slices),
            **prefixed("grids", self.grids.fields()),
            **self.content(),
        }
        for i, part in enumerate(self.slices.values()):
            packed |= prefixed(f"slice{i}", part.content())
        return packed

    def content(self) -> dict[str, Ints | Floats | list[str]]:
        """The fields without schema, grids and slices."""
        packed: dict[str, Ints | Floats | list[str]] = {
            "scored": list(self.scores),
            "windows": np.array([len(self.windows)]),
            **prefixed("profile", self.profile.fields(grids=False)),
        }
        for i, scores in enumerate(self.scores.values()):
            packed |= prefixed(f"scores{i}", {"n": scores.n, "total": scores.total, "squares": scores.squares})
        for i, window in enumerate(self.windows):
            packed |= prefixed(f"window{i}", window.fields(grids=False))
        return packed

    @classmethod
    def from_fields(cls, fields: Fields) -> Reference:
        """Rebuild the reference that `fields` came from."""
        if "reference" not in fields:
            raise ProfileError("these bytes hold no reference", hint="make one with `retrue reference`")
        schema, grids = Schema.from_json(str(fields["schema"][0])), Grids.from_fields(within("grids", fields))
        parts, names = grouped(fields, "slice"), fields.get("slices", [])
        whole = cls.from_content(schema, grids, fields)
        slices = {str(n): cls.from_content(schema, grids.coarse, parts[str(i)]) for i, n in enumerate(names)}
        return replace(whole, slices=slices)

    @classmethod
    def from_content(cls, schema: Schema, grids: Grids, fields: Fields) -> Reference:
        """Rebuild a reference from `content()`, and the schema and grids beside it."""
        scores, windows = grouped(fields, "scores"), grouped(fields, "window")
        return cls(
            schema,
            grids,
            Profile.from_fields(within("profile", fields), grids.columns),
            {str(name): read_scores(scores[str(i)]) for i, name in enumerate(fields["scored"])},
            tuple(
                Profile.from_fields(windows[str(i)], grids.columns)
                for i in range(int(np.asarray(fields["windows"])[0]))
            ),
        )

    def to_bytes(self) -> bytes:
        """The reference as bytes, with a version."""
        return frame_to_bytes(fields_to_frame(self.fields()))

    @classmethod
    def from_bytes(cls, data: bytes) -> Reference:
        """Rebuild a reference from `to_bytes`.

        Raises:
            ProfileError: no reference, damaged, or written by a newer version.
        """
        return cls.from_fields(frame_to_fields(bytes_to_frame(data)))

    def column_windows(self, name: str) -> list[ColumnProfile]:
        """One column over the reference's windows, oldest first."""
        return [window.columns[name] for window in self.windows]


def read_scores(fields: Fields) -> BinScores:
    """Read the scores of one column."""
    total, squares = (np.asarray(fields[name], np.float64) for name in ("total", "squares"))
    return BinScores(counted(fields["n"]), total, squares)


def score_bins(grids: Grids, frame: pl.DataFrame) -> dict[str, BinScores]:
    """Tell how well the labelled events of `frame` were predicted in each bin; empty where none is labelled."""
    if grids.outcome is None:
        return {}
    score = grids.outcome.event_scores(frame)
    known = np.flatnonzero(~np.isnan(score))
    if known.size == 0:
        return {}
    labelled, score, weights = frame[known], score[known], None
    if grids.weight is not None:
        kept, weights = effective_weights(labelled[grids.weight])
        labelled, score = labelled.filter(pl.Series(kept)), score[kept]
    return {name: score_column(grids, name, labelled, score, weights) for name in grids.columns}


def effective_weights(series: pl.Series) -> tuple[Bools, Floats]:
    """bool[rows], which rows have a weight; and float64: their weights, adding up to their effective n."""
    weights, kept = read_weights(series)
    return kept, weights * (weights.sum() / max(float((weights * weights).sum()), 1e-300))


def score_column(
    grids: Grids, name: str, labelled: pl.DataFrame, score: Floats, weights: Floats | None = None
) -> BinScores:
    """Tell how well labelled events were predicted in each bin of one column."""
    grid = grids.columns[name]
    width = grid.bins + len(SPECIALS)
    codes = grid.codes(grids.values(name, labelled))
    own = score if weights is None else score * weights
    return BinScores(
        bin_amounts(codes, width, weights), bin_sums(codes, own, width), bin_sums(codes, own * score, width)
    )


def window_profiles(grids: Grids, frame: pl.DataFrame, windows: Ints) -> tuple[Profile, ...]:
    """Profile the reference's windows, oldest first; the last `WINDOWS` of them.

    Args:
        grids: the reference's grids.
        frame: reference events.
        windows: int64[rows], the window each event belongs to.
    """
    without_extras = Grids(grids.columns, grids.sources, grids.outcome)
    profiles = [profile for (_, name), profile in cube(without_extras, frame, windows).items() if name == EVERYTHING]
    return tuple(profiles[-WINDOWS:])
