"""Claims: which incident of an earlier grouping is which of a new one, and what people said that is carried over."""

from __future__ import annotations

from dataclasses import replace

from retrue.judge.incident import Incident, State, time_of


def claims_of(fresh: list[Incident], prior: list[Incident]) -> dict[int, Incident]:
    """Say which incidents these were when last grouped, by place: the same id, else the same cause at the same time.

    Each earlier one is claimed once: two incidents must not take one id, or one of them would be lost.
    """
    claims = {place: b for place, one in enumerate(fresh) for b in prior if (b.model, b.id) == (one.model, one.id)}
    free = [before for before in prior if before not in claims.values()]
    # What people said of one column's trouble must not pass to another's, only because that began earlier.
    for alike in (_of_a_column, _of_a_kind):
        for place, one in enumerate(fresh):
            found = next((b for b in free if place not in claims and _overlap(one, b) and alike(one, b)), None)
            if found is not None:
                claims[place] = found
                free.remove(found)
    return claims


def _of_a_column(fresh: Incident, before: Incident) -> bool:
    """Whether two groupings have a column in common."""
    return not set(before.columns).isdisjoint(fresh.columns)


def _of_a_kind(fresh: Incident, before: Incident) -> bool:
    """Whether two groupings are of one kind, and neither speaks of columns that the other doesn't."""
    return before.kind is fresh.kind and not (before.columns and fresh.columns)


def _overlap(fresh: Incident, before: Incident) -> bool:
    """Whether two groupings are of one model and of windows that overlap."""
    begun = time_of(before.since) <= time_of(fresh.last)
    return (
        before.model == fresh.model
        and begun
        and (before.until is None or time_of(before.until) >= time_of(fresh.since))
    )


def carry(fresh: Incident, before: Incident) -> Incident:
    """Carry over what people said: acknowledged and snoozed while it lasts, resolved until the next alert."""
    known = {name: getattr(before, name) for name in ("cost", "cause", "search", "real", "note")}
    carried = replace(fresh, id=before.id, **known)
    if not fresh.live or before.state is State.OPEN:
        return carried
    if before.state is State.RESOLVED:
        ended = before.until is not None and time_of(fresh.last) <= time_of(before.until)
        return replace(carried, state=State.RESOLVED, until=before.until) if ended else carried
    snoozed_until = before.snoozed_until
    if before.state is State.SNOOZED and snoozed_until is not None and time_of(fresh.last) > time_of(snoozed_until):
        return carried
    return replace(carried, state=before.state, snoozed_until=before.snoozed_until)
