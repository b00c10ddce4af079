"""Commands about the store, and a store that can't be read or written: nothing lost, nothing half-written."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from tests.cli.conftest import ROLES, Call, Files

import retrue as rt

SCRIPT = str(Path(sys.executable).with_name("retrue"))
NOBODY = 65_534


def test_a_sound_store_has_nothing_wrong(call: Call, store: Path) -> None:
    said = call("doctor", "--store", store)
    assert said.status == 0
    assert re.search(r"^model loans +version 1, 11,200 events, the newest of 15 Feb 2026\s*$", said.out, re.MULTILINE)
    assert said.out.rstrip().endswith("Nothing is wrong.")
    assert json.loads(call("doctor", "--store", store, "--json").out)["problems"] == []


def test_the_doctor_tells_versions_without_a_store(call: Call) -> None:
    said = call("doctor")
    assert said.status == 1
    assert re.search(r"^polars +2\.", said.out, re.MULTILINE)
    assert "■ no store here in store" in said.out


def test_the_doctor_finds_what_is_gone(call: Call, store: Path) -> None:
    (store / "references" / "loans" / "1.parquet").unlink()
    said = json.loads(call("doctor", "--store", store, "--json").out)
    assert [problem.partition(":")[0] for problem in said["problems"]] == ["model loans"]
    assert "the reference's rows can't be read (it is gone)" in said["problems"][0]


def test_the_doctor_finds_books_that_dont_agree_and_recounting_mends_them(call: Call, store: Path) -> None:
    with rt.open(store) as workspace:
        window = workspace.store.windows("loans")[0]
        with workspace.store.catalog.write() as tx:
            tx.remove(type(window), model="loans", start=window.start)
    said = call("doctor", "--store", store)
    assert said.status == 1
    assert "■ model loans: the lake holds 11,200 events, the profiles 10,800. Hint: retrue recount loans" in said.out
    assert re.fullmatch(r"loans: \d+ profiles rebuilt from the lake\.\n", call("recount", "--store", store).out)
    assert call("doctor", "--store", store).status == 0


def test_the_doctor_goes_on_where_one_part_cant_be_read(call: Call, store: Path) -> None:
    for file in (store / "lake" / "loans" / "events" / "_delta_log").glob("*.json"):
        file.write_text("{", encoding="utf-8")
    said = call("doctor", "--store", store)
    assert said.status == 1
    assert "the table's log is damaged" in said.out


def test_the_doctor_tells_of_a_segment_that_is_stuck(call: Call, store: Path) -> None:
    with rt.open(store) as workspace:
        workspace.store.spool.failed("loans", 99, "events", "the table said no")
    said = call("doctor", "--store", store)
    assert said.status == 1
    assert "model loans: segment 99 is stuck at events after 1 attempt: the table said no" in said.out


def test_recounting_gives_the_same_profiles(call: Call, store: Path) -> None:
    with rt.open(store) as workspace:
        before = workspace.store.profiles("loans")
    assert call("recount", "loans", "--store", store, "--json").status == 0
    with rt.open(store) as workspace:
        after = workspace.store.profiles("loans")
    assert len(before) == len(after) == 28 * 4
    assert all(a.profile.agrees(b.profile) for a, b in zip(before, after, strict=True))


def test_a_store_of_today_needs_no_migration(call: Call, store: Path) -> None:
    assert call("migrate", "--store", store).out == "The store is up to date.\n"
    assert json.loads(call("migrate", "--store", store, "--json").out) == {"backup": None, "mended": 0}
    assert "no store here in nowhere" in call("migrate", "--store", "nowhere").error


COMMANDS = ("models", "check", "migrate", "doctor", "log loans x.csv", "recount")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_store_of_a_newer_version_is_refused_and_left_alone(call: Call, store: Path, command: str) -> None:
    with sqlite3.connect(store / "catalog.db") as catalog:
        catalog.execute("update alembic_version set version_num = '9999'")
    catalog.close()
    said = call(*command.split(), "--store", store)
    assert said.status == (1 if command == "doctor" else 2)
    told = " ".join((said.out + said.err).split())  # lines break where the path's length says
    assert "the store was written by a newer version of Retrue" in told
    assert "upgrade Retrue" in told
    assert not list(store.glob("*before*"))


def test_a_file_that_is_no_catalog_is_named(call: Call, store: Path) -> None:
    (store / "catalog.db").write_bytes(b"nothing of ours" * 1000)
    for end in ("-wal", "-shm"):
        (store / f"catalog.db{end}").unlink(missing_ok=True)
    assert "the file is damaged" in call("models", "--store", store).error
    assert "the file is damaged" in call("migrate", "--store", store).error


# --- a full disk, a folder that can't be written ----------------------------------------------------------------------


def limited(size: int) -> Callable[[], None]:
    """Let files grow to so many bytes only, as on a full disk."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def started(*arguments: object, size: int | None = None, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the installed command, with a limit to the size of files; Python's own of compiled code would be cut, too."""
    limit = None if size is None else limited(size)
    env = os.environ if size is None else {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=cwd, preexec_fn=limit, env=env,
    )  # fmt: skip


@pytest.mark.parametrize("size", [8_000, 100_000, 200_000, 300_000])
def test_a_registration_without_room_can_be_made_again(call: Call, files: Files, tmp_path: Path, size: int) -> None:
    given = ("register", "loans", "-r", files.reference, *ROLES, "--window", "1d")
    full = started(*given, size=size, cwd=tmp_path)
    assert full.returncode == 2
    assert full.stderr.startswith("error: ")
    assert call(*given).status == 0


