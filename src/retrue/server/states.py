"""In what state a store is, model by model: what live pages follow, and what tells that kept figures still hold.

A state is a digest of the numbers that change with what pages show. A look costs microseconds while nobody writes to
the catalog (`Catalog.changes`), and milliseconds after.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

from sqlalchemy import Connection, text

from retrue.store.catalog import Catalog
from retrue.store.changes import Changes

States = dict[str, str]
"""The state of each model by name; that of the whole store under ""."""

MODELS = "select name, coalesce(digest, '') || settings, applied from models"
"""Each model, and what came in (`applied`), which changes with every commit cycle, as most of what pages show doesn't.

One query: a row of this table is wide (its schema is in it), and reading a thousand takes half of a look.
"""
QUERIES: tuple[str, ...] = (
    "select model, version || ' ' || stage from versions order by model, version",
    "select model, max(updated) || ' ' || count(*) from incidents group by model",
    "select model, max(created) from comments group by model",
    "select model, max(updated) || ' ' || count(*) from signals group by model",
    "select coalesce(model, ''), max(number) || ' ' || count(*) from markers group by model",
)
"""What pages show by model: each gives a model's name and a text that differs when that has changed."""
VERDICTS = (
    "select model, max(created) || ' ' || max(number), max(number) from verdicts where number > :last group by model"
)
"""The same of verdicts: a window that is judged anew gets new ones at the end, so only those are read.

Not only those after the last one seen: SQLite gives the number of a verdict that was removed to the next one, and what
PostgreSQL commits last may have a lower number than what was seen.
"""
OVERLAP = 5_000
"""Verdicts before the newest one that are read again: more than one window ever has."""
NEWEST = "select coalesce(max(number), 0) from verdicts"
OF_ALL = (
    "select max(updated) || ' ' || count(*) from jobs",
    "select max(number) from logs",
    "select max(updated) || ' ' || max(number) from deliveries",
    "select max(updated) from preferences",
)
"""The same of what belongs to no model."""


@dataclass
class Judged:
    """The newest verdicts by model, up to a number; those after it are added at each look."""

    last: int | None = None
    told: dict[str, str] = field(default_factory=dict)

    def read(self, connection: Connection) -> dict[str, str]:
        """The newest verdicts by model, as a text that differs when there are others."""
        if self.last is None:
            self.last = int(connection.execute(text(NEWEST)).scalar_one())
        for model, told, number in connection.execute(text(VERDICTS), {"last": self.last - OVERLAP}).all():
            self.told[model], self.last = told, max(self.last, number)
        return self.told


class Seen(NamedTuple):
    """The states of a store: by all that pages show, and by all but what came in, which is what judged windows tell.

    `known` and `came` hold by model what both are digests of: where that is as it was, the digest is as well.
    """

    whole: States
    judged: States
    known: Mapping[str, list[str]] = {}
    came: Mapping[str, int] = {}


def states(connection: Connection, judged: Judged, last: Seen | None = None) -> Seen:
    """Read the state of each model, and of the whole store.

    Args:
        connection: the catalog's, in a transaction.
        judged: the newest verdicts; they are brought up to date.
        last: what was seen at the last look.
    """
    before = last or Seen({}, {})
    parts, came = parts_of(connection, judged)
    common = parts.pop("", [])
    known, every = {}, {}
    for model, own in parts.items():
        same = before.known.get(model) == own and before.known.get("", []) == common
        known[model] = before.judged[model] if same else digest([*common, *own])
        still = same and before.came.get(model) == came.get(model)
        every[model] = before.whole[model] if still else digest([known[model], str(came.get(model, ""))])
    rest = [str(connection.execute(text(query)).scalar()) for query in OF_ALL]
    whole = digest([*common, *rest, *(f"{model} {own}" for model, own in sorted(every.items()))])
    return Seen({**every, "": whole}, known, {**parts, "": common}, came)


def parts_of(connection: Connection, judged: Judged) -> tuple[dict[str, list[str]], dict[str, int]]:
    """What pages show of each model, as texts, that of all under ""; and up to what came in of each."""
    parts: dict[str, list[str]] = {}
    came: dict[str, int] = {}
    for model, told, applied in connection.execute(text(MODELS)).all():
        parts[model], came[model] = [told], applied
    for number, query in enumerate(QUERIES):
        for model, told in connection.execute(text(query)).all():
            parts.setdefault(model, []).append(f"{number} {told}")
    for model, told in judged.read(connection).items():
        if model in parts:
            parts[model].append(told)
    return parts, came


def digest(parts: list[str]) -> str:
    """A short name of a state."""
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()


@dataclass
class Watch:
    """A look at a catalog: gives its states again where it was written to since the last look."""

    catalog: Catalog
    version: str | None = None
    verdicts: Judged = field(default_factory=Judged)
    found: Seen = field(default_factory=lambda: Seen({}, {}))
    lock: Lock = field(default_factory=Lock)
    changes: Changes = field(init=False)

    def __post_init__(self) -> None:
        self.changes = self.catalog.changes()

    def look(self) -> States:
        """The states as of now; any thread may look."""
        return self.seen().whole

    def judged(self) -> States:
        """The states as of now, of all but what came in: what judged windows tell changes with these."""
        return self.seen().judged

    def seen(self) -> Seen:
        """Both."""
        with self.lock:
            version = self.changes.mark()
            if version != self.version:
                with self.catalog.read() as tx:
                    self.found = states(tx.connection, self.verdicts, self.found)
                self.version = version
            return self.found

    def close(self) -> None:
        """Let go of the catalog."""
        with self.lock:
            self.changes.close()
            self.version = None
