"""Ids have one text form."""

from __future__ import annotations

import polars as pl
import pytest

from retrue.store.ids import text_id


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([17, None], ["17", None]),
        ([17.0, float("nan"), 2.5, float("inf")], ["17", None, "2.5", None]),
        (["17", "", "x"], ["17", None, "x"]),
        ([b"\x01", b"\xff"], ["01", "ff"]),
        ([True, False], ["true", "false"]),
    ],
)
def test_an_id_is_the_same_text_whatever_type_it_comes_as(values: list[object], texts: list[str | None]) -> None:
    frame = pl.DataFrame({"id": values})
    assert frame.select(text_id("id", frame.schema["id"]))["id"].to_list() == texts
