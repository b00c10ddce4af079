"""What predictions are worth, in a store: realised by window, watched by a rule, and the metric of impacts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import retrue as rt
from retrue.errors import MetricError, SchemaError

START = datetime(2026, 1, 1, tzinfo=UTC)
WORTH = {"tp": 100, "fp": -5, "fn": -20}


def events(seed: int, day: int, hard: float, rows: int = 1_000) -> pl.DataFrame:
    """A day of events; predictions are no better than chance in the hard city."""
    rng = np.random.default_rng(seed)
    city = rng.choice(["easy", "hard"], rows, p=[1 - hard, hard])
    y = rng.integers(0, 2, rows)
    sure = np.where(y == 1, 0.9, 0.1)
    return pl.DataFrame(
        {
            "id": np.arange(rows) + (day + 100) * rows,
            "at": pl.Series([START + timedelta(days=day) + timedelta(seconds=i * 80_000 / rows) for i in range(rows)]),
            "city": city,
            "p": np.where(city == "easy", sure, rng.choice([0.1, 0.9], rows)),
            "y": y,
        }
    )


@pytest.fixture
def model(tmp_path: Path) -> rt.Model:
    """A model whose predictions are worth money, after two days of which the second is hard."""
    reference = pl.concat([events(i, i - 4, 0.1) for i in range(4)])
    made = rt.open(tmp_path / "store").register(
        "fraud", reference, id="id", time="at", label="y", score="p", window="1d",
        value_matrix=WORTH, impact="value_per_event", rules=["value_per_event >= 35"],
    )  # fmt: skip
    for day, hard in enumerate((0.1, 0.9)):
        rows = events(10 + day, day, hard)
        made.log(rows.drop("y"))
        made.label(rows.select("id", "y"))
    return made


def test_a_rule_about_it_alarms_on_the_day_that_loses_money(model: rt.Model) -> None:
    """By hand: an easy event is worth 50 on average; a hard one (100 - 20 - 5) / 4 = 18.75."""
    verdicts = [v for v in model.check(now=START + timedelta(days=3)) if v.metric == "value_per_event"]
    (bad,) = [v for v in verdicts if v.alarms]
    assert bad.value == pytest.approx(0.1 * 50 + 0.9 * 18.75, abs=3)
    assert bad.window is not None
    assert bad.window[0].startswith("2026-01-02")


def test_an_explanation_shares_out_the_money(model: rt.Model) -> None:
    """By hand: 80 % of the events move from 50 to 18.75 each."""
    model.check(now=START + timedelta(days=3))
    told = model.incidents()[0].explain().to_dict()
    assert told["sharing"]["metric"] == "value_per_event"
    (city,) = [one for one in told["features"] if one["column"] == "city"]
    assert city["impact"] == pytest.approx(-0.8 * 31.25, abs=4)
    assert city["share"] == pytest.approx(told["sharing"]["explained"])
    assert city["shared_with"] == []


def test_what_does_not_fit_is_refused_before_anything_is_kept(tmp_path: Path) -> None:
    store, reference = rt.open(tmp_path / "store"), events(1, 0, 0.1)
    roles: dict[str, Any] = {"id": "id", "time": "at", "label": "y", "score": "p"}
    with pytest.raises(MetricError, match="impacts in 'mean"):
        store.register("fraud", reference, impact="mean(revenue)", **roles)
    with pytest.raises(SchemaError, match="'hit' in value_matrix"):
        store.register("fraud", reference, value_matrix={"hit": 1}, **roles)
    assert store.models() == []


def test_a_column_of_money_needs_no_labels(tmp_path: Path) -> None:
    """By hand: an event brings 20 in the easy city and 5 in the hard one; 80 % of them move."""
    brings = pl.when(pl.col("city") == "easy").then(20.0).otherwise(5.0)
    reference, hard = (events(seed, seed - 1, share).with_columns(fare=brings) for seed, share in ((0, 0.1), (1, 0.9)))
    roles: dict[str, Any] = {"id": "id", "time": "at", "label": "y", "score": "p", "value": "fare"}
    made = rt.open(tmp_path / "store").register("trips", reference, window="1d", impact="mean(fare)", **roles)
    made.log(hard.drop("y", "fare"))
    made.check(now=START + timedelta(days=3))
    told = next(one for one in made.incidents() if "city" in one.columns).explain()
    assert told.sharing is not None
    assert (told.sharing.metric, told.sharing.joint) == ("mean(fare)", None)
    assert told.sharing.explained == pytest.approx(-0.8 * 15, abs=1)
    assert "mean of fare −1" in str(told)
