"""What checks said of a feature: once where windows in turn say the same but for the figures."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
from tests.server.conftest import START, loans, registered

import retrue as rt
from retrue.server.pages.feature import verdict_lines


def test_what_windows_say_in_turn_is_said_once(tmp_path: Path) -> None:
    """The third of four windows is in true: the one before it is told for itself."""
    registered(tmp_path)
    far = pl.lit(START + timedelta(days=2)), pl.lit(START + timedelta(days=3))
    income = (
        pl.when(pl.col("at").is_between(*far, closed="left")).then(pl.col("income")).otherwise(pl.col("income") * 3)
    )
    with rt.open(tmp_path) as store:
        model = store.model("loans")
        model.log(loans(0, 6 * 1_440).drop("y").with_columns(income))
        model.check(START + timedelta(days=7))
        with store.store.catalog.read() as tx:
            lines = verdict_lines(tx.connection, model, "income", None)
    assert [one.when for one in lines] == [
        "10 Jan 2026; much the same in the 2 windows before, from 8 Jan 2026 on",
        "6 Jan 2026; much the same on 5 Jan 2026",
    ]
