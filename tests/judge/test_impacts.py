"""Impacts in any metric, recomputed from raw rows: the reference's rows weighted by the window's shares of the bins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    mean_absolute_error,
    precision_score,
    recall_score,
    root_mean_squared_error,
)

from retrue.comparing import compare, make_reference
from retrue.errors import MetricError
from retrue.judge.assess import Judge
from retrue.judge.impacts import Costs, impact_metrics
from retrue.judge.settings import Settings
from retrue.judge.verdict import VerdictKind

ROWS = 40_000
SHARES = {"a": (0.5, 0.2), "b": (0.3, 0.3), "c": (0.2, 0.5)}


def rows(side: int, seed: int) -> pl.DataFrame:
    """Events whose city decides how hard they are; the cities' shares differ between the two sides."""
    rng = np.random.default_rng(seed)
    city = rng.choice(list(SHARES), ROWS, p=[shares[side] for shares in SHARES.values()])
    blur = np.select([city == "a", city == "b"], [0.3, 0.8], 2.0)
    x = rng.normal(size=ROWS)
    truth = x + blur * rng.normal(size=ROWS)
    return pl.DataFrame(
        {
            "city": city,
            "p": 1 / (1 + np.exp(-3 * x)),
            "y": (truth > 0.5).astype(int),
            "forecast": x,
            "truth": truth,
            "revenue": 10 * blur + rng.exponential(5, ROWS),
            "w": rng.exponential(1, ROWS),
        }
    )


BEFORE, AFTER = rows(0, 1), rows(1, 2)
BINARY: dict[str, Any] = {"label": "y", "score": "p", "features": ["city"]}
REGRESSION: dict[str, Any] = {"label": "truth", "prediction": "forecast", "features": ["city"], "task": "regression"}


def weights(column: str = "city", own: str | None = None) -> np.ndarray[Any, Any]:
    """What each reference row weighs so that the column's shares are the window's."""
    ones = pl.col("p") * 0 + 1 if own is None else pl.col(own)
    shares = [
        frame.group_by(column).agg(n=ones.sum()).with_columns(share=pl.col("n") / pl.col("n").sum())
        for frame in (AFTER, BEFORE)
    ]
    ratio = shares[0].join(shares[1], on=column).select(column, ratio=pl.col("share") / pl.col("share_right"))
    return BEFORE.join(ratio, on=column, maintain_order="left").select(pl.col("ratio") * ones).to_series().to_numpy()


def told(metric: str, roles: dict[str, Any], **more: Any) -> float:
    """The impact of the city, as `compare` tells it."""
    report = compare(BEFORE, AFTER, impact=metric, **roles, **more)
    impact = report.columns["city"].impact
    assert impact is not None
    assert report.impact_metric == metric
    return impact


def worth(y: Any, said: Any, sample_weight: Any = None) -> float:
    """By hand: a true positive brings 100, a false one costs 5, a missed one 20."""
    y, said = np.asarray(y), np.asarray(said)
    value = 100 * (y & said) - 5 * ((1 - y) & said) - 20 * (y & (1 - said))
    return float(np.average(value, weights=sample_weight))


VALUE_MATRIX = {"tp": 100, "fp": -5, "fn": -20}
OF_CLASS = {
    "precision": precision_score,
    "recall": recall_score,
    "f1": f1_score,
    "accuracy": accuracy_score,
    "specificity": lambda y, said, **w: recall_score(y, said, pos_label=0, **w),
    "value_per_event": worth,
}


@pytest.mark.parametrize("metric", OF_CLASS)
def test_metrics_of_the_confusion_matrix_are_those_of_reweighted_rows(metric: str) -> None:
    said = (BEFORE["p"] >= 0.5).cast(pl.Int64).to_numpy()
    score = OF_CLASS[metric]
    expected = score(BEFORE["y"], said, sample_weight=weights()) - score(BEFORE["y"], said)
    scale = 100 if metric == "value_per_event" else 1
    assert abs(expected) > 0.01 * scale
    found = told(metric, BINARY | {"value_matrix": VALUE_MATRIX})
    assert found == pytest.approx(expected, abs=0.001 * scale)  # 20 pseudo-counts in bins of 8,000 rows and more


