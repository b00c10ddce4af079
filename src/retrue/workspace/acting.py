"""Who acts now, and the log of what was done: entries are added, never changed, each chained to the one before.

    with acting("anna"):
        with catalog.write() as tx:
            tx.put(...)                                     # the change
            audit(tx, "promoted", "flights", {"version": "2"})   # and that it was made: both or neither

    entry 1 ── digest 1 ──┐
    entry 2 ── sha256(digest 1 + entry 2) = digest 2 ──┐
    entry 3 ── sha256(digest 2 + entry 3) = digest 3 ──┴── kept as the head, with its number

`verify` reads the chain again and names the first entry that was altered, added or removed, the last ones included.
It can't see that somebody who may write the catalog made the whole chain anew, head and all: keep the head that
`retrue audit --verify` prints where they can't write.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from retrue.store.catalog import Catalog, Transaction
from retrue.store.rows import Audit
from retrue.workspace import clock

actor: ContextVar[str] = ContextVar("actor", default="user")
"""Who acts: a person's or a token's name, a part of the service such as `jobs`; `user` at a command line."""

_written: ContextVar[list[int] | None] = ContextVar("written", default=None)

HEAD = "audit_head"
"""The fact in the catalog that holds number and digest of the last entry."""
PAGE = 1_000
"""Entries that `verify` holds at a time."""


@contextmanager
def acting(name: str) -> Iterator[None]:
    """Let somebody act inside the block.

    >>> with acting("anna"):
    ...     actor.get()
    'anna'
    >>> actor.get()
    'user'
    """
    before = actor.set(name)
    try:
        yield
    finally:
        actor.reset(before)


@contextmanager
def recorded() -> Iterator[list[int]]:
    """Collect the numbers of the entries that are written inside the block, in threads that it starts too."""
    numbers: list[int] = []
    before = _written.set(numbers)
    try:
        yield numbers
    finally:
        _written.reset(before)


def audit(tx: Transaction, action: str, model: str | None = None, body: Mapping[str, Any] | None = None) -> Audit:
    """Write into the audit log, in the transaction that makes the change; the only way to.

    Args:
        tx: the transaction; it must be one that writes, so that no other process adds to the chain meanwhile.
        action: what was done, as a past participle: "promoted", "token created".
        model: whose.
        body: the facts, as JSON can hold them; never a secret, never the value of somebody's row.
    """
    number, digest = head(tx)
    facts = json.loads(json.dumps(dict(body or {}), default=str))
    entry = Audit(clock.micros(clock.now()), actor.get(), action, model, facts, number=number + 1)
    entry = replace(entry, digest=link(digest, entry))
    tx.add(entry)
    tx.set_fact(HEAD, f"{entry.number} {entry.digest}")
    numbers = _written.get()
    if numbers is not None:
        numbers.append(number + 1)
    return entry


def head(tx: Transaction) -> tuple[int, str]:
    """Number and digest of the last entry; before the first one of the chain, those of what came before it."""
    kept = tx.fact(HEAD)
    if kept is not None:
        written, _, last = kept.partition(" ")
        return int(written), last
    number, digest = 0, ""
    for entry in entries(tx):  # from before there was a chain: sealed by its first entry
        number, digest = entry.number or 0, link(digest, entry)
    return number, digest


def link(before: str, entry: Audit) -> str:
    """The digest of an entry: SHA-256 over the one before and the entry as canonical JSON."""
    content = {
        "number": entry.number, "at": entry.at, "actor": entry.actor, "action": entry.action, "model": entry.model,
        "body": entry.body,
    }  # fmt: skip
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256((before + text).encode("ascii")).hexdigest()


def entries(tx: Transaction) -> Iterator[Audit]:
    """All entries, oldest first, a page at a time."""
    last = 0
    while page := tx.after(Audit, last, PAGE):
        yield from page
        last = page[-1].number or 0


def to_dict(entry: Audit) -> dict[str, Any]:
    """An entry in plain values, its time as ISO 8601."""
    said = {name: getattr(entry, name) for name in ("number", "actor", "action", "model", "body", "digest")}
    return {**said, "at": clock.moment(entry.at).isoformat()}


@dataclass(frozen=True)
class Chain:
    """What became of the audit log's chain.

    Attributes:
        entries: how many there are.
        head: number and digest of the last one, to be kept elsewhere.
        broken: number of the first entry that isn't as it was written; None where all are.
        reason: what is wrong with it.
    """

    entries: int
    head: tuple[int, str]
    broken: int | None = None
    reason: str | None = None

    @property
    def whole(self) -> bool:
        """Whether every entry is as it was written."""
        return self.broken is None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "whole": self.whole,
            "entries": self.entries,
            "head": {"number": self.head[0], "digest": self.head[1]},
            "broken": self.broken,
            "reason": self.reason,
        }


def verify(catalog: Catalog) -> Chain:
    """Read the chain again, and name the first entry that was altered, added or removed since it was written."""
    number, digest, chained, count, fault = 0, "", False, 0, None
    with catalog.read() as tx:
        kept = tx.fact(HEAD)
        for entry in entries(tx):
            count += 1
            if fault is None:
                fault = gap(number, entry) or odd(digest, entry, chained=chained)
                number, digest = entry.number or 0, link(digest, entry)
                chained = chained or entry.digest is not None
    if fault is None:
        fault = end(kept, number, digest, chained=chained)
    broken, reason = fault or (None, None)
    return Chain(count, (number, digest), broken, reason)


Fault = tuple[int, str]
"""Number of an entry, and what is wrong with it."""


def gap(number: int, entry: Audit) -> Fault | None:
    """Entries that are missing before this one."""
    found = entry.number or 0
    if found == number + 1:
        return None
    last = found - 1
    return number + 1, "it was removed" if last == number + 1 else f"it was removed, and all up to entry {last}"


def odd(before: str, entry: Audit, *, chained: bool) -> Fault | None:
    """An entry whose digest doesn't follow from it and from the one before."""
    number = entry.number or 0
    if entry.digest is None:
        return (number, "its digest was removed") if chained else None
    if entry.digest == link(before, entry):
        return None
    if chained or number == 1:
        return number, "it was altered"
    return number, "it was altered, or one of those before it, which were written before entries were chained"


def end(kept: str | None, number: int, digest: str, *, chained: bool) -> Fault | None:
    """What the kept head says of the end of the chain."""
    if kept is None:
        return (number, "the head of the chain, which is kept beside it, was removed") if chained else None
    last, _, wanted = kept.partition(" ")
    if int(last) > number:
        return number + 1, f"it was removed, and all up to entry {last}, the last one" if int(last) > number + 1 else (
            "it was removed; it was the last one"
        )
    if int(last) < number:
        return int(last) + 1, "it was added by other means than Retrue's"
    return None if wanted == digest else (number, "it isn't the one that the head of the chain was kept for")
