"""A PostgreSQL of the tests' own: a cluster in a temporary folder on a free port, with a database for each who asks."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from retrue.store import store
from retrue.store.catalog import Catalog
from retrue.store.home import CATALOG
from retrue.store.place import FILE, Place, PostgresPlace, place_of, remembered

BINARIES = "/usr/lib/postgresql/*/bin"
"""Where Debian keeps the server's programs."""
SETTINGS = (
    "listen_addresses = '127.0.0.1'", "fsync = off", "full_page_writes = off", "max_connections = 200",
    "shared_buffers = 32MB", "autovacuum = off", "unix_socket_directories = ''", "logging_collector = off",
)  # fmt: skip


def folder_of_binaries() -> Path | None:
    """The newest server that is installed."""
    return max(Path("/").glob(f"{BINARIES[1:]}/initdb"), default=Path()).parent if _any() else None


def _any() -> bool:
    return any(Path("/").glob(f"{BINARIES[1:]}/initdb"))


@dataclass
class Cluster:
    """A running server.

    Args:
        binaries: its programs.
        data: its folder.
        port: its port.
    """

    binaries: Path
    data: Path
    port: int
    made: int = 0
    empty: str | None = None
    process: subprocess.Popen[bytes] | None = None
    owner: list[str] = field(default_factory=list)

    def url(self, name: str) -> str:
        """The address of a database."""
        return f"postgresql://retrue@127.0.0.1:{self.port}/{name}"

    def database(self) -> str:
        """Make an empty database, and give its address."""
        return self.copy("template0")

    def catalog(self) -> str:
        """Make a database with an empty catalog in it, and give its address."""
        if self.empty is None:
            self.empty = self.database().rpartition("/")[2]
            Catalog.open(PostgresPlace(self.url(self.empty))).close()
        return self.copy(self.empty)

    def copy(self, template: str) -> str:
        """Make a database with all that is in another, which nobody may be using, and give its address."""
        self.made += 1
        name = f"t{os.getpid()}_{self.made}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"create database {name} template {template}")
        return self.url(name)

    def start(self) -> None:
        """Start it, and wait until it answers.

        Backends outlive a killed server for a moment, and it doesn't start beside them: then again.
        """
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.process is None or self.process.poll() is not None:
                self.process = self._spawn()
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError((self.data.parent / "log").read_text())

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [*self.owner, str(self.binaries / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        with (self.data.parent / "log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def disconnect(self, url: str) -> None:
        """End every connection to a database, as a failover does."""
        name = url.rpartition("/")[2]
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))

    def kill(self) -> None:
        """End it at once, with all that it was doing, as a power cut would."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self) -> None:
        """End it."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(20)


@contextmanager
def every_new_store_on(cluster: Cluster) -> Iterator[None]:
    """Let each new store of this process have a catalog of its own in a cluster, and a copied folder a copy of its."""
    copytree = shutil.copytree

    def elsewhere(root: Path, named: str | Path | None = None) -> Place:
        new = named is None and not (root / FILE).exists() and not (root / CATALOG).exists()
        return place_of(root, cluster.catalog() if new else named)

    def copied(source: str | Path, target: str | Path, *given: Any, **options: Any) -> str | Path:
        made = copytree(source, target, *given, **options)  # which calls this for each folder within
        url = remembered(Path(made)) or ""
        if url.startswith(cluster.url("")):
            cluster.disconnect(url)
            (Path(made) / FILE).write_text(cluster.copy(url.rpartition("/")[2]))
        return made

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store, "place_of", elsewhere)
        patched.setattr(shutil, "copytree", copied)
        patched.setattr(psycopg.Connection, "__del__", psycopg.Connection.close)  # of stores that a test left open
        yield


@contextmanager
def running(binaries: Path, *, durable: bool = False) -> Iterator[Cluster]:
    """Make a cluster and run it; as another user where we are root, which it refuses.

    Its folder is none of pytest's, which only their owner may enter.
    """
    with tempfile.TemporaryDirectory(prefix="retrue-postgres-") as folder:
        yield from _running(Path(folder), binaries, durable)


def _running(folder: Path, binaries: Path, durable: bool) -> Iterator[Cluster]:
    data, owner = folder / "data", list[str]()
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    make = [*owner, str(binaries / "initdb"), "-D", str(data), "-U", "retrue", "-A", "trust", "-E", "UTF8", "-N"]
    subprocess.run([*make, "--locale=C.UTF-8"], check=True, stdout=subprocess.DEVNULL)
    with (data / "postgresql.conf").open("a") as file:
        file.write("\n".join(one for one in SETTINGS if not (durable and one.endswith("= off"))) + "\n")
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    cluster = Cluster(binaries, data, port, owner=owner)
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()
