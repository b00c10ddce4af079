"""What jobs say is kept in order; what there is no memory for is counted, and said."""

from __future__ import annotations

import logging
import threading

import pytest

import retrue as rt
from retrue.errors import StoreError
from retrue.jobs import journal as module
from retrue.jobs.journal import Journal, kept, speaking
from retrue.store import rows

logger = logging.getLogger("retrue.test")


def texts(store: rt.Workspace) -> list[str]:
    """All lines, oldest first."""
    return [line.text for line in reversed(store.logs(limit=1_000).rows)]


def say(lines: int) -> None:
    """Say something so often."""
    for _ in range(lines):
        logger.info("line")


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory for five lines."""
    monkeypatch.setattr(module, "MOST", 5)


def test_lines_that_there_is_no_memory_for_are_counted(store: rt.Workspace) -> None:
    journal = Journal(store.store.catalog)
    with journal.listening():
        for number in range(12):
            logger.info("line %d", number)
        journal.write()
        logger.info("after")
    dropped = "7 lines were dropped here: more came than can be held until they are written"
    assert texts(store) == [dropped, *(f"line {number}" for number in range(7, 12)), "after"]


def test_lines_wait_while_they_cannot_be_written(store: rt.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said while a write fails takes nobody's place unsaid."""
    journal, catalog = Journal(store.store.catalog), store.store.catalog
    with journal.listening():
        for number in range(4):
            logger.info("line %d", number)
        with monkeypatch.context() as patched:

            def fail(_: object) -> object:
                for number in range(4, 8):
                    logger.info("line %d", number)
                raise StoreError("the disk is full")

            patched.setattr(type(catalog), "write", fail)
            with pytest.raises(StoreError):
                journal.write()
    assert texts(store)[0].startswith("3 lines were dropped here")
    assert texts(store)[1:] == [f"line {number}" for number in range(3, 8)]


def test_nothing_is_lost_that_is_said_while_others_are_written(store: rt.Workspace) -> None:
    """Every line of a busy thread is either kept or counted."""
    journal = Journal(store.store.catalog)
    with journal.listening():
        thread = threading.Thread(target=say, args=(300,))
        thread.start()
        while thread.is_alive():
            journal.write()
        thread.join()
    said = texts(store)
    counted = sum(int(text.split()[0]) for text in said if "dropped" in text)
    assert counted + sum(text == "line" for text in said) == 300


def test_a_line_says_which_version_and_run_it_is_about(store: rt.Workspace) -> None:
    """What a job finds out while it runs holds for its later lines; a line's own words win."""
    journal, known = Journal(store.store.catalog), dict[str, object]()
    job = rows.Job("j1", "train", "running", 1, 1, {}, "flights")
    with journal.listening(), speaking(job, known):
        logger.info("before")
        known.update(version="2", run="r1")
        logger.info("after")
        logger.info("another", extra={"version": "3"})
    found = [(line.text, line.job, line.model, line.version, line.run) for line in reversed(store.logs().rows)]
    assert found == [
        ("before", "j1", "flights", None, None),
        ("after", "j1", "flights", "2", "r1"),
        ("another", "j1", "flights", "3", "r1"),
    ]
    assert [store.logs(version="2").total, store.logs(run="r").total] == [1, 2]


def test_what_a_part_of_the_service_says_is_kept_under_its_name(store: rt.Workspace) -> None:
    with kept(store.store.catalog, "web"):
        logger.warning("the store is slow", extra={"model": "flights"})
    assert [(line.job, line.model, line.text) for line in store.logs().rows] == [
        ("web", "flights", "the store is slow")
    ]