@pytest.mark.parametrize(("metric", "score"), [("log_loss", log_loss), ("brier", brier_score_loss)])
def test_losses_of_scores_are_those_of_reweighted_rows(metric: str, score: Any) -> None:
    expected = score(BEFORE["y"], BEFORE["p"], sample_weight=weights()) - score(BEFORE["y"], BEFORE["p"])
    assert told(metric, BINARY) == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize(("metric", "score"), [("mae", mean_absolute_error), ("rmse", root_mean_squared_error)])
def test_errors_of_a_regression_are_those_of_reweighted_rows(metric: str, score: Any) -> None:
    plain = score(BEFORE["truth"], BEFORE["forecast"])
    expected = score(BEFORE["truth"], BEFORE["forecast"], sample_weight=weights()) - plain
    assert expected > 0.1
    assert told(metric, REGRESSION) == pytest.approx(expected, abs=0.002)


def test_a_column_of_money_is_a_metric_too() -> None:
    expected = np.average(BEFORE["revenue"], weights=weights()) - BEFORE["revenue"].to_numpy().mean()
    assert expected > 2
    assert told("mean(revenue)", BINARY | {"value": "revenue"}) == pytest.approx(expected, abs=0.02)


def test_weighted_events_weigh_their_impact() -> None:
    said = (BEFORE["p"] >= 0.5).cast(pl.Int64).to_numpy()
    own = BEFORE["w"].to_numpy()
    after, before = (f1_score(BEFORE["y"], said, sample_weight=w) for w in (weights(own="w"), own))
    assert told("f1", BINARY | {"weight": "w"}) == pytest.approx(after - before, abs=0.002)


