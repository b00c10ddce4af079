"""The overflow: batches on disk, the oldest first, at the same cost however many there are; in nobody else's folder."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from retrue.client import overflow
from retrue.client.counts import Counts
from retrue.client.courier import Courier
from retrue.client.http import ServerTarget
from retrue.client.overflow import Batch, Overflow, default_overflow

unix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="only there files have an owner and a mode")


def batch(number: int, rows: int = 2) -> Batch:
    """A batch of a hundred bytes."""
    return Batch("events", f"key-{number}", rows, bytes([number % 256]) * 100)


def filled(folder: Path, batches: int) -> Overflow:
    """A folder with batches."""
    made = Overflow(folder)
    assert [made.put(batch(number)) for number in range(batches)] == [None] * batches
    return made


def drained(over: Overflow) -> list[str]:
    """The keys of all batches, in the order in which they come out."""
    keys = []
    while (found := over.oldest()) is not None:
        keys.append(found[1].key)
        over.done(found[0])
    return keys


def test_batches_come_out_oldest_first_also_after_a_restart(tmp_path: Path) -> None:
    made = filled(tmp_path, 3)
    again = Overflow(tmp_path)
    again.put(batch(3))
    assert again.rows() == 8
    first = again.oldest()
    assert first is not None
    assert first[1] == batch(0)
    assert drained(again) == [f"key-{number}" for number in range(4)]
    assert (again.rows(), made.oldest(), list(tmp_path.iterdir())) == (0, None, [])


def test_what_other_processes_put_and_take_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once where nothing is known; else at the next look, and a file that is gone is passed over."""
    one, other = Overflow(tmp_path), Overflow(tmp_path)
    assert one.rows() == 0
    other.put(batch(0))
    assert one.rows() == 2
    other.put(batch(1))
    assert one.rows() == 2
    assert drained(other) == ["key-0", "key-1"]
    assert one.oldest() is None
    one.put(batch(2))
    other.put(batch(3))
    monkeypatch.setattr(overflow, "FRESH", 0.0)
    assert one.rows() == 4


def test_the_limit_counts_what_is_there_and_what_went(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    over = Overflow(tmp_path, 350)
    assert over.put(batch(2)) is None
    assert over.put(batch(3)) == f"no room in {tmp_path}"
    found = over.oldest()
    assert found is not None
    over.done(found[0])
    assert over.put(batch(4)) is None
    assert drained(over) == ["key-1", "key-2", "key-4"]


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    for name in ("notes.txt", "a.b.arrow", "1-1-1.events.many.key.arrow", "1-1-1.events.2.key.partial"):
        (tmp_path / name).write_text("x")
    assert (Overflow(tmp_path).rows(), Overflow(tmp_path).oldest()) == (0, None)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "can't be made" in str(Overflow(tmp_path / "file" / "over").put(batch(0)))


def cpu(work: Callable[[], object]) -> float:
    """Seconds of CPU that something takes."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def test_many_files_cost_a_batch_no_more(tmp_path: Path) -> None:
    """Where all were counted and sorted for each batch, these took half a minute of CPU time, beside the service."""
    for number in range(5_000):
        (tmp_path / f"{number:020d}-1-{number}.events.1.key-{number}.arrow").touch()
    over = Overflow(tmp_path)
    assert over.rows() == 5_000
    assert cpu(lambda: [over.put(batch(number)) for number in range(200)]) < 2
    for _ in range(200):
        found = over.oldest()
        assert found is not None
        over.done(found[0])
    assert over.rows() == 5_000 - 200 + 400


@pytest.fixture
def homeless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without a home that can be written; gives the folder for temporary files."""
    (tmp_path / "home").write_text("a file, where nobody makes a folder")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return tmp_path / "tmp"


@unix
def test_without_a_home_it_is_a_folder_for_this_user_alone(homeless: Path) -> None:
    before = os.umask(0o022)
    try:
        assert default_overflow("http://here", "flights").put(batch(0)) is None
    finally:
        os.umask(before)
    (guard,) = homeless.iterdir()
    assert (guard.name, guard.stat().st_mode & 0o777) == (f"retrue-{os.getuid()}", 0o700)
    assert drained(default_overflow("http://here", "flights")) == ["key-0"]


@unix
@pytest.mark.parametrize("trap", ["open", "link", "file", "foreign"])
def test_a_folder_that_somebody_else_may_have_made_is_refused(
    homeless: Path, tmp_path: Path, trap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written there, nothing of it is sent, and nothing is raised: events are dropped, which is said."""
    over, own = default_overflow("http://here", "flights"), os.getuid()
    assert over.guard is not None
    if trap in ("open", "foreign"):
        over.put(batch(0))
        over.guard.chmod(0o755 if trap == "open" else 0o700)
    elif trap == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        over.guard.symlink_to(tmp_path / "elsewhere")
    else:
        over.guard.write_text("x")
    monkeypatch.setattr(os, "getuid", lambda: own + (trap == "foreign"))
    over = Overflow(over.folder, guard=over.guard)
    before = sorted(homeless.rglob("*"))
    why = str(over.put(batch(1)))
    assert ("expected 0700" if trap == "open" else "File exists" if trap == "file" else "isn't a folder of") in why
    assert (over.rows(), over.oldest(), sorted(homeless.rglob("*"))) == (0, None, before)
    assert list((tmp_path / "elsewhere").glob("*")) == []


def test_a_watched_service_goes_on_where_the_folder_is_refused(
    homeless: Path, caplog: pytest.LogCaptureFixture
) -> None:
    over = default_overflow("http://here", "flights")
    assert over.guard is not None
    over.guard.mkdir(mode=0o777)
    over.guard.chmod(0o777)
    target = ServerTarget("http://127.0.0.1:9", "flights", None)
    sent = Courier(target, over, None, Counts())
    sent.post("events", pl.DataFrame({"_id": ["a"]}))
    assert not sent.deliver()
    target.close()
    assert sent.counts.so_far.dropped == 1
    assert "open to others (mode 0777, expected 0700), so nothing is kept there: events that can't be" in caplog.text
