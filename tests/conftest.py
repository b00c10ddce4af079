"""What all tests share: how hypothesis searches, what a new store begins as, a browser for tests that open a page."""

from __future__ import annotations

import gc
import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from sqlalchemy import Engine
    from tests.postgres import Cluster
    from tests.tabs import Tabs

    from retrue.core.reference import Reference
    from retrue.schema import Schema
    from retrue.tables import Table
    from retrue.workspace.options import Options

# Tests run side by side: threads of one that spin while they wait for each other take the processors from the next.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
# What was compiled is kept, whatever this machine says: without, each process that a test starts compiles 700 modules.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

ON_X86 = platform.machine() == "x86_64"
ON_LINUX_X86 = ON_X86 and sys.platform == "linux"
LEARNED = 16
"""How many references a process remembers, some megabytes each."""
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# No deadline: machines are shared, and a slow example is not a wrong one. In CI the same examples every time.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.load_profile("ci" if IN_CI else "dev")


def lacking(what: str, hint: str) -> str:
    """Skip the test that needs `what`, saying so; in CI, where nothing may be lacking, fail it."""
    reason = f"needs {what}, which this machine lacks. Hint: {hint}"
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason, allow_module_level=True)


def needed(name: str, *, locked: bool = True) -> Any:
    """Give a module that a test needs; `locked`: whether `make dev` brings it on this platform."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        if locked:
            lacking(f"the module {name}", "make dev")
        pytest.skip(f"{name} isn't there for this platform", allow_module_level=True)


def program(*names: str) -> str:
    """Give the path of a program by the first of its names that is here (`make test` installs it where it may)."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    return found or lacking(names[0], f"apt-get install {names[0]}")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Give the path of a Chromium."""
    return program("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """Start one headless browser for all tests; `tabs` gives its pages."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def tabs(browser: Browser) -> Tabs:
    """Give pages of that browser to one test after the other."""
    from tests.tabs import Tabs

    return Tabs(browser)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """Run one PostgreSQL for all tests."""
    from tests.postgres import folder_of_binaries, running

    binaries = folder_of_binaries() or Path(lacking("a PostgreSQL server", "apt-get install postgresql"))
    with running(binaries) as cluster:
        yield cluster


@pytest.fixture(scope="session", autouse=True)
def every_store_on_postgres(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let each new store of this process have its catalog in PostgreSQL, where RETRUE_TEST_POSTGRES says so."""
    if not os.environ.get("RETRUE_TEST_POSTGRES"):
        yield
        return
    from tests.postgres import every_new_store_on

    with every_new_store_on(request.getfixturevalue("postgres")):
        yield


@pytest.fixture(scope="session", autouse=True)
def catalogs_begin_as_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Migrate one empty catalog and begin each new store of this process with a copy: 60 ms less for each of them."""
    from retrue.store.catalog import Catalog
    from retrue.store.place import Place

    empty, real = tmp_path_factory.mktemp("catalog") / "catalog.db", Catalog.open

    def opened(path: Place, *, create: bool = True) -> Catalog:
        if not isinstance(path, Path):
            return real(path, create=create)
        if not empty.exists():
            real(empty).close()
        if create and not path.exists():
            with suppress(OSError):  # what can't be written, the real one says best
                shutil.copyfile(empty, path)
        return real(path, create=create)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Catalog, "open", opened)
        yield


@pytest.fixture(scope="session", autouse=True)
def statements_are_written_once() -> Iterator[None]:
    """Let all SQLite catalogs of this process share the SQL that was written for one: 50 ms less for each store."""
    from sqlalchemy import create_engine

    from retrue.store import sqlite_file

    real, first = sqlite_file.engine_of, create_engine("sqlite://")
    with first.connect():  # which is when it learns what this SQLite can do
        pass

    def engine_of(*given: Any) -> Engine:
        engine = real(*given)
        engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
        return engine

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sqlite_file, "engine_of", engine_of)
        yield
    first.dispose()


@pytest.fixture(scope="session", autouse=True)
def the_same_reference_is_learned_once() -> Iterator[None]:
    """Learn from the same rows, schema and options once in this process: hundreds of tests register the same model."""
    from polars.exceptions import PolarsError

    from retrue.workspace import entering, registering

    real = registering.learn
    learned: dict[object, Reference] = {}

    def learn(table: Table, schema: Schema, options: Options, known: Any) -> Reference:
        try:
            rows = blake2b(table.collect().write_ipc_stream(None).getvalue()).digest() if table.near else None
        except PolarsError:  # nothing that can be written: it isn't known again
            rows = None
        if rows is None:
            return real(table, schema, options, known)
        key = rows, schema.to_json(), repr(options)
        if key not in learned:
            learned[key] = real(table, schema, options, known)
            for oldest in list(learned)[:-LEARNED]:
                del learned[oldest]
        return learned[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(entering, "learn", learn)
        yield


class Unsynced(sqlite3.Connection):
    """A connection that leaves it to the system when what is committed reaches the disk."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Run a statement, other than the one that asks for more."""
        return super().execute(sql.replace("synchronous=full", "synchronous=off"), *values)


@pytest.fixture(scope="session", autouse=True)
def nothing_waits_for_the_disk() -> Iterator[None]:
    """Let this process take for written what only a power cut would lose; the processes that tests start do wait."""
    real = sqlite3.connect

    def connect(*given: Any, **options: Any) -> sqlite3.Connection:
        made: sqlite3.Connection = real(*given, **{"factory": Unsynced} | options)
        return made

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda _: None)
        patched.setattr(sqlite3, "connect", connect)
        patched.setattr(sqlite3.dbapi2, "connect", connect)
        yield


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of each search for garbage: it stays, and is most of what there is."""
    gc.collect()
    gc.freeze()


_FRESH: dict[str, Any] = {}
"""The state that each module's generator has once the module is imported."""


@pytest.fixture(autouse=True)
def same_numbers(request: pytest.FixtureRequest) -> None:
    """Give each test the same random numbers, whichever tests the same process ran before it."""
    module = getattr(request.node, "module", None)
    for name in ("rng", "RNG"):
        generator = getattr(module, name, None)
        if generator is not None and hasattr(generator, "bit_generator"):
            state = _FRESH.setdefault(f"{module}.{name}", generator.bit_generator.state)
            generator.bit_generator.state = state
