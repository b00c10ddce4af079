"""What PostgreSQL says becomes words: what passes by itself, and what somebody must mend, with what to check."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.postgres import Cluster

from retrue.errors import ConfigError, RetrueError, StoreAwayError, StoreRefusedError
from retrue.store.postgres_driver import away
from retrue.store.store import Store

GUARDED = "guarded"
"""A role of the tests' cluster that needs a password."""
UNREACHED: dict[str, tuple[str, type[RetrueError], str]] = {
    "wrong host": ("retrue@nohost.invalid:{port}/x", StoreAwayError, r"right \(host nohost.invalid, port \d+\)"),
    "wrong port": (
        "retrue@127.0.0.1:1/x",
        StoreAwayError,
        r"is the address right \(host 127.0.0.1, port 1\), does",
    ),
    "no port": ("retrue@127.0.0.1:99999/x", ConfigError, r"'99999' is no port of the catalog's server"),
    "wrong password": (
        f"{GUARDED}:wrong@{{host}}/postgres",
        StoreRefusedError,
        r"refuses the user or.*PGPASSWORD",
    ),
    "no password": (f"{GUARDED}@{{host}}/postgres", StoreRefusedError, r"refuses the user or the password.*\.pgpass"),
    "unknown user": ("nobody@{host}/postgres", StoreRefusedError, r"refuses the user.*check the user in the address"),
    "no database": ("retrue@{host}/nobody_made_it", StoreRefusedError, r"no such database.*check its name.*createdb"),
    "odd sslmode": ("retrue@{host}/postgres?sslmode=bogus", StoreRefusedError, r"be encrypted.*check sslmode in"),
    "no SSL here": (
        "retrue@{host}/postgres?sslmode=require",
        StoreRefusedError,
        r"can't be encrypted.*check sslmode in",
    ),
    "no option": (
        "retrue@{host}/postgres?foo=bar",
        StoreRefusedError,
        r"isn't understood.*postgresql://user@host:port/",
    ),
}


@pytest.fixture
def guarded(postgres: Cluster) -> Iterator[Cluster]:
    """A cluster that asks one of its roles for a password."""
    rules = postgres.data / "pg_hba.conf"
    known = rules.read_text()
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        rules.write_text(f"host all {GUARDED} 127.0.0.1/32 scram-sha-256\n{known}")
        connection.execute(f"create role {GUARDED} login password 'right'")
        connection.execute("select pg_reload_conf()")
        yield postgres
        rules.write_text(known)
        connection.execute(f"drop role {GUARDED}")
        connection.execute("select pg_reload_conf()")


def test_a_database_that_cant_be_reached_or_refuses_is_said_plainly(tmp_path: Path, guarded: Cluster) -> None:
    """What to check, in words of the one who wrote the address; only what may pass by itself is said to be away."""
    for name, (address, kind, told) in UNREACHED.items():
        url = "postgresql://" + address.format(host=f"127.0.0.1:{guarded.port}", port=guarded.port)
        with pytest.raises(kind, match=told) as caught:
            Store.open(tmp_path / "s", catalog=url)
        assert type(caught.value) is kind, name
        assert "wrong@" not in str(caught.value), "a password"
    said = str(away("no answer", "postgresql://me@a:1,b:2/x"))
    assert "is the address right (hosts a:1,b:2)" in said
