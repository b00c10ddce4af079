"""Two tables, one answer: each sort of change is found, named, and ranked first; identical tables are in true."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, mean_absolute_error, roc_auc_score
from tests.tables.conftest import EVENTS, FILES, FRAMES

import retrue as rt
from retrue.comparing import load_reference, make_reference

ROWS = 4_000
ROLES: dict[str, Any] = {"id": "id", "label": "y", "score": "p"}


def flights(seed: int, rows: int = ROWS) -> pl.DataFrame:
    """Events whose label follows from the score, which follows from the amount."""
    rng = np.random.default_rng(seed)
    amount = rng.normal(100, 20, rows)
    score = 1 / (1 + np.exp(-((amount - 100) / 20 + rng.normal(0, 0.5, rows))))
    return pl.DataFrame(
        {
            "id": np.arange(rows) + seed * 1_000_000,
            "amount": amount,
            "city": rng.choice(["JFK", "LGA", "EWR"], rows, p=[0.5, 0.3, 0.2]),
            "age": rng.integers(18, 80, rows),
            "paid": rng.random(rows) < 0.3,
            "p": score,
            "y": (rng.random(rows) < score).astype(int),
        }
    )


REFERENCE, CALM = flights(0), flights(1)


def fifth(column: str, value: pl.Expr) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Give every fifth row another value."""
    other = pl.when(pl.int_range(pl.len()) % 5 == 0).then(value).otherwise(pl.col(column))
    return lambda frame: frame.with_columns(other.alias(column))


def shuffled(frame: pl.DataFrame) -> pl.DataFrame:
    """The same with labels that have nothing to do with the scores."""
    return frame.with_columns(y=pl.Series(np.random.default_rng(5).permutation(frame["y"].to_numpy())))


PLANTED: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], tuple[str, str | None, str | None], int]] = {
    "missing": (fifth("amount", pl.lit(None)), ("broken", "amount", "missing"), 1),
    "all null": (lambda f: f.with_columns(amount=pl.lit(None, pl.Float64)), ("broken", "amount", "missing"), 1),
    "all null, no type": (lambda f: f.with_columns(amount=pl.lit(None)), ("broken", "amount", "missing"), 1),
    "NaN": (fifth("amount", pl.lit(float("nan"))), ("broken", "amount", "nan"), 1),
    "unseen category": (fifth("city", pl.lit("XXX")), ("broken", "city", "unseen"), 1),
    "out of range": (fifth("amount", pl.col("amount") + 1_000), ("broken", "amount", "out_of_range"), 1),
    "units": (lambda f: f.with_columns(amount=pl.col("amount") * 1_000), ("broken", "amount", "out_of_range"), 1),
    "constant": (lambda f: f.with_columns(age=pl.lit(40)), ("broken", "age", "constant"), 1),
    "retyped": (lambda f: f.with_columns(age=pl.col("age").cast(pl.String)), ("broken", "age", None), 1),
    "renamed": (lambda f: f.rename({"amount": "amounts"}), ("broken", "amounts", None), 1),
    "removed": (lambda f: f.drop("amount"), ("broken", "amount", None), 1),
    "degraded": (shuffled, ("degraded", None, "roc_auc"), 1),
    "swapped categories": (
        lambda f: f.with_columns(city=pl.col("city").replace({"JFK": "LGA", "LGA": "JFK"})),
        ("drifting", "city", "js"),
        0,
    ),
    "drift": (lambda f: f.with_columns(amount=pl.col("amount") + 8), ("drifting", "amount", "ks"), 0),
    "added": (lambda f: f.with_columns(gate=pl.lit(1)), ("drifting", "gate", None), 0),
}
"""A change, what the first verdict is about (kind, column, metric), and the exit status.

Drift at a small, known cost is a notice.
"""


@pytest.mark.parametrize("sort", PLANTED)
def test_a_planted_change_is_the_first_verdict(sort: str) -> None:
    plant, expected, status = PLANTED[sort]
    found = rt.compare(REFERENCE, plant(CALM), **ROLES)
    first = found.verdicts[0]
    assert (first.kind.value, first.column, first.metric) == expected
    assert found.exit_status == status
    others = {verdict.column for verdict in found.verdicts if verdict.alarms} - {expected[1]}
    assert not others, "the other columns have not changed"


