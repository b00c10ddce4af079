"""DLE: right where P(label | x) stays, however the inputs move; careful beyond; never at a loss for a reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pytest

from retrue.errors import MetricError, ProfileError
from retrue.estimate.dle import Regressor, regressor
from retrue.estimate.estimate import concept_drift
from retrue.estimate.estimator import Estimator
from retrue.estimate.fitting import fit
from retrue.estimate.record import Matured
from retrue.metrics import get
from retrue.metrics.performance.arrays import binary
from retrue.schema import Schema

NAMES = ("mae", "rmse", "bias", "mape", "r2")
ROOT = float(np.sqrt(2 / np.pi))


def made(n: int, *, centre: float = 0.0, share: float = 0.5, seed: int = 1) -> pl.DataFrame:
    """The prediction misses by N(0.3 x, sigma(x)^2) with sigma = .5 + x for group "a", twice that for "b"."""
    rng = np.random.default_rng(seed)
    x, group = rng.beta(2 + 6 * centre, 2, n), rng.random(n) < share
    sigma = (0.5 + x) * np.where(group, 2.0, 1.0)
    prediction = 10 + 5 * x
    error = 0.3 * x + sigma * rng.normal(0, 1, n)
    return pl.DataFrame(
        {"x": x, "group": np.where(group, "b", "a"), "f": prediction, "y": prediction - error, "sigma": sigma}
    )


def schema_of(frame: pl.DataFrame, **roles: Any) -> Schema:
    return Schema.infer(frame, **{"label": "y", "prediction": "f", "features": ["x", "group"], **roles})


def truth(window: pl.DataFrame) -> Mapping[str, float]:
    """Exact: e is N(m, sigma^2) in each row, so E e^2 = m^2 + sigma^2, and E|e| that of a folded normal."""
    from scipy.stats import foldnorm

    m, sigma = 0.3 * window["x"].to_numpy(), window["sigma"].to_numpy()
    size = foldnorm(m / sigma, scale=sigma).mean()
    return {
        "mae": float(size.mean()),
        "rmse": float(np.sqrt((m**2 + sigma**2).mean())),
        "bias": float(m.mean()),
    }


@pytest.fixture(scope="module")
def estimator() -> Estimator:
    frame = made(6_000)
    return fit(frame, schema_of(frame))


@pytest.mark.parametrize(("centre", "share"), [(0.0, 0.5), (1.0, 0.5), (0.0, 0.95), (1.0, 0.1)])
def test_it_follows_a_covariate_shift(estimator: Estimator, centre: float, share: float) -> None:
    """Larger x and more of group b both make the errors larger: the closed form comes out."""
    window = made(4_000, centre=centre, share=share, seed=7)
    found, exact = estimator.estimate(window), truth(window)
    for name, value in exact.items():
        said = found[name]
        assert said.interval is not None
        assert said.interval[0] <= value <= said.interval[1], name
    assert found["mae"].value == pytest.approx(exact["mae"], rel=0.06)
    assert found["rmse"].value == pytest.approx(exact["rmse"], rel=0.06)
    assert found["bias"].value == pytest.approx(exact["bias"], abs=0.12)


def test_all_metrics_come_with_an_interval_or_a_reason(estimator: Estimator) -> None:
    found = estimator.estimate(made(1_000, seed=8))
    assert set(NAMES) | {"error_p50"} <= set(found.metrics)
    for name in NAMES:
        value, interval = found[name].value, found[name].interval
        assert value is not None
        assert interval is not None
        assert interval[0] <= value <= interval[1]
    assert found["error_p50"].value is None
    assert "means, not how errors are distributed" in str(found["error_p50"].note)
    assert "2 features and the prediction, cross-fitted on 6,000 reference rows" in found.how


@pytest.mark.slow
def test_the_interval_holds_what_the_labels_say() -> None:
    """60 windows of five references: at least 87 % (binomial bound at 1 in 1,000 for 95 %)."""
    held = 0
    for seed in range(5):
        frame = made(3_000, seed=100 + seed)
        estimator = fit(frame, schema_of(frame))
        assert isinstance(estimator, Regressor)
        for i in range(4):
            window = made(800, centre=i / 4, share=0.2 * i, seed=1_000 + 10 * seed + i)
            said, real = estimator.estimate(window, metrics=NAMES), estimator.learned.grid.count(window)
            for name in ("mae", "rmse", "r2"):
                value, interval = get(name).compute(real).value, said[name].interval
                assert value is not None
                assert interval is not None
                held += interval[0] <= value <= interval[1]
    assert held >= 52


def test_labels_of_the_window_are_not_looked_at(estimator: Estimator) -> None:
    window = made(500, seed=9)
    with_labels = estimator.estimate(window)
    assert estimator.estimate(window.drop("y")).metrics == with_labels.metrics
    assert estimator.estimate(window.with_columns(y=pl.lit("what"))).metrics == with_labels.metrics


def odd_windows(window: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {
        "the window has no rows": window.head(0),
        "the window has 1 row with a finite prediction in 'f', needs 30": window.head(1),
        "none of the 400 rows has a finite prediction in 'f'": window.with_columns(f=pl.lit(float("nan"))),
        "none of the 400 rows has": window.drop("f"),
        "100 % of 400 rows lie where the reference has no rows: nothing is known of the model there"
        " ('group' never seen: 100 % of 400 rows)": window.with_columns(group=pl.lit("unheard of")),
        "('group' null, as hardly any row of the reference: 100 % of 400 rows)": window.drop("group"),
        "('f' beyond its range: 100 % of 400 rows)": window.with_columns(f=pl.col("f") + 1_000),
    }


@pytest.mark.parametrize("case", range(7))
def test_bad_windows_have_a_reason(estimator: Estimator, case: int) -> None:
    reason, window = list(odd_windows(made(400, seed=10)).items())[case]
    found = estimator.estimate(window)
    assert reason in str(found.refused)
    assert all(m.value is None and m.note for m in found.metrics.values())


def test_some_rows_beyond_the_reference_are_named_and_widen_the_interval(estimator: Estimator) -> None:
    window = made(1_000, seed=11).with_row_index("i")
    some = window.with_columns(group=pl.when(pl.col("i") < 50).then(pl.lit("new")).otherwise("group"))
    plain, wide = estimator.estimate(window), estimator.estimate(some)
    assert "5 % of 1,000 rows lie where" in wide.warnings[0]
    assert "'group' never seen: 5 % of 1,000 rows" in wide.warnings[0]
    for name in NAMES:
        a, b = plain[name].interval, wide[name].interval
        assert a is not None
        assert b is not None
        assert b[1] - b[0] > a[1] - a[0], name


def test_rows_without_a_prediction_are_told(estimator: Estimator) -> None:
    window = made(400, seed=12).with_row_index("i")
    found = estimator.estimate(window.with_columns(f=pl.when(pl.col("i") % 4 > 0).then(pl.col("f"))))
    assert "100 of 400 rows have no prediction and are left out" in found.warnings
    assert found.rows == 300


def odd_references(frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {
        "the reference has 1 rows with a label and a prediction, needs 200": frame.head(1),
        "the reference has 0 rows with a label": frame.drop("y"),
        "the reference has 0 rows with a label and a prediction": frame.with_columns(f=pl.lit(float("inf"))),
        "all labels of the reference are 3": frame.with_columns(y=pl.lit(3.0)),
        "too large to be squared": frame.with_columns(y=pl.col("y") * 1e200),
    }


@pytest.mark.parametrize("case", range(5))
def test_bad_references_have_a_reason(case: int) -> None:
    frame = made(600, seed=13)
    reason, reference = list(odd_references(frame).items())[case]
    found = fit(reference, schema_of(frame)).estimate(frame)
    assert reason in str(found.refused)
    assert found["mae"].note == f"can't be estimated: {found.refused}"


def test_without_features_the_prediction_tells_alone() -> None:
    """Here the prediction is a function of x; the groups, half and half, average out."""
    frame, window = made(4_000), made(2_000, centre=1.0, seed=14)
    found = fit(frame, schema_of(frame, features=[])).estimate(window)
    assert "from the prediction alone" in found.how
    assert found["mae"].value == pytest.approx(truth(window)["mae"], rel=0.08)


def test_a_reference_too_small_to_learn_from_gives_its_mean() -> None:
    frame = made(300, seed=15)
    found = fit(frame, schema_of(frame)).estimate(made(300, seed=16))
    assert "too few or too even" in found.how
    assert found["mae"].value == pytest.approx(np.abs((frame["f"] - frame["y"]).to_numpy()).mean(), rel=1e-6)


def test_a_model_without_errors_is_expected_to_make_none() -> None:
    frame = made(1_000, seed=17).with_columns(y=pl.col("f"))
    found = fit(frame, schema_of(frame)).estimate(made(300, seed=18))
    assert found["mae"].value == pytest.approx(0, abs=1e-9)
    assert found["r2"].value == pytest.approx(1)


@pytest.mark.parametrize("change", [{"x": pl.lit(float("inf"))}, {"x": pl.lit("text")}, {"f": pl.lit("text")}])
def test_odd_columns_never_crash_and_never_give_nan(estimator: Estimator, change: dict[str, Any]) -> None:
    found = estimator.estimate(made(400, seed=19).with_columns(**change))
    assert all(m.value is None or np.isfinite(m.value) for m in found.metrics.values())
    assert all(m.value is not None or m.note for m in found.metrics.values())


def test_labels_that_refute_it_silence_it(estimator: Estimator) -> None:
    """The world moves: three matured windows whose errors were three times as large."""
    assert isinstance(estimator, Regressor)
    past = []
    for seed in range(3):
        window = made(600, seed=40 + seed)
        turned = window.with_columns(y=pl.col("f") - 3 * (pl.col("f") - pl.col("y")))
        past.append(Matured(estimator.estimate(window), estimator.learned.grid.count(turned)))
    drift = concept_drift(past[0].estimate, past[0].realised)["mae"]
    assert drift.interval is not None
    assert drift.interval[0] > 0
    window = made(600, seed=50)
    one, all_three = (estimator.estimate(window, past=past[:k]) for k in (1, 3))
    assert "should have been" in one.warnings[0]
    assert all_three["mae"].value is None
    assert "labels refuted the last 3 estimates" in str(all_three["mae"].note)
    assert all_three.withheld["mae"].value is not None


def test_an_unknown_method_or_another_grid_is_told(estimator: Estimator) -> None:
    with pytest.raises(MetricError, match="unknown method"):
        estimator.estimate(made(50), method="cbpe")
    frame = made(50)
    with pytest.raises(ProfileError, match="doesn't count errors"):
        regressor(frame, schema_of(frame), binary_grid())


def binary_grid() -> Any:
    from retrue.core.outcome_grid import BinaryGrid

    return BinaryGrid("y", "f", None, "1", binary([0, 1], scores=[0.1, 0.9]).cuts)
