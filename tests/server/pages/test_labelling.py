"""Labelling in a browser: by key, by thumb, and whatever strangers called their features."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from tests.server.conftest import Served
from tests.server.pages.conftest import HOSTILE, Open, fits

import retrue as rt


def test_rows_are_labelled_by_key_one_after_the_other(visit: Open, store: Served, shots: Path) -> None:
    """A digit labels, `s` skips, `b` goes back; a digit that is typed into a field does nothing."""
    with rt.open(store.folder) as opened:
        model = opened.model("moved")
        table = model.reference.frame.select("id", "at", "income", "region", "p", HOSTILE).head(4)
        table = table.with_columns((pl.lit("by-key-") + pl.col("id")).alias("id"))
        assert model.log(table).accepted == 4
        named = ", ".join(f"'{one}'" for one in table["id"])
        assert model.labelling.make(f"id IN ({named})").new == 4
    page = visit("/models/moved/labelling", width=390, scheme="dark")
    assert HOSTILE in page.inner_text(".cells")
    fits(page, shots / "labelling-one.png")
    first = page.inner_text(".ask h2 small")
    page.keyboard.press("s")
    page.wait_for_url("**after=**")
    assert page.inner_text(".ask h2 small") != first
    second = page.inner_text(".ask h2 small")
    page.focus("input[name=most]")
    page.keyboard.press("1")
    assert page.inner_text(".ask h2 small") == second
    page.locator("h1").click()
    page.keyboard.press("1")
    page.wait_for_url("**labelled=**")
    assert second.split(" ")[0] in page.inner_text(".list")
    page.keyboard.press("b")
    page.wait_for_url("**task=**")
    assert page.locator(".say [aria-pressed=true]").inner_text().startswith("1")
    page.click(".say button:has-text('0')")
    page.wait_for_url("**labelled=**")
    with rt.open(store.folder) as opened:
        task = next(one for one in opened.model("moved").labelling.tasks() if one.event == second.split(" ")[0])
        assert (task.label, task.answers[0].annotator) == ("0", "local")
