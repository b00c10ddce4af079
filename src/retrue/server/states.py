"""In what state a store is, model by model: what live pages follow, and what tells that kept figures still hold.

A state is a digest of the numbers that change with what pages show. A look costs microseconds while nobody writes to
the catalog (`PRAGMA data_version`), and milliseconds after.
"""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from retrue.store.changes import Changes

States = dict[str, str]
"""The state of each model by name; that of the whole store under ""."""

QUERIES: tuple[str, ...] = (
    "select name, applied || ' ' || coalesce(digest, '') || settings from models",
    "select model, version || ' ' || stage from versions order by model, version",
    "select model, max(updated) || ' ' || count(*) from incidents group by model",
    "select model, max(created) from comments group by model",
    "select model, max(updated) || ' ' || count(*) from signals group by model",
    "select coalesce(model, ''), max(number) || ' ' || count(*) from markers group by model",
)
"""What pages show by model: each gives a model's name and a text that differs when that has changed."""
VERDICTS = "select model, max(created) || ' ' || max(number), max(number) from verdicts where number > ? group by model"
"""The same of verdicts: a window that is judged anew gets new ones at the end, so only those are read."""
LATELY = "select coalesce(max(number), 0) - 5000 from verdicts"
"""Where to begin to read verdicts."""
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

    def read(self, connection: sqlite3.Connection) -> dict[str, str]:
        """The newest verdicts by model, as a text that differs when there are others."""
        if self.last is None:
            self.last = int(connection.execute(LATELY).fetchone()[0])
        for model, text, number in connection.execute(VERDICTS, (self.last,)).fetchall():
            self.told[model], self.last = text, max(self.last, number)
        return self.told


def states(connection: sqlite3.Connection, judged: Judged) -> States:
    """Read the state of each model, and of the whole store."""
    parts: dict[str, list[str]] = {}
    for number, query in enumerate(QUERIES):
        for model, text in connection.execute(query):
            parts.setdefault(model, []).append(f"{number} {text}")
    for model, text in judged.read(connection).items():
        if model in parts:
            parts[model].append(text)
    common = parts.pop("", [])
    every = {model: digest([*common, *own]) for model, own in parts.items()}
    rest = [str(connection.execute(query).fetchone()[0]) for query in OF_ALL]
    return {**every, "": digest([*common, *rest, *(f"{model} {own}" for model, own in sorted(every.items()))])}


def digest(parts: list[str]) -> str:
    """A short name of a state."""
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()


@dataclass
class Watch:
    """A look at a catalog: gives its states again where it was written to since the last look."""

    path: Path
    version: int | None = None
    judged: Judged = field(default_factory=Judged)
    found: States = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    changes: Changes = field(init=False)

    def __post_init__(self) -> None:
        self.changes = Changes(self.path)

    def look(self) -> States:
        """The states as of now; any thread may look."""
        with self.lock:
            version = self.changes.number()
            if version != self.version:
                self.found, self.version = states(self.changes.open(), self.judged), version
            return self.found

    def close(self) -> None:
        """Let go of the catalog."""
        with self.lock:
            self.changes.close()
            self.version = None
