r"""Bodies that PostgreSQL keeps and can't give a part of: with a NUL (`\u0000`), or half a character (`\ud800`).

They are written without either since; those from before are mended by `retrue migrate`, row by row. The audit log only
grows: its rows stay as they are, and nobody asks for a part of one.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import JSON, Column, Connection, Table, Text, cast, literal, select

from retrue.store.catalog import Catalog
from retrue.store.place import PostgresPlace
from retrue.store.postgres import readable_json
from retrue.store.tables import audit, metadata

SUSPECT = r"\\u(0000|[dD][89a-fA-F])"
"""What is escaped in a body that may be unreadable; whole characters of two halves are among these."""


def mend_bodies(catalog: Catalog) -> int:
    """Put the sign for it in place of each NUL and half character; gives how many bodies had one.

    Raises:
        StoreError: the database can't be written.
    """
    if not isinstance(catalog.place, PostgresPlace):
        return 0  # SQLite gives parts of all
    with catalog.translated(), catalog.engine.execution_options(retrue_write=True).begin() as connection:
        return sum(mended(connection, table, column) for table, column in columns())


def columns() -> Iterator[tuple[Table, Column[object]]]:
    """Every column that holds JSON and may be changed."""
    for table in metadata.sorted_tables:
        if table is not audit:
            yield from ((table, column) for column in table.columns if isinstance(column.type, JSON))


def suspects(connection: Connection, table: Table, column: Column[object]) -> Iterator[tuple[object, ...]]:
    """The key and the text of each body that may be unreadable."""
    text = cast(column, Text)
    query = select(*table.primary_key, text).where(text.regexp_match(SUSPECT))
    yield from (tuple(row) for row in connection.execute(query))


def mended(connection: Connection, table: Table, column: Column[object]) -> int:
    """Mend one column of a table; gives how many bodies that took."""
    count = 0
    for *key, text in list(suspects(connection, table, column)):
        readable = readable_json(str(text))
        if readable == text:
            continue
        mine = (one == value for one, value in zip(table.primary_key, key, strict=True))
        connection.execute(table.update().where(*mine).values({column.name: cast(literal(readable, Text), JSON)}))
        count += 1
    return count
