"""How models stood when somebody asked last: only those that changed since are read again.

The overview of hundreds of models is then arithmetic on a few of them, however often it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

from sqlalchemy import Connection

from retrue.server.pages.ranges import Lately
from retrue.server.pages.reading import Headlines, facts, newest_ends
from retrue.server.pages.standing import Standing, standing
from retrue.server.states import States, Watch
from retrue.store.catalog import Catalog
from retrue.workspace import clock

FRESH = 600
"""Seconds after which everything is told anew: time goes on though nothing comes in."""
LENGTHS = 8
"""The most stretches of time that are kept."""

Key = tuple[str, float]

T = TypeVar("T")


@dataclass
class Recent(Generic[T]):
    """What was worked out last, under keys that name the state of the store; the oldest makes room.

    One request at a time works a key out, so that the charts of a page wait for the first of them; other keys
    don't wait.

    Args:
        most: how many are kept.
    """

    most: int
    kept: dict[tuple[str, ...], T] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    making: dict[tuple[str, ...], Lock] = field(default_factory=dict)

    def of(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        """What is kept under a key; made where nothing is. What `make` raises isn't kept: the next one tries again."""
        with self.lock:
            if key in self.kept:
                return self.kept[key]
            alone = self.making.setdefault(key, Lock())
        with alone:
            with self.lock:
                if key in self.kept:  # another request made it while this one waited
                    return self.kept[key]
            try:
                found = make()
                with self.lock:
                    self.keep(key, found)
                return found
            finally:
                with self.lock:
                    self.making.pop(key, None)

    def keep(self, key: tuple[str, ...], found: T) -> None:
        """Keep what was made; the oldest makes room."""
        while len(self.kept) >= self.most:
            self.kept.pop(next(iter(self.kept)))
        self.kept[key] = found


@dataclass
class Standings:
    """How all models of a catalog stand.

    Args:
        catalog: the catalog.
        watch: tells which models changed.
        headlines: which metric is told first of each.
        kept: how models stood, by stretch of time and name.
        known: in which states the models were when it was asked for their newest windows.
        ends: when those end, by model.
    """

    catalog: Catalog
    watch: Watch
    headlines: Headlines
    kept: dict[Lately, dict[str, tuple[Key, Standing]]] = field(default_factory=dict)
    known: States = field(default_factory=dict)
    ends: dict[str, float] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def all(self, asked: Lately) -> tuple[list[Standing], float]:
        """How all models stand by some days, by name; and the time that this is told of (seconds since 1970).

        That time is what is asked for; else the present, or the newest window's end where nothing has come in since.
        """
        states = self.watch.look()
        with self.lock, self.catalog.read() as tx:
            newest, now = self.end_of(tx.connection, states), clock.now().timestamp()
            passed = now - now % FRESH + FRESH
            past = asked.end()
            until = past if past is not None else passed if newest is None else min(passed, newest)
            keys = {name: (state, until) for name, state in states.items() if name}
            kept = self.room(asked)
            changed = [name for name, key in keys.items() if name not in kept or kept[name][0] != key]
            since = until - asked.days * clock.DAY
            for one in facts(tx.connection, self.headlines, int(since), changed, past) if changed else ():
                kept[one.name] = keys[one.name], standing(one, since, until)
            for gone in kept.keys() - keys.keys():
                del kept[gone]
            return [kept[name][1] for name in sorted(kept)], until

    def end_of(self, connection: Connection, states: States) -> float | None:
        """When the newest window ends; asked again of models that are in another state."""
        changed = [name for name, state in states.items() if name and self.known.get(name) != state]
        found = newest_ends(connection, changed) if changed else {}
        kept = {name: end for name, end in self.ends.items() if name in states and name not in changed}
        self.known, self.ends = states, {**kept, **found}
        return max(self.ends.values(), default=None)

    def room(self, asked: Lately) -> dict[str, tuple[Key, Standing]]:
        """What is kept of a length of time; the one that was asked for longest ago makes room."""
        found = self.kept.pop(asked, {})
        while len(self.kept) >= LENGTHS:
            self.kept.pop(next(iter(self.kept)))
        self.kept[asked] = found
        return found
