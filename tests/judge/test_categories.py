"""Categories that come and go by themselves: their coming is no news, and a real change still is."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.judge.conftest import judge_columns

from retrue.core.column import ColumnProfile
from retrue.core.grid import CategoricalGrid
from retrue.core.profile import Profile
from retrue.judge.categories import comparable_cells, expected_unseen
from retrue.judge.columns import judge_column
from retrue.judge.verdict import VerdictKind


def draw(rng: np.random.Generator, n: int, kinds: int) -> pl.Series:
    return pl.Series((rng.random(n) ** 2 * kinds).astype(int)).cast(pl.String)


def pair(reference: pl.Series, window: pl.Series) -> tuple[ColumnProfile, ColumnProfile]:
    grid = CategoricalGrid.fit(reference)
    return grid.count(reference), grid.count(window)


@pytest.mark.parametrize("kinds", [20, 100, 1000, 20_000])
@pytest.mark.parametrize(("m", "n"), [(200, 300), (1_000, 2_000), (10_000, 2_000)])
def test_new_names_of_the_same_world_are_no_news(kinds: int, m: int, n: int) -> None:
    rng = np.random.default_rng(kinds + m)
    alarms = 0
    for _ in range(10):
        base, now = pair(draw(rng, m, kinds), draw(rng, n, kinds))
        alarms += bool(judge_column("x", now, base, 1e-3).alarm)
    assert alarms <= 1


def test_ids_are_not_comparable_and_say_why() -> None:
    base, now = pair(pl.Series([f"a{i}" for i in range(900)]), pl.Series([f"b{i}" for i in range(900)]))
    verdict = judge_column("x", now, base, 1e-3)
    assert (verdict.kind, verdict.reason) == (VerdictKind.NOT_COMPARABLE, "too few categories repeat to compare them")


def test_a_category_that_grew_among_many_rare_ones_is_seen() -> None:
    rng = np.random.default_rng(1)
    reference, window = draw(rng, 10_000, 1000), draw(rng, 4_000, 1000)
    grown = window.to_frame("x").with_columns(
        pl.when(pl.int_range(4_000) < 600).then(pl.lit("3")).otherwise("x").alias("x")
    )
    base, now = pair(reference, grown["x"])
    verdict = judge_column("x", now, base, 1e-3)
    assert verdict.kind is VerdictKind.DRIFTING
    assert "'3' rose from" in verdict.reason


def test_names_nobody_expected_are_broken_data_even_where_some_are() -> None:
    rng = np.random.default_rng(2)
    base, now = pair(draw(rng, 10_000, 1000), pl.Series([f"new{i}" for i in range(900)]))
    assert expected_unseen(base) > 0
    assert judge_column("x", now, base, 1e-3).kind is VerdictKind.BROKEN


def test_every_row_is_in_a_cell() -> None:
    rng = np.random.default_rng(3)
    base, now = pair(draw(rng, 5_000, 900), draw(rng, 3_000, 900))
    found = comparable_cells(now, base)
    assert found is not None
    assert (found.window.sum(), found.reference.sum()) == (3_000, 5_000)


def test_what_is_seen_once_foretells_what_is_new() -> None:
    rng = np.random.default_rng(4)
    base, now = pair(draw(rng, 4_000, 2_000), draw(rng, 4_000, 2_000))
    assert expected_unseen(base) == pytest.approx(now.out_of_range, rel=0.5)
    whole = replace(base, counts=np.zeros_like(base.counts))
    assert expected_unseen(whole) == 0


def test_many_rare_names_that_are_all_new_are_not_one_constant_value() -> None:
    base, now = pair(pl.Series(["a"] * 99 + ["b"]), pl.Series([f"n{i}" for i in range(60)]))
    verdict = judge_columns(Profile(60, {"x": now}, None, {}), Profile(100, {"x": base}, None, {}))[0]
    assert verdict.metric == "unseen"
    assert "the same value" not in verdict.reason
