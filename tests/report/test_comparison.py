"""The answer as data: the JSON that others build on, the exit status, and saving."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from retrue.errors import RetrueError
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.metrics import Measure, get
from retrue.report.comparison import Comparison, PerformanceReport, difference_interval

VERDICT = {"kind", "reason", "metric", "column", "slice", "window", "value", "interval", "n", "threshold"}


def test_to_dict_has_exactly_the_fixed_keys(troubled: Comparison) -> None:
    """The JSON shape is a promise: these keys at each level; `estimated`, `impacts` and `maps` where there are any."""
    said = troubled.to_dict()
    assert set(said) == {"retrue", "reference", "window", "columns", "performance", "verdicts"}
    assert said["reference"] == {"rows": 20_000}
    assert said["window"] == {"rows": 6_000}
    for column in said["columns"].values():
        assert set(column) == {"kind", "metrics", "verdict"}
        assert set(column["verdict"]) == VERDICT
        assert all(set(m) == {"value", "reference", "error", "interval"} for m in column["metrics"].values())
    assert all(set(p) == {"window", "reference", "interval", "error"} for p in said["performance"].values())
    assert all(set(v) == VERDICT for v in said["verdicts"])


def test_to_dict_is_plain_json_without_nan(troubled: Comparison, tiny: Comparison, nothing: Comparison) -> None:
    """Every value survives a strict JSON round trip."""
    for comparison in (troubled, tiny, nothing):
        said = comparison.to_dict()
        assert json.loads(json.dumps(said, allow_nan=False)) == said
        assert all(type(value) in {str, int, float, bool, type(None)} for value in leaves(said))


def leaves(data: Any) -> list[Any]:
    """List the values at the ends of nested dicts and lists."""
    if isinstance(data, dict):
        return [leaf for value in data.values() for leaf in leaves(value)]
    if isinstance(data, list):
        return [leaf for value in data for leaf in leaves(value)]
    return [data]


def test_verdicts_come_worst_first(troubled: Comparison) -> None:
    kinds = [verdict["kind"] for verdict in troubled.to_dict()["verdicts"]]
    order = [kind.value for kind in VerdictKind]
    assert kinds == sorted(kinds, key=order.index)


def test_exit_status_is_one_where_something_alarms(troubled: Comparison, calm: Comparison) -> None:
    assert (troubled.exit_status, calm.exit_status) == (1, 0)


def test_a_notice_leaves_the_exit_status_zero() -> None:
    """Inputs moved at a cost known to be small: shown, not alarmed."""
    notice = Verdict(VerdictKind.DRIFTING, "moved", column="age", alarm=False)
    assert Comparison("0", 1, 1, "a", "b", {}, verdicts=(notice,)).exit_status == 0


def test_the_difference_of_two_shares_has_newcombes_interval() -> None:
    """56 of 70 against 48 of 80, with Wilson intervals: 0.0524 to 0.3339 (Newcombe 1998, table II, method 10)."""
    window, reference = Measure(56 / 70, interval=(0.6919, 0.8769)), Measure(48 / 80, interval=(0.4904, 0.7003))
    interval = difference_interval(window, reference)
    assert interval == pytest.approx((0.0524, 0.3339), abs=5e-4)


def test_a_difference_without_an_interval_can_not_be_called_worse() -> None:
    report = PerformanceReport.of(get("accuracy"), Measure(0.5), Measure(0.9))
    assert report.difference == pytest.approx(-0.4)
    assert (report.interval, report.change) == (None, "unknown")


def test_lower_is_better_is_minded() -> None:
    """A log loss that rose beyond its interval is worse."""
    worse = PerformanceReport.of(
        get("log_loss"), Measure(0.7, interval=(0.69, 0.71)), Measure(0.5, interval=(0.49, 0.51))
    )
    assert worse.change == "worse"


@pytest.mark.parametrize("name", ["report.html", "report.HTM", "report.json"])
def test_saving_follows_the_suffix(calm: Comparison, tmp_path: Path, name: str) -> None:
    saved = calm.save(tmp_path / name).read_text(encoding="utf-8")
    if name.endswith(".json"):
        assert json.loads(saved) == calm.to_dict()
    else:
        assert saved.startswith("<!doctype html>")


def test_an_unknown_suffix_is_an_error_that_names_the_two(calm: Comparison, tmp_path: Path) -> None:
    with pytest.raises(RetrueError, match=r"report\.pdf.*\.html or \.json"):
        calm.save(tmp_path / "report.pdf")


def test_a_folder_that_is_not_there_is_an_error_and_nothing_is_made(calm: Comparison, tmp_path: Path) -> None:
    with pytest.raises(RetrueError, match="can't be written"):
        calm.save(tmp_path / "nowhere" / "report.json")
    assert list(tmp_path.iterdir()) == []


def test_repr_is_one_line(troubled: Comparison) -> None:
    """A notebook without HTML, a debugger and a log see the sentence, not the data."""
    assert repr(troubled).startswith("<Comparison: 4 of 11 columns are out of true")
    assert "\n" not in repr(troubled)
