"""What pages keep: it is worked out once while the store is as it was, and the oldest makes room."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import pytest
from tests.server.pages.test_standing import known, stands

from retrue.server.pages.drawn import DrawnRows
from retrue.server.pages.kept import Recent
from retrue.server.pages.ranges import Lately


def test_what_was_worked_out_last_is_kept_and_the_oldest_makes_room() -> None:
    """A key names the state of the store, so that what is kept holds."""
    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        return name

    recent: Recent[str] = Recent(2)
    for name in ("a", "a", "b", "c", "b", "a"):
        assert recent.of((name,), lambda name=name: make(name)) == name  # type: ignore[misc]
    assert made == ["a", "b", "c", "a"]


def test_a_slow_key_makes_only_its_own_readers_wait() -> None:
    """Others are answered beside it; those that wait for it get what the first made, and no lock is left behind."""
    recent: Recent[str] = Recent(4)
    begun, go, made = Event(), Event(), []

    def slow() -> str:
        made.append("slow")
        begun.set()
        assert go.wait(30)
        return "slow"

    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(recent.of, ("slow",), slow) for _ in range(2)]
        assert begun.wait(30)
        try:
            assert pool.submit(recent.of, ("quick",), lambda: "quick").result(30) == "quick"
            assert not any(one.done() for one in waiting)
        finally:
            go.set()
        assert [one.result(30) for one in waiting] == ["slow", "slow"]
    assert made == ["slow"]
    assert not recent.making


def test_what_failed_is_tried_again_by_the_next() -> None:
    """A refusal isn't kept, and its lock isn't either."""
    recent: Recent[float] = Recent(4)
    with pytest.raises(ZeroDivisionError):
        recent.of(("a",), lambda: 1 / 0)
    assert not recent.making
    assert recent.of(("a",), lambda: 1.5) == 1.5


def test_a_row_of_the_overview_is_drawn_again_when_the_model_stands_otherwise() -> None:
    """Until then the very same text is given."""
    drawn, before = DrawnRows(), stands(known())
    first = drawn.row(before, Lately())
    assert drawn.row(before, Lately()) is first
    assert "in true" in first
    assert "?days=90" in drawn.row(before, Lately(90))
    assert "not judged yet" in drawn.row(replace(before, state=stands(known(judged=None)).state), Lately())


def test_names_of_strangers_are_text_in_a_drawn_row() -> None:
    """A row is marked as markup once, so what it holds must have been escaped before."""
    assert "<b>" not in DrawnRows().row(stands(known("<b>bold</b>")), Lately())
