"""Sharing out: the parts of features that share one cause, against closed forms."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from retrue.comparing import make_reference
from retrue.explain.coding import code
from retrue.explain.features import rank_features
from retrue.explain.margins import EventScores
from retrue.explain.sharing import Sharing, share_between, share_out
from retrue.judge.assess import Judge
from retrue.judge.impacts import Costs
from retrue.judge.settings import Settings
from retrue.judge.verdict import VerdictKind
from retrue.report.incident import sharing_said

SHARED = Path(os.environ.get("RETRUE_SHARED", Path(__file__).parents[2].parent / "shared"))
CENSUS = SHARED / "data" / "us_census_ma_employment" / "data.parquet"


def cross(*counts: int) -> pl.DataFrame:
    """Rows of the four pairs of home and age: dorm young, dorm old, house young, house old."""
    pairs = [("dorm", "young"), ("dorm", "old"), ("house", "young"), ("house", "old")]
    rows = [pair for pair, n in zip(pairs, counts, strict=True) for _ in range(n)]
    return pl.DataFrame(rows, schema=["home", "age"], orient="row")


def found(window: pl.DataFrame, reference: pl.DataFrame, scores: Any, least: float = 0.0) -> Sharing:
    """The sharing of a mean."""
    sharing = share_out(code(window, reference), EventScores("accuracy", np.asarray(scores, float)), least=least)
    assert sharing is not None
    return sharing


def test_who_only_goes_along_with_the_cause_has_nothing_of_its_own() -> None:
    """Closed form: right is 1 in houses and 0.5 in dorms, whatever the age; 10 % of rows in dorms become 90 %.

    Young people live in dorms: 90 % of those in dorms, 10 % of the others. Share of the young from 18 to 82 %, whose
    mean is 0.75 against 1 - 0.5 / 82: raking to homes leaves ages at the window's shares.
    """
    before, after = cross(900, 100, 900, 8100), cross(8100, 900, 100, 900)
    right = np.where(before["home"] == "dorm", np.arange(10_000) % 2, 1.0)
    sharing = found(after, before, right)
    home, age = sharing.of("home"), sharing.of("age")
    assert home is not None
    assert age is not None
    assert (home.share, home.alone) == pytest.approx((-0.4, -0.4))
    assert age.alone == pytest.approx((0.82 - 0.18) * (0.75 - (1 - 0.5 * 100 / 8200)), abs=1e-9)
    assert (age.share, age.shared_with, home.shared_with) == (0.0, ("home",), ("age",))
    assert sharing.explained == pytest.approx(-0.4)
    assert sharing.interval is not None
    assert sharing.interval[0] < -0.4 < sharing.interval[1]


def test_two_causes_have_a_part_each() -> None:
    """Closed form: the two are independent and their costs add up, so do the parts."""
    before, after = cross(100, 900, 900, 8100), cross(2500, 2500, 2500, 2500)
    right = 1 - 0.3 * (before["home"] == "dorm").to_numpy() - 0.1 * (before["age"] == "young").to_numpy()
    sharing = found(after, before, right)
    assert {part.column: part.share for part in sharing.parts} == pytest.approx({"home": -0.12, "age": -0.04})
    assert all(part.shared_with == () for part in sharing.parts)


def test_no_move_is_nothing_to_share() -> None:
    before = cross(100, 900, 900, 8100)
    sharing = found(before, before, np.arange(10_000) % 3 == 0)
    assert sharing.explained == 0
    assert {part.share for part in sharing.parts} == {0.0}
    assert all(abs(part.alone) < 1e-12 for part in sharing.parts)


def test_a_change_that_is_not_worth_telling_has_no_part() -> None:
    before, after = cross(500, 500, 500, 500), cross(550, 550, 450, 450)
    right = np.where(before["home"] == "dorm", 0.9, 1.0)
    assert found(after, before, right).explained == pytest.approx(-0.005)
    assert found(after, before, right, least=0.01).explained == 0


def test_where_most_values_were_never_evaluated_nothing_is_explained() -> None:
    """What is known of a few rows isn't what the features explain together."""
    before = cross(1000, 0, 0, 1000)
    after = pl.concat([cross(300, 0, 0, 100), pl.DataFrame({"home": ["tent"] * 600, "age": ["old"] * 600})])
    sharing = found(after, before, np.where(before["home"] == "dorm", 0.0, 1.0))
    assert (sharing.explained, sharing.interval) == (None, None)
    assert sharing.unseen == pytest.approx(0.6)
    assert (sharing.to_dict()["explained"], sharing.to_dict()["interval"]) == (None, None)
    assert sharing_said(sharing) == "60 % of the rows have a value that the model was never evaluated on."


def test_rows_with_values_that_were_never_evaluated_are_told_and_left_out() -> None:
    before = cross(1000, 0, 0, 1000)
    after = pl.concat([cross(500, 0, 0, 300), pl.DataFrame({"home": ["tent"] * 200, "age": ["old"] * 200})])
    sharing = found(after, before, np.where(before["home"] == "dorm", 0.0, 1.0))
    assert sharing.unseen == pytest.approx(0.2)
    home = sharing.of("home")
    assert home is not None
    assert home.alone == pytest.approx(3 / 8 - 1 / 2)


