"""`rt.compare(weight=)`: sampled traffic judged as what it stands for, and no surer than its effective n."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import retrue as rt
from retrue.comparing import make_reference
from retrue.report.slices import slice_rows

ROLES: dict[str, Any] = {"label": "y", "score": "p", "weight": "w"}


def events(rows: int, seed: int, shift: float = 0.0) -> pl.DataFrame:
    """Scored and labelled events with weights of 1 to 4."""
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1.0, rows)
    p = 1 / (1 + np.exp(-x))
    return pl.DataFrame(
        {
            "x": x,
            "c": rng.choice(["a", "b", "c"], rows, p=[0.6, 0.3, 0.1]),
            "p": p,
            "y": (rng.random(rows) < p).astype(int),
            "w": rng.integers(1, 5, rows).astype(float),
        }
    )


def undersampled(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Keep one in ten rows with x above 0, and give them ten times the weight."""
    rng = np.random.default_rng(seed)
    kept = frame.filter(pl.Series((frame["x"] <= 0).to_numpy() | (rng.random(frame.height) < 0.1)))
    return kept.with_columns(w=pl.when(pl.col("x") > 0).then(10.0).otherwise(1.0))


def kinds(report: rt.Comparison) -> dict[str, str]:
    return {name: column.verdict.kind.value for name, column in report.columns.items()}


def test_a_sample_with_its_weights_is_in_true_and_without_them_has_drifted() -> None:
    reference, window = events(20_000, 1).with_columns(w=pl.lit(1.0)), undersampled(events(20_000, 2), 3)
    weighted = rt.compare(reference, window, **ROLES)
    assert set(kinds(weighted).values()) == {"true"}
    bare = rt.compare(reference.drop("w"), window.drop("w"), label="y", score="p")
    assert kinds(bare)["x"] == "drifting"
    auc, whole = (
        report.performance["roc_auc"] for report in (weighted, rt.compare(reference, events(20_000, 2), **ROLES))
    )
    assert auc.window.value == pytest.approx(whole.window.value, abs=0.02)


def test_a_few_rows_that_hold_all_the_weight_are_too_few() -> None:
    reference, window = events(3000, 1), events(3000, 2, shift=0.5)
    assert kinds(rt.compare(reference, window, **ROLES))["x"] == "drifting"
    heavy = window.with_columns(w=pl.when(pl.int_range(pl.len()) < 12).then(1e6).otherwise(1.0))
    report = rt.compare(reference, heavy, **ROLES)
    assert report.columns["x"].verdict.reason == "12 effective rows, needs 50"
    assert set(kinds(report).values()) == {"not_comparable"}
    assert {v.kind.value for v in report.verdicts if v.metric == "roc_auc"} == {"not_comparable"}
    assert report.window_effective == pytest.approx(12, abs=0.01)


def test_a_slice_is_as_large_as_it_has_rows() -> None:
    """Not as its weights are worth; the report's table of slices says rows."""
    reference, window = (events(2000, seed).with_columns(city=pl.Series(["a", "b"] * 1000)) for seed in (1, 2))
    report = rt.compare(reference, window.with_columns(pl.col("x") + 2), **ROLES, slices=["city"])
    assert report.slice_sizes == {"city = 'a'": 1000, "city = 'b'": 1000}
    assert [row.rows for row in slice_rows(report)] == [1000, 1000]


def test_repeated_rows_and_whole_weights_get_the_same_shares() -> None:
    reference, window = events(2000, 1), events(2000, 2, shift=0.3)
    weighted = rt.compare(reference, window, **ROLES).to_dict()
    repeated = [f[np.repeat(np.arange(f.height), f["w"].to_numpy().astype(int))].drop("w") for f in (reference, window)]
    plain = rt.compare(repeated[0], repeated[1], label="y", score="p").to_dict()
    for metric in ("accuracy", "precision", "brier", "log_loss", "base_rate"):
        found, expected = weighted["performance"][metric], plain["performance"][metric]
        assert found["window"] == pytest.approx(expected["window"], rel=1e-9)
        assert found["reference"] == pytest.approx(expected["reference"], rel=1e-9)
        width, narrow = (side["interval"][1] - side["interval"][0] for side in (found, expected))
        assert width > narrow  # weights are no more events
    for metric in ("js", "psi", "linf", "tv"):
        found, expected = (report["columns"]["c"]["metrics"][metric]["value"] for report in (weighted, plain))
        assert found == pytest.approx(expected, rel=1e-9)


