"""The library that speaks to PostgreSQL, and its errors in the store's words: what passes, what somebody must mend."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from retrue.errors import RetrueError, StoreAwayError, StoreError, StoreFullError, StoreRefusedError

AWAY = ("08", "57P", "53300")
"""SQL states that pass: no connection, a server that stops or starts, too many connections."""
STANDBY = "25006"
"""The SQL state of a server that can only be read: after a failover it passes."""
USERS = (
    "check the user in the address; set PGPASSWORD, or write the password into ~/.pgpass; pg_hba.conf of the server "
    "says who may come, and whether only encrypted (sslmode)"
)
ENCRYPTION = (
    "check sslmode in the address (disable, allow, prefer, require, verify-ca, verify-full), and ssl and the "
    "certificates of the server"
)
REFUSED: Mapping[str, tuple[str, str]] = {
    "28": ("the database refuses the user or the password", USERS),
    "3D000": ("there is no such database", "check its name in the address, or make it: createdb NAME"),
    "42501": ("the user lacks a right in the database", "let it own the database: ALTER DATABASE ... OWNER TO ..."),
    "SSL": ("the connection can't be encrypted as the address asks", ENCRYPTION),
    "address": ("the database's address isn't understood", "write it as postgresql://user@host:port/database"),
}
"""What somebody must mend, by how its SQL state begins or by a name of ours, and how."""
OTHERS: Mapping[str, tuple[str, str]] = {
    "55P03": ("the catalog was busy for a minute", "try again; see pg_stat_activity for who holds it"),
    "22P05": ("a text that an older Retrue wrote has a NUL, which PostgreSQL can't read", "retrue migrate mends it"),
    "40": ("the database undid it for another's sake", "try again"),
}
"""What else states mean, by how they begin, and what to do."""
WORDS = (
    (r"sslmode|does not support SSL|certificate", "SSL"),
    (r'role ".*" (does not exist|is not permitted)|password|authentication|pg_hba\.conf', "28"),
    (r'database ".*" does not exist', "3D000"),
    (r"invalid (port|connection option|integer|URI)", "address"),
)
"""How libpq words that a connection was refused for good: it gives no state then."""


def driver() -> Any:
    """The library that speaks to PostgreSQL.

    Raises:
        RetrueError: it isn't installed.
    """
    try:
        return importlib.import_module("psycopg")
    except ImportError as error:
        raise RetrueError("a catalog in PostgreSQL needs psycopg", hint='pip install "retrue[postgres]"') from error


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn PostgreSQL's errors into the store's, saying what to do."""
    try:
        yield
    except driver().Error as error:
        raise postgres_error(error, where) from error


def postgres_error(error: BaseException, where: str) -> StoreError:
    """Say in the store's words what PostgreSQL meant."""
    state = getattr(error, "sqlstate", None) or ""
    said = " ".join(str(error).split())[:300]
    if state == "53100":
        return StoreFullError("the database's disk is full", where=where, hint="free some space, then try again")
    if state == STANDBY:
        hint = "it may be a standby: name the primary, or wait for the failover"
        return StoreAwayError(f"the database can only be read now ({said})", where=where, hint=hint)
    unreached = not state and isinstance(error, driver().OperationalError | driver().ProgrammingError)
    for word, name in WORDS if unreached else ():
        if re.search(word, said):
            state = name
            break
    if state.startswith(AWAY) or (not state and isinstance(error, driver().OperationalError)):
        return away(said, where)
    for begin, (what, hint) in REFUSED.items():
        if state.startswith(begin):
            return StoreRefusedError(f"{what} ({said})", where=where, hint=hint)
    for begin, (what, hint) in OTHERS.items():
        if state.startswith(begin):
            return StoreError(f"{what} ({said})", where=where, hint=hint)
    return StoreError(f"the store failed: {said}", where=where)


def away(said: str, where: str) -> StoreAwayError:
    """The error for a database that can't be reached."""
    hosts = urlsplit(where).netloc.rpartition("@")[2] or "this machine"
    named, _, port = hosts.rpartition(":")
    told = f"host {named}, port {port}" if named and port.isdecimal() else f"host {hosts}, port 5432"
    told = f"hosts {hosts}" if "," in hosts else told
    return StoreAwayError(
        f"the database can't be reached ({said})", where=where,
        hint=f"is the address right ({told}), does the server run, and may this machine reach it? "
        "Then try again: nothing that was acknowledged is lost",
    )  # fmt: skip
