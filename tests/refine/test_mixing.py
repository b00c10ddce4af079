"""What a mix may ask for: balance, caps, no doubles, weights of rows; the same for the same seed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from retrue.errors import ConfigError
from retrue.refine.mix import Mix


def part(name: str, **columns: Any) -> Any:
    """A part of a mix."""
    return SimpleNamespace(name=name, frame=pl.DataFrame(columns))


LOG = part("log", id=list(range(10)), y=[0] * 8 + [1] * 2, t=list(range(10)), city=["a"] * 9 + ["b"])


def weight(mix: Mix, where: pl.Expr, **roles: Any) -> float:
    """The share of the weight that some rows have."""
    mixed = mix.build(["id", "y", "t", "city"], key="id", **roles)
    return float(mixed.weights[mixed.table.select(where).to_series().to_numpy()].sum() / mixed.weights.sum())


def test_rows_may_be_weighed_instead_of_parts() -> None:
    """Three times for each of 2 rows beside 4 rows: 6 of 10."""
    mix = Mix([(part("old", x=[1, 2, 3, 4]), 1), (part("new", x=[5, 6]), 3)], by="row")
    assert mix.build(["x"]).weights[4:].sum() / 6 == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("balance", "where", "share"),
    [
        ("class", pl.col("y") == 1, 1 / 2),
        ("city", pl.col("city") == "b", 1 / 2),
        (["city = 'b'", "y = 1"], pl.col("city") == "b", 1 / 3),
        ("time", pl.col("t") == 0, 1 / 10),
    ],
)
def test_groups_of_a_part_weigh_the_same(balance: Any, where: pl.Expr, share: float) -> None:
    assert weight(Mix([(LOG, 1)], balance=balance), where, label="y", time="t") == pytest.approx(share)


def test_balanced_parts_keep_their_shares() -> None:
    """Each part is balanced by itself."""
    other = part("edge", id=[20, 21, 22], y=[0, 1, 1], t=[0, 1, 2], city=["a", "a", "a"])
    mix = Mix([(LOG, 0.7), (other, 0.3)], balance="class")
    assert weight(mix, pl.col("id") >= 20, label="y") == pytest.approx(0.3)
    assert weight(mix, pl.col("y") == 1, label="y") == pytest.approx(0.5)


def test_caps_draw_the_same_rows_for_the_same_seed_whatever_else_is_there() -> None:
    drawn = [Mix([(LOG, 1)], most=4, seed=seed).build(["id"], key="id").table["id"].to_list() for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 4
    fewer = part("log", id=[row for row in range(10) if row != drawn[0][0]])
    left = Mix([(fewer, 1)], most=4, seed=0).build(["id"], key="id").table["id"].to_list()
    assert set(drawn[0][1:]) <= set(left)


def test_equal_and_near_rows_count_once_over_all_parts() -> None:
    one = part("one", id=[1, 2, 3, 4], x=[1.0, 1.0, 1.0001, 50.0], city=["a", "a", "A ", "b"])
    two = part("two", id=[5, 6, 7, 8, 9], x=[50.0, 60.0, 70.0, 80.0, 90.0], city=["b"] * 5)
    for unique, ids in ((None, 9), ("equal", 7), ("near", 6)):
        built = Mix([(one, 1), (two, 1)], unique=unique).build(["id", "x", "city"], key="id")  # type: ignore[arg-type]
        assert built.table.height == ids


def test_the_manifest_says_how_it_was_mixed() -> None:
    mix = Mix([(LOG, 1)], balance="class", most={"log": 9}, seed=4, unique="near")
    said = {
        "by": "share",
        "balance": "class",
        "most": {"log": 9},
        "unique": "near",
        "trusted": [],
        "broken": False,
        "refit": False,
        "seed": 4,
    }
    assert mix.build(["id", "y"], key="id", label="y").manifest["mix"] == said
    assert mix.over([(LOG, 2)]).settings == said


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"most": 0}, "most=0 rows of 'log'"),
        ({"most": {"lag": 5}}, "most=5 rows of 'lag'"),
        ({"by": "rows"}, "by='rows' for a mix"),
        ({"unique": "alike"}, "unique='alike' for a mix"),
    ],
)
def test_what_isnt_understood_is_refused(options: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        Mix([(LOG, 1)], **options)


def test_what_cant_be_balanced_is_refused() -> None:
    with pytest.raises(ConfigError, match="no label to balance by"):
        Mix([(LOG, 1)], balance="class").build(["id"], key="id")
    rare = part("rare", y=[1] + [0] * 999)
    with pytest.raises(ConfigError, match="balanced, each of 1 rows would count as 500"):
        Mix([(rare, 1)], balance="class").build(["y"], label="y")
