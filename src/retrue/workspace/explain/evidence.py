"""The rows behind an incident: the events of its windows, what was lost on each, and the slices that tell most."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from retrue.core.state import Floats
from retrue.core.times import window_starts
from retrue.explain.finding import EVERYWHERE
from retrue.explain.places import thinned
from retrue.judge.assess import Judge
from retrue.judge.incident import Incident
from retrue.judge.verdict import VerdictKind
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.check.history import is_early
from retrue.workspace.stored import StoredModel

if TYPE_CHECKING:
    from retrue.explain.column import Mask
    from retrue.explain.finding import Finding

SEARCHED = 200_000
"""The most rows of each side that are searched for slices."""
READ = 5
"""So many times as many are read to choose them from; of a longer incident, those about its worst window."""


Losses = tuple[Floats, Floats]


def alarmed(model: StoredModel, incident: Incident) -> frozenset[int]:
    """The windows that the incident alarmed in, as seconds since 1970; of a longer one all that it is made of."""
    spans = {verdict.window for verdict in incident.verdicts if verdict.window}
    return frozenset(start for span in spans for start in made_of(model, span))


def made_of(model: StoredModel, span: tuple[str, str]) -> list[int]:
    """The starts of the model's windows that a span is made of: one, or those of a longer window."""
    first, end = (datetime.fromisoformat(moment).timestamp() for moment in span)
    length = model.options.window
    count = round((end - first) / length)
    if count <= 1:
        return [int(first)]
    # Summer time moves an edge by an hour, but never the middle of a window into another one.
    middles = [datetime.fromtimestamp(first + (at + 0.5) * length, UTC) for at in range(count)]
    times = pl.Series(middles, dtype=pl.Datetime("us", "UTC"))
    return [int(start) for start in window_starts(times, int(length), model.schema.timezone)]


def events_of(model: StoredModel, incident: Incident, version: str) -> pl.DataFrame:
    """The events of the incident's windows, thinned where they are many."""
    starts = searched(model, incident, version)
    first, last = (model.span(start) for start in (starts[0], starts[-1]))
    events = model.events(datetime.fromisoformat(first[0]), datetime.fromisoformat(last[1]), version=version).collect()
    time = events[model.store.layout(model.name).time_column]
    own = window_starts(time, int(model.options.window), model.schema.timezone).is_in(starts)
    return thin(events.filter(own))


def searched(model: StoredModel, incident: Incident, version: str) -> list[int]:
    """The windows whose rows are searched, oldest first."""
    return about_the_worst(incident, sizes_of(model, version, alarmed(model, incident)))


def sizes_of(model: StoredModel, version: str, starts: Iterable[int]) -> dict[int, int]:
    """The events of some windows, oldest first."""
    wanted = sorted(starts)
    known = {one.start: one.events for one in model.store.windows(model.name, wanted[0], wanted[-1] + 1)
             if one.version == version}  # fmt: skip
    return {start: known.get(start, 0) for start in wanted}


def about_the_worst(incident: Incident, sizes: dict[int, int]) -> list[int]:
    """The windows about the worst one, as many as have rows enough, oldest first."""
    starts, budget = list(sizes), READ * SEARCHED
    worst = max(incident.verdicts, key=lambda alert: alert.excess)
    end = datetime.fromisoformat(worst.window[1]).timestamp() if worst.window else np.inf
    at = max(place for place, start in enumerate(starts) if start < end)
    low = high = at
    total = sizes[starts[at]]
    while (low, high) != (0, len(starts) - 1):
        new = high + 1 if low == 0 or (high + 1 < len(starts) and high - at <= at - low) else low - 1
        total += sizes[starts[new]]
        if total > budget:
            break
        low, high = min(low, new), max(high, new)
    return starts[low : high + 1]


def thin(frame: pl.DataFrame) -> pl.DataFrame:
    """At most `SEARCHED` rows, evenly spread."""
    return thinned(frame, SEARCHED)


def loss_of(outcome: Any, frame: pl.DataFrame) -> Floats:
    """Each row's loss: wrong is 1 and right is 0, or the absolute error."""
    scores: Floats = outcome.event_scores(frame)
    return 1.0 - scores if outcome.higher_is_better else scores


