"""Paired comparisons of two models against scikit-learn, SciPy, the definition of DeLong, and a bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from retrue.core.state import Bools, Floats
from retrue.refine.prove import MIN_ROWS, Contest, Duel, contest, midranks, paired_auc, paired_mean, prove


def duel(rows: int = 600, *, lift: float = 0.5, seed: int = 0, ties: bool = False) -> Duel:
    """Two correlated models of one label, the challenger better by `lift`; with `ties` scores have ten levels."""
    rng = np.random.default_rng(seed)
    label = (rng.random(rows) < 0.3).astype(float)
    shared = rng.normal(size=rows)
    champion = label + shared + rng.normal(size=rows)
    challenger = (1 + lift) * label + shared + rng.normal(size=rows)
    first, second = (1 / (1 + np.exp(-scores)) for scores in (champion, challenger))
    return Duel(label, first.round(1), second.round(1)) if ties else Duel(label, first, second)


def delong(label: Floats, first: Floats, second: Floats) -> tuple[float, float, float]:
    """DeLong, DeLong and Clarke-Pearson (1988), equations 2 to 6, every pair of events looked at."""

    def placements(scores: Floats) -> tuple[Floats, Floats]:
        up, down = scores[label == 1][:, None], scores[label == 0][None, :]
        psi = (up > down) + 0.5 * (up == down)
        return psi.mean(axis=1), psi.mean(axis=0)

    (up_1, down_1), (up_2, down_2) = placements(first), placements(second)
    s10, s01 = np.cov(up_1, up_2), np.cov(down_1, down_2)
    s = s10 / len(up_1) + s01 / len(down_1)
    return float(up_1.mean()), float(up_2.mean()), float(np.sqrt(s[0, 0] + s[1, 1] - 2 * s[0, 1]))


@pytest.mark.parametrize("ties", [False, True])
def test_auc_of_both_models_is_that_of_sklearn(ties: bool) -> None:
    one = duel(ties=ties)
    found = paired_auc(one)
    assert found is not None
    assert found[0] == pytest.approx(roc_auc_score(one.label, one.champion), abs=1e-12)
    assert found[1] == pytest.approx(roc_auc_score(one.label, one.challenger), abs=1e-12)


@given(st.integers(0, 10_000), st.integers(2, 25), st.integers(2, 25), st.integers(1, 8))
def test_the_error_of_the_difference_is_that_of_delong(seed: int, up: int, down: int, levels: int) -> None:
    """By midranks in O(n log n) as by looking at every pair, ties and all."""
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.repeat([1.0, 0.0], [up, down]))
    first, second = rng.integers(0, levels, (2, up + down)).astype(float)
    assert paired_auc(Duel(label, first, second)) == pytest.approx(delong(label, first, second), abs=1e-9)


def test_the_error_of_the_difference_is_that_of_a_bootstrap() -> None:
    """Resampling events 400 times knows a standard error within 3.5 %; three times that is allowed."""
    one, rng = duel(800), np.random.default_rng(1)
    differences = []
    for _ in range(400):
        rows = rng.integers(0, 800, 800)
        label = one.label[rows]
        pair = [roc_auc_score(label, scores[rows]) for scores in (one.champion, one.challenger)]
        differences.append(pair[1] - pair[0])
    found = paired_auc(one)
    assert found is not None
    assert found[2] == pytest.approx(np.std(differences, ddof=1), rel=0.11)


def test_one_class_has_no_auc() -> None:
    scores = np.linspace(0, 1, 60)
    assert paired_auc(Duel(np.ones(60), scores, scores)) is None
    told = contest("holdout", "roc_auc", "binary", Duel(np.ones(60), scores, scores))
    assert (told.outcome, told.note) == ("unknown", "only one class among the labels")


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30))
def test_midranks_are_those_of_scipy(values: list[int]) -> None:
    given_values = np.array(values, float)
    np.testing.assert_array_equal(midranks(given_values), stats.rankdata(given_values))


def test_a_paired_mean_is_that_of_scipy() -> None:
    """The standard error is that of the paired t-test: difference / statistic."""
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(2, 90))
    champion, challenger, error = paired_mean(first, second)
    assert (champion, challenger) == pytest.approx((first.mean(), second.mean()))
    assert (challenger - champion) / error == pytest.approx(stats.ttest_rel(second, first).statistic)


@pytest.mark.parametrize(
    ("metric", "task", "value"),
    [
        ("brier", "binary", lambda label, score: np.mean((score - label) ** 2)),
        ("accuracy", "binary", lambda label, score: np.mean((score >= 0.5) == (label == 1))),
        ("mae", "regression", lambda label, score: np.mean(np.abs(score - label))),
        ("mse", "regression", lambda label, score: np.mean((score - label) ** 2)),
    ],
)
def test_a_contest_tells_both_values_and_the_t_interval(metric: str, task: str, value: object) -> None:
    one = duel()
    found = contest("holdout", metric, task, one)
    assert callable(value)
    assert found.champion == pytest.approx(value(one.label, one.champion))
    assert found.challenger == pytest.approx(value(one.label, one.challenger))
    assert found.interval is not None
    assert found.difference is not None
    assert sum(found.interval) / 2 == pytest.approx(found.difference)


def test_which_way_a_metric_counts_decides_what_is_gained() -> None:
    """A smaller error is a gain, a smaller AUC is a loss."""
    less_error = Contest("holdout", "mae", False, 2.0, 1.0, -1.0, (-1.5, -0.5), 100)
    less_auc = Contest("holdout", "roc_auc", True, 0.8, 0.7, -0.1, (-0.15, -0.05), 100)
    even = Contest("holdout", "roc_auc", True, 0.8, 0.8, 0.0, (-0.1, 0.1), 100)
    assert (less_error.gain, less_error.outcome) == ((0.5, 1.5), "better")
    assert (less_auc.outcome, even.outcome) == ("worse", "even")
    assert less_error.to_dict()["outcome"] == "better"


def test_few_rows_prove_nothing() -> None:
    found = contest("holdout", "brier", "binary", duel(MIN_ROWS - 1))
    assert (found.champion, found.outcome) == (None, "unknown")
    assert found.note == "49 rows, needs 50"
    assert contest("holdout", "brier", "binary", duel(MIN_ROWS)).champion is not None


def test_intervals_of_many_places_are_wider_together() -> None:
    """Bonferroni over the places beside the whole: 1 - 0.05 / 4, so 2.498 standard errors in place of 1.960."""
    one = duel()
    everything = np.ones(600, np.bool_)
    places: dict[str, Bools] = {"holdout": everything, **{f"slice {i}": everything for i in range(4)}}
    found = prove(one, "binary", places)
    assert [(c.where, c.metric) for c in found] == [
        ("holdout", "roc_auc"), ("holdout", "brier"), ("holdout", "accuracy"), ("holdout", "average_precision"),
        *[(f"slice {i}", "roc_auc") for i in range(4)],
    ]  # fmt: skip
    widths = [c.interval[1] - c.interval[0] for c in found if c.interval and c.metric == "roc_auc"]
    assert widths[1] / widths[0] == pytest.approx(stats.norm.ppf(1 - 0.05 / 8) / stats.norm.ppf(0.975))
    assert len(set(widths[1:])) == 1


def test_a_place_is_judged_on_its_own_rows() -> None:
    one = duel()
    some = np.arange(600) % 2 == 0
    found = prove(one, "binary", {"holdout": np.ones(600, np.bool_), "even": some})[-1]
    assert found.n == 300
    assert found.challenger == pytest.approx(roc_auc_score(one.label[some], one.challenger[some]))


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Equal models, 300 duels: the 95 % interval leaves zero out in about 15 of them (2 to 30 is six sigma)."""
    misses = 0
    for seed in range(300):
        found = contest("holdout", "roc_auc", "binary", duel(200, lift=0.0, seed=seed))
        assert found.interval is not None
        misses += not found.interval[0] <= 0 <= found.interval[1]
    assert 2 <= misses <= 30
