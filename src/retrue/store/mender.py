"""Mending: what can't be read any more is named, set aside and, where the lake still has it, counted anew."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select

from retrue.errors import ProfileError, StoreError
from retrue.store import damage, rows, tables
from retrue.store.commit import lock_of
from retrue.store.counting import Counting
from retrue.store.damage import Damaged
from retrue.store.durable import ASIDE, sync_folder, unused
from retrue.store.files import AnyPath
from retrue.store.mended_log import mend_log
from retrue.store.recount import Part, View, recounted, replace_profiles
from retrue.store.shelf import Shelf

T = TypeVar("T")


@dataclass(eq=False)
class Mender(Shelf):
    """Abstract: a store's part that is damaged is set aside, and the rest is served."""

    def locked(self, model: str) -> AbstractContextManager[None]:
        """Hold a model's lock: nobody else commits to its tables meanwhile."""
        return self.locks.hold(lock_of(model))

    def promoting(self, model: str) -> AbstractContextManager[None]:
        """Hold what only one promotion of a model may have: the next version's number, and its files."""
        return self.locks.hold(f"promotion-{model}")

    def view(self, model: str, applied: int | None = None) -> View:
        """Events and labels as of a finished segment (the last one)."""
        tables = self.tables(model)
        if applied is None:
            with self.catalog.read() as tx:
                applied = tx.applied(model)
        return View(tables["events"].snapshot(), tables["labels"].snapshot(), self.layout(model), applied)

    def recounted(
        self, model: str, counting: Counting | None, since: int | None = None, until: int | None = None
    ) -> Part:
        """Count a model's events in the lake from nothing, where this store counts (`recount.recounted`)."""
        return recounted(self.view(model), counting, since, until, self.spread)

    def damaged(self, model: str) -> tuple[Damaged, ...]:
        """What was set aside, and hasn't been recounted since."""
        with self.catalog.read() as tx:
            return damage.known(tx, model)

    def repair(self, model: str, *, deep: bool = True) -> tuple[Damaged, ...]:
        """Set aside what of a model can't be read; gives what was found. A store that can't be written leaves it out.

        Args:
            model: whose.
            deep: read every file whole; otherwise only look at their ends.
        """
        if self.catalog.read_only:
            return self._left_out(model, deep=deep)
        with self.locked(model):
            return self.repair_locked(model, deep=deep)

    def repair_locked(self, model: str, *, deep: bool = True) -> tuple[Damaged, ...]:
        """Like `repair`, for a caller who holds the lock."""
        found: list[Damaged] = []
        for name, table in self.tables(model).items():
            if not table.exists:
                continue
            mended = mend_log(table, self.spool.app)
            found += [Damaged(name, entry, 0, "a log entry that couldn't be read; nothing is lost") for entry in mended]
            for file, reason in list(damage.damaged_files(table.snapshot().files, deep=deep)):
                damage.set_aside(table, file)
                found.append(Damaged(name, file.name, file.rows, reason))
        if deep:
            found += self._mend_profiles(model)
        if found:
            with self.catalog.write() as tx:
                damage.remember(tx, model, found)
        return tuple(found)

    def _left_out(self, model: str, *, deep: bool) -> tuple[Damaged, ...]:
        found: list[Damaged] = []
        for name, table in self.tables(model).items():
            for file, reason in damage.damaged_files(table.snapshot().files, deep=deep):
                table.leave_out(file)
                found.append(Damaged(name, file.name, file.rows, reason))
        return tuple(found)

    def unprofiled(self, model: str, newest: int) -> tuple[rows.Window, ...]:
        """Windows with events whose profile is gone or, of so many of the newest, can't be read; oldest first.

        Raises:
            StoreError: the model's grids are gone.
        """
        with self.catalog.read() as tx:
            counting = self._counting(tx, model)
            if counting is None:
                return ()
            of = tables.profiles.c
            query = select(of.version, of.start).where(of.model == model, of.digest == counting.digest, of.slice == "")
            profiled = {(str(version), int(start)) for version, start in tx.connection.execute(query.distinct())}
            windows = [one for one in tx.find(rows.Window, model=model) if one.events]
            starts = sorted({one.start for one in windows})[-newest:]
            kept = tx.find(rows.ProfileRow, model=model, digest=counting.digest, slice="", start=starts)
        since, bad = self.kept_since(model) or 0, {(row.version, row.start) for row in kept if not loads(counting, row)}
        gone = (w for w in windows if w.start >= since and (w.version, w.start) not in profiled)
        return tuple(sorted({*gone, *(w for w in windows if (w.version, w.start) in bad)}, key=lambda w: w.start))

    def _mend_profiles(self, model: str) -> list[Damaged]:
        """Count windows anew whose profiles can't be read; those whose events are gone lose them."""
        with self.catalog.read() as tx:
            counting = self._counting(tx, model)
            digest = None if counting is None else counting.digest
            kept = tx.find(rows.ProfileRow, model=model, digest=digest) if counting is not None else ()
        if counting is None:
            return []
        bad = [row for row in kept if not loads(counting, row)]
        since = self.kept_since(model)
        for row in bad:
            keep_blob(self.root / "lake" / model / ASIDE, row)
            with self.catalog.write() as tx:
                tx.remove(
                    rows.ProfileRow, model=model, version=row.version, digest=row.digest, start=row.start,
                    slice=row.slice, part=row.part,
                )  # fmt: skip
        for start in sorted({row.start for row in bad if since is None or row.start >= since}):
            counted = self.recounted(model, counting, start, start + 1)
            with self.catalog.write() as tx:
                replace_profiles(tx, model, counting, counted, start, start + 1)
        reason = "it couldn't be read; its window was counted anew where its events are there, whole"
        return [Damaged("profiles", f"{row.version}/{row.start}/{row.slice}/{row.part}", 0, reason) for row in bad]

    def mending(self, model: str, work: Callable[[], T]) -> T:
        """Do something that reads the lake, under the model's lock, and again where something had to be mended."""
        try:
            return work()
        except (*damage.READING, ProfileError):
            if not self.repair_locked(model):
                raise
            return work()

    def kept_since(self, model: str) -> int | None:
        """Seconds since 1970 from which on the lake has all events of a model; None: it was never cut.

        Profiles of earlier windows are all that is left of them: no recount may touch them.
        """
        with self.catalog.read() as tx:
            said = tx.fact(_kept(model))
        return None if said is None else int(said)

    def keep_since(self, model: str, moment: datetime) -> None:
        """Say that events from before a moment go; it never moves back."""
        since = int(moment.timestamp())
        with self.locked(model), self.catalog.write() as tx:
            tx.set_fact(_kept(model), str(max(since, int(tx.fact(_kept(model)) or since))))

    def countable(self, model: str, since: int | None) -> int | None:
        """The first window start that a recount from `since` on may touch."""
        kept = self.kept_since(model)
        return kept if since is None else since if kept is None else max(since, kept)


def keep_blob(aside: AnyPath, row: rows.ProfileRow) -> None:
    """Keep a profile that can't be read as a file."""
    aside.mkdir(exist_ok=True)
    unused(aside / f"profile-{row.start}.bin").write_bytes(row.data)
    sync_folder(aside)


def loads(counting: Counting, row: rows.ProfileRow) -> bool:
    """Whether a stored profile can be read."""
    try:
        counting.load(row.data, (row.start, row.slice, row.part))
    except (ProfileError, StoreError, KeyError, ValueError, IndexError):
        return False
    return True


def _kept(model: str) -> str:
    return f"kept since: {model}"
