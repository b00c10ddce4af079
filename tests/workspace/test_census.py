"""Student housing in the census sample, from log to explanation: one incident that says since when, how much, and why.

Chunks of 5,000 rows of the analysis part, counted from 0, are a day each; the shift spans chunks 26 to 28.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest
from tests.explain.test_census import CENSUS
from tests.workspace.conftest import START, day

import retrue as rt
from retrue.judge.columns import ColumnImpact
from retrue.judge.incident import window_of
from retrue.judge.verdict import Verdict
from retrue.workspace.check.judged import judge_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CENSUS.exists(), reason="the census data isn't beside the repository"),
]
CHUNK = 5_000
FIRST, LAST = 25, 28
"""The chunks that are logged: one as usual, three of the shift."""


@cache
def parts() -> tuple[pl.DataFrame, pl.DataFrame]:
    """The reference in the two weeks before `START`, and the chunks that are logged, a day each."""
    data = pl.read_parquet(CENSUS).drop("year")
    then, later = (data.filter(pl.col("split") == part).drop("split") for part in ("reference", "analysis"))
    row = pl.int_range(pl.len())
    reference = then.with_columns(at=START - timedelta(days=14) + row * timedelta(days=14) / pl.len())
    chunks = later.with_columns(at=START + row * timedelta(days=1) / CHUNK)
    return reference, chunks[FIRST * CHUNK : (LAST + 1) * CHUNK]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rt.Model]:
    """The model once its labels are in and all was checked."""
    reference, live = parts()
    with rt.open(tmp_path_factory.mktemp("census") / "store") as store:
        model = store.register(
            "employment",
            reference,
            id="id",
            time="at",
            label="employed",
            score="predicted_probability",
            prediction="prediction",
            window="1d",
            estimate="off",
        )
        model.log(live.drop("employed"), at=day(LAST + 1))
        model.label(live.select("id", "employed"), at=day(LAST + 1))
        model.check(now=day(LAST + 1.1))
        yield model


def impact(model: rt.Model, column: str, chunk: int) -> ColumnImpact:
    """What a column's move in a chunk is expected to cost."""
    start = int(day(chunk).timestamp())
    (whole,) = model.store.profiles(model.name, version=model.version, start=start, slice="")
    found = judge_of(model, model.reference.load()).impact(column, whole.profile.columns[column])
    assert found is not None
    return found


def accuracy(frame: pl.DataFrame) -> float:
    """By hand: the share of predictions that are the label."""
    return float(np.mean(frame["employed"].to_numpy() == frame["prediction"].to_numpy()))


def verdicts(model: rt.Model, chunk: int) -> list[Verdict]:
    """The alarms of a chunk."""
    told = [alert for one in model.incidents() for alert in one.verdicts]
    return [alert for alert in told if window_of(alert)[0] == day(chunk).isoformat()]


def test_relationship_is_expected_to_cost_what_accuracy_really_lost(model: rt.Model) -> None:
    reference, live = parts()
    realised = accuracy(live[(27 - FIRST) * CHUNK : (28 - FIRST) * CHUNK]) - accuracy(reference)
    found = impact(model, "RELP", 27)
    assert realised == pytest.approx(-0.06, abs=0.002)
    assert found.metric == "accuracy"
    assert found.value == pytest.approx(-0.07, abs=0.005)
    assert found.interval[0] < -0.07 < found.interval[1] < -0.05
    said = next(alert for alert in verdicts(model, 27) if alert.column == "RELP")
    assert "expected to change accuracy by −0.070 (−0.081 to −0.058)" in said.reason


@pytest.mark.parametrize("chunk", range(FIRST, LAST + 1))
def test_ancestry_costs_nothing_and_wakes_nobody_however_far_it_moves(model: rt.Model, chunk: int) -> None:
    assert impact(model, "ANC", chunk).value == pytest.approx(0, abs=0.002)
    assert "ANC" not in [alert.column for alert in verdicts(model, chunk)]


def test_a_chunk_as_usual_wakes_nobody(model: rt.Model) -> None:
    assert verdicts(model, FIRST) == []


def test_the_whole_shift_is_one_incident_whose_sentence_says_it_all(model: rt.Model) -> None:
    (incident,) = model.incidents()
    assert incident.sentence == (
        "Since 27 January 2024, ROC AUC is 3.4 points lower (2.8 to 4.0), because 68 % of rows are now "
        "RELP in {16, 17}; normally 7.5 %; also AGEP, SCHL, predicted_probability and 2 more"
    )
    assert {window_of(alert)[0] for alert in incident.verdicts} == {day(chunk).isoformat() for chunk in (26, 27, 28)}


def test_its_explanation_names_student_housing_first_and_shares_the_loss_out(model: rt.Model) -> None:
    (incident,) = model.incidents()
    found = incident.explain()
    assert [one.slice.sql for one in found.slices][:1] == ["RELP IN (16.0, 17.0)"]
    assert found.since == day(26).isoformat()
    assert found.features[0].column == "RELP"
    part = None if found.sharing is None else found.sharing.of("AGEP")
    assert part is not None
    assert part.alone < -0.05
    assert abs(part.share) < 0.005
    assert "RELP" in part.shared_with