def losses_of(
    model: StoredModel, version: str, outcome: Any, window: pl.DataFrame, reference: pl.DataFrame
) -> Losses | None:
    """Each row's loss in the window and in the reference; None where the model's outcome isn't counted.

    A loss is NaN in windows whose labels were still coming in when they were judged: early labels aren't like others.
    """
    if outcome is None:
        return None
    trusted = np.where(early_rows(model, version, window), np.nan, loss_of(outcome, window))
    return trusted, loss_of(outcome, reference)


def early_rows(model: StoredModel, version: str, events: pl.DataFrame) -> Mask:
    """Which events are of windows whose labels were still coming in when they were judged."""
    time = events[model.store.layout(model.name).time_column]
    starts = window_starts(time, int(model.options.window), model.schema.timezone)
    profiles = {one.start: one.profile for one in model.store.profiles(
        model.name, version=version, slice="", start=starts.unique().to_list())}  # fmt: skip
    with model.store.catalog.read() as tx:
        windows = tx.find(rows.Window, model=model.name, version=version)
        judged = {row.start: row.created for row in tx.find(rows.VerdictRow, model=model.name, version=version)}
    early = [
        window.start for window in windows
        if window.start in profiles and window.start in judged
        and is_early(profiles[window.start].outcome, model, window, clock.moment(judged[window.start]))
    ]  # fmt: skip
    return starts.is_in(early).to_numpy()


def columns_beside(model: StoredModel, incident: Incident, incidents: Iterable[Incident]) -> frozenset[str]:
    """The columns of other incidents at the same time, which have a cause of their own."""
    if not incident.columns:
        return frozenset()
    own, found = alarmed(model, incident), set[str]()
    for other in incidents:
        if other.id != incident.id and not own.isdisjoint(alarmed(model, other)):
            found.update(other.columns)
    return frozenset(found.difference(incident.columns))


def usual_columns(model: StoredModel, version: str, judge: Judge, incident: Incident) -> frozenset[str]:
    """The columns that moved by no more than they usually do, such as the weekday in a day: they are no cause.

    Chance doesn't explain them, and yet no verdict on the windows that are searched has anything to say of them.
    """
    starts = set(searched(model, incident, version))
    with model.store.catalog.read() as tx:
        told = tx.find(rows.VerdictRow, model=model.name, version=version)
    odd = {row.body["column"] for row in told if row.start in starts and row.kind != VerdictKind.TRUE.value}
    found = model.store.profiles(model.name, version=version, slice="", start=sorted(starts))
    if not found:
        return frozenset()
    whole = reduce(add, (one.profile for one in found))
    calm = (name for name in whole.columns if name not in odd.union(incident.columns))
    plain = {name: judge.judge_column(name, whole.columns[name], None, habits=False).kind for name in calm}
    return frozenset(name for name, kind in plain.items() if kind.alarms)


def slices_of(
    model: StoredModel,
    losses: Losses | None,
    incident: Incident,
    window: pl.DataFrame,
    reference: pl.DataFrame,
    left_out: frozenset[str] = frozenset(),
) -> list[Finding]:
    """The slices that tell most: where the loss rose for a degraded model, else where the input changed.

    Args:
        model: the model.
        losses: each row's loss in the window and in the reference.
        incident: what is explained.
        window: its events.
        reference: the reference's.
        left_out: columns that have a cause of their own, or only did what they usually do.
    """
    from retrue.explain.slices import find_slices

    schema, known_to_both = model.schema, set(window.columns) & set(reference.columns) - left_out
    columns = [name for name in schema.features if name in known_to_both]
    kinds = {name: schema.column(name).kind for name in columns}
    known = losses is not None and all(np.isfinite(side).any() for side in losses)
    if incident.kind is VerdictKind.DEGRADED and known:
        found = find_slices(window, reference, columns, kinds=kinds, question="loss", losses=losses)
        if found and found[0].slice.sql != EVERYWHERE:
            return found
    return find_slices(window, reference, columns, kinds=kinds, losses=losses if known else None)
