"""`slices=` parts a comparison: what happened inside each slice, judged like the whole, within the same budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

import retrue as rt
from retrue.comparing import load_reference, make_reference

ROLES: dict[str, Any] = {"label": "y", "score": "p", "slices": ["city"]}
CITIES = ("a", "b", "c")


def trips(seed: int, rows: int = 6_000, *, turned: str = "", moved: str = "", label: bool = True) -> pl.DataFrame:
    """Scores that foretell labels; in one city the labels may be turned round, in one x may move."""
    rng = np.random.default_rng(seed)
    city, x = rng.choice(CITIES, rows), rng.normal(size=rows)
    p = 1 / (1 + np.exp(-2 * x))
    y = rng.random(rows) < np.where(city == turned, 1 - p, p)
    frame = pl.DataFrame({"city": city, "z": rng.normal(size=rows) + (city == moved), "p": p, "y": y.astype(int)})
    return frame if label else frame.drop("y")


def sliced(report: rt.Comparison) -> dict[tuple[str | None, str | None], dict[str, Any]]:
    """The verdicts about slices by slice and column or metric."""
    found = (verdict.to_dict() for verdict in report.verdicts if verdict.slice is not None)
    return {(v["slice"], v["column"] or v["metric"]): v for v in found}


def test_a_model_that_fails_in_one_slice_is_degraded_there() -> None:
    before, after = trips(0), trips(1, turned="c")
    found = sliced(rt.compare(before, after, **ROLES))
    kinds = {part: v["kind"] for (part, metric), v in found.items() if metric == "roc_auc"}
    assert kinds == {"city = 'a'": "true", "city = 'b'": "true", "city = 'c'": "degraded"}
    own = after.filter(pl.col("city") == "c")
    told = found["city = 'c'", "roc_auc"]
    assert told["value"] == pytest.approx(roc_auc_score(own["y"], own["p"]), abs=2e-3)
    assert told["n"] == own.height
    assert f"reference {roc_auc_score(*(before.filter(pl.col('city') == 'c')[c] for c in 'yp')):.2f}" in told["reason"]


def test_a_move_inside_one_slice_is_found_there_only() -> None:
    """Without labels, so that the whole says what it says by surprise alone."""
    found = sliced(rt.compare(trips(0), trips(1, moved="b", label=False), **ROLES))
    kinds = {part: v["kind"] for (part, column), v in found.items() if column == "z"}
    assert kinds == {"city = 'a'": "true", "city = 'b'": "drifting", "city = 'c'": "true"}


def test_more_slices_are_judged_more_strictly() -> None:
    """The budget is for all tests together, so each of them is given less of it: the whole's threshold rises too."""
    few, many = (rt.compare(trips(0), trips(1), label="y", score="p", slices=s).verdicts for s in ([], ["city"]))
    before, after = (next(v for v in side if v.metric == "roc_auc" and v.slice is None) for side in (few, many))
    assert before.threshold is not None
    assert after.threshold is not None
    assert after.threshold < before.threshold


def test_slices_raise_no_alarm_over_nothing() -> None:
    """Ten comparisons of like tables, each with three slices of five columns: at most a false alarm or two."""
    alarms = sum(len(rt.compare(trips(2 * i), trips(2 * i + 1), **ROLES).alarms) for i in range(10))
    assert alarms <= 2


def test_a_slice_with_few_rows_is_one_line() -> None:
    after = trips(1).filter((pl.col("city") != "c") | (pl.int_range(pl.len()) < 60))
    few = after.filter(pl.col("city") == "c").height
    assert 0 < few < 50
    told = [v for v in rt.compare(trips(0), after, **ROLES).verdicts if v.slice == "city = 'c'"]
    assert [(v.kind.value, v.reason) for v in told] == [("not_comparable", f"{few} rows, needs 50")]


def test_the_verdict_of_a_column_is_about_all_rows() -> None:
    report = rt.compare(trips(0), trips(1, moved="b"), **ROLES)
    assert {column.verdict.slice for column in report.columns.values()} == {None}


@pytest.mark.parametrize("change", ["drop", "retype"])
def test_a_slice_column_that_went_is_told_and_costs_nothing_else(change: str) -> None:
    after = trips(1)
    after = after.drop("city") if change == "drop" else after.with_columns(city=pl.lit(7))
    report = rt.compare(trips(0), after, **ROLES)
    assert report.alarms[0].column == "city"
    assert report.slices == ()


def test_a_stored_reference_keeps_its_slices(tmp_path: Path) -> None:
    path = tmp_path / "r.retrue"
    path.write_bytes(make_reference(trips(0), **ROLES).to_bytes())
    assert list(load_reference(path).slices) == [f"city = '{city}'" for city in sorted(CITIES, key=order)]
    assert sliced(rt.compare(path, trips(1, turned="c"))) == sliced(rt.compare(trips(0), trips(1, turned="c"), **ROLES))


def order(city: str) -> int:
    """The most frequent city first."""
    return -trips(0).filter(pl.col("city") == city).height


def test_every_view_shows_the_slices_once() -> None:
    """A finding that holds everywhere alike isn't repeated for each slice; the table of slices says it."""
    report = rt.compare(trips(0), trips(1, turned="c"), **ROLES)
    text, page = str(report), report.to_html()
    assert "ROC AUC where city = 'c'" in text
    assert text.count("\ncity = ") == 3
    assert page.count('<th scope="row">city = ') == 3
    everywhere = rt.compare(trips(0), trips(1).with_columns(z=pl.col("z") + 3), **ROLES)
    assert sum(verdict.column == "z" for verdict in everywhere.alarms) == 4
    assert "z where city" not in str(everywhere)
    assert "z unknown" in str(everywhere)
