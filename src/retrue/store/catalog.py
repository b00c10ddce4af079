"""The catalog: everything small that must agree with each other, in one SQLite file or one PostgreSQL database.

    with catalog.write() as tx:           # one transaction: all of it or nothing
        tx.put(rows.Version("flights", "2", "champion"))
        tx.find(rows.Version, model="flights")

Opening never migrates: an older catalog asks for `retrue migrate`, a newer one for a newer Retrue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, Table, and_, func, inspect, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from retrue.errors import ConfigError, RetrueError, StoreError, StoreVersionError
from retrue.store import sqlite_file
from retrue.store.changes import Changes, FileChanges
from retrue.store.failure import store_error
from retrue.store.locks import Locks, locks_at
from retrue.store.place import Place, PostgresPlace, no_catalog
from retrue.store.readonly import address
from retrue.store.rows import Counter, Row
from retrue.store.tables import counters, meta, metadata, models
from retrue.version import VERSION

HEAD = "0004"
"""The newest migration; a test compares it with the files."""
KNOWN = ("0001", "0002", "0003", "0004")
"""Every migration, oldest first."""

R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class Transaction:
    """Typed access to the catalog inside one transaction."""

    connection: Connection

    def add(self, row: R) -> R:
        """Insert a row; one whose `number` is None comes back with the number it was given."""
        values = _values(row)
        if "number" not in values or values["number"] is not None:
            self.connection.execute(_table(type(row)).insert(), values)
            return row
        del values["number"]
        key = self.connection.execute(_table(type(row)).insert(), values).inserted_primary_key
        return replace(row, number=key[0] if key else None)  # type: ignore[call-arg]

    def put(self, *rows: Row) -> None:
        """Insert rows, or replace those that have the same key."""
        for kind in dict.fromkeys(type(row) for row in rows):  # in their order: references need their grids' model
            change = _putting(_table(kind), self.connection.dialect.name)
            self.connection.execute(change, [_values(row) for row in rows if type(row) is kind])

    def find(self, kind: type[R], /, **equal: Any) -> tuple[R, ...]:
        """Give the rows whose columns equal the given values (a collection: one of its values), in order of key."""
        table = _table(kind)
        query = select(table).where(_matches(table, equal)).order_by(*table.primary_key)
        return tuple(kind(**row) for row in self.connection.execute(query).mappings())

    def get(self, kind: type[R], /, **equal: Any) -> R | None:
        """Give the one row with these values, or None."""
        found = self.find(kind, **equal)
        return found[0] if found else None

    def between(self, kind: type[R], since: int | None, until: int | None, **equal: Any) -> tuple[R, ...]:
        """Give rows like `find`, of windows that start at or after `since` and before `until` (seconds)."""
        table = _table(kind)
        query = select(table).where(_matches(table, equal), *_range(table, since, until))
        rows = self.connection.execute(query.order_by(*table.primary_key)).mappings()
        return tuple(kind(**row) for row in rows)

    def remove(self, kind: type[Row], /, **equal: Any) -> int:
        """Delete the rows with these values; gives how many there were."""
        table = _table(kind)
        return int(self.connection.execute(table.delete().where(_matches(table, equal))).rowcount)

    def remove_between(self, kind: type[Row], since: int | None, until: int | None, **equal: Any) -> int:
        """Delete rows of windows that start at or after `since` and before `until` (seconds)."""
        table = _table(kind)
        statement = table.delete().where(_matches(table, equal), *_range(table, since, until))
        return int(self.connection.execute(statement).rowcount)

    def count_before(self, kind: type[Row], column: str, until: int, **equal: Any) -> int:
        """Count the rows with these values whose time in a column is before `until`."""
        table = _table(kind)
        query = select(func.count()).select_from(table).where(_matches(table, equal), table.c[column] < until)
        return int(self.connection.execute(query).scalar_one())

    def remove_before(self, kind: type[Row], column: str, until: int, **equal: Any) -> int:
        """Delete the rows that `count_before` counts; gives how many there were."""
        table = _table(kind)
        return int(
            self.connection.execute(table.delete().where(_matches(table, equal), table.c[column] < until)).rowcount
        )

    def after(self, kind: type[R], number: int, most: int, **equal: Any) -> tuple[R, ...]:
        """Give at most so many numbered rows like `find`, those with the smallest numbers above `number`."""
        table = _table(kind)
        query = select(table).where(_matches(table, equal), table.c.number > number).order_by(table.c.number)
        return tuple(kind(**row) for row in self.connection.execute(query.limit(most)).mappings())

    def latest(self, kind: type[R], most: int, before: int | None = None, **equal: Any) -> tuple[R, ...]:
        """Give at most so many numbered rows like `find`, the newest first; perhaps only those below a number."""
        table = _table(kind)
        older = [] if before is None else [table.c.number < before]
        query = select(table).where(_matches(table, equal), *older).order_by(table.c.number.desc())
        return tuple(kind(**row) for row in self.connection.execute(query.limit(most)).mappings())

    def fact(self, name: str) -> str | None:
        """Give a fact about the store, or None."""
        found = self.connection.execute(select(meta.c.value).where(meta.c.name == name)).scalar()
        return None if found is None else str(found)

    def set_fact(self, name: str, value: str) -> None:
        """Keep a fact about the store."""
        self.connection.execute(_putting(meta, self.connection.dialect.name), {"name": name, "value": value})

    def set_digest(self, model: str, digest: str) -> None:
        """Name the grids that a model is counted on from now on."""
        self.connection.execute(models.update().where(models.c.name == model).values(digest=digest))

    def applied(self, model: str) -> int:
        """Give the last segment of a model whose cycle finished."""
        found = self.connection.execute(select(models.c.applied).where(models.c.name == model)).scalar()
        return 0 if found is None else int(found)

    def advance(self, model: str, segment: int) -> None:
        """Set `applied`, only ever from the segment before.

        Raises:
            StoreError: another process has come first; the transaction must not be committed.
        """
        where = and_(models.c.name == model, models.c.applied == segment - 1)
        if self.connection.execute(models.update().where(where).values(applied=segment)).rowcount != 1:
            raise StoreError(f"segment {segment} of {model!r} was applied by someone else", hint="try again")

    def count(self, model: str, name: str, value: int) -> None:
        """Add to a running count."""
        if not value:
            return
        where = and_(counters.c.model == model, counters.c.name == name)
        if not self.connection.execute(counters.update().where(where).values(value=counters.c.value + value)).rowcount:
            self.add(Counter(model, name, value))

    def newest(self, kind: type[Row], column: str, /, **equal: Any) -> int | None:
        """Give the largest value of a column among the rows with these values."""
        table = _table(kind)
        found = self.connection.execute(select(func.max(table.c[column])).where(_matches(table, equal))).scalar()
        return None if found is None else int(found)


fence: ContextVar[Callable[[Transaction], None] | None] = ContextVar("fence", default=None)
"""What every transaction that writes must pass first, in this context: a job's hold on its lease."""