def test_drift_of_unknown_cost_alarms() -> None:
    """Without labels in the reference nobody knows what the move costs."""
    moved = CALM.with_columns(amount=pl.col("amount") + 8).drop("y")
    found = rt.compare(REFERENCE.drop("y"), moved, id="id")
    assert (found.verdicts[0].kind.value, found.verdicts[0].column, found.exit_status) == ("drifting", "amount", 1)


def test_reasons_name_the_figures() -> None:
    found = {
        sort: rt.compare(REFERENCE, PLANTED[sort][0](CALM), **ROLES).verdicts[0] for sort in ("missing", "renamed")
    }
    assert found["missing"].reason == "missing rose from 0 % to 20 % of 4,000 rows"
    assert (found["missing"].value, found["missing"].n) == (0.2, ROWS)
    assert found["renamed"].reason == "'amount' is now called 'amounts'"


def test_identical_tables_are_in_true() -> None:
    found = rt.compare(REFERENCE, REFERENCE, **ROLES)
    assert found.exit_status == 0
    assert {verdict.kind.value for verdict in found.verdicts} == {"true"}
    assert {report.metrics["ks"].value for report in found.columns.values() if "ks" in report.metrics} == {0.0}


@given(st.integers(2, 400), st.integers(0, 100))
@settings(max_examples=15)
def test_any_table_is_in_true_with_itself(rows: int, seed: int) -> None:
    frame = flights(seed, rows)
    assert rt.compare(frame, frame.sample(fraction=1, shuffle=True, seed=seed), **ROLES).exit_status == 0


def test_other_rows_of_the_same_world_are_in_true() -> None:
    """30 windows x 7 columns at a budget of one false alarm in 30 days: none is to be expected here."""
    seen = [rt.compare(REFERENCE, flights(seed, 800), **ROLES).exit_status for seed in range(2, 32)]
    assert sum(seen) <= 1


@pytest.mark.parametrize("form", [*FRAMES, *FILES])
def test_every_form_of_a_table_gives_the_same_answer(form: str, tmp_path: Path) -> None:
    """Reference and window; a CSV has no booleans or integers of its own to disagree on here."""
    made = [tmp_path / "before", tmp_path / "after"]
    for folder in made:
        folder.mkdir()
    later = EVENTS.with_columns(amount=pl.col("amount") + 1_000)
    if form in FRAMES:
        sources = [FRAMES[form](frame) for frame in (EVENTS, later)]
    else:
        sources = [FILES[form](frame, folder) for frame, folder in zip((EVENTS, later), made, strict=True)]
    found = rt.compare(sources[0], sources[1], id="id").to_dict()
    expected = rt.compare(EVENTS, later, id="id").to_dict()
    assert {name: c["metrics"] for name, c in found["columns"].items()} == {
        name: c["metrics"] for name, c in expected["columns"].items()
    }
    assert found["verdicts"] == expected["verdicts"]
    assert found["verdicts"][0]["column"] == "amount"


# --- few rows -------------------------------------------------------------------------------------------------------


def test_one_row_tells_nothing() -> None:
    found = rt.compare(REFERENCE, CALM.head(1), **ROLES)
    assert found.exit_status == 0
    assert {verdict.kind.value for verdict in found.verdicts} == {"not_comparable"}
    assert found.columns["age"].verdict.reason == "1 row, needs 50"


def test_tables_without_rows_are_refused() -> None:
    for pair in ((REFERENCE, CALM.head(0)), (REFERENCE.head(0), CALM)):
        with pytest.raises(rt.TableError, match="a table without rows"):
            rt.compare(*pair)
    with pytest.raises(rt.TableError, match=r"without rows.*city = 'XXX'"):
        rt.compare(REFERENCE, CALM, where="city = 'XXX'", **ROLES)


