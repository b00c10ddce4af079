"""What the reference keeps of how well each bin was predicted, recomputed from rows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import brier_score_loss, confusion_matrix, log_loss

from retrue.core.grid import CategoricalGrid
from retrue.core.grids import Grids, Source
from retrue.core.outcome_grid import BinaryGrid, MulticlassGrid, OutcomeGrid, RegressionGrid, error_grid
from retrue.core.ranking import RankingGrid
from retrue.core.scores import BinScores, score_bins
from retrue.core.weighted import Weighing

RANDOM = np.random.default_rng(5)
ROWS = 400
FRAME = pl.DataFrame(
    {
        "city": RANDOM.choice(["a", "b"], ROWS),
        "y": RANDOM.integers(0, 2, ROWS),
        "p": RANDOM.random(ROWS),
        "kind": RANDOM.choice(["x", "y", "z"], ROWS),
        "said": RANDOM.choice(["x", "y", "other"], ROWS),
        "truth": RANDOM.normal(size=ROWS),
        "forecast": RANDOM.normal(size=ROWS),
        "revenue": RANDOM.exponential(10, ROWS),
        "w": RANDOM.exponential(1, ROWS),
    }
).with_columns(ranked=pl.concat_list("said", "kind"), relevant=pl.concat_list("kind"))


def scored(outcome: OutcomeGrid, frame: pl.DataFrame = FRAME, *, weighted: bool = False) -> dict[str, BinScores]:
    """The scores of each city, by its name."""
    extras = (Weighing("w"),) if weighted else ()
    grids = Grids({"city": CategoricalGrid.fit(frame["city"])}, {"city": Source("city")}, outcome, extras)
    return score_bins(grids, frame, "revenue")


BINARY = BinaryGrid("y", "p", None, "1", np.array([0.5]))
MULTICLASS = MulticlassGrid("kind", "said", {}, ("x", "y", "z"), np.array([0.5]))
A, B = FRAME.filter(city="a"), FRAME.filter(city="b")


def test_cells_are_the_confusion_matrix_of_each_bin() -> None:
    found = scored(BINARY)["city"].cells
    assert found is not None
    for row, part in zip(found, (A, B), strict=False):
        expected = confusion_matrix(part["y"], (part["p"] >= 0.5).cast(pl.Int64))
        assert row.tolist() == expected.ravel().tolist()


def test_cells_of_several_classes_have_a_place_for_any_other() -> None:
    found = scored(MULTICLASS)["city"].cells
    assert found is not None
    said = A["said"].replace("other", "~")
    expected = confusion_matrix(A["kind"], said, labels=["x", "y", "z", "~"])
    assert found[0].tolist() == expected.ravel().tolist()


def test_other_means_are_those_of_each_bins_events() -> None:
    means = scored(BINARY)["city"].means
    for place, part in enumerate((A, B)):
        expected = {
            "log_loss": log_loss(part["y"], part["p"]),
            "brier": brier_score_loss(part["y"], part["p"]),
            "mean(revenue)": part["revenue"].mean(),
        }
        assert {k: m.total[place] / m.n[place] for k, m in means.items()} == pytest.approx(expected)


def test_squared_and_relative_errors_of_a_regression() -> None:
    grid = RegressionGrid("truth", "forecast", error_grid(np.array([1.0]), np.array([0.0])))
    means = scored(grid)["city"].means
    error = (A["forecast"] - A["truth"]).to_numpy()
    assert means["mse"].total[0] == pytest.approx((error**2).sum())
    assert means["mape"].total[0] == pytest.approx((np.abs(error) / np.abs(A["truth"].to_numpy())).sum())


def test_other_means_of_ranked_lists() -> None:
    means = scored(RankingGrid.fit(FRAME, "relevant", "ranked", 2))["city"].means
    hits = (A["kind"] == A["said"]) | (A["kind"] == A["kind"])
    assert means["hit_rate"].total[0] == hits.sum()
    assert means["mrr"].total[0] == pytest.approx(np.where(A["kind"] == A["said"], 1, 0.5).sum())


def test_weights_count_as_their_effective_n() -> None:
    found = scored(BINARY, weighted=True)["city"]
    w = FRAME["w"].to_numpy()
    assert found.cells is not None
    assert found.cells.sum() == pytest.approx(w.sum() ** 2 / (w**2).sum())
    own = A["w"].to_numpy()
    brier = found.means["brier"]
    expected = brier_score_loss(A["y"], A["p"], sample_weight=own)
    assert brier.total[0] / brier.n[0] == pytest.approx(expected)


def test_scores_come_back_from_their_fields_and_from_those_of_an_earlier_version() -> None:
    one = scored(BINARY)["city"]
    again = BinScores.from_fields(one.fields())
    assert again.cells is not None
    np.testing.assert_array_equal(again.cells, one.cells)
    np.testing.assert_array_equal(again.means["brier"].squares, one.means["brier"].squares)
    earlier = {name: one.fields()[name] for name in ("n", "total", "squares")}
    assert BinScores.from_fields(earlier).cells is None
    assert BinScores.from_fields(earlier).means == {}


def test_very_many_classes_keep_no_confusion_matrix() -> None:
    classes = tuple(f"c{i}" for i in range(11))
    frame = pl.DataFrame({"city": ["a"] * 22, "kind": classes * 2, "said": classes * 2})
    found = scored(MulticlassGrid("kind", "said", {}, classes, np.array([0.5])), frame)["city"]
    assert found.cells is None
    assert found.n[0] == 22