@dataclass(frozen=True)
class Catalog:
    """A store's catalog.

    Args:
        engine: what it is reached by.
        place: where it is.
        read_only: whether it can't be written.
    """

    engine: Engine
    place: Place
    read_only: bool = False

    @classmethod
    def open(cls, place: Place, *, create: bool = True) -> Catalog:
        """Open a catalog, making it where there is none.

        Raises:
            StoreVersionError: it needs `retrue migrate`, or a newer Retrue.
            StoreError: there is none, it can't be reached, or it can't be written.
        """
        if isinstance(place, Path) and not place.exists() and not create:
            raise StoreError("no store here", where=str(place.parent), hint="check the path, or let it be made")
        if isinstance(place, Path) and not create and not place.stat().st_size:
            raise no_catalog(place)  # SQLite would write its header
        catalog = cls.at(place)
        try:
            with catalog.translated():
                if create and catalog.is_empty():
                    migrate(catalog)
                catalog.check()
        except RetrueError:
            catalog.close()
            raise
        return catalog

    @classmethod
    def to_read(cls, place: Place) -> Catalog:
        """Open a catalog to be read: nothing is written, not even beside it.

        Raises:
            StoreVersionError: it needs `retrue migrate`, or a newer Retrue.
            StoreError: it can't be read.
        """
        if isinstance(place, Path):
            options = {"check_same_thread": False, "uri": True}
            engine = sqlite_file.engine_of(f"sqlite:///{address(place)}&uri=true", options, ())
            catalog = cls(engine, place, read_only=True)
        else:
            catalog = replace(cls.at(place), read_only=True)
        try:
            with catalog.translated():
                catalog.check()
        except RetrueError:
            catalog.close()
            raise
        return catalog

    @classmethod
    def at(cls, place: Place) -> Catalog:
        """Reach a catalog as it is, whatever its version."""
        if isinstance(place, PostgresPlace):
            from retrue.store import postgres

            return cls(postgres.engine_of(place), place)
        options = {"timeout": 60, "check_same_thread": False}
        return cls(sqlite_file.engine_of(f"sqlite:///{place}", options), place)

    @property
    def where(self) -> str:
        """What it is, for messages: never with a password."""
        return str(self.place)

    @cached_property
    def locks(self) -> Locks:
        """What holds others off the store."""
        return locks_at(self.place)

    def changes(self) -> Changes:
        """What tells whether anybody has written to it since; for one thread or many."""
        if isinstance(self.place, Path):
            return FileChanges(self.place)
        from retrue.store.postgres import PostgresChanges

        return PostgresChanges(self.engine, self.where)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn the database's errors into the store's, saying what to do."""
        try:
            yield
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            if isinstance(self.place, Path):
                raise store_error(cause, self.place) from error
            from retrue.store.postgres_driver import postgres_error

            raise postgres_error(cause, self.where) from error

    def revision(self) -> str | None:
        """Give the migration that it is at; None where it is empty."""
        with self.engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found = connection.execute(text("select version_num from alembic_version")).scalar()
        return None if found is None else str(found)

    def is_empty(self) -> bool:
        """Whether a store may begin here: it has no form, and no table that a catalog has."""
        return metadata.tables.keys().isdisjoint(inspect(self.engine).get_table_names()) and self.revision() is None

    def check(self) -> None:
        """Refuse a catalog that this Retrue must not touch."""
        revision = self.revision()
        if revision == HEAD:
            return
        if revision is None:
            raise no_catalog(self.place)
        newer = "a newer", f"upgrade Retrue: this is {VERSION}, which knows none behind {HEAD}"
        age, hint = ("an older", "end its service, then run: retrue migrate") if revision in KNOWN else newer
        what = f"the store was written by {age} version of Retrue (migration {revision})"
        raise StoreVersionError(what, where=self.where, expected=HEAD, hint=hint)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """One transaction that may write; nothing of it stays if the block raises, or if `fence` refuses it."""
        if self.read_only and not isinstance(self.place, Path):  # SQLite refuses by itself
            raise StoreError("the catalog was opened to be read", where=self.where)
        with self.translated(), self.engine.execution_options(retrue_write=True).begin() as connection:
            transaction, refuse = Transaction(connection), fence.get()
            if refuse is not None:
                refuse(transaction)
            yield transaction

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """One transaction that only reads, and sees one state throughout."""
        with self.translated(), self.engine.begin() as connection:
            yield Transaction(connection)

    def setting(self, name: str, default: str) -> str:
        """Give a setting; the first one to ask sets it."""
        query = select(meta.c.value).where(meta.c.name == name)
        with self.read() as tx:
            found = tx.connection.execute(query).scalar()
        if found is not None:
            return str(found)
        with self.write() as tx:
            found = tx.connection.execute(query).scalar()
            if found is None:
                tx.connection.execute(meta.insert(), {"name": name, "value": default})
        return default if found is None else str(found)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def migrate(catalog: Catalog, to: str = HEAD) -> Path | None:
    """Bring a catalog to a form, the newest unless said, after a backup beside it; gives the backup's path.

    None where there was nothing to do, and where it is PostgreSQL, which does all of it or nothing. An empty catalog is
    made. Going back drops what the older form has no place for.

    Raises:
        StoreVersionError: it was written by a newer Retrue.
        ConfigError: there is no such form.
    """
    revision = catalog.revision()
    if to not in KNOWN:
        raise ConfigError(f"no migration {to!r}", where="--to", expected=", ".join(KNOWN))
    if revision == to:
        return None
    if revision is not None and revision not in KNOWN:
        catalog.check()
    saved = (
        sqlite_file.backup(catalog.place, f"before-{to}")
        if revision is not None and isinstance(catalog.place, Path)
        else None
    )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with catalog.translated(), catalog.engine.execution_options(retrue_write=True).begin() as connection:
        config.attributes["connection"] = connection
        (command.upgrade if revision is None or revision < to else command.downgrade)(config, to)
    return saved


def _values(row: Row) -> dict[str, Any]:
    """A row's columns by name (`asdict` would copy every blob)."""
    return {name: getattr(row, name) for name in columns_of(type(row))}


@cache
def _putting(table: Table, dialect: str) -> Any:
    """What `put` does with a row, which takes longer to write down than to do."""
    insert: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    rest = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=rest)


def _table(kind: type[Row]) -> Table:
    return metadata.tables[kind.table]


def _matches(table: Table, equal: dict[str, Any]) -> Any:
    parts = [
        table.c[name].in_(list(value)) if isinstance(value, list | tuple | set | frozenset) else table.c[name] == value
        for name, value in equal.items()
    ]
    return and_(*parts) if parts else text("1 = 1")


def _range(table: Table, since: int | None, until: int | None) -> list[Any]:
    """Conditions on a window's start."""
    early = [] if since is None else [table.c.start >= since]
    return early if until is None else [*early, table.c.start < until]


def columns_of(kind: type[Row]) -> set[str]:
    """Names of a row's columns."""
    return {item.name for item in fields(cast("Any", kind))}
