"""Which features differ most between two sides: worst first, with the way to their pages."""

from __future__ import annotations

import polars as pl
import pytest
from tests.server.conftest import loans

from retrue.schema import Schema
from retrue.server.pages.differing import differing, title_of

BASE = loans(0, 3_000).with_columns(pl.col("income").reverse().alias("a/b?#"))
SCHEMA = Schema.infer(BASE, id="id", time="at", label="y", score="p")


@pytest.mark.parametrize("labelled", [True, False])
def test_the_feature_that_moved_is_told_first(labelled: bool) -> None:
    """With labels on both sides or on one alone; by KS, which a move beyond all that was seen makes 1."""
    moved = loans(3_000, 3_000).with_columns((pl.col("income") + 5_000).alias("income"), pl.lit(1_200.0).alias("a/b?#"))
    found = differing(BASE, moved if labelled else moved.drop("y"), SCHEMA, "flights")
    assert {one.name for one in found} == {"income", "region", "a/b?#"}
    assert {one.name for one in found[:2]} == {"income", "a/b?#"}
    income = next(one for one in found if one.name == "income")
    assert (income.state.word, income.moved) == ("unknown", "1") or income.state.tone in {"bad", "warn"}
    assert title_of(found).startswith("What differs most: ")
    assert next(one.href for one in found if one.name == "a/b?#") == "/models/flights/features/a/b%3F%23"


def test_what_is_alike_is_told_as_alike() -> None:
    """No feature differs; those that a side doesn't have are left out."""
    found = differing(BASE, loans(3_000, 3_000), SCHEMA, "flights")
    assert [one.reason for one in found] == ["", ""]
    assert title_of(found) == "No feature differs beyond noise, of 2 features"
    assert differing(BASE, BASE.select("p", "y"), SCHEMA, "flights") == ()
