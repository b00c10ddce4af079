"""The course of one column: the reference's own windows, then those that were logged around an incident."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.profile import Profile
from retrue.core.values import number_rows
from retrue.explain.features import Feature
from retrue.explain.since import Course
from retrue.judge.cause import Cause
from retrue.judge.incident import Incident
from retrue.judge.verdict import sort_worst_first
from retrue.slices import Slice
from retrue.workspace import clock
from retrue.workspace.stored import StoredModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrue.workspace.references import VersionReference

REACH = 200
"""Windows before an incident that its course shows."""
AFTER = 8
"""Windows after one that is over: enough to see that; what happens later is another story."""


def course_of(model: StoredModel, incident: Incident, version: str, features: Sequence[Feature]) -> Course | None:
    """Tell how the incident's main column went; None where it isn't about any.

    The main column is the first that names the guilty rows where their share changed, else the one that the worst alarm
    is about, else the first of those that moved.
    """
    reference = model.reference_of(version)
    known = reference.load().grids.columns
    about = [
        *named_by(incident.cause),
        sort_worst_first(incident.verdicts)[0].column,
        *(feature.column for feature in features),
    ]
    column = next((name for name in about if name in known), None)
    if column is None:
        return None
    length = model.options.window
    since, until = ends(incident)
    after = REACH if incident.live else AFTER
    found = model.store.profiles(
        model.name, int(since - REACH * length), int(until + after * length), version=version, slice=""
    )
    logged = sorted(found, key=lambda one: one.start)
    first = logged[0].start if logged else until
    before = [one for one in own_windows(model, reference) if one[0] < first]
    starts = [clock.span(start, length, model.schema.timezone) for start, _ in before]
    profiles = [profile for _, profile in before] + [one.profile for one in logged]
    return Course(
        column,
        tuple(of(model, profile, column) for profile in profiles),
        (*starts, *(model.span(one.start) for one in logged)),
        len(before),
    )


def named_by(cause: Cause | None) -> list[str]:
    """The columns by which the guilty rows are named, in order, where their share is what changed."""
    if cause is None or cause.question != "share":
        return []
    return sorted(Slice.parse(cause.slice).columns, key=cause.slice.find)


def of(model: StoredModel, profile: Profile, column: str) -> ColumnProfile:
    """One column of a window; of the label what is known by now."""
    found = profile.columns[column]
    return found.known() if column == model.schema.label else found


def ends(incident: Incident) -> tuple[float, float]:
    """The start of the incident's first window and the end of its last, in seconds since 1970."""
    spans = {verdict.window for verdict in incident.verdicts if verdict.window}
    begins, ends = (
        sorted(datetime.fromisoformat(one).timestamp() for one in side) for side in zip(*spans, strict=True)
    )
    return begins[0], ends[-1]


def own_windows(model: StoredModel, reference: VersionReference) -> list[tuple[float, Profile]]:
    """The reference's own windows with their starts.

    A reference that an earlier version wrote doesn't have them, but its rows do: none where these don't give as many
    windows as were profiled.
    """
    learned, time = reference.load(), model.schema.time
    windows = learned.windows
    if learned.starts:
        return list(zip(map(float, learned.starts), windows, strict=True))
    if not windows or time not in reference.frame.columns:
        return []
    seconds = number_rows(reference.frame[time], temporal=True).drop_nulls().drop_nans().to_numpy()
    length = model.options.window
    starts = np.unique(np.floor(seconds[np.isfinite(seconds)] / length))[-len(windows) :] * length
    return list(zip(starts.tolist(), windows, strict=True)) if len(starts) == len(windows) else []
