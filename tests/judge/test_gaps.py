"""Rules between groups: through `compare`, through a store, with labels and before there are any."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import accuracy_score

import retrue as rt
from retrue.errors import MetricError, SchemaError
from retrue.judge.rules import Rule
from retrue.judge.verdict import Verdict, VerdictKind

RULES = ["accuracy_gap(sex) <= 0.05", "selection_rate_ratio(sex) >= 0.8", "estimated_accuracy_gap(sex) <= 0.15"]
ROLES: dict[str, Any] = {"id": "id", "time": "at", "label": "y", "score": "score"}
START = datetime(2026, 3, 1, tzinfo=UTC)
LATER = datetime(2026, 3, 5, tzinfo=UTC)


def events(n: int, seed: int, *, unfair: bool = False) -> pl.DataFrame:
    """Events over two days; where it is unfair, six in ten women get a third of their score."""
    random = np.random.default_rng(seed)
    sex, x = random.choice(["F", "M"], n), random.normal(size=n)
    chance = 1 / (1 + np.exp(-2 * x))
    cut = (sex == "F") & (random.random(n) < 0.6) & unfair
    return pl.DataFrame(
        {
            "id": [f"{seed}-{i}" for i in range(n)],
            "at": [START + timedelta(days=2) * (i / n) for i in range(n)],
            "x": x,
            "sex": sex,
            "score": np.round(np.where(cut, 0.3, 1.0) * chance, 3),
            "y": (random.random(n) < chance).astype(int),
        }
    )


def about(verdicts: list[Verdict] | tuple[Verdict, ...], metric: str) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.metric == metric]


def accuracy(rows: pl.DataFrame) -> float:
    return float(accuracy_score(rows["y"], rows["score"] >= 0.5))


def test_the_gap_of_a_comparison_is_what_scikit_learn_gives_for_each_group() -> None:
    reference, window = events(4_000, 1), events(2_000, 2, unfair=True)
    report = rt.compare(reference, window, rules=RULES, **ROLES)
    by_sex = {sex: window.filter(pl.col("sex") == sex) for sex in ("F", "M")}
    (found,) = about(report.verdicts, "accuracy_gap")
    assert found.value == pytest.approx(accuracy(by_sex["M"]) - accuracy(by_sex["F"]))
    assert found.kind is VerdictKind.DEGRADED
    assert "% for F against" in found.reason
    assert found.column == "sex"
    (selected,) = about(report.verdicts, "selection_rate_ratio")
    rates = [(rows["score"] >= 0.5).mean() for rows in by_sex.values()]
    assert selected.value == pytest.approx(min(rates) / max(rates))  # type: ignore[type-var, operator]
    assert report.columns["sex"].verdict.kind is VerdictKind.TRUE  # the model is out of true, not the column


def test_before_labels_come_selection_and_estimates_are_compared_and_afterwards_accuracy(tmp_path: Path) -> None:
    store = rt.open(tmp_path / "store")
    model = store.register("hiring", events(6_000, 3), rules=RULES, window="1d", **ROLES)
    logged = events(1_200, 4, unfair=True)
    model.log(logged.drop("y"))
    early = model.check(now=LATER)
    assert {v.kind for v in about(early, "accuracy_gap")} == {VerdictKind.NOT_COMPARABLE}
    assert "0 rows with labels, needs 50" in about(early, "accuracy_gap")[0].reason
    assert {v.kind for v in about(early, "selection_rate_ratio")} == {VerdictKind.DEGRADED}
    assert all(v.value is not None for v in about(early, "estimated_accuracy_gap"))
    model.label(logged.select("id", "y"))
    late = model.check(now=LATER)
    assert {v.kind for v in about(late, "accuracy_gap")} == {VerdictKind.DEGRADED}
    assert [v.value for v in about(late, "selection_rate_ratio")] == [
        v.value for v in about(early, "selection_rate_ratio")
    ]


def test_thresholds_may_be_relative_to_the_reference_s_own_gap() -> None:
    reference, window = events(4_000, 5), events(2_000, 6)
    report = rt.compare(reference, window, rules=["selection_rate_gap(sex) <= reference + 0.1"], **ROLES)
    (found,) = about(report.verdicts, "selection_rate_gap")
    assert found.kind is VerdictKind.TRUE
    assert "reference" in found.reason


def test_a_small_group_is_left_out_and_a_lonely_one_is_not_comparable() -> None:
    reference = events(4_000, 7)
    few = pl.concat([events(500, 8).filter(pl.col("sex") == "M"), events(60, 9).filter(pl.col("sex") == "F")])
    report = rt.compare(reference, few, rules=["accuracy_gap(sex) <= 0.05"], **ROLES)
    (found,) = about(report.verdicts, "accuracy_gap")
    assert found.kind is VerdictKind.NOT_COMPARABLE
    assert "rows with labels, needs 50" in found.reason


def test_a_rule_between_groups_needs_a_column_of_categories() -> None:
    with pytest.raises(MetricError, match=r"expected 'accuracy_gap\(column\)'"):
        Rule.parse("accuracy_gap <= 0.1")
    with pytest.raises(MetricError, match="compares slices, and can't be in one"):
        Rule.parse("accuracy_gap(sex)[x > 0] <= 0.1")
    with pytest.raises(SchemaError, match="isn't categorical"):
        rt.compare(events(400, 1), events(400, 2), rules=["accuracy_gap(x) <= 0.1"], **ROLES)


def test_a_backtest_replays_a_rule_between_groups_whose_slices_weren_t_kept(tmp_path: Path) -> None:
    store = rt.open(tmp_path / "store")
    model = store.register("hiring", events(6_000, 3), window="1d", **ROLES)
    model.log(events(1_200, 4, unfair=True))
    found = model.backtest(["accuracy_gap(sex) <= 0.05"], now=LATER)
    assert found["proposed"].alarms == 1
