"""Outliers: planted ones are odder than the rest, usual ones aren't, and why is said."""

from typing import Literal

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score
from tests.explain.test_places import grids_of, mixed

from retrue.errors import TableError
from retrue.explain.outliers import Outliers

Method = Literal["distance", "forest"]
METHODS: tuple[Method, ...] = ("distance", "forest")


@pytest.fixture(scope="module")
def reference() -> pl.DataFrame:
    return mixed(np.random.default_rng(1), 5_000)


def odd_rows(rows: int) -> pl.DataFrame:
    """Rows each odd in one of four ways: far out, beyond a long tail, a new category, or a pair that doesn't match."""
    usual = {"x": 0.1, "twin": 0.1, "long": 1.0, "c": "a"}
    ways: list[dict[str, object]] = [{"x": 6.0, "twin": 6.0}, {"long": 1e12}, {"c": "new"}, {"x": 2.0, "twin": -2.0}]
    return pl.DataFrame([usual | ways[i % 4] for i in range(rows)])


@pytest.mark.parametrize("method", METHODS)
def test_planted_outliers_are_told_from_fresh_usual_rows(method: Method, reference: pl.DataFrame) -> None:
    usual, odd = mixed(np.random.default_rng(2), 2_000), odd_rows(40)
    outliers = Outliers.fit(grids_of(reference), reference, method=method)
    scores = np.concatenate([outliers.score(usual), outliers.score(odd)])
    assert roc_auc_score([0] * 2_000 + [1] * 40, scores) > (0.99 if method == "distance" else 0.9)


def test_one_value_out_of_range_shows_among_many_columns() -> None:
    rng = np.random.default_rng(6)
    wide = pl.DataFrame({f"x{i}": rng.normal(size=4_000) for i in range(16)})
    fresh = pl.DataFrame({f"x{i}": rng.normal(size=300) for i in range(16)}).with_columns(x3=pl.lit(50.0))
    outliers = Outliers.fit(grids_of(wide), wide)
    assert np.median(outliers.rarity(fresh)) < 0.001
    assert [why[0] for why in outliers.why(fresh, most=1)].count("x3") > 290


@pytest.mark.parametrize("method", METHODS)
def test_the_rarity_of_usual_rows_is_uniform(method: Method, reference: pl.DataFrame) -> None:
    outliers = Outliers.fit(grids_of(reference), reference, method=method)
    rarity = outliers.rarity(mixed(np.random.default_rng(3), 4_000))
    assert rarity.min() > 0
    assert rarity.max() <= 1
    for share in (0.01, 0.1, 0.5):
        assert (rarity <= share).mean() == pytest.approx(share, abs=5 * np.sqrt(share / 4_000))


def test_one_event_alone_is_judged_and_the_reason_said(reference: pl.DataFrame) -> None:
    outliers = Outliers.fit(grids_of(reference), reference)
    odd = odd_rows(4)
    alone = [outliers.rarity(odd[i : i + 1])[0] for i in range(4)]
    assert max(alone) < 0.002
    assert alone == outliers.rarity(odd).tolist()
    why = outliers.why(odd, most=2)
    assert [reasons[0] for reasons in why[1:3]] == ["long", "c"]
    assert set(why[3]) == {"x", "twin"}


def test_the_units_and_tails_of_columns_dont_matter(reference: pl.DataFrame) -> None:
    other = reference.with_columns(pl.col("long").log(), x=1000 * pl.col("x") + 7)
    fresh = mixed(np.random.default_rng(4), 500)
    scores = Outliers.fit(grids_of(reference), reference).score(fresh)
    again = fresh.with_columns(pl.col("long").log(), x=1000 * pl.col("x") + 7)
    assert np.corrcoef(scores, Outliers.fit(grids_of(other), other).score(again))[0, 1] > 0.999


def test_the_slice_of_outliers_is_an_edge_case_signal(reference: pl.DataFrame) -> None:
    outliers = Outliers.fit(grids_of(reference), reference)
    events = pl.concat([mixed(np.random.default_rng(5), 1_000), odd_rows(4)])
    signal = outliers.slice(0.002)
    assert signal.sql is None
    assert str(signal) == "odder than 0.998 of the reference"
    held = signal.mask(events)
    assert held.tail(4).all()
    assert held.head(1_000).sum() <= 12  # 2 expected
    assert held.to_list() == (outliers.rarity(events) <= 0.002).tolist()


def test_no_events_and_lacking_columns_are_fine(reference: pl.DataFrame) -> None:
    outliers = Outliers.fit(grids_of(reference), reference, ["x", "c"])
    assert outliers.score(reference.clear()).shape == (0,)
    assert outliers.why(reference.clear()) == []
    assert np.isfinite(outliers.score(pl.DataFrame({"other": [1]}))).all()  # all null


def test_a_constant_reference_and_duplicate_columns_give_finite_scores() -> None:
    flat = pl.DataFrame({"a": [1.0] * 60, "b": list(range(60)), "twin": list(range(60))})
    outliers = Outliers.fit(grids_of(flat), flat)
    assert np.isfinite(outliers.score(pl.DataFrame({"a": [1.0, 2.0], "b": [5, -1], "twin": [5, 59]}))).all()


def test_an_unknown_method_is_an_error(reference: pl.DataFrame) -> None:
    with pytest.raises(TableError, match="unknown method 'magic'"):
        Outliers.fit(grids_of(reference), reference, method="magic")  # type: ignore[arg-type]