@pytest.mark.parametrize("size", [60_000, 300_000])
def test_logging_without_room_loses_nothing(call: Call, files: Files, tmp_path: Path, size: int) -> None:
    """Rows that were not acknowledged are not there; those that were are there once, when there is room again."""
    assert call("register", "loans", "-r", files.reference, *ROLES, "--window", "1d").status == 0
    full = started("log", "loans", files.calm, "--at", "2026-02-02", size=size, cwd=tmp_path)
    assert (full.returncode, full.stderr.count("\n")) == (2, 1)
    assert call("log", "loans", files.calm, "--at", "2026-02-02").status == 0
    assert json.loads(call("models", "--json").out)[0]["events"] == 5600
    assert call("doctor").status == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 8 MB, where we may."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("may not mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def filled(disk: Path, *, but: int = 0) -> Path:
    """Fill a disk but for so many bytes; gives the file that fills it."""
    filling = disk / "filling"
    with contextlib.suppress(OSError), filling.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1024))
    os.truncate(filling, filling.stat().st_size - but)
    return filling


def test_rows_that_were_acknowledged_are_said_to_be_safe(call: Call, files: Files, small_disk: Path) -> None:
    """There is room for the spool and not for the lake; the next command takes the rows in, without sending them."""
    store = ("--store", small_disk / "store")
    assert call("register", "loans", "-r", files.reference, *ROLES, *store).status == 0
    filling = filled(small_disk, but=500_000)
    full = started("log", "loans", files.calm, "--at", "2026-02-02", *store, cwd=Path("/"))
    assert full.returncode == 2
    assert full.stderr.startswith("error: the disk is full in ")
    assert full.stderr.endswith(
        "Hint: 5,600 acknowledged rows are safe in the spool; "
        "free some space, and the next command, such as `retrue check loans`, takes them in\n"
    )
    filling.unlink()
    call("check", "loans", "--now", "2026-02-20", *store)
    assert json.loads(call("models", "--json", *store).out)[0]["events"] == 5600


def test_a_full_disk_is_said_and_nothing_is_lost(call: Call, files: Files, small_disk: Path) -> None:
    store = ("--store", small_disk / "store")
    assert call("register", "loans", "-r", files.reference, *ROLES, "--window", "1d", *store).status == 0
    filling = filled(small_disk)
    for command in (("log", "loans", files.calm), ("check", "loans")):
        full = started(*command, *store, cwd=Path("/"))
        assert (full.returncode, full.stdout) == (2, "")
        assert re.match(r"error: the disk is full in .*\. Hint: free some space, then try again\n", full.stderr)
    filling.unlink()
    logged = call("log", "loans", files.calm, "--at", "2026-02-02", *store)
    assert logged.out.startswith("5,600 events taken.\n")
    told = call("doctor", "--json", *store)
    assert [problem for problem in json.loads(told.out)["problems"] if "MB left" not in problem] == []


@pytest.mark.parametrize("name", ["report.html", "loans.retrue"])
def test_a_file_without_room_is_not_half_written(files: Files, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("what was here before", encoding="utf-8")
    write = ("reference", files.reference, "--save") if name.endswith("retrue") else (
        "compare", files.reference, files.reference, "--html")  # fmt: skip
    full = started(*write, name, size=2_000, cwd=tmp_path)
    assert full.returncode == 2
    assert full.stderr == (
        f"error: the file can't be written: File too large in {name}. "
        "Hint: choose a folder that exists, that you may write to, and that has room\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text(encoding="utf-8") == "what was here before"


Nobodys = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def nobodys(deployed: Path) -> Iterator[Nobodys]:
    """Run commands as somebody who may read a store and not write it; root is asked to become nobody."""
    user = NOBODY if os.geteuid() == 0 else None
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        store = shutil.copytree(deployed, Path(folder) / "store")
        for path in (store, *store.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)

        def run_it(*arguments: object) -> subprocess.CompletedProcess[str]:
            command = [SCRIPT, *map(str, arguments), "--store", str(store)]
            return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", user=user)

        if run_it("doctor", "--help").returncode != 0:
            pytest.skip("nobody else may run this Python")
        yield run_it
        for path in (store, *store.rglob("*")):
            path.chmod(0o755)


@pytest.mark.parametrize("command", ["check loans", "recount", "migrate", "acknowledge loans"])
def test_a_folder_that_cant_be_written_says_so(nobodys: Nobodys, command: str) -> None:
    done = nobodys(*command.split())
    assert done.returncode == 2, done
    assert done.stderr.startswith("error: the folder can't be written in ")
    assert done.stderr.endswith("Hint: check its permissions\n")


@pytest.mark.parametrize(
    "command", ["incidents loans", "doctor", pytest.param("explain loans", marks=pytest.mark.slow)]
)
def test_a_folder_that_cant_be_written_can_be_read(nobodys: Nobodys, command: str) -> None:
    """The doctor says what ails it."""
    done = nobodys(*command.split())
    assert done.stderr == ""
    assert done.returncode == int(command == "doctor"), done
    assert ("can't be written by this user" in done.stdout) == (command == "doctor")
    assert len(done.stdout.splitlines()) > 1


def test_a_store_where_none_can_be_made_says_so(call: Call, files: Files) -> None:
    Path("file").write_text("", encoding="utf-8")
    assert call("register", "loans", "-r", files.reference, "--store", "file/store").error.startswith("error: ")


def test_a_copied_store_is_a_store(call: Call, store: Path, tmp_path: Path) -> None:
    shutil.copytree(store, tmp_path / "copy")
    assert call("models", "--store", "copy").out == call("models", "--store", store).out


def test_events_of_the_lake_are_open_to_other_readers(store: Path) -> None:
    """It is a Delta table: Polars reads it without us."""
    assert pl.read_delta(str(store / "lake" / "loans" / "events")).height == 11_200