def test_a_reference_of_one_row_is_no_reason_to_fail() -> None:
    found = rt.compare(REFERENCE.head(1), CALM, id="id")
    assert {report.verdict.kind.value for report in found.columns.values()} <= {"not_comparable", "true"}


# --- slices and rules -----------------------------------------------------------------------------------------------


def test_where_compares_the_rows_of_a_slice_on_both_sides() -> None:
    moved = CALM.with_columns(pl.when(pl.col("city") == "JFK").then(9_999).otherwise("amount").alias("amount"))
    found = rt.compare(REFERENCE, moved, where="city = 'JFK'", **ROLES)
    calm = rt.compare(REFERENCE, moved, where="city <> 'JFK'", **ROLES)
    assert found.to_dict()["reference"]["rows"] == (REFERENCE["city"] == "JFK").sum()
    assert found.to_dict()["window"]["rows"] == (CALM["city"] == "JFK").sum()
    assert (found.exit_status, found.verdicts[0].column) == (1, "amount")
    assert calm.exit_status == 0


def test_a_slice_of_an_unknown_column_is_refused() -> None:
    with pytest.raises(rt.SliceError, match="ctiy"):
        rt.compare(REFERENCE, CALM, where="ctiy = 'JFK'")


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("missing(amount) <= 0.02", None),
        ("mean(age) <= 20", "broken"),
        ("roc_auc >= 0.99", "degraded"),
        ("rows >= 5000", "silent"),
        ("roc_auc[city = 'JFK'] >= 0.99", "degraded"),
        ("max(amount)[city = 'JFK'] <= 50", "broken"),
        ("roc_auc[city = 'JFK'] >= 0.5", None),
    ],
)
def test_a_rule_alarms_where_it_is_broken(rule: str, kind: str | None) -> None:
    found = rt.compare(REFERENCE, CALM, rules=[rule], **ROLES)
    told = [verdict for verdict in found.verdicts if "rule says" in verdict.reason]
    assert [verdict.kind.value for verdict in told] == [kind or "true"]
    assert found.exit_status == int(kind is not None)
    if kind is not None:
        assert found.verdicts[0] == told[0]


def test_a_rule_about_a_slice_is_measured_on_its_rows() -> None:
    found = rt.compare(REFERENCE, CALM, rules=["roc_auc[city = 'JFK'] >= 0.99"], **ROLES).verdicts[0]
    own = CALM.filter(pl.col("city") == "JFK")
    assert found.slice == "city = 'JFK'"
    assert found.value == pytest.approx(roc_auc_score(own["y"], own["p"]), abs=0.002)


def test_a_rule_about_a_lost_column_is_still_told() -> None:
    found = rt.compare(REFERENCE, CALM.drop("amount"), rules=["missing(amount) <= 0.02"], **ROLES)
    assert [v.reason for v in found.verdicts if v.alarms] == [
        "missing(amount) is 100 % (>99.9 % to 100 %), but the rule says <= 2 %",
        "'amount' is gone",
    ]


def test_rules_that_do_not_fit_are_refused() -> None:
    with pytest.raises(rt.MetricError, match=r"amuont.*amount"):
        rt.compare(REFERENCE, CALM, rules=["missing(amuont) <= 0.02"])
    with pytest.raises(rt.ProfileError, match="doesn't parse"):
        rt.compare(REFERENCE, CALM, row_rules=["amount"])
    with pytest.raises(rt.SchemaError, match="unknown column 'agee'"):
        rt.compare(REFERENCE, CALM, row_rules=["agee <= amount"])


def test_rows_that_break_a_rule_between_columns_are_counted() -> None:
    before = REFERENCE.with_columns(low=pl.col("amount") - 1)
    after = fifth("low", pl.col("amount") + 1)(CALM.with_columns(low=pl.col("amount") - 1))
    found = rt.compare(before, after, row_rules=["low <= amount"], **ROLES).verdicts[0]
    assert (found.kind.value, found.metric, found.value, found.n) == ("broken", "rule_broken", 0.2, ROWS)


# --- stored references ----------------------------------------------------------------------------------------------