@pytest.mark.parametrize("metric", ["f1_macro", "recall@b", "value_per_event"])
def test_several_classes_are_those_of_reweighted_rows(metric: str) -> None:
    """Independent: scikit-learn, or by hand: naming an `a` is worth 3, calling a `b` an `a` costs 2."""
    kinds = np.array(["a", "b", "c"])

    def named(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        kind, other = rng.integers(0, 3, ROWS), rng.integers(0, 3, ROWS)
        right = rng.random(ROWS) < np.select([frame["city"] == "a", frame["city"] == "b"], [0.95, 0.8], 0.4)
        return pl.DataFrame({"city": frame["city"], "kind": kinds[kind], "said": kinds[np.where(right, kind, other)]})

    def score(y: Any, said: Any, sample_weight: Any) -> float:
        if metric == "f1_macro":
            return float(f1_score(y, said, average="macro", sample_weight=sample_weight))
        if metric == "recall@b":
            return float(recall_score(y, said, average="macro", labels=["b"], sample_weight=sample_weight))
        worth = 3.0 * ((y == "a") & (said == "a")) - 2.0 * ((y == "b") & (said == "a"))
        return float(np.average(worth, weights=sample_weight))

    before, after = named(BEFORE, 5), named(AFTER, 6)
    y, said = before["kind"].to_numpy(), before["said"].to_numpy()
    expected = score(y, said, weights()) - score(y, said, np.ones(ROWS))
    assert expected < -0.05
    matrix = {"a": {"a": 3}, "b": {"a": -2}}
    roles: dict[str, Any] = {"label": "kind", "prediction": "said", "features": ["city"], "value_matrix": matrix}
    found = compare(before, after, impact=metric, **roles).columns["city"].impact
    assert found == pytest.approx(expected, abs=0.003)


def test_ranked_lists_have_impacts() -> None:
    """Closed form: the first item is right 90 % of the time in `a` and 50 % in `b`; 60 % of rows move over."""

    def lists(share: float) -> pl.DataFrame:
        n = 1_000
        city = ["a"] * round(share * n) + ["b"] * round((1 - share) * n)
        right = [(i % 10) < (9 if one == "a" else 5) for i, one in enumerate(city)]
        return pl.DataFrame({"city": city, "shown": [["x"]] * n, "liked": [["x"] if ok else ["z"] for ok in right]})

    roles: dict[str, Any] = {"label": "liked", "prediction": "shown", "task": "ranking", "features": ["city"]}
    report = compare(lists(0.8), lists(0.2), impact="hit_rate", **roles)
    impact = report.columns["city"].impact
    assert impact == pytest.approx(0.6 * (0.5 - 0.9), abs=0.02)


def test_a_metric_that_impacts_cannot_be_in_is_an_error_that_names_those_they_can() -> None:
    with pytest.raises(MetricError, match="impacts in 'f2': expected value_per_event, accuracy"):
        compare(BEFORE, AFTER, impact="f2", **BINARY)
    with pytest.raises(MetricError, match="impacts in 'base_rate'"):
        compare(BEFORE, AFTER, impact="base_rate", **BINARY)
    assert "mae" in impact_metrics(make_reference(BEFORE, **REGRESSION).schema)


def test_a_metric_of_ranks_is_not_comparable_and_says_why() -> None:
    report = compare(BEFORE, AFTER, impact="roc_auc", **BINARY)
    (untold,) = [v for v in report.verdicts if v.metric == "roc_auc" and v.kind is VerdictKind.NOT_COMPARABLE]
    assert untold.reason.startswith("what moves cost in ROC AUC can't be told: ")
    assert report.columns["city"].impact is None


def test_a_reference_of_an_earlier_version_says_to_register_again() -> None:
    base = make_reference(BEFORE, **BINARY)
    earlier = replace(base, scores={n: replace(s, cells=None, means={}) for n, s in base.scores.items()})
    report = compare(earlier, AFTER, impact="f1")
    (untold,) = [v for v in report.verdicts if v.metric == "f1" and v.kind is VerdictKind.NOT_COMPARABLE]
    assert untold.reason.endswith("register again")
    assert compare(earlier, AFTER).columns["city"].impact is not None


def test_a_small_cost_is_small_in_the_metrics_own_unit() -> None:
    """MAE in cents is 100 times MAE in euros: whether a move is a notice must not depend on it."""
    for scale in (1.0, 100.0, 1e-4):
        before, after = (f.with_columns(pl.col("truth", "forecast") * scale) for f in (BEFORE, AFTER))
        (moved,) = [v for v in compare(before, after, **REGRESSION).verdicts if v.column == "city"]
        assert moved.kind is VerdictKind.DRIFTING
        assert moved.alarm
        even = (f.with_columns(truth=pl.col("forecast") + scale * (1 + 0.01 * pl.col("w"))) for f in (before, after))
        (moved,) = [v for v in compare(*even, **REGRESSION).verdicts if v.column == "city"]
        assert moved.kind is VerdictKind.DRIFTING
        assert moved.notice


def test_the_interval_of_a_ratio_covers_the_truth() -> None:
    """F1 of multinomial cells at known shares; simulated 300 times; 95 % would be 285, binomial bound 5 sd below."""
    from retrue.estimate.impact import CellColumn, impact_of_cells

    rng = np.random.default_rng(8)
    cells = np.array([[0.5, 0.1, 0.1, 0.3], [0.3, 0.3, 0.2, 0.2]])
    q, p = np.array([0.2, 0.8]), np.array([0.7, 0.3])

    def f1(c: Any) -> float:
        return float(2 * c[3] / (2 * c[3] + c[1] + c[2]))

    truth, hits = f1(q @ cells) - f1(p @ cells), 0
    for _ in range(300):
        window, reference = rng.multinomial(2_000, q), rng.multinomial(3_000, p)
        counted = np.stack([rng.multinomial(n, c) for n, c in zip(reference, cells, strict=True)])
        found = impact_of_cells(window, reference, CellColumn(counted, f1, "f1"))
        assert found is not None
        hits += found.interval[0] <= truth <= found.interval[1]
    assert hits >= 265


def test_nothing_chosen_is_the_main_metric() -> None:
    base = make_reference(BEFORE, **BINARY)
    assert Costs(base).metric == "accuracy"
    assert Costs(base).lacking is None
    assert Judge(base, Settings(impact="f1")).costs.better == "higher"
    assert Judge(base, Settings(impact="log_loss")).costs.better == "lower"


def test_alerts_rank_by_what_they_cost_and_then_by_surprise() -> None:
    """Both columns drift; the one that moves more costs nothing, and comes after the one that costs."""
    rng = np.random.default_rng(4)

    def both(side: int) -> pl.DataFrame:
        frame = rows(side, 10 + side)
        idle = rng.choice(["m", "n"], ROWS, p=[0.95, 0.05] if side == 0 else [0.2, 0.8])
        return frame.with_columns(idle=pl.Series(idle))

    report = compare(both(0), both(1), label="y", score="p", features=["idle", "city"])
    columns = [v.column for v in report.verdicts if v.kind is VerdictKind.DRIFTING and v.column in ("idle", "city")]
    assert columns == ["city", "idle"]
    assert str(report).index("city") < str(report).index("idle")
    assert [v["column"] for v in report.to_dict()["verdicts"] if v["column"] in ("idle", "city")] == ["city", "idle"]
