"""SQLite under the catalog: how it is reached, and a copy of it as of one moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event


def backup(path: Path, name: str) -> Path:
    """Copy a SQLite file as of one moment, beside it."""
    target = path.with_name(f"{path.stem}.{name}{path.suffix}")
    with sqlite3.connect(path) as source, sqlite3.connect(target) as copy:
        source.backup(copy)
    source.close()
    copy.close()
    return target


PRAGMAS = ("journal_mode=wal", "synchronous=full", "foreign_keys=on", "busy_timeout=60000")


def engine_of(address: str, options: dict[str, Any], pragmas: Sequence[str] = PRAGMAS) -> Engine:
    """How SQLAlchemy reaches a SQLite file; a transaction that writes begins after all others that do."""
    engine = create_engine(address, connect_args=options)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where `begin` below says, not where the driver guesses
        for pragma in pragmas:
            connection.execute(f"pragma {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("retrue_write")
        connection.exec_driver_sql("begin immediate" if write else "begin")

    return engine