def test_a_stored_reference_gives_the_same_answer(tmp_path: Path) -> None:
    path = tmp_path / "flights.retrue"
    path.write_bytes(make_reference(REFERENCE, **ROLES).to_bytes())
    window = PLANTED["missing"][0](CALM)
    expected = rt.compare(REFERENCE, window, **ROLES).to_dict()
    assert rt.compare(path, window).to_dict() == expected
    assert rt.compare(load_reference(path), window).to_dict() == expected


def test_a_stored_reference_takes_no_roles(tmp_path: Path) -> None:
    stored = make_reference(REFERENCE, **ROLES)
    with pytest.raises(rt.SchemaError, match="label given beside a stored reference"):
        rt.compare(stored, CALM, label="y")
    with pytest.raises(rt.SchemaError, match=r"where and weight given beside a stored reference.*leave them out"):
        rt.compare(stored, CALM, where="city = 'JFK'", weight="x")
    with pytest.raises(rt.TableError, match="no stored reference"):
        rt.compare(tmp_path / "gone.retrue", CALM)


# --- tasks ----------------------------------------------------------------------------------------------------------


def test_performance_of_a_binary_task_is_that_of_sklearn() -> None:
    found = rt.compare(REFERENCE, CALM, **ROLES).to_dict()["performance"]
    for side, frame in (("reference", REFERENCE), ("window", CALM)):
        assert found["roc_auc"][side] == pytest.approx(roc_auc_score(frame["y"], frame["p"]), abs=1e-4)
        assert found["accuracy"][side] == accuracy_score(frame["y"], frame["p"] >= 0.5)


def test_performance_of_a_multiclass_task_is_that_of_sklearn() -> None:
    rng = np.random.default_rng(0)
    label = rng.choice(["a", "b", "c"], ROWS)
    guess = np.where(rng.random(ROWS) < 0.7, label, "a")
    frame = REFERENCE.drop("p").with_columns(y=pl.Series(label), guess=pl.Series(guess))
    found = rt.compare(frame[:2000], frame[2000:], id="id", label="y", prediction="guess").to_dict()["performance"]
    assert found["accuracy"]["window"] == accuracy_score(label[2000:], guess[2000:])
    assert {"f1_macro", "precision_weighted", "recall_micro"} <= set(found)


def test_performance_of_a_regression_is_that_of_sklearn() -> None:
    error = pl.Series(np.random.default_rng(0).normal(size=ROWS))
    frame = REFERENCE.drop("p").with_columns(y=pl.col("amount") * 2).with_columns(guess=pl.col("y") + error)
    found = rt.compare(frame[:2000], frame[2000:], id="id", label="y", prediction="guess").to_dict()["performance"]
    later = frame[2000:]
    assert found["mae"]["window"] == pytest.approx(mean_absolute_error(later["y"], later["guess"]))
    assert {"rmse", "bias", "r2", "mape"} <= set(found)


def test_performance_of_a_ranking_is_measured() -> None:
    """Relevant items first in the reference, last in the window: every list is a hit at 10, NDCG falls from 1."""
    items = [str(i) for i in range(10)]
    lists = pl.DataFrame({"id": range(400), "shown": [items] * 400, "liked": [["0"]] * 400})
    last = lists.with_columns(liked=pl.Series([["9"]] * 400))
    found = rt.compare(lists, last, id="id", label="liked", prediction="shown", task="ranking")
    performance = found.to_dict()["performance"]
    assert performance["hit_rate"]["window"] == 1
    assert performance["ndcg"]["reference"] == 1
    assert performance["ndcg"]["window"] == pytest.approx(1 / np.log2(11))
    assert performance["mrr"]["window"] == pytest.approx(0.1)
    assert "degraded" in {verdict.kind.value for verdict in found.verdicts}


