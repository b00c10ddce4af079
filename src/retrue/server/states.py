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
    "select model, max(created) || ' ' || max(number) from verdicts"  # noqa: ISC004 - one query
    " where number > (select max(number) from verdicts) - 5000 group by model",
    "select model, max(created) from comments group by model",
    "select coalesce(model, ''), max(number) || ' ' || count(*) from markers group by model",
)
"""What pages show by model: each gives a model's name and a text that differs when that has changed.

Of verdicts the last ones written are enough: a window that is judged anew gets new ones at the end.
"""
OF_ALL = (
    "select max(updated) || ' ' || count(*) from jobs",
    "select max(number) from logs",
    "select max(updated) || ' ' || max(number) from deliveries",
    "select max(updated) from preferences",
)
"""The same of what belongs to no model."""


def states(connection: sqlite3.Connection) -> States:
    """Read the state of each model, and of the whole store."""
    parts: dict[str, list[str]] = {}
    for number, query in enumerate(QUERIES):
        for model, text in connection.execute(query):
            parts.setdefault(model, []).append(f"{number} {text}")
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
                self.found, self.version = states(self.changes.open()), version
            return self.found

    def close(self) -> None:
        """Let go of the catalog."""
        with self.lock:
            self.changes.close()
            self.version = None
