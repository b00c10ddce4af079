"""The reference: what the model was trained or validated on, as everything later needs it.

The schema, the grids and the profile; how well the model did in each bin (so that a moved feature's cost is
arithmetic); and how the reference's own windows wander (so that a threshold knows what is normal).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from retrue.core.column import ColumnProfile, prefixed, within
from retrue.core.cube import EVERYTHING, cube
from retrue.core.grids import Grids
from retrue.core.profile import Profile, bytes_to_frame, fields_to_frame, frame_to_bytes, frame_to_fields, grouped
from retrue.core.scores import BinScores
from retrue.core.stack import stack, unstack
from retrue.core.state import Fields, Floats, Ints
from retrue.errors import ProfileError
from retrue.schema import Schema

WINDOWS = 528
"""The most reference windows kept, the last ones: three weeks of hours, so that they show what weekdays are like."""


@dataclass(frozen=True, eq=False)
class Reference:
    """What later windows are compared with.

    Attributes:
        schema: what the events look like.
        grids: how columns and outcomes are counted.
        profile: all of the reference.
        scores: for each column how well the model did in each bin; empty where the reference has no labels.
        windows: profiles of the reference's own windows, oldest first, without sums: how they wander is told by counts,
            and sums of few values each would be three fifths of the reference's bytes. Empty without time.
        starts: when each of them starts, in seconds since 1970; empty where an earlier version wrote the reference.
        slices: the same for each slice that windows are judged in, by its SQL, on `grids.coarse`.
    """

    schema: Schema
    grids: Grids
    profile: Profile
    scores: Mapping[str, BinScores] = field(default_factory=dict)
    windows: tuple[Profile, ...] = ()
    starts: tuple[int, ...] = ()
    slices: Mapping[str, Reference] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Leave out the sums of its windows, also those that an earlier version wrote."""
        object.__setattr__(self, "windows", tuple(window.without_sums() for window in self.windows))

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
            "starts": np.array(self.starts, np.int64),
            **prefixed("profile", self.profile.fields(grids=False)),
        }
        for i, scores in enumerate(self.scores.values()):
            packed |= prefixed(f"scores{i}", scores.fields())
        return packed | prefixed("history", stack([window.fields(grids=False) for window in self.windows]))

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
        scores, windows = grouped(fields, "scores"), unstack(within("history", fields))
        if not windows:  # as earlier versions wrote them
            apart = grouped(fields, "window")
            windows = [dict(apart[str(i)]) for i in range(int(np.asarray(fields["windows"])[0]))]
        return cls(
            schema,
            grids,
            Profile.from_fields(within("profile", fields), grids.columns),
            {str(name): BinScores.from_fields(scores[str(i)]) for i, name in enumerate(fields["scored"])},
            tuple(Profile.from_fields(window, grids.columns) for window in windows),
            tuple(np.asarray(fields.get("starts", []), np.int64).tolist()),
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

    @property
    def moments(self) -> tuple[datetime, ...]:
        """When each window starts, on the clocks of the schema's time zone; empty where that isn't known."""
        zone = ZoneInfo(self.schema.timezone)
        return tuple(datetime.fromtimestamp(start, zone) for start in self.starts)

    def column_windows(self, name: str) -> list[ColumnProfile]:
        """One column over the reference's windows, oldest first."""
        return [window.columns[name] for window in self.windows]


def window_profiles(grids: Grids, frame: pl.DataFrame, starts: Ints) -> dict[int, Profile]:
    """Profile the reference's windows by their start, oldest first; the last `WINDOWS` of them.

    Args:
        grids: the reference's grids.
        frame: reference events.
        starts: int64[rows], when the window that each event belongs to starts.
    """
    extras = tuple(counter for counter in grids.extras if counter.of_windows)
    kept = Grids(grids.columns, grids.sources, grids.outcome, extras)
    found = cube(kept, frame, starts)
    profiles = [(int(start), profile) for (start, name), profile in found.items() if name == EVERYTHING]
    return dict(profiles[-WINDOWS:])
