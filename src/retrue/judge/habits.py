"""Habits: what earlier windows, known to be good, show of how a model's world goes by itself.

Thresholds widen by it. At first these are the reference's own windows; production windows that turned out well add to
them, and where windows are compared with others than the reference, each brings what it was compared with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.profile import Profile
from retrue.judge.columns import learn_null
from retrue.judge.null import Null
from retrue.judge.quality import History

if TYPE_CHECKING:
    from retrue.judge.season import Season

BAD_SHARES = {"missing": "null", "mismatch": "mismatch", "nan": "nan"}
"""Bad shares that good windows can have, and what they are counted as; unseen or out of range they can't be."""


@dataclass(frozen=True, eq=False)
class Habits:
    """Windows in order of time, and what each was compared with.

    Args:
        windows: their profiles.
        bases: what each was compared with; None: all of them with their pool.
        moments: when each starts, on the model's clocks; None where that isn't known, or they have no season.
    """

    windows: Sequence[Profile]
    bases: Sequence[Profile] | None = None
    moments: Sequence[datetime] | None = None
    learned: dict[str, Null | None] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def columns(self) -> frozenset[str]:
        """The columns that all of them have."""
        kept = [frozenset(window.columns) for window in (*self.windows, *(self.bases or ()))]
        return frozenset.intersection(*kept) if kept else frozenset()

    def null(self, name: str) -> Null | None:
        """How far a column lies from what it is compared with; None where too few windows show it. Learned once."""
        if name not in self.learned:
            known = name in self.columns
            self.learned[name] = learn_null(over(self.windows, name), self.compared(name)) if known else None
        return self.learned[name]

    @property
    def nulls(self) -> Mapping[str, Null]:
        """The same of all columns for which enough windows show it."""
        found = {name: self.null(name) for name in sorted(self.columns)}
        return {name: null for name, null in found.items() if null is not None}

    @cached_property
    def seasons(self) -> Mapping[str, Season]:
        """What is usual at an hour and on a weekday, of the columns that have such a pattern."""
        if not self.moments:
            return {}
        from retrue.judge.season import learn_season  # late: `compare` never comes here

        learned = {name: learn_season(over(self.windows, name), self.moments) for name in sorted(self.columns)}
        return {name: season for name, season in learned.items() if season is not None}

    def compared(self, name: str) -> list[ColumnProfile] | None:
        """What a column's windows were compared with."""
        return None if self.bases is None else over(self.bases, name)

    @cached_property
    def bad_shares(self) -> Mapping[str, History]:
        """How each column's bad shares went."""
        return {name: bad_shares(over(self.windows, name)) for name in self.columns}


def over(windows: Sequence[Profile], name: str) -> list[ColumnProfile]:
    """One column over windows."""
    return [window.columns[name] for window in windows]


def bad_shares(windows: Sequence[ColumnProfile]) -> History:
    """How a column's bad shares went over windows, with their rows."""
    sizes = np.array([float(window.rows) for window in windows])
    return {
        metric: (np.array([w.special_count(special) / max(w.rows, 1) for w in windows]), sizes)
        for metric, special in BAD_SHARES.items()
    }
