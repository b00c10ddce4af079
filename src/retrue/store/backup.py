# ruff: noqa: S608 - the tables' names are our own
"""Backup, restore, and the way from SQLite to PostgreSQL: catalog and spool are copied row by row, whatever holds them.

    backup/  backup.json  catalog.db  spool.db  lake/  references/  runs/ ...

A backup is of one moment: every model's lock is held while catalog, spool and the lake's logs are copied; the lake's
other files never change, and follow when the locks are free again. A lake at a URL stays where it is.
"""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, text, update

from retrue.errors import StoreError
from retrue.store.catalog import Catalog, Transaction
from retrue.store.commit import lock_of
from retrue.store.database import Database
from retrue.store.durable import sync_file, sync_folder
from retrue.store.failure import store_error
from retrue.store.files import AnyPath, Remote, any_path
from retrue.store.home import FILE as LAKE
from retrue.store.home import Home, remembered
from retrue.store.identity import card_of, refuse_foreign, take_over
from retrue.store.lake import UNKNOWN, LakeTable
from retrue.store.place import Place, PostgresPlace, place_of, remember
from retrue.store.readonly import BACKUP
from retrue.store.rows import Model
from retrue.store.shelf import token
from retrue.store.spool import Spool
from retrue.store.spools import spool_at
from retrue.store.store import Store
from retrue.store.tables import leases, metadata, models

FORMAT = 1
OWN = ("catalog.db*", "catalog.*.db", "spool.db*", "locks", "catalog.url", "lake", ".*.partial", BACKUP)
"""What isn't copied as a file beside the others."""
AT_ONCE = 500
SPOOLED = {
    "meta": "name, value", "keys": "model, key, seen, receipt", "types": "model, kind, name, type",
    "stuck": "model, segment, step, tries, reason", "batches": "id, model, kind, segment, at, rows, size, data",
}  # fmt: skip
"""The spool's tables and their columns."""


@dataclass(frozen=True)
class Card:
    """What a backup is of: the store's id, when it was made (ISO, UTC), whether the lake is in it, its models."""

    store: str
    at: str
    lake: bool
    models: tuple[str, ...]
    format: int = FORMAT

    def to_dict(self) -> dict[str, Any]:
        """What the backup's card says."""
        return asdict(self)


def backup(store: Store, target: str | Path) -> Card:
    """Copy a store to a folder as it is at one moment; it goes on taking events meanwhile.

    Args:
        store: the store; its catalog may be in SQLite or PostgreSQL.
        target: a folder that isn't there yet, or is empty.

    Raises:
        StoreError: the folder isn't empty or can't be written, or somebody erased rows meanwhile.
    """
    folder = Path(target)
    refuse_full(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = _moment(store, folder)
        shutil.copytree(store.folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*OWN))
        if store.url is None:
            shutil.copytree(
                store.folder / "lake", folder / "lake", dirs_exist_ok=True, ignore=shutil.ignore_patterns("_delta_log")
            )
    except (OSError, shutil.Error) as error:
        if isinstance(error, shutil.Error):
            raise StoreError(
                "files went away meanwhile", where=str(store.folder), hint="make the backup anew"
            ) from error
        raise store_error(error, folder) from error
    card = Card(store.id, datetime.now(UTC).isoformat(timespec="seconds"), store.url is None, names)
    (folder / BACKUP).write_text(json.dumps(card.to_dict(), indent=2), encoding="utf-8")
    for path in folder.rglob("*"):
        sync_folder(path) if path.is_dir() else sync_file(path)
    return card


def _moment(store: Store, folder: Path) -> tuple[str, ...]:
    """Copy what changes while nobody commits; gives the models' names."""
    names = tuple(model.name for model in store.models())
    with ExitStack() as held:
        for name in names:
            held.enter_context(store.locks.hold(lock_of(name)))
            _settle(store, name)
        with store.catalog.read() as tx:
            if tuple(model.name for model in tx.find(Model)) != names:
                raise StoreError(
                    "a model was registered meanwhile", where=str(store.folder), hint="make the backup anew"
                )
            place = place_of(folder, str(folder))
            with closing(Catalog.open(place)) as copy, copy.write() as into:
                copy_catalog(tx.connection, into.connection)
        with closing(spool_at(place)) as copy_:
            copy_spool(store.spool, copy_)
        for log in (store.folder / "lake").glob("*/*/_delta_log") if store.url is None else ():
            shutil.copytree(log, folder / log.relative_to(store.folder))
    return names


def _settle(store: Store, model: str) -> None:
    """Apply what waits, as far as it can be: what can't is in the spool's copy."""
    try:
        while store.cycle(model).step() is not None:
            pass
    except StoreError:
        return


