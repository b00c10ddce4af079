"""Two tables whose columns differ only together: told where it is asked for, with the pair."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl

import retrue as rt


def table(rho: float, seed: int, n: int = 3_000) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x, noise = rng.normal(size=(2, n))
    y = rho * x + math.sqrt(1 - rho * rho) * noise
    return pl.DataFrame({"id": np.arange(n), "x": x, "y": y, "c": rng.choice(list("ab"), n)})


def test_a_correlation_that_turned_is_told_where_it_is_asked_for() -> None:
    before, after = table(0.6, 1), table(-0.6, 2)
    assert not rt.compare(before, after, id="id").alarms
    report = rt.compare(before, after, id="id", joint=True)
    assert [(verdict.metric, verdict.column) for verdict in report.alarms] == [("mmd", None)]
    assert report.joint is not None
    assert [(pair.left, pair.right) for pair in report.joint.pairs] == [("x", "y")]
    assert report.to_dict()["joint"]["pairs"][0]["measure"] == "rank correlation"
    assert "x and y: rank correlation" in str(report)
    assert "x and y: rank correlation" in report.to_html()


def test_without_a_change_it_says_so_and_alarms_nobody() -> None:
    report = rt.compare(table(0.6, 1), table(0.6, 2), id="id", joint=True)
    assert not report.alarms
    assert "Columns go together as they did" in str(report)


def test_a_column_that_moved_by_itself_is_told_once() -> None:
    moved = table(0.6, 2).with_columns(pl.col("x") * 0.3, c=pl.lit("b"))
    report = rt.compare(table(0.6, 1), moved, id="id", joint=True)
    assert {verdict.column for verdict in report.alarms} == {"x", "c"}
    assert report.joint is not None
    assert report.joint.note == "it takes two columns that vary"


def test_a_stored_reference_has_no_rows_to_look_at(tmp_path: Path) -> None:
    from retrue.comparing import make_reference

    file = tmp_path / "before.retrue"
    file.write_bytes(make_reference(table(0.6, 1), id="id", joint=True).to_bytes())
    report = rt.compare(file, table(-0.6, 2), joint=True)
    assert [verdict.metric for verdict in report.alarms] == ["mmd"]
    assert report.joint is None


def test_one_column_has_no_pairs() -> None:
    report = rt.compare(table(0, 1).select("x"), table(0, 2).select("x"), joint=True)
    assert not report.alarms
    assert report.joint is not None
    assert report.joint.sentence == "What columns do together can't be compared: it takes two columns that vary."
