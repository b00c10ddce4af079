"""Several classes, and metrics without a closed form, against scikit-learn and bootstraps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, f1_score, log_loss, median_absolute_error, roc_auc_score

from retrue.core.state import Bools, Floats
from retrue.refine.prove import Duel, beside, contest, prove
from retrue.refine.prove.duels import METRICS, average_precision, f1_macro, median_error, paired_auc_macro


def classes(rows: int = 600, *, lift: float = 0.5, seed: int = 0, of: int = 3) -> Duel:
    """Two models that share much of their error, the challenger surer of the truth."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, of, rows).astype(float)
    truth = (label[:, None] == np.arange(of)).astype(float)
    shared = rng.normal(size=(rows, of))
    odds = [weight * truth + shared + 0.5 * rng.normal(size=(rows, of)) for weight in (1.0, 1.0 + lift)]
    first, second = (np.exp(one) / np.exp(one).sum(axis=1, keepdims=True) for one in odds)
    return Duel(label, first, second)


def test_macro_auc_of_both_models_is_that_of_sklearn() -> None:
    one = classes()
    found = paired_auc_macro(one)
    assert found is not None
    for value, scores in zip(found, (one.champion, one.challenger), strict=False):
        assert value == pytest.approx(roc_auc_score(one.label, scores, multi_class="ovr", average="macro"), abs=1e-12)


def ranked(positive: Bools, scores: Floats) -> float:
    """The area by the rank sum of the positives (Mann and Whitney 1947)."""
    up = int(positive.sum())
    return float((rankdata(scores)[positive].sum() - up * (up + 1) / 2) / (up * (positive.size - up)))


def test_the_error_of_macro_auc_is_that_of_a_bootstrap() -> None:
    """300 resamples know a standard error within 4 %; three times that is allowed."""
    one, rng = classes(500), np.random.default_rng(1)
    steps = []
    for _ in range(300):
        some = one.on(rng.integers(0, 500, 500))
        pair = [np.mean([ranked(some.label == c, s[:, c]) for c in range(3)]) for s in (some.champion, some.challenger)]
        steps.append(pair[1] - pair[0])
    found = paired_auc_macro(one)
    assert found is not None
    assert found[2] == pytest.approx(np.std(steps, ddof=1), rel=0.13)


def test_a_class_that_does_not_occur_is_left_out() -> None:
    one = classes(of=4)
    some = one.on(one.label != 3)
    found = paired_auc_macro(some)
    own = [roc_auc_score(some.label == c, some.champion[:, c]) for c in range(3)]
    assert found is not None
    assert found[0] == pytest.approx(np.mean(own))


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("log_loss", log_loss),
        ("accuracy", lambda label, scores: np.mean(scores.argmax(axis=1) == label)),
        ("f1_macro", lambda label, scores: f1_score(label, scores.argmax(axis=1), average="macro")),
    ],
)
def test_metrics_of_several_classes_are_those_of_sklearn(metric: str, value: object) -> None:
    one = classes()
    found = contest("holdout", metric, "multiclass", one)
    assert callable(value)
    assert found.champion == pytest.approx(value(one.label, one.champion))
    assert found.challenger == pytest.approx(value(one.label, one.challenger))
    assert found.outcome == "better"


def test_scores_that_are_no_probabilities_have_no_log_loss() -> None:
    one = classes()
    odd = Duel(one.label, one.champion - 1.0, one.challenger)
    assert contest("holdout", "log_loss", "multiclass", odd).note == "some scores are no probabilities"


@pytest.mark.parametrize("seed", range(3))
def test_statistics_of_the_bootstrap_are_those_of_sklearn(seed: int) -> None:
    """With ties among the scores, and a class that is predicted and never occurs."""
    rng = np.random.default_rng(seed)
    label, scores = (rng.random(200) < 0.2).astype(float), rng.random(200).round(1)
    assert average_precision(label, scores) == pytest.approx(average_precision_score(label, scores))
    assert median_error(label, scores) == pytest.approx(median_absolute_error(label, scores))
    many: Floats = rng.random((200, 4))
    assert f1_macro(label, many) == pytest.approx(f1_score(label, many.argmax(axis=1), average="macro"))


def test_a_bootstrapped_interval_is_the_same_each_time_and_as_wide_as_that_of_a_mean() -> None:
    """Of the median absolute error of normal errors: its standard error is about 1.8 times that of the mean's."""
    rng = np.random.default_rng(5)
    label = np.zeros(6_000)
    one = Duel(label, rng.normal(size=6_000), rng.normal(size=6_000))
    found = [METRICS["regression"]["median_absolute_error"].compute(one) for _ in range(2)]
    mean = METRICS["regression"]["mae"].compute(one)
    assert found[0] == found[1]
    assert found[0] is not None
    assert mean is not None
    # |normal|: density at the median 0.6745 is 0.6356, so 1 / (2 f sqrt n); its standard deviation is 0.6028.
    assert found[0][2] == pytest.approx(np.sqrt(2 / 6_000) / (2 * 0.6356), rel=0.25)
    assert mean[2] == pytest.approx(np.sqrt(2 / 6_000) * 0.6028, rel=0.05)


def test_each_task_has_one_metric_that_decides_and_it_comes_first() -> None:
    for metrics in METRICS.values():
        assert [how.role == "decides" for how in metrics.values()] == [True] + [False] * (len(metrics) - 1)


def test_rivals_are_compared_where_they_say_something_and_only_told() -> None:
    one = classes()
    silent = np.full_like(one.champion, np.nan)
    half = one.champion.copy()
    half[::2] = np.nan
    everywhere, partly, nowhere = beside(one, "multiclass", {"all": one.champion, "half": half, "none": silent})
    assert (everywhere.rival, everywhere.n, everywhere.role) == ("all", 600, "told")
    assert partly.n == 300
    assert nowhere.note == "0 rows, needs 50"
    assert everywhere.interval is not None
    alone = prove(one, "multiclass", {"holdout": np.ones(600, np.bool_)})[0]
    assert alone.interval is not None
    assert everywhere.interval[0] < alone.interval[0]  # three chances to be wrong