def restore(source: str | Path, folder: str | Path, *, catalog: str | None = None, lake: str | None = None) -> Card:
    """Make a store of a backup, in a folder where there is none.

    Where the backup has no lake, or the folder still has its own (only the catalog was lost), the lake is taken as it
    is: what came into it after the backup stays, and is counted anew. It is the restored store's from then on, under a
    new id: any other catalog of it is refused. The spool gets a new name (`app`), so that no segment of another life is
    taken for one of this.

    Args:
        source: the backup.
        folder: where the store shall be; of a store at a URL what is on this machine.
        catalog: where its catalog shall be, where not in the folder.
        lake: the URL of the lake to take over, where the backup has none: the one that it is of, or a copy of it.

    Raises:
        StoreError: it is no backup, there is a store already, or the lake is another store's.
    """
    origin = Path(source)
    card = read_card(origin)
    root = Path(folder)
    place = place_of(root, catalog)
    if _holds(place):
        raise StoreError("there is a store already", where=str(place), hint="restore into a folder without one")
    taken = _taken(origin, card, root, lake)
    try:
        root.mkdir(parents=True, exist_ok=True)
        ignored = OWN if taken is not None else [one for one in OWN if one != "lake"]
        shutil.copytree(origin, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*ignored, LAKE))
        (place.parent if isinstance(place, Path) else root).mkdir(parents=True, exist_ok=True)
    except (OSError, shutil.Error) as error:
        raise store_error(OSError(str(error)), root) from error
    own = None if taken is None else token()
    app, new = _copied(place_of(origin, str(origin)), place, own)
    remember(root, place)
    if taken is not None and own is not None:
        if isinstance(taken, Remote):
            Home(root, taken).remember()
        take_over(taken, card.store, own)
    _carry(root, place_named(place), app, new)
    return card


def _taken(origin: Path, card: Card, root: Path, lake: str | None) -> AnyPath | None:
    """The lake that a restored store takes over; None where it comes with the backup.

    Raises:
        StoreError: none is named for a backup without one, or it is another store's.
    """
    if lake is None and not card.lake and not card_of(root).exists():
        at = remembered(origin)
        raise StoreError(
            f"the backup's lake stays where it is: {at}", where=str(origin), expected="the lake to take over",
            hint=f"--lake {at} if its catalog is lost, since any other is refused then; to rehearse, name a copy of it",
        )  # fmt: skip
    taken = root if lake is None else any_path(lake)
    if lake is not None and (card.lake or isinstance(taken, Path)):
        hint = "leave --lake out; a lake in the folder is kept, if it is there"
        raise StoreError(
            f"{lake} can't be taken over", where=str(origin), expected="a URL, and a backup without a lake", hint=hint
        )
    if lake is None and not card_of(root).exists():
        return None
    refuse_foreign(taken, card.store)
    return taken


def _copied(old: Place, place: Place, id_: str | None) -> tuple[str, str]:
    """Copy catalog and spool, under a new id where one is given; gives the spool's old and new name."""
    with ExitStack() as opened:
        was, now = (opened.enter_context(closing(Catalog.open(one))) for one in (old, place))
        before, after = (opened.enter_context(closing(spool_at(one))) for one in (old, place))
        with was.read() as tx, now.write() as into:
            copy_catalog(tx.connection, into.connection)
            into.connection.execute(leases.delete())
            if id_ is not None:
                into.set_fact("store", id_)
        copy_spool(before, after)
        app, new = after.app, token()
        with after.database.translated(), after.database.transaction():
            after.database.all("update meta set value = ? where name = 'app'", (new,))
            if id_ is not None:
                after.database.all("update meta set value = ? where name = 'store'", (id_,))
    return app, new


def place_named(place: Any) -> str:
    """A place as `catalog=` takes it."""
    return place.url if isinstance(place, PostgresPlace) else str(place.parent)


def _holds(place: Any) -> bool:
    """Whether there is a catalog with anything in it."""
    if isinstance(place, Path):
        return place.exists()
    catalog = Catalog.at(place)
    with closing(catalog), catalog.translated():
        if catalog.revision() is None:
            return False
        with catalog.read() as tx:
            return tx.fact("store") is not None


def _carry(folder: Path, catalog: str, old: str, new: str) -> None:
    """Let the new app know what the old one has done, and take in what the lake has beyond the catalog."""
    with closing(Store.open(folder, catalog=catalog)) as store:
        for model in store.models():
            tables = [(table, max(table.done(old), _newest(table))) for table in store.tables(model.name).values()]
            for table, segment in tables:
                if segment:
                    table.carry(new, segment)
                    table.confirm()
            last = max(segment for _, segment in tables)
            if last > model.applied and not _stamped(store.spool, model.name, last):
                with store.catalog.write() as tx:
                    tx.connection.execute(update(models).where(models.c.name == model.name).values(applied=last))
                store.spool.forget(model.name, last)
                store.recount(model.name)


