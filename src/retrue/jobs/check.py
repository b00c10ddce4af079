"""`check`: judge each model's windows as they close, as their labels mature, and as late rows change them.

A model is looked at when something was applied to it, or when the time comes at which its next window closes or
matures. Then one question to the catalog tells whether a check would find anything to judge.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl
from sqlalchemy import distinct, func, select

from retrue.core.times import window_starts
from retrue.jobs.registry import HOUR, Kind, Task, register
from retrue.store import rows
from retrue.store.catalog import Transaction
from retrue.store.tables import models, verdicts, windows
from retrue.workspace import clock
from retrue.workspace.check.history import ends
from retrue.workspace.check.silence import REACH
from retrue.workspace.stored import run_of

if TYPE_CHECKING:
    from retrue.workspace import Model, Workspace

LOOK = 10.0
"""Seconds until a model that gets rows all the time is looked at again, and that it is left alone after a check."""
SHARE = 10.0
"""After a check a model rests so many times as long as that took: at most a tenth of the time goes into its checks."""
LONGEST = 300.0
"""The most seconds until a model is looked at again, however many there are."""
RETRY = 60.0
"""Seconds until a model that couldn't be looked at is looked at again."""

logger = logging.getLogger("retrue.jobs.check")

Key = tuple[int, str]
"""What a model is looked at anew for: its last segment, and how it is watched."""


@dataclass(frozen=True)
class Look:
    """What was seen when a model was last looked at: as of what, when, whether a check is due, when to look again."""

    key: Key
    at: float
    due: bool
    wake: float


@dataclass
class Checks:
    """Says which models a check is due for.

    Attributes:
        workspace: the store.
        looks: what was seen of each model.
        took: seconds of the processor that the last look took: of a thousand models that wait, each is looked at anew
            so seldom that at most a tenth of the time goes into looks.
    """

    workspace: Workspace
    looks: dict[str, Look] = field(default_factory=dict)
    took: float = 0.0

    def due(self, now: datetime) -> Iterable[str | None]:
        """The models with windows to judge."""
        with self.workspace.store.catalog.read() as tx:
            found = tx.connection.execute(select(models.c.name, models.c.applied, models.c.settings)).all()
        keys = {name: (int(applied), str(settings)) for name, applied, settings in found}
        self.looks = {name: look for name, look in self.looks.items() if name in keys}
        return [name for name, key in keys.items() if self.seen(name, key, now.timestamp())]

    def still(self, model: str | None, now: datetime) -> bool:
        """Whether a model has windows to judge, looked at anew: it alone, as a thousand others may wait as well."""
        name, at = str(model), now.timestamp()
        with self.workspace.store.catalog.read() as tx:
            asked = select(models.c.applied, models.c.settings).where(models.c.name == name)
            found = tx.connection.execute(asked).first()
        if found is None:
            return False
        self.looks.pop(name, None)
        return self.seen(name, (int(found.applied), str(found.settings)), at)

    def seen(self, name: str, key: Key, now: float) -> bool:
        """Whether a check of a model is due; it is looked at only where something may have changed."""
        last = self.looks.get(name)
        rest = min(max(LOOK, SHARE * self.took * len(self.looks)), LONGEST)
        fresh = last is not None and 0 <= now - last.at < rest  # a clock that was set back looks at all anew
        if last is None or now >= last.wake or now < last.at or (not fresh and (last.key != key or last.due)):
            begun = time.thread_time()
            last = self.looks[name] = self.look(name, key, now)
            self.took = time.thread_time() - begun
        return last.due

    def look(self, name: str, key: Key, now: float) -> Look:
        """Look at a model; where that fails, a check is due, which fails for all to see and is tried again later."""
        try:
            return look(self.workspace.model(name), key, now)
        except Exception as error:  # noqa: BLE001 - whatever ails one model, the others are looked at too
            logger.warning("model %s can't be looked at: %s", name, error)
            return Look(key, now, due=True, wake=now + RETRY)