def test_a_metric_of_the_confusion_matrix_is_shared_out_as_itself() -> None:
    """Independent: scikit-learn's F1 of the reference's rows, each weighted by its home's ratio of shares."""
    rng = np.random.default_rng(3)
    before, after = cross(900, 100, 900, 8100), cross(8100, 900, 100, 900)
    y = rng.integers(0, 2, 10_000)
    said = np.where(rng.random(10_000) < np.where(before["home"] == "dorm", 0.6, 0.95), y, 1 - y)

    def f1(cells: Any) -> float:
        return float(2 * cells[3] / (2 * cells[3] + cells[1] + cells[2]))

    sharing = share_out(code(after, before), EventScores.of_cells("f1", y * 2 + said, 4, f1), least=0.01)
    assert sharing is not None
    w = np.where(before["home"] == "dorm", 9.0, 1 / 9)
    assert sharing.explained == pytest.approx(f1_score(y, said, sample_weight=w) - f1_score(y, said))


def test_without_labels_or_rows_there_is_nothing_to_share() -> None:
    before = cross(10, 10, 10, 10)
    assert share_out(code(before, before), EventScores("accuracy", np.full(40, np.nan))) is None
    assert share_out(code(before.clear(), before), EventScores("accuracy", np.ones(40))) is None


tables = st.lists(st.integers(0, 60), min_size=4, max_size=4).filter(lambda n: sum(n) > 40)


@settings(max_examples=60)
@given(tables, tables, st.integers(0, 2**32 - 1))
def test_parts_add_up_and_no_order_of_columns_or_rows_matters(after: list[int], before: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    window, reference = cross(*after), cross(*before)
    scores = (rng.random(reference.height) < 0.5 + 0.4 * (reference["home"] == "dorm").to_numpy()).astype(float)
    sharing = share_out(code(window, reference), EventScores("accuracy", scores))
    order = rng.permutation(reference.height)
    again = share_out(
        code(window.select("age", "home"), reference.select("age", "home")[order]),
        EventScores("accuracy", scores[order]),
    )
    assert (sharing is None) == (again is None)
    if sharing is None or again is None:
        return
    assert (sharing.explained is None) == (again.explained is None) == (sharing.unseen > 0.2)
    if sharing.explained is None:
        return
    assert sum(part.share for part in sharing.parts) == pytest.approx(sharing.explained)
    assert again.explained == pytest.approx(sharing.explained, abs=1e-9)
    assert {p.column: round(p.share, 9) for p in again.parts} == {p.column: round(p.share, 9) for p in sharing.parts}
    assert -1 <= sharing.explained <= 1


def test_identical_columns_share_one_part_and_the_name_decides_which_has_it() -> None:
    before, after = cross(500, 0, 0, 500), cross(900, 0, 0, 100)
    twins = [frame.select(b="home", a="home") for frame in (after, before)]
    sharing = found(twins[0], twins[1], np.where(before["home"] == "dorm", 0.5, 1.0))
    assert [(p.column, round(p.share, 9), p.shared_with) for p in sharing.parts] == [
        ("a", -0.2, ("b",)),
        ("b", 0.0, ("a",)),
    ]


@pytest.mark.slow
def test_a_large_incident_is_shared_out_in_seconds() -> None:
    """Processor time, not the clock's: other work may run beside. 200,000 rows of 16 columns on both sides."""

    def rows(seed: int, shift: float) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        z = rng.normal(size=200_000) + shift
        moved = {f"x{i}": z + rng.normal(size=z.size) for i in range(6)}
        numbers = {f"n{i}": rng.normal(size=z.size) for i in range(6)}
        named = {f"c{i}": rng.choice(list("abcd"), z.size) for i in range(4)}
        right = rng.random(z.size) < 0.9 - 0.2 * (z > 1)
        y = rng.integers(0, 2, z.size)
        return pl.DataFrame({**moved, **numbers, **named, "y": y, "said": np.where(right, y, 1 - y)})

    before, after = rows(1, 0.0), rows(2, 0.5)
    costs = Costs(make_reference(before, label="y", prediction="said", task="binary"))
    share_between(after.head(1000), before.head(1000), costs)  # imports
    start = time.process_time()
    sharing = share_between(after, before, costs, least=0.005)
    assert time.process_time() - start < 5  # half a second on a quiet machine
    assert sharing is not None
    assert sharing.explained is not None
    assert sharing.explained < -0.01


@pytest.mark.skipif(not CENSUS.exists(), reason="the census data isn't beside the repository")
def test_census_chunk_27_costs_what_its_relationships_cost() -> None:
    """Realised: -0.061. Age and schooling cost as much alone, and nothing of their own."""
    data = pl.read_parquet(CENSUS).drop("id", "year")
    before, later = (data.filter(split=part).drop("split") for part in ("reference", "analysis"))
    chunk = later[135_000:140_000]
    base = make_reference(before, label="employed", score="predicted_probability", prediction="prediction")
    judge = Judge(base, Settings())
    assessed = judge.assess(base.grids.count(chunk))
    assert assessed.impacts["RELP"].value == pytest.approx(-0.07, abs=0.002)
    sharing = share_between(chunk, before, judge.costs, least=0.005)
    assert sharing is not None
    assert [part.column for part in sharing.parts if part.share] == ["RELP"]
    realised = [
        float((frame["employed"] == frame["prediction"]).cast(float).to_numpy().mean()) for frame in (chunk, before)
    ]
    assert realised[0] - realised[1] == pytest.approx(-0.061, abs=0.001)
    assert sharing.interval is not None
    assert sharing.interval[0] < realised[0] - realised[1] < sharing.interval[1]
    age = sharing.of("AGEP")
    assert age is not None
    assert (age.share, age.shared_with) == (0.0, ("RELP",))
    ranked = rank_features(assessed.verdicts, assessed.impacts, sharing)
    assert ranked[0].column == "RELP"
    (ancestry,) = [one for one in ranked if one.column == "ANC"]
    assert ancestry.verdict.kind is VerdictKind.DRIFTING
    assert ancestry.verdict.notice
    assert abs(assessed.impacts["ANC"].value) < 0.002