def _newest(table: LakeTable) -> int:
    """The newest segment that a table has rows of, whoever brought it: a restored store may have done so before."""
    return max((file.last for file in table.snapshot().files if file.last != UNKNOWN), default=0)


def _stamped(spool: Spool, model: str, segment: int) -> bool:
    """Whether a segment waits in the spool: its cycle was begun, and goes on."""
    query = "select 1 from batches where model = ? and segment = ? limit 1"
    with spool.database.translated():
        return bool(spool.database.all(query, (model, segment)))


def move_catalog(folder: str | Path, to: str) -> str:
    """Bring the catalog and spool of a store from SQLite to PostgreSQL; gives the new place.

    The files stay as they were, sealed: a server that still has them open gets an error, and acknowledges nothing.

    Raises:
        StoreError: the database has a store in it, or the catalog is in PostgreSQL already.
    """
    root = Path(folder)
    old, new = place_of(root), place_of(root, to)
    if not isinstance(old, Path) or not isinstance(new, PostgresPlace):
        raise StoreError("only from SQLite to PostgreSQL", where=str(old), hint="the other way: backup, then restore")
    if _holds(new):
        raise StoreError("there is a store already", where=str(new), hint="name an empty database")
    with closing(Store.open(root, create=False)) as store, ExitStack() as held:
        for model in store.models():
            held.enter_context(store.locks.hold(lock_of(model.name)))
        target = held.enter_context(closing(Catalog.open(new)))
        spool = held.enter_context(closing(spool_at(new)))
        with store.catalog.write() as tx, store.spool.database.transaction():
            with target.write() as into:
                copy_catalog(tx.connection, into.connection)
            _copy_tables(store.spool.database, spool)
            remember(root, new)
            _seal(tx, store.spool.database, str(new))
    return str(new)


def _seal(tx: Transaction, spool: Database, where: str) -> None:
    """Let SQLite refuse every change to what has moved."""
    said = f"the catalog has moved to {where}: start the service anew".replace("'", "''")
    for change in ("insert", "update", "delete"):
        for table in metadata.tables:
            tx.connection.execute(text(_SEAL.format(change=change, table=table, said=said.replace(":", "\\:"))))
        for table in SPOOLED:
            spool.all(_SEAL.format(change=change, table=table, said=said))


_SEAL = "create trigger moved_{table}_{change} before {change} on {table} begin select raise(abort, '{said}'); end"


# Row by row


def copy_catalog(source: Connection, target: Connection) -> None:
    """Copy every row of a catalog into an empty one."""
    for table in metadata.sorted_tables:
        found = source.execution_options(yield_per=AT_ONCE).execute(select(table)).mappings()
        for some in found.partitions(AT_ONCE):
            target.execute(insert(table), [dict(row) for row in some])
        if target.dialect.name == "postgresql" and "number" in table.c:
            name = f"pg_get_serial_sequence('{table.name}', 'number')"
            target.execute(
                text(f"select setval({name}, (select coalesce(max(number), 0) + 1 from {table.name}), false)")
            )


def copy_spool(source: Spool, target: Spool) -> None:
    """Copy a spool as of one moment into an empty one."""
    with source.database.translated(), source.database.transaction():
        _copy_tables(source.database, target)


def _copy_tables(source: Database, target: Spool) -> None:
    """Copy every row, for a caller who holds the source's writers off."""
    into = target.database
    with into.translated(), into.transaction():
        into.all("delete from meta")
        for table, columns in SPOOLED.items():
            if table != "batches":
                marks = ", ".join("?" * len(columns.split(",")))
                into.many(
                    f"insert into {table} ({columns}) values ({marks})", source.all(f"select {columns} from {table}")
                )
        last = 0
        query = f"select {SPOOLED['batches']} from batches where id > ? order by id limit 20"
        while found := source.all(query, (last,)):
            into.many(f"insert into batches ({SPOOLED['batches']}) values (?, ?, ?, ?, ?, ?, ?, ?)", found)
            last = int(found[-1][0])
        if "identity" in into.words["id"]:
            into.all("select setval(pg_get_serial_sequence('batches', 'id'), ?, true)", (max(last, 1),))


def read_card(folder: Path) -> Card:
    """What a backup says that it is of.

    Raises:
        StoreError: it is no backup, isn't whole, or a newer Retrue made it.
    """
    try:
        said = json.loads((folder / BACKUP).read_text(encoding="utf-8"))
        card = Card(**{**said, "models": tuple(said["models"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StoreError(
            "no whole backup here", where=str(folder), expected=f"{BACKUP}, which is written last"
        ) from error
    if card.format > FORMAT:
        raise StoreError("the backup was made by a newer version of Retrue", where=str(folder), hint="upgrade Retrue")
    return card


def refuse_full(folder: Path) -> None:
    """Raise where a folder has anything in it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError("the folder isn't empty", where=str(folder), hint="name a new one for each backup")
