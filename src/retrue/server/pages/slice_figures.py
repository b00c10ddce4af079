"""How each slice does: its share of the rows, its performance and its labels in the newest windows, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from retrue.core.profile import Profile
from retrue.judge.words import percent
from retrue.metrics import get
from retrue.metrics.quality.shares import wilson
from retrue.report.words import half_width, precise, short_count, spanned
from retrue.server.pages.moments import day
from retrue.store.counting import LABELS
from retrue.workspace import Model

WINDOWS = 8
"""The newest windows that are put together: one alone has few rows of a small slice."""
ALL = ""
"""What profiles of all rows are called."""


@dataclass(frozen=True)
class SliceFigures:
    """A slice in figures, in words; each value with what stands below it: its interval, or its count."""

    rows: str
    share: str
    share_interval: str
    value: str
    interval: str
    labelled: str


NO_ROWS = SliceFigures("0", "0 %", "", "–", "", "–")
"""Of a slice that no row of these windows is in."""


@dataclass(frozen=True)
class SliceTable:
    """All slices in figures, by name; `when`: of which time they are, in words."""

    when: str
    slices: Mapping[str, SliceFigures]


def slice_table(model: Model, metric: str | None) -> SliceTable:
    """Read what is counted of each slice in the champion's newest windows, all rows among them."""
    version = model.version
    known = sorted({one.start for one in model.store.windows(model.name) if one.version == version and one.events})
    starts = known[-WINDOWS:]
    if not starts:
        return SliceTable("", {})
    summed: dict[str, Profile] = {}
    for one in model.store.profiles(model.name, version=version, start=starts, part=LABELS):
        summed[one.slice] = summed[one.slice] + one.profile if one.slice in summed else one.profile
    whole = summed[ALL].rows if ALL in summed else 0
    when = f"{day(model.span(starts[0])[0], year=True)} to {day(model.span(starts[-1])[1], year=True)}"
    return SliceTable(when, {name: figures_of(profile, whole, metric) for name, profile in summed.items()})


def figures_of(profile: Profile, whole: int, metric: str | None) -> SliceFigures:
    """A slice in words; "–" where its labels tell nothing yet."""
    outcome, rows = profile.outcome, profile.rows
    found = None if outcome is None or metric is None else get(metric).compute(outcome)
    value, interval = ("–", "") if found is None or found.value is None else (
        precise(found.value, half_width(found.interval)), spanned(found.interval),
    )  # fmt: skip
    low, high = wilson(rows, whole) if whole else (0.0, 0.0)
    labelled = "–" if outcome is None or not rows else percent(outcome.labelled / rows)
    return SliceFigures(
        short_count(rows), percent(rows / whole) if whole else "–",
        f"{percent(low)} to {percent(high)}" if 0 < rows < whole else "", value, interval, labelled,
    )  # fmt: skip
