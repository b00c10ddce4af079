"""PostgreSQL under the store: its connections, and its advisory locks.

Writers take turns, as they do on SQLite: each transaction that writes holds an advisory lock until it ends, so that
what it read is still so when it commits. Readers never wait. The spool has a schema of its own beside the catalog's.
A connection that was lost is made anew with the next thing that is asked; what was under way fails, and its caller
does it again, which does no harm to what was done already.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

from retrue.store.place import PostgresPlace, spool_gone
from retrue.store.postgres_driver import driver, postgres_error, translated

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

PATIENCE = 60_000  # milliseconds that a writer waits for its turn, as on SQLite
LIVELY: dict[str, Any] = {
    "connect_timeout": 10, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
    "tcp_user_timeout": 30_000, "application_name": "retrue",
}  # fmt: skip
"""How soon a connection is known to be dead where its network is, unless the address says otherwise."""
POOL, OVERFLOW = 5, 35  # connections kept, and those besides: as many as a server has threads that may ask
SNAPSHOT = "select pg_current_snapshot()::text"
"""Differs once anybody has written to the database server."""


def engine_of(place: PostgresPlace) -> Engine:
    """How SQLAlchemy reaches the catalog.

    Raises:
        RetrueError: psycopg isn't installed.
    """
    driver()
    url = make_url(place.url).set(drivername="postgresql+psycopg")
    options = {name: value for name, value in LIVELY.items() if name not in url.query}
    engine = create_engine(
        url, connect_args=options, json_serializer=told_json,
        pool_pre_ping=True, pool_size=POOL, max_overflow=OVERFLOW, pool_timeout=60,
    )  # fmt: skip
    event.listen(engine, "connect", lambda connection, _record: prepare(connection))

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("retrue_write"):
            connection.exec_driver_sql("select pg_advisory_xact_lock(hashtextextended(current_schema(), 1))")
        else:
            connection.exec_driver_sql("set transaction isolation level repeatable read, read only")

    return engine


NUL = "\u2400"
"""The sign for it, in place of one: PostgreSQL has none in text."""
_ESCAPE = re.compile(r"\\(?:u0000|ud[89ab]..\\ud[c-f]..|ud[89a-f]..|.)")
"""What is escaped in a JSON text: of six characters where PostgreSQL can't read it."""


def told_json(value: Any) -> str:
    """A body as PostgreSQL can read it: one NUL, or half a character, would keep it from giving any part of it.

    >>> print(told_json(["a\\0b", "\\ud800", "\\\\u0000", "\U0001f600"]))
    ["a\\u2400b", "\\ufffd", "\\\\u0000", "\\ud83d\\ude00"]
    """
    return readable_json(json.dumps(value))


def readable_json(text: str) -> str:
    """A JSON text with the sign for it in place of what PostgreSQL can't read."""
    return _ESCAPE.sub(_readable, text)


def _readable(escape: re.Match[str]) -> str:
    if len(escape[0]) != len("\\u0000"):
        return escape[0]
    return "\\u2400" if escape[0] == "\\u0000" else "\\ufffd"


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Make a connection fit for a store: commits are durable, waiting ends, no text has a NUL, sums are whole."""
    from psycopg.abc import Buffer
    from psycopg.adapt import Loader
    from psycopg.types.string import StrDumperUnknown

    class Text(StrDumperUnknown):
        """Writes text, with the sign for it where that has a NUL."""

        def dump(self, obj: str) -> Buffer | None:
            return super().dump(obj.replace("\0", NUL))

    class Whole(Loader):
        """Reads `numeric`, which only sums of whole numbers are here."""

        def load(self, data: Any) -> int | float:
            text = bytes(data).decode()
            return float(text) if set(text) & set(".eEN") else int(text)

    connection.adapters.register_loader("numeric", Whole)
    connection.adapters.register_dumper(str, Text)
    own, connection.autocommit = connection.autocommit, True
    connection.execute(f"set lock_timeout = {PATIENCE}")
    connection.execute("set timezone = 'UTC'")
    connection.execute(
        "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'"
    )
    connection.autocommit = own


def connect(place: PostgresPlace) -> psycopg.Connection[Any]:
    """A connection of one's own, where each statement stands for itself."""
    url = make_url(place.url)
    options = {name: value for name, value in LIVELY.items() if name not in url.query}
    connection: psycopg.Connection[Any] = driver().connect(place.url, autocommit=True, **options)
    try:
        prepare(connection)
    except driver().Error:
        connection.close()
        raise
    return connection


