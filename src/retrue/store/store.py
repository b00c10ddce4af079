"""The store: a folder with a spool, a catalog and a lake, and what the workspace asks of them.

    store/  spool.db   acknowledged batches          catalog.db   profiles, references, incidents ...
            lake/<model>/events | labels | feedback | quarantine        locks/<model>

Opening never deletes or rewrites history, and never migrates. This is the only module here that reads the clock.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from retrue.core.hashing import hash64
from retrue.core.reference import Reference
from retrue.errors import (
    ProfileError,
    RetrueError,
    SchemaError,
    StoreAwayError,
    StoreError,
    StoreFullError,
    StoreRefusedError,
)
from retrue.slices import Slice
from retrue.store import rows
from retrue.store.aside import Stuck
from retrue.store.catalog import Catalog, Transaction
from retrue.store.commit import Applied, lock_of
from retrue.store.damage import READING, settled
from retrue.store.failure import store_error
from retrue.store.files import KEPT
from retrue.store.home import Home
from retrue.store.identity import card_of, check_identity, refuse_orphans
from retrue.store.intake import Intake, now
from retrue.store.keeper import Keeper
from retrue.store.keeping import refuse_label
from retrue.store.lake import UnwritableError
from retrue.store.layout import Layout
from retrue.store.locks import locks_at
from retrue.store.place import Place, is_store, place_of, remember, spool_of
from retrue.store.readonly import is_read_only
from retrue.store.recount import replace_profiles
from retrue.store.segment import Hasher
from retrue.store.shelf import CountingFactory, grid_counting, keep_slices_since, reference_row, slices_since
from retrue.store.spools import spool_at, spool_to_read

logger = logging.getLogger("retrue.store")

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(eq=False)
class Store(Intake, Keeper):
    """A store in a folder; `Store.open` makes one."""

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        catalog: str | Path | None = None,
        create: bool = True,
        counting: CountingFactory = grid_counting,
        fault: Callable[[str], None] = lambda _: None,
        hasher: Hasher = hash64,
    ) -> Store:
        """Open a store, making it where there is none; one that can't be written is opened to be read.

        Args:
            folder: where it is; or the URL of its lake.
            catalog: where its catalog and spool are, where not in the folder: a PostgreSQL address, or another folder
                on this machine. The folder remembers it. A store at a URL needs one.
            create: make it where there is none.
            counting: how events are counted.
            fault: called with the name of each step (tests crash there).
            hasher: hashes ids.

        Raises:
            StoreVersionError: it needs `retrue migrate`, or a newer Retrue.
            StoreError: there is none, it can't be written, or its parts belong to different stores.
            ConfigError: a URL that no store can be at, or without a catalog.
        """
        home = Home.of(folder, catalog)
        root, place = home.folder, place_of(home.folder, catalog)
        home.refuse_other()
        if not create and not is_store(folder, catalog):
            raise StoreError("no store here", where=str(root), hint="check the path, or create the store first")
        if isinstance(place, Path) and is_read_only(place.parent):
            return cls._to_read(home, place, counting, fault, hasher)
        lost = isinstance(place, Path) and place.exists() and not spool_of(place).exists()
        lake_known = isinstance(home.root, Path) and card_of(home.root).exists()
        own = [place.parent, place.parent / "locks"] if isinstance(place, Path) else []
        try:
            for part in (root, home.root / "lake", root / "locks", *own):
                part.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise store_error(error, root) from error
        with locks_at(place).hold("open"):
            refuse_orphans(home.root, place)
            with ExitStack() as undo:
                undo.callback((kept := Catalog.open(place, create=create and not lake_known)).close)
                undo.callback((spool := spool_at(place, fault)).close)
                store = cls(root, kept, spool, counting, fault, hasher, home.url)
                check_identity(store)
                remember(root, place)
                home.remember()
                undo.pop_all()  # it is sound: it stays open
        if lost and any(store.models()):
            logger.warning("the spool was gone and is made anew: rows that waited in it, if any, are lost")
        store.heal()
        return store

    @classmethod
    def to_read(cls, folder: str | Path, *, catalog: str | Path | None = None) -> Store:
        """Open a store only to look at it: nothing of it is made, mended or written.

        Args:
            folder: where it is; or the URL of its lake.
            catalog: where its catalog and spool are, where not in the folder.

        Raises:
            StoreVersionError: it needs `retrue migrate`, or a newer Retrue.
            StoreError: there is none, a part of it is gone or damaged, or its parts belong to different stores.
            ConfigError: a URL that no store can be at, or without a catalog.
        """
        home = Home.of(folder, catalog)
        home.refuse_other()
        return cls._to_read(home, place_of(home.folder, catalog))

    @classmethod
    def _to_read(
        cls,
        home: Home,
        place: Place,
        counting: CountingFactory = grid_counting,
        fault: Callable[[str], None] = lambda _: None,
        hasher: Hasher = hash64,
    ) -> Store:
        """Open a store that can't be written; what waits in its spool stays there."""
        refuse_orphans(home.root, place)
        with ExitStack() as undo:
            undo.callback((kept := Catalog.to_read(place)).close)
            undo.callback((spool := spool_to_read(place, fault)).close)
            store = cls(home.folder, kept, spool, counting, fault, hasher, home.url)
            check_identity(store)
            undo.pop_all()
        return store

    def close(self) -> None:
        """Close its files."""
        self.spool.close()
        self.catalog.close()

    def heal(self) -> tuple[str, ...]:
        """Set aside log entries that a power cut left unreadable, and commit again what they held."""
        mended: list[str] = []
        for model in self.models():
            with self.locks.try_hold(lock_of(model.name)) as free:
                if not free:
                    continue  # someone is at work there, so it was healed
                try:
                    mended += self._heal(model)
                except StoreError as error:  # the other models are served
                    logger.warning("%s can't be healed: %s", model.name, error)
        return tuple(mended)

    def _heal(self, model: rows.Model) -> Iterator[str]:
        for table in self.tables(model.name).values():
            moved = table.heal()
            yield from moved
            if moved:
                table.replay(self.spool.app, model.applied)

    # Models

    def add_model(
        self, name: str, layout: Layout, *, schema: str = "{}", settings: Mapping[str, Any] | None = None
    ) -> rows.Model:
        """Register a model.

        Args:
            name: letters, digits, `.`, `_` and `-`: it names a folder of the lake.
            layout: its roles.
            schema: its schema as JSON, kept as it is.
            settings: anything that JSON can hold.

        Raises:
            SchemaError: the name can't be used, or is taken.
        """
        if not NAME.fullmatch(name):
            raise SchemaError(f"{name!r} can't name a model", expected="letters, digits, '.', '_' and '-'")
        row = rows.Model(name, layout.to_dict(), schema, dict(settings or {}), created=now())
        with self.catalog.write() as tx:
            if tx.get(rows.Model, name=name):
                raise SchemaError(f"there is a model {name!r} already", where=str(self.folder))
            tx.add(row)
        return row

    # In

    def apply(self, model: str) -> Applied:
        """Run commit cycles until nothing waits; in a store that can't be written all waits on.

        Raises:
            StoreFullError: the disk is full; what waits stays in the spool, and the message says how much.
            StoreError: a table refuses the rows.
        """
        with self.catalog.read() as tx:
            done = Applied(tx.applied(model))
        if self.read_only:
            return done
        try:
            return self._cycles(model, done)
        except (StoreError, ProfileError) as error:
            if not self._mended(model, error):
                raise (self._kept(model, error) if isinstance(error, StoreError) else error) from error
        return self._cycles(model, done)

    def _cycles(self, model: str, done: Applied) -> Applied:
        cycle = self.cycle(model)
        while (step := cycle.run()) is not None:
            done += step
        return done

    def _mended(self, model: str, error: RetrueError) -> bool:
        """Whether something that a cycle reads was damaged, and is set aside now; looked for once for each failure."""
        known = isinstance(error, StoreFullError | UnwritableError)
        if known or any(one.tries > 1 for one in self.stuck(model)):
            return False
        try:
            return bool(self.repair(model))
        except READING:
            return False

    def _kept(self, model: str, error: StoreError) -> StoreError:
        """The same error; where acknowledged rows wait, it says how many, and that they are safe."""
        full, away = isinstance(error, StoreFullError), isinstance(error, StoreAwayError | StoreRefusedError)
        told = error.hint or ""
        if not (full or away) and ("spool" in told or "rows" in told):  # it says already what became of them
            return error
        try:
            waiting = self.pending(model)
        except StoreError:  # even reading needs some room
            return error
        if not waiting:
            return error
        said = "1 acknowledged row is" if waiting == 1 else f"{waiting:,} acknowledged rows are"
        if away:
            hint = (told or KEPT).replace(KEPT, f"{said} safe in the spool")
            return type(error)(error.what, where=error.where, hint=hint)
        if told and not full:
            hint = f"{told}; {said} safe in the spool"
            return type(error)(error.what, where=error.where, expected=error.expected, hint=hint)
        mend = "free some space" if full else "mend that"
        then = f"{mend}, and the next command, such as `retrue check {model}`, takes them in"
        return type(error)(error.what, where=error.where, hint=f"{said} safe in the spool; {then}")

    def pending(self, model: str) -> int:
        """How many acknowledged rows wait for a commit cycle."""
        return self.spool.pending(model)

    def stuck(self, model: str) -> tuple[Stuck, ...]:
        """Steps of a segment that failed and haven't been done since."""
        return tuple(Stuck(*row) for row in self.spool.stuck(model))

    # References, slices, recounting

    def set_reference(
        self,
        model: str,
        version: str,
        reference: Reference,
        *,
        others: Mapping[str, Reference] = MappingProxyType({}),
        also: Callable[[Transaction], None] = lambda _: None,
        **body: Any,
    ) -> int:
        """Give a version its reference; the model's first one, or one on other grids, recounts all events.

        Args:
            model: whose.
            version: the version that was trained on it.
            reference: what windows are compared with; after a promotion it should be on the same grids.
            others: those of other versions, on the same grids, kept in the same transaction: nobody who looks finds a
                version whose reference is on grids that the model no longer has.
            also: what else is to be done in it; what it raises undoes all.
            body: anything that JSON can hold, kept beside it.

        Returns:
            How many profiles were recounted.

        Raises:
            StoreError: it is on other grids, and the features of most events aren't kept.
        """
        grids, made = reference.grids, now()
        new = [
            rows.GridsRow(model, grids.digest, grids.to_bytes(), made),
            *(reference_row(model, name, one, made, {}) for name, one in others.items()),
            reference_row(model, version, reference, made, body),
        ]
        with self.locked(model):
            before = self.model(model).digest
            if before == grids.digest:
                with self.catalog.write() as tx:
                    tx.put(*new)
                    also(tx)
                return 0
            if before is not None and self.keeping(model) and self.tables(model)["events"].exists:
                raise StoreError(
                    f"{model!r} keeps a sample of its events whole: they can't be counted on other grids",
                    where=f"version {version!r}", hint="learn the reference on the model's grids, or register it anew",
                )  # fmt: skip
            counting, since = self.counting_on(model, grids, self.slices(model)), self.countable(model, None)
            counted = self.mending(model, lambda: self.recounted(model, counting, since))
            with self.catalog.write() as tx:
                tx.put(*new)
                tx.set_digest(model, grids.digest)
                tx.remove(rows.ProfileRow, model=model, digest=before)
                replace_profiles(tx, model, counting, counted, since)
                also(tx)
        return len(counted[0].added)

    def set_slices(self, model: str, slices: Iterable[Slice]) -> int:
        """Keep profiles for these named slices, and no others; new ones are counted from the lake.

        Where the lake hasn't all events whole, a new slice is counted from the window after the last one on.

        Returns:
            How many profiles were recounted.

        Raises:
            SliceError: a slice reads a column that no event has, or compares what can't be compared; or it reads the
                label, and not all events are kept whole.
        """
        # Profiles are kept by name: a slice without one is called as it reads.
        chosen, columns = tuple(one.named(str(one)) for one in slices), self.columns(model)
        for one in chosen:
            one.bind(columns)
            if self.keeping(model):
                refuse_label(one, self.layout(model))
        wanted = {str(one): one.to_sql() for one in chosen}
        with self.locked(model):
            known, grids = {str(one): one.to_sql() for one in self.slices(model)}, self.grids(model)
            dropped = [name for name, sql in known.items() if wanted.get(name) != sql]
            added = [rows.NamedSlice(model, n, sql, now()) for n, sql in wanted.items() if known.get(n) != sql]
            partial = bool(self.keeping(model)) and self.tables(model)["events"].exists
            if partial and added:
                self.cycle(model).step()  # a segment that was written for the slices before is counted for them
            counting = self.counting_on(model, grids, chosen) if grids and added and not partial else None
            since = self.countable(model, None)
            counted = self.mending(model, lambda: self.recounted(model, counting, since)) if counting else None
            with self.catalog.write() as tx:
                tx.remove(rows.NamedSlice, model=model, name=dropped)
                tx.remove(rows.ProfileRow, model=model, slice=dropped)
                tx.put(*added)
                if self.keeping(model):
                    begun = max((w.start for w in tx.find(rows.Window, model=model)), default=-1) + 1 if partial else 0
                    old = {name: start for name, start in slices_since(tx, model).items() if name not in dropped}
                    keep_slices_since(tx, model, {**old, **{row.name: begun for row in added if begun}})
                if counted:
                    replace_profiles(tx, model, counting, counted, since)
        return len(counted[0].added) if counted else 0

    def recount(self, model: str, since: int | None = None, until: int | None = None) -> int:
        """Rebuild profiles and books from the lake, of windows that start from `since` and before `until` (seconds).

        Windows from before the events that are kept stay as they are; where not all events are kept whole, books and
        what labels tell are rebuilt, and what is known of the columns stays.

        Returns:
            How many profiles were rebuilt.
        """
        whole, since = since is None and until is None, self.countable(model, since)
        with self.locked(model):
            with self.catalog.read() as tx:
                counting = self._counting(tx, model)
            counted = self.mending(model, lambda: self.recounted(model, counting, since, until))
            with self.catalog.write() as tx:
                replace_profiles(tx, model, counting, counted, since, until)
                if whole:
                    settled(tx, model)
        return len(counted[0].added)
