"""Metrics of weighted profiles: scikit-learn's and SciPy's weighted statistics, repeated rows, and weights of one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from retrue.core.column import ColumnProfile
from retrue.core.grid import CategoricalGrid, Grid, NumericGrid
from retrue.core.outcome import Outcome
from retrue.core.outcome_grid import BinaryGrid, MulticlassGrid, OutcomeGrid, RegressionGrid, error_grid, score_cuts
from retrue.core.ranking import RankingGrid
from retrue.core.state import Floats
from retrue.core.weighing import weigh
from retrue.metrics import Measure, get, registered

RNG = np.random.default_rng(21)
N = 3000
W = RNG.exponential(size=N) + 0.1
TIMES = RNG.integers(1, 4, N)
Y = RNG.integers(0, 2, N)
P = np.round(RNG.beta(1 + 2 * Y, 2), 3)
HARD = (P >= 0.5).astype(int)
BINARY: dict[str, Any] = {
    "accuracy": sk.accuracy_score(Y, HARD, sample_weight=W),
    "precision": sk.precision_score(Y, HARD, sample_weight=W),
    "recall": sk.recall_score(Y, HARD, sample_weight=W),
    "specificity": sk.recall_score(Y, HARD, pos_label=0, sample_weight=W),
    "f1": sk.f1_score(Y, HARD, sample_weight=W),
    "log_loss": sk.log_loss(Y, P, sample_weight=W),
    "brier": sk.brier_score_loss(Y, P, sample_weight=W),
    "base_rate": np.average(Y, weights=W),
    "predicted_rate": np.average(HARD, weights=W),
    "mean_score": np.average(P, weights=W),
    "accuracy@0.27": sk.accuracy_score(Y, P >= 0.27, sample_weight=W),
    "f1@0.27": sk.f1_score(Y, P >= 0.27, sample_weight=W),
}
CLASSES = np.array(["ant", "bee", "cat"])
LABELS, SAID = RNG.choice(CLASSES, N, p=[0.5, 0.3, 0.2]), RNG.choice(CLASSES, N)
GUESSED = np.where(RNG.random(N) < 0.6, LABELS, SAID)
MULTICLASS: dict[str, Any] = {
    "accuracy": sk.accuracy_score(LABELS, GUESSED, sample_weight=W),
    "f1_macro": sk.f1_score(LABELS, GUESSED, average="macro", sample_weight=W),
    "precision_weighted": sk.precision_score(LABELS, GUESSED, average="weighted", sample_weight=W),
    "recall_micro": sk.recall_score(LABELS, GUESSED, average="micro", sample_weight=W),
    "recall@cat": sk.recall_score(LABELS == "cat", GUESSED == "cat", sample_weight=W),
}
TRUTH = RNG.normal(size=N)
FORECAST = TRUTH + RNG.normal(0.1, 0.5, N)
REGRESSION: dict[str, Any] = {
    "mae": sk.mean_absolute_error(TRUTH, FORECAST, sample_weight=W),
    "rmse": sk.root_mean_squared_error(TRUTH, FORECAST, sample_weight=W),
    "mape": sk.mean_absolute_percentage_error(TRUTH, FORECAST, sample_weight=W),
    "r2": sk.r2_score(TRUTH, FORECAST, sample_weight=W),
    "bias": np.average(FORECAST - TRUTH, weights=W),
}
LISTS = [list(RNG.permutation(list("abcdef"))) for _ in range(N)]
LIKED = [[str(item)] for item in RNG.choice(list("abcdef"), N)]
FRAME = pl.DataFrame(
    {"y": Y, "p": P, "label": LABELS, "said": GUESSED, "truth": TRUTH, "forecast": FORECAST}
    | {"liked": LIKED, "shown": LISTS}
)
GRIDS: dict[str, OutcomeGrid] = {
    "binary": BinaryGrid("y", "p", None, "1", score_cuts(P)),
    "multiclass": MulticlassGrid("label", "said", {}, tuple(map(str, CLASSES)), score_cuts(P)),
    "regression": RegressionGrid("truth", "forecast", error_grid(FORECAST, TRUTH)),
    "ranking": RankingGrid.fit(FRAME, "liked", "shown", k=3),
}


@pytest.fixture(scope="module")
def weighted() -> dict[str, Outcome]:
    """Give the weighted outcome of each task."""
    return {task: grid.weigh(FRAME, W) for task, grid in GRIDS.items()}


@pytest.mark.parametrize(
    ("task", "name", "expected"),
    [
        (task, name, value)
        for task, told in (("binary", BINARY), ("multiclass", MULTICLASS), ("regression", REGRESSION))
        for name, value in told.items()
    ],
)
def test_performance_equals_sklearns_with_sample_weights(
    task: str, name: str, expected: float, weighted: dict[str, Outcome]
) -> None:
    assert get(name).compute(weighted[task]).value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "score"), [("roc_auc", sk.roc_auc_score), ("average_precision", sk.average_precision_score)]
)
def test_ranking_scores_equal_sklearns_within_their_error(name: str, score: Any, weighted: dict[str, Outcome]) -> None:
    found = get(name).compute(weighted["binary"])
    assert found.value is not None
    assert found.error is not None
    assert found.value == pytest.approx(score(Y, P, sample_weight=W), abs=found.error + 1e-9)


def test_calibration_error_is_that_of_weighted_tenths(weighted: dict[str, Outcome]) -> None:
    tenth = np.minimum((P * 10 + 1e-9).astype(int), 9)
    gaps = [np.average((Y - P)[tenth == i], weights=W[tenth == i]) * W[tenth == i].sum() for i in range(10)]
    assert get("ece").compute(weighted["binary"]).value == pytest.approx(np.abs(gaps).sum() / W.sum(), rel=1e-9)


def test_ranking_is_the_weighted_mean_over_lists(weighted: dict[str, Outcome]) -> None:
    hits = [liked[0] in shown[:3] for liked, shown in zip(LIKED, LISTS, strict=True)]
    assert get("hit_rate").compute(weighted["ranking"]).value == pytest.approx(np.average(hits, weights=W), rel=1e-9)


def test_error_quantiles_are_weighted() -> None:
    errors = np.sort(FORECAST - TRUTH)
    own = W[np.argsort(FORECAST - TRUTH)]
    exact = errors[np.searchsorted(np.cumsum(own), 0.9 * own.sum())]
    found = get("error_p90").compute(GRIDS["regression"].weigh(FRAME, W))
    assert found.value == pytest.approx(exact, abs=(found.error or 0.0) + 1e-9)
    assert found.error is not None
    assert found.error < 0.05


def test_the_interval_of_a_share_is_that_of_the_effective_rows(weighted: dict[str, Outcome]) -> None:
    """Expected: Wilson's, from SciPy, at Kish's n (rounded: SciPy takes whole counts)."""
    n = W.sum() ** 2 / (W**2).sum()
    found = get("accuracy").compute(weighted["binary"])
    assert found.value is not None
    assert found.interval is not None
    exact = stats.binomtest(round(found.value * n), round(n)).proportion_ci(method="wilson")
    assert found.interval == pytest.approx((exact.low, exact.high), abs=2e-3)


@pytest.mark.parametrize("task", GRIDS)
def test_whole_weights_measure_like_repeated_rows(task: str) -> None:
    repeated = GRIDS[task].count(FRAME[np.repeat(np.arange(N), TIMES)])
    outcome = GRIDS[task].weigh(FRAME, TIMES.astype(np.float64))
    names = [m for m in registered(of="outcome") if task in m.tasks]
    assert len(names) > 4
    for metric in names:
        found, expected = metric.compute(outcome), metric.compute(repeated)
        # What is read from inside a bin depends on its rows; the error says how much.
        slack = (found.error or 0.0) if metric.name.startswith(("error_p", "average_precision", "median_abs")) else 0.0
        wanted = None if expected.value is None else pytest.approx(expected.value, rel=1e-9, abs=slack)
        assert found.value == wanted, metric.name


# --- columns ---

X, X0 = RNG.lognormal(0.2, 1.0, N), RNG.lognormal(0.0, 1.0, N)
C, C0 = RNG.choice(list("abcd"), N, p=[0.5, 0.3, 0.15, 0.05]), RNG.choice(list("abcd"), N)
V = RNG.exponential(size=N) + 0.1


def weighted_ks(x: Floats, w: Floats, y: Floats, v: Floats) -> float:
    """The largest gap between two weighted cumulative curves, at every value."""
    at = np.concatenate([x, y])
    curves = [
        np.append(0.0, np.cumsum(own[np.argsort(values)]))[np.searchsorted(np.sort(values), at, side="right")]
        / own.sum()
        for values, own in ((x, w), (y, v))
    ]
    return float(np.abs(curves[0] - curves[1]).max())


def test_ks_and_wasserstein_equal_the_exact_weighted_ones_within_their_error() -> None:
    grid = NumericGrid.fit(pl.Series(X0))
    window, reference = weigh(grid, pl.Series(X), W), weigh(grid, pl.Series(X0), V)
    ks, wasserstein = get("ks").compute(window, reference), get("wasserstein").compute(window, reference)
    assert ks.value == pytest.approx(weighted_ks(X, W, X0, V), abs=(ks.error or 0.0) + 1e-12)
    std = math.sqrt(np.average((X0 - np.average(X0, weights=V)) ** 2, weights=V))
    exact = stats.wasserstein_distance(X, X0, W, V) / std
    assert wasserstein.value == pytest.approx(exact, abs=(wasserstein.error or 0.0) + 1e-12)
    assert wasserstein.error is not None
    assert wasserstein.error < 0.05


def test_js_and_psi_are_of_weighted_shares() -> None:
    grid = CategoricalGrid.fit(pl.Series(C0))
    window, reference = weigh(grid, pl.Series(C), W), weigh(grid, pl.Series(C0), V)
    q, p = (np.array([w[c == k].sum() for k in "abcd"]) / w.sum() for c, w in ((C, W), (C0, V)))
    middle = (q + p) / 2
    js = math.sqrt((stats.entropy(q, middle, base=2) + stats.entropy(p, middle, base=2)) / 2)
    assert get("js").compute(window, reference).value == pytest.approx(js, rel=1e-9)
    assert get("psi").compute(window, reference).value == pytest.approx(((q - p) * np.log(q / p)).sum(), rel=1e-9)


BY_ROWS = {"chi2"}
"""Grows with the rows, as it must."""
COLUMNS: dict[str, tuple[Grid, pl.Series, pl.Series]] = {
    "numeric": (NumericGrid.fit(pl.Series(X0)), pl.Series(X), pl.Series(X0)),
    "categorical": (CategoricalGrid.fit(pl.Series(C0)), pl.Series(C), pl.Series(C0)),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_measure_like_repeated_rows(kind: str) -> None:
    grid, now, then = COLUMNS[kind]
    window, reference = weigh(grid, now, TIMES.astype(np.float64)), weigh(grid, then, TIMES[::-1].astype(np.float64))
    rows = [np.repeat(np.arange(N), times) for times in (TIMES, TIMES[::-1])]
    repeated = grid.count(now.gather(rows[0])), grid.count(then.gather(rows[1]))
    for metric in registered(of="column"):
        if kind not in metric.kinds or metric.name in BY_ROWS:
            continue
        found, expected = metric.compute(window, reference), metric.compute(*repeated)
        slack = (found.error or 0.0) if metric.name in {"p05", "p25", "median", "p75", "p95"} else 0.0
        assert found.value == pytest.approx(expected.value, rel=1e-9, abs=slack), metric.name
        assert (found.reference is None) == (expected.reference is None), metric.name


FINITE = st.floats(-1e6, 1e6)
VALUE = FINITE | st.none() | st.sampled_from([math.nan, math.inf, -math.inf, 0.0])
TEXT = st.none() | st.sampled_from(["a", "b", "c", "d", "new"])
EVENT = st.fixed_dictionaries(
    {
        "x": VALUE,
        "c": TEXT,
        "p": st.floats(0, 1) | st.none(),
        "y": st.sampled_from(["0", "1", None]),
        "shown": st.lists(st.sampled_from("abcd"), max_size=4),
        "liked": st.lists(st.sampled_from("abcd"), max_size=2) | st.none(),
    }
)
TYPES: dict[str, Any] = {"x": pl.Float64, "c": pl.String, "p": pl.Float64, "y": pl.String}
TYPES |= {"shown": pl.List(pl.String), "liked": pl.List(pl.String)}


def same_measure(found: Measure, expected: Measure) -> bool:
    """Equal to rounding: value, reference, error, interval."""
    pairs = [(getattr(found, name), getattr(expected, name)) for name in ("value", "reference", "error")]
    ends = zip(found.interval or (None, None), expected.interval or (None, None), strict=True)
    return all(
        a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-7, abs_tol=1e-9))
        for a, b in [*pairs, *ends]
    )


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(EVENT, max_size=40), st.lists(EVENT, min_size=1, max_size=40))
def test_weights_of_one_measure_like_none(now: list[dict[str, Any]], then: list[dict[str, Any]]) -> None:
    window, reference = (pl.DataFrame(rows, schema=TYPES) for rows in (now, then))
    for name, grid in (("x", NumericGrid.fit(reference["x"])), ("c", CategoricalGrid.fit(reference["c"]))):
        plain = [grid.count(frame[name]) for frame in (window, reference)]
        ones: list[ColumnProfile] = [weigh(grid, frame[name], np.ones(frame.height)) for frame in (window, reference)]
        for metric in registered(of="column"):
            assert same_measure(metric.compute(*ones), metric.compute(*plain)), metric.name
    grids: tuple[OutcomeGrid, ...] = (
        BinaryGrid("y", "p", None, "1", score_cuts(reference["p"].drop_nulls().to_numpy())),
        MulticlassGrid("c", "y", {"0": "p"}, ("0", "1"), score_cuts(np.linspace(0, 1, 9))),
        RegressionGrid("x", "p", error_grid(np.array([1.0, 2.0]), np.array([0.0, 5.0]))),
        RankingGrid.fit(reference, "liked", "shown", k=3),
    )
    for outcomes in grids:
        plain_outcome, one = outcomes.count(window), outcomes.weigh(window, np.ones(window.height))
        for metric in registered(of="outcome"):
            if outcomes.task in metric.tasks:
                assert same_measure(metric.compute(one), metric.compute(plain_outcome)), metric.name
