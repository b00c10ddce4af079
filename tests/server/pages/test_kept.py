"""What pages keep: it is worked out once while the store is as it was, and the oldest makes room."""

from __future__ import annotations

from dataclasses import replace

from tests.server.pages.test_standing import known, stands

from retrue.server.pages.drawn import DrawnRows
from retrue.server.pages.kept import Recent


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


def test_a_row_of_the_overview_is_drawn_again_when_the_model_stands_otherwise() -> None:
    """Until then the very same text is given."""
    drawn, before = DrawnRows(), stands(known())
    first = drawn.row(before, 30)
    assert drawn.row(before, 30) is first
    assert "in true" in first
    assert "?days=90" in drawn.row(before, 90)
    assert "not judged yet" in drawn.row(replace(before, state=stands(known(judged=None)).state), 30)


def test_names_of_strangers_are_text_in_a_drawn_row() -> None:
    """A row is marked as markup once, so what it holds must have been escaped before."""
    assert "<b>" not in DrawnRows().row(stands(known("<b>bold</b>")), 30)