def test_text_is_judged_through_its_projections() -> None:
    """Notes of another length; those of the same sort are in true."""
    rng = np.random.default_rng(0)

    def notes(words: int) -> pl.Series:
        return pl.Series([f"{' '.join(rng.choice(['good', 'late', 'fine'], words))} {i}" for i in range(ROWS)])

    before = REFERENCE.with_columns(note=notes(5))
    longer = rt.compare(before, CALM.with_columns(note=notes(50)), **ROLES)
    alike = rt.compare(before, CALM.with_columns(note=notes(5)), **ROLES)
    assert {"note.characters", "note.words"} <= {v.column for v in longer.verdicts if v.alarms}
    assert alike.exit_status == 0


def test_a_lost_text_is_told_once() -> None:
    before = REFERENCE.with_columns(note=pl.Series([f"note {i}" for i in range(ROWS)]))
    found = rt.compare(before, CALM, **ROLES)
    assert [v.reason for v in found.verdicts if v.alarms] == ["'note' is gone"]


def test_labels_that_are_yet_to_come_are_no_fault() -> None:
    for window in (CALM.drop("y"), CALM.with_columns(y=pl.lit(None, pl.Int64))):
        found = rt.compare(REFERENCE, window, **ROLES)
        assert (found.exit_status, found.performance) == (0, {})


# --- users' metrics -------------------------------------------------------------------------------------------------


VERDICT = {"kind", "reason", "metric", "column", "slice", "window", "value", "interval", "n", "threshold"}


@pytest.mark.parametrize("sort", ["drift", "missing", "all null", "renamed", "retyped", "NaN"])
def test_the_shape_of_the_json_is_fixed(sort: str) -> None:
    """As the issue that began it wrote it down, because others build on it."""
    answer = rt.compare(REFERENCE, PLANTED[sort][0](CALM), **ROLES).to_dict()
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert list(answer) == ["retrue", "reference", "window", "columns", "performance", "verdicts"]
    assert (answer["retrue"], answer["reference"], answer["window"]) == (rt.__version__, {"rows": ROWS}, {"rows": ROWS})
    for column in answer["columns"].values():
        assert set(column) == {"kind", "metrics", "verdict"}
        assert set(column["verdict"]) == VERDICT
        for measure in column["metrics"].values():
            assert set(measure) == {"value", "reference", "error", "interval"}
    for measure in answer["performance"].values():
        assert set(measure) == {"window", "reference", "interval", "error"}
    assert all(set(verdict) == VERDICT for verdict in answer["verdicts"])
    assert rt.VerdictKind(answer["verdicts"][0]["kind"]) is not rt.VerdictKind.TRUE


def test_verdicts_come_worst_first() -> None:
    window = shuffled(CALM).with_columns(amount=pl.col("amount") + 8, age=pl.lit(40), gate=pl.lit(1))
    found = rt.compare(REFERENCE, window, **ROLES)
    order = ["broken", "degraded", "unknown", "silent", "drifting", "not_comparable", "true"]
    kinds = [order.index(verdict["kind"]) for verdict in found.to_dict()["verdicts"]]
    assert kinds == sorted(kinds)
    assert kinds[0] == 0


def test_what_counts_as_positive_is_said_once() -> None:
    """Where performance is shown; JSON has its fixed shape."""
    words = {0: "on time", 1: "late"}
    before, after = (frame.with_columns(y=pl.col("y").replace_strict(words)) for frame in (REFERENCE, CALM))
    report = rt.compare(before, after, **ROLES, positive="late")
    assert str(report).count("positive: y = late") == 1
    assert report.to_html().count("positive: y = late") == 1
    assert "positive: y" not in report.to_json()
    assert "positive:" not in str(rt.compare(before, after, id="id"))


def test_roles_beside_a_schema_are_an_error() -> None:
    """They were dropped in silence: whether schema or role counts would be a guess."""
    schema = rt.Schema.infer(REFERENCE, id="id")
    with pytest.raises(rt.SchemaError, match=r"roles beside it: label, score.*schema\.replace\(label=\.\.\.\)"):
        rt.compare(REFERENCE, CALM, schema=schema, label="y", score="p")
    changed = schema.replace(label="y", score="p", task="binary", positive="1")
    assert "roc_auc" in rt.compare(REFERENCE, CALM, schema=changed).performance
