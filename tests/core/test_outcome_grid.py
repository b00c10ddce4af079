"""How outcomes are counted, against scikit-learn and the raw events."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from retrue.core.outcome_grid import (
    BinaryGrid,
    MulticlassGrid,
    OutcomeGrid,
    RegressionGrid,
    error_grid,
    score_cuts,
)
from retrue.core.ranking import RankingGrid
from retrue.errors import ProfileError

EVENTS = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=2, max_size=60)


def binary(scores: np.ndarray, prediction: str | None = None) -> BinaryGrid:
    return BinaryGrid("y", "p", prediction, "1", score_cuts(scores))


class TestBinary:
    @given(EVENTS)
    def test_the_matrix_is_scikit_learns(self, events: list[tuple[int, float]]) -> None:
        y, p = np.array([e[0] for e in events]), np.array([e[1] for e in events])
        found = binary(p).count(pl.DataFrame({"y": y, "p": p}))
        np.testing.assert_array_equal(found.matrix, metrics.confusion_matrix(y, p >= 0.5, labels=[0, 1]))

    @given(EVENTS)
    def test_the_losses_are_scikit_learns(self, events: list[tuple[int, float]]) -> None:
        y, p = np.array([e[0] for e in events]), np.array([e[1] for e in events])
        found = binary(p).count(pl.DataFrame({"y": y, "p": p})).losses
        assert found["log_loss"].mean == pytest.approx(metrics.log_loss(y, p, labels=[0, 1]), rel=1e-9)
        assert found["brier"].mean == pytest.approx(np.mean((p - y) ** 2), rel=1e-9, abs=1e-12)

    @given(EVENTS, st.integers(0, 100))
    def test_counts_at_the_hundredths_are_exact(self, events: list[tuple[int, float]], hundredth: int) -> None:
        y, p = np.array([e[0] for e in events]), np.array([e[1] for e in events])
        threshold = hundredth / 100
        grid = binary(p[: len(p) // 2])
        found = grid.count(pl.DataFrame({"y": y, "p": p}))
        first = np.searchsorted(grid.cuts, threshold, side="right")
        assert found.scored[first:, 1].sum() == (p[y == 1] >= threshold).sum()
        assert found.scored[first:, 0].sum() == (p[y == 0] >= threshold).sum()

    def test_a_positive_may_be_said_in_many_ways(self) -> None:
        for labels in ([1, 0], [1.0, 0.0], [True, False], ["TRUE", "False"], ["1", "0"]):
            frame = pl.DataFrame({"y": labels, "p": [0.9, 0.1]})
            assert binary(np.array([0.5])).count(frame).matrix.tolist() == [[1, 0], [0, 1]]

    def test_a_named_positive_is_that_text_and_nothing_else(self) -> None:
        grid = BinaryGrid("y", "p", None, "late", score_cuts(np.array([0.5])))
        found = grid.count(pl.DataFrame({"y": ["late", "Late", "on time", None], "p": [0.9] * 4}))
        assert found.matrix.tolist() == [[0, 1], [0, 2]]
        assert found.unlabelled == 1

    def test_a_prediction_column_goes_before_the_score(self) -> None:
        found = binary(np.array([0.5]), "d").count(pl.DataFrame({"y": [1, 1], "p": [0.9, 0.9], "d": [0, None]}))
        assert found.matrix.tolist() == [[0, 0], [1, 0]]

    def test_odd_scores_are_counted_and_have_no_loss(self) -> None:
        """Scores outside [0, 1], infinite or missing: counted by label, left out of log loss and Brier."""
        frame = pl.DataFrame({"y": [1, 0, 1, 0, None], "p": [2.0, -1.0, float("inf"), None, float("nan")]})
        found = binary(np.array([0.2, 0.7])).count(frame)
        assert (found.labelled, found.unlabelled, found.losses["brier"].n) == (4, 1, 0)
        assert found.counts[-1].tolist() == [1, 0, 1]
        assert found.scored.sum() == 3

    def test_sums_of_scores_lie_in_their_cells(self) -> None:
        frame = pl.DataFrame({"y": [1, 0, None, 1], "p": [0.91, 0.905, 0.5, 0.2]})
        found = binary(np.array([0.5])).count(frame)
        assert found.score_sums.sum(axis=0).tolist() == pytest.approx([0.905, 1.11, 0.5])
        assert found.score_sums[found.counts == 0].tolist() == [0.0] * int((found.counts == 0).sum())

    def test_how_well_each_event_was_predicted(self) -> None:
        frame = pl.DataFrame({"y": [1, 0, None, 1], "p": [0.9, 0.8, 0.5, None]})
        found = binary(np.array([0.5])).event_scores(frame)
        np.testing.assert_array_equal(found, [1, 0, np.nan, np.nan])


class TestMulticlass:
    CLASSES = ("a", "b", "c")

    @given(st.lists(st.tuples(st.sampled_from("abcx"), st.sampled_from("abcy")), min_size=1, max_size=40))
    def test_the_matrix_is_scikit_learns_with_one_more_row_for_strangers(self, events: list[tuple[str, str]]) -> None:
        y, d = [e[0] for e in events], [e[1] for e in events]
        found = MulticlassGrid("y", "d", {}, self.CLASSES, np.array([0.5])).count(pl.DataFrame({"y": y, "d": d}))
        folded = [["z" if v not in self.CLASSES else v for v in side] for side in (y, d)]
        expected = metrics.confusion_matrix(*folded, labels=[*self.CLASSES, "z"])
        np.testing.assert_array_equal(found.matrix, expected)

    def test_the_most_probable_class_is_the_prediction_where_no_column_says_so(self) -> None:
        rng = np.random.default_rng(3)
        p = rng.dirichlet([1, 1, 1], 200)
        y = rng.choice(list(self.CLASSES), 200)
        frame = pl.DataFrame({"y": y, "pa": p[:, 0], "pb": p[:, 1], "pc": p[:, 2]})
        grid = MulticlassGrid("y", None, {"a": "pa", "b": "pb", "c": "pc"}, self.CLASSES, score_cuts(p.ravel()))
        found = grid.count(frame)
        predicted = np.array(self.CLASSES)[p.argmax(axis=1)]
        expected = metrics.confusion_matrix(y, predicted, labels=self.CLASSES)
        np.testing.assert_array_equal(found.matrix[:3, :3], expected)
        assert found.losses["log_loss"].mean == pytest.approx(metrics.log_loss(y, p, labels=self.CLASSES))
        assert found.one_vs_rest.sum(axis=(1, 2)).tolist() == [200] * 3

    def test_without_classes_there_is_nothing_to_count(self) -> None:
        with pytest.raises(ProfileError, match="without classes"):
            MulticlassGrid("y", "d", {}, (), np.array([0.5]))


class TestRegression:
    @given(st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=1, max_size=40))
    def test_the_losses_are_scikit_learns(self, events: list[tuple[float, float]]) -> None:
        y, p = np.array([e[0] for e in events]), np.array([e[1] for e in events])
        found = RegressionGrid("y", "p", error_grid(p, y)).count(pl.DataFrame({"y": y, "p": p}))
        assert found.losses["mae"].mean == pytest.approx(metrics.mean_absolute_error(y, p), abs=1e-9)
        assert found.losses["mse"].mean == pytest.approx(metrics.mean_squared_error(y, p), abs=1e-9)
        assert found.losses["bias"].mean == pytest.approx((p - y).mean(), abs=1e-9)
        assert found.losses["mape"].n == (y != 0).sum()
        assert found.labels.n == found.errors.n == y.size

    def test_events_without_a_prediction_or_a_label_are_counted_apart(self) -> None:
        frame = pl.DataFrame({"y": [1.0, None, float("nan"), 4.0], "p": [2.0, 1.0, 1.0, None]})
        found = RegressionGrid("y", "p", error_grid(np.ones(3), np.zeros(3))).count(frame)
        assert (found.errors.n, found.unpredicted, found.waiting) == (1, 1, 2)

    def test_huge_errors_are_counted_without_a_warning(self) -> None:
        frame = pl.DataFrame({"y": [1e308, 1e-320], "p": [-1e308, 1e308]})
        found = RegressionGrid("y", "p", error_grid(np.ones(3), np.zeros(3))).count(frame)
        assert found.labelled == 2

    def test_without_labels_the_error_grid_spans_the_predictions(self) -> None:
        grid = error_grid(np.array([10.0, 12.0, 20.0]), np.full(3, np.nan))
        assert (grid.cuts[0], grid.cuts[-1]) == (-8.0, np.nextafter(8.0, np.inf))


class TestScoreCuts:
    def test_probabilities_have_the_hundredths(self) -> None:
        cuts = score_cuts(np.array([0.123, 0.9]))
        assert {0.0, 0.01, 0.5, 0.99, 1.0, 0.123} <= set(cuts.tolist())

    def test_other_scores_have_their_quantiles(self) -> None:
        assert score_cuts(np.array([-3.0, 7.0])).tolist() == [
            -3.0,
            np.nextafter(-3.0, np.inf),
            7.0,
            np.nextafter(7.0, np.inf),
        ]


GRIDS: list[OutcomeGrid] = [
    BinaryGrid("y", "p", None, "yes", np.array([0.25, 0.5])),
    BinaryGrid("y", None, "d", "1", np.array([0.5])),
    MulticlassGrid("y", None, {"a/b": "p", "": "q"}, ("a/b", ""), np.array([0.5])),
    RegressionGrid("y", "p", error_grid(np.ones(3), np.zeros(3))),
    RankingGrid("y", "d", 5, ("a", ""), np.array([0.75, 0.25])),
]


@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: grid.task)
def test_an_outcome_grid_survives_its_fields(grid: OutcomeGrid) -> None:
    again = OutcomeGrid.from_fields(grid.all_fields())
    assert type(again) is type(grid)
    assert again.columns == grid.columns
    assert again.empty().agrees(grid.empty())


def test_a_rounding_error_above_1_does_not_make_probabilities_something_else() -> None:
    """The hundredths stay cuts, so that thresholds are exact and logits that come later fall outside."""
    scores = np.append(np.random.default_rng(0).uniform(size=99), 1.0000001)
    assert np.isin(np.arange(101) / 100, score_cuts(scores)).all()
    assert not np.isin(0.37, score_cuts(np.linspace(-4, 4, 100)))