def look(model: Model, key: Key, now: float) -> Look:
    """Look whether a check of a model would find anything, and when it might next."""
    closing, maturity = next_end(model, now - model.options.grace), model.options.maturity
    wake = closing[1] + model.options.grace
    if maturity is not None:
        wake = min(wake, next_end(model, now - maturity)[1] + maturity)
    with model.store.catalog.read() as tx:
        due = anything(tx, model, now) or silent(tx, model, closing[0], now)
    return Look(key, now, due, wake)


def next_end(model: Model, at: float) -> tuple[int, float]:
    """Start and end of the window that a time lies in."""
    return window_at(model.options.window, model.schema.timezone, at)


@lru_cache(maxsize=256)
def window_at(length: float, zone: str, at: float) -> tuple[int, float]:
    """Start and end of the window of so many seconds that a time lies in: many models, looked at at once, share it."""
    moment = pl.Series([datetime.fromtimestamp(at, UTC)], dtype=pl.Datetime("us", "UTC"))
    start = int(window_starts(moment, int(length), zone)[0])
    return start, datetime.fromisoformat(clock.span(start, length, zone)[1]).timestamp()


def anything(tx: Transaction, model: Model, now: float) -> bool:
    """Whether a closed window changed since it was judged, wasn't judged yet, or has labels that matured since."""
    version, grace, maturity = model.version, model.options.grace, model.options.maturity
    v, w = verdicts.c, windows.c
    own = select(v.start, func.max(v.applied), func.max(v.created)).where(v.model == model.name, v.version == version)
    judged = {int(start): (int(a), int(c)) for start, a, c in tx.connection.execute(own.group_by(v.start))}
    found = select(w.start, w.applied).where(w.model == model.name, w.version == version, w.start < now)
    for start, applied in tx.connection.execute(found):
        seen, created = judged.get(int(start), (-1, 0))
        ripe = maturity is not None and created / clock.MICROS < start + model.options.window + maturity
        if seen >= applied and not ripe:
            continue
        end = ends(model, int(start))
        if end + grace <= now and (seen < applied or (maturity is not None and matured(created, end + maturity, now))):
            return True
    return False


def matured(created: int, ripe: float, now: float) -> bool:
    """Whether labels matured after the window was judged."""
    return created < ripe * clock.MICROS <= now * clock.MICROS


def silent(tx: Transaction, model: Model, open_start: int, now: float) -> bool:
    """Whether the window that closed last got nothing, and nobody has checked the model since it closed."""
    newest = tx.newest(rows.Window, "start", model=model.name)
    start, end = next_end(model, open_start - 1)
    if newest is None or not newest < start <= newest + REACH * model.options.window:
        return False
    if tx.get(rows.VerdictRow, model=model.name, version=model.version, start=start) is not None:
        return False
    last = tx.newest(rows.Job, "due", kind="check", model=model.name)
    return last is None or not end + model.options.grace <= last / clock.MICROS <= now


def check(task: Task) -> str:
    """Check one model; says how many windows were judged."""
    model = task.workspace.model(str(task.model))
    task.body["version"] = model.version
    run = run_of(model, model.version)
    if run is not None:
        task.body["run"] = run
    found = model.check(task.now)
    v = verdicts.c
    with model.store.catalog.read() as tx:
        judged = select(func.count(distinct(v.start))).where(v.model == model.name, v.created == clock.micros(task.now))
        count = int(tx.connection.execute(judged).scalar() or 0)
    task.body["windows"] = count
    alarms = sum(verdict.alarms for verdict in found)
    said = f"{count:,} window{'' if count == 1 else 's'} judged"
    return f"{said}, {alarms:,} alarm{'' if alarms == 1 else 's'}" if alarms else said


register(
    Kind(
        "check",
        "Judge the windows that closed or changed.",
        check,
        Checks,
        rest=lambda took: max(LOOK, SHARE * took),
        limit=HOUR,
    )
)
