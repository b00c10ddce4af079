"""The wall of what comes in: rows taken, repeated and set aside, by when they came; of the catalog and the spool alone.

commit cycle ── counts by minute and hour (store.arrivals) ──> a wall
spool ── rows that wait ──> its note
"""

from __future__ import annotations

from retrue.report.words import plural
from retrue.server.pages.standing import dated
from retrue.server.pages.walls import LEAST, MANY, Steps, Wall
from retrue.store.arrivals import Arrivals, Came
from retrue.workspace import Model, clock

HEADS = ("Taken", "Taken, event not here yet", "Repeated, left out", "Set aside")
NONE = Came(0, 0, 0, 0)


def ingestion(model: Model, now: float) -> Wall:
    """What became of the rows of a model that came lately; `now` is in seconds since 1970."""
    arrivals, waiting = model.store.arrivals(model.name), model.store.pending(model.name)
    wait = f"; {plural(waiting, 'row')} on the way to the lake" if waiting else ""
    if arrivals.newest is None:
        return Wall("ingestion", "Nothing has come in since this is counted", f"Rows that come in{wait}", "stack")
    steps = steps_of(arrivals, now)
    found = {start: arrivals.steps[steps.length].get(start, NONE) for start in reversed(steps.starts)}
    told = tuple((start * clock.MICROS, texts(own)) for start, own in found.items())
    note = f"Events, labels and feedback by the {steps.word} in which they came{wait}"
    return Wall("ingestion", title_of(list(found.values()), steps, arrivals.newest, now), note, "stack", HEADS, told)


def texts(own: Came) -> tuple[str, ...]:
    """What became of rows, each of them told once."""
    return tuple(f"{count:,}" for count in (own.taken - own.waiting, own.waiting, own.repeated, own.aside))


def steps_of(arrivals: Arrivals, now: float) -> Steps:
    """Minutes where rows enough came in the last hour, else hours; up to now, or to the newest that is longer ago.

    >>> steps_of(Arrivals().plus({-60: Came(900, 0, 0, 0)}), 0.0).word
    'minute'
    >>> steps_of(Arrivals().plus({-60: Came(9, 0, 0, 0)}), 1e6).until
    0.0
    """
    minutes, hours, newest = Steps(60, now), Steps(3_600, now), arrivals.newest or 0
    lately = sum(sum(arrivals.steps[60].get(start, NONE)[:3]) for start in minutes.starts)
    if lately >= LEAST * MANY:
        return minutes
    return hours if newest >= hours.starts.start else Steps(3_600, newest // 3_600 * 3_600 + 3_600.0)


def title_of(found: list[Came], steps: Steps, newest: int, now: float) -> str:
    """The finding: that nothing comes any more, or what became of what came.

    Args:
        found: the steps, newest first.
        steps: what they are.
        newest: the start of the newest minute in which rows came.
        now: seconds since 1970.
    """
    came = sum(sum(own[:3]) for own in found)
    if now - newest > 2 * steps.length + 60:
        return f"Nothing has come in since {dated(clock.iso(newest), now)} UTC"
    parts = [
        (sum(own.aside for own in found), "set aside"), (sum(own.repeated for own in found), "repeated"),
        (sum(own.waiting for own in found), "without their event so far"),
    ]  # fmt: skip
    odd = [f"{count:,} {what}" for count, what in parts if count]
    span = f"the last {MANY} {steps.word}s"
    return f"{plural(came, 'row')} in {span}, {', '.join(odd) if odd else 'all taken'}"