class PostgresSpool:
    """The spool's connection to PostgreSQL: a schema of its own, named after the catalog's.

    Args:
        place: where the catalog is.
        read_only: whether it is only looked at.
    """

    words: Mapping[str, str] = {
        "number": "bigint", "data": "bytea", "id": "bigint generated by default as identity primary key",
    }  # fmt: skip

    def __init__(self, place: PostgresPlace, *, read_only: bool = False) -> None:
        self._place, self.where, self._psycopg, self.read_only = place, str(place), driver(), read_only
        self._connection: psycopg.Connection[Any] | None = None
        self._inside = False

    def all(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement, and give every row of its answer."""
        text = statement.replace("?", "%s")
        answer = self._open().execute(text, values) if self._inside else self._again(lambda c: c.execute(text, values))
        return answer.fetchall() if answer.description is not None else []

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of values."""
        with self._open().cursor() as cursor:
            cursor.executemany(statement.replace("?", "%s"), list(rows))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One transaction that writes, after all others that do."""
        self._again(lambda connection: connection.execute("begin"))
        self._inside = True
        try:
            self.all("select pg_advisory_xact_lock(hashtextextended(current_schema(), 2))")
            yield
            self.all("commit")
        finally:
            self._inside = False
            connection = self._open()
            if connection.info.transaction_status != self._psycopg.pq.TransactionStatus.IDLE:
                with suppress(self._psycopg.Error):
                    connection.execute("rollback")

    def _again(self, ask: Callable[[psycopg.Connection[Any]], T]) -> T:
        """Ask, once more where the connection was lost while it rested."""
        fresh, connection = self._connection is None or self._connection.closed, self._open()
        try:
            return ask(connection)
        except self._psycopg.OperationalError:
            if fresh or not connection.closed:
                raise
        return ask(self._open())

    def _open(self) -> psycopg.Connection[Any]:
        """The connection; one that was lost inside a transaction stays so until that has ended."""
        if self._connection is None or (self._connection.closed and not self._inside):
            self._connection = connect(self._place)
            self._enter(self._connection)
        return self._connection

    def _enter(self, connection: psycopg.Connection[Any]) -> None:
        """Make the spool's schema where there is none, and work in it."""
        found = connection.execute("select quote_ident(current_schema() || '_spool')").fetchone()
        name = found[0] if found else "spool"
        known = connection.execute("select 1 from pg_namespace where quote_ident(nspname) = %s", (name,)).fetchone()
        if known is None and self.read_only:
            raise spool_gone(f"{self.where}, schema {name}")
        if self.read_only:
            connection.execute("set default_transaction_read_only = on")
        elif known is None:
            connection.execute(f"create schema if not exists {name}")
        connection.execute(f"set search_path to {name}")

    def translated(self) -> AbstractContextManager[None]:
        """Turn PostgreSQL's errors into the store's."""
        return translated(self.where)

    def changes(self) -> str:
        """A text that differs once anybody has written."""
        return str(self.all(SNAPSHOT)[0][0])

    def size(self) -> int:
        """Bytes that batches and keys take, with what was deleted and not yet reused."""
        return int(self.all("select pg_total_relation_size('batches') + pg_total_relation_size('keys')")[0][0])

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()


@dataclass(frozen=True)
class PostgresLocks:
    """Advisory locks, each held by a connection of its own: PostgreSQL frees it when that ends.

    Args:
        place: where the catalog is.
    """

    place: PostgresPlace
    mine: threading.local = field(default_factory=threading.local)

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold a lock against all others on this database; waits until it is free.

        Raises:
            StoreError: the database can't be reached.
        """
        with self._taken(name, "pg_advisory_lock"):
            yield

    @contextmanager
    def try_hold(self, name: str) -> Iterator[bool]:
        """Hold a lock if it is free; gives whether it was."""
        with self._taken(name, "pg_try_advisory_lock") as free:
            yield free

    def confirm(self, name: str) -> None:
        """Refuse to go on where the connection by which this thread holds a lock was lost: another may hold it now."""
        connection = self._held.get(name)
        if connection is not None:
            with translated(str(self.place)):
                connection.execute("select 1")

    @property
    def _held(self) -> dict[str, psycopg.Connection[Any]]:
        """What this thread holds."""
        held: dict[str, psycopg.Connection[Any]] = self.mine.__dict__.setdefault("held", {})
        return held

    @contextmanager
    def _taken(self, name: str, function: str) -> Iterator[bool]:
        key = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "big", signed=True)
        with translated(str(self.place)):
            connection = connect(self.place)
        try:
            with translated(str(self.place)):
                connection.execute("set lock_timeout = 0")
                ask = f"select {function}(hashtextextended(current_schema(), 0)::bit(32)::integer, {key})"
                answer = connection.execute(ask).fetchone()
            self._held[name] = connection
            yield answer is not None and answer[0] is not False
        finally:
            self._held.pop(name, None)
            connection.close()


@dataclass(frozen=True)
class PostgresChanges:
    """Looks whether anybody has written to the database server: at times somebody else has, and that does no harm.

    Args:
        engine: how the catalog is reached.
        where: what it is, for messages.
    """

    engine: Engine
    where: str

    def mark(self) -> str:
        """A text that differs once anybody has written.

        Raises:
            StoreError: the database can't be reached.
        """
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self.engine.connect() as connection:
                return str(connection.exec_driver_sql(SNAPSHOT).scalar())
        except SQLAlchemyError as error:
            raise postgres_error(getattr(error, "orig", None) or error, self.where) from error

    def close(self) -> None:
        """Its connections are the catalog's."""


def scrub(place: PostgresPlace) -> None:
    """Write the tables of catalog and spool anew, without what was deleted from them.

    Raises:
        StoreError: somebody holds a table for a minute.
    """
    with translated(str(place)), connect(place) as connection:
        found = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname in (current_schema(), current_schema() || '_spool')"
        )
        for (table,) in found.fetchall():
            connection.execute(f"vacuum (full) {table}")