def test_weights_of_one_change_nothing_but_the_count_of_effective_rows() -> None:
    """Floats differ in the last digits, for sums are added in another order."""
    reference, window = events(1500, 1), events(1500, 2, shift=0.2)
    ones = [frame.with_columns(w=pl.lit(1.0)) for frame in (reference, window)]
    found = rt.compare(*ones, **ROLES).to_dict()
    expected = rt.compare(reference.drop("w"), window.drop("w"), label="y", score="p").to_dict()
    assert found.pop("window") == {"rows": 1500, "effective_rows": 1500.0}
    assert found["columns"].keys() == expected["columns"].keys()
    for name, column in expected["columns"].items():
        for metric, measure in column["metrics"].items():
            told = found["columns"][name]["metrics"][metric]
            assert told["value"] == pytest.approx(measure["value"], rel=1e-9, abs=1e-9), (name, metric)
            assert (told["interval"] is None) == (measure["interval"] is None)
        assert found["columns"][name]["verdict"]["kind"] == column["verdict"]["kind"]


def test_bad_weights_are_told() -> None:
    window = events(2000, 2).with_columns(
        w=pl.when(pl.int_range(pl.len()) < 100).then(None).when(pl.int_range(pl.len()) < 140).then(-1.0).otherwise("w")
    )
    report = rt.compare(events(2000, 1), window, **ROLES)
    told = next(verdict for verdict in report.verdicts if verdict.metric == "bad_weights")
    assert (told.kind.value, told.column, told.value) == ("broken", "w", 0.07)
    assert told.reason == "7 % of 2,000 rows have no usable weight and are left out (null, NaN, infinite or negative)"
    assert report.columns["x"].window.rows <= 1860
    assert report.window_rows == 2000


@pytest.mark.parametrize("weight", [0.0, -1.0, None, float("nan")])
def test_a_table_without_any_weight_is_refused(weight: float | None) -> None:
    nothing = events(100, 2).with_columns(w=pl.lit(weight, dtype=pl.Float64))
    with pytest.raises(rt.TableError, match="no row has a usable weight: 'w'"):
        rt.compare(events(100, 1), nothing, **ROLES)


def test_a_window_that_lacks_the_weight_is_refused() -> None:
    with pytest.raises(rt.TableError, match="no such column: 'w' was named as weight"):
        rt.compare(events(100, 1), events(100, 2).drop("w"), **ROLES)


def test_slices_are_weighed_too() -> None:
    reference, window = events(6000, 1), events(6000, 2)
    heavy = (pl.col("c") == "b") & (pl.col("x") > 0)
    report = rt.compare(
        reference, window.with_columns(w=pl.when(heavy).then(4.0).otherwise(2.0)), slices=["c"], **ROLES
    )
    drifted = {v.slice for v in report.verdicts if v.column == "x" and v.kind.value == "drifting" and v.slice}
    assert drifted == {"c = 'b'"}


def test_rules_hold_on_weighted_shares() -> None:
    window = events(2000, 2).with_columns(x=pl.when(pl.col("w") == 4).then(None).otherwise("x"))
    share = np.average(window["x"].is_null().to_numpy(), weights=window["w"].to_numpy())
    report = rt.compare(events(2000, 1), window, rules=["missing(x) <= 0.1", "effective_rows >= 5000"], **ROLES)
    assert report.columns["x"].metrics["missing"].value == pytest.approx(share, rel=1e-9)
    assert {v.threshold for v in report.verdicts if v.metric in ("missing", "effective_rows") and v.alarms} >= {
        0.1,
        5000,
    }


def test_a_stored_reference_keeps_its_weights(tmp_path: Path) -> None:
    reference, window, file = events(800, 1), events(800, 2), tmp_path / "r.retrue"
    file.write_bytes(make_reference(reference, **ROLES).to_bytes())
    stored, direct = rt.compare(file, window).to_dict(), rt.compare(reference, window, **ROLES).to_dict()
    assert stored == direct


def test_a_page_shows_what_the_rows_are_worth() -> None:
    report = rt.compare(events(800, 1), events(800, 2), **ROLES)
    said = f"800 rows, weighted, worth {report.window_effective:,.0f}"
    assert said in " ".join(str(report).split())
    page = report.to_html()
    assert said in page
    text = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", page)
    assert not re.findall(r"\d\.\d{7,}", text)
    json.dumps(report.to_dict(), allow_nan=False)


def test_a_store_refuses_weights(tmp_path: Path) -> None:
    with pytest.raises(rt.SchemaError, match="counts each event once"):
        rt.open(tmp_path / "store").register("m", events(100, 1), **ROLES)
