"""Columns that changed and rows that were set aside are named in their window, as often as they count and no more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from tests.workspace.conftest import A_DAY, day, events, registered

import retrue as rt
from retrue.judge.settings import Settings
from retrue.store import rows
from retrue.workspace.check import changes

TEXT = pl.lit("12,5").alias("x")


def told(verdicts: list[rt.Verdict], *, alarm: bool = True) -> list[str]:
    """The reasons of what broke, or of what is a notice."""
    kind = rt.VerdictKind.BROKEN if alarm else rt.VerdictKind.DRIFTING
    return [verdict.reason for verdict in verdicts if verdict.kind is kind]


def noted(model: rt.Model) -> tuple[rows.Point, ...]:
    """What is kept of changes."""
    with model.store.catalog.read() as tx:
        words = ("renamed", "retyped", "removed", "added", "set aside")
        return tx.find(rows.Point, model=model.name, metric=words)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (TEXT, "wrong type: column 'x' expected Float64"),
        (pl.lit(None, dtype=pl.String).alias("id"), "missing id"),
    ],
)
def test_a_window_of_which_no_row_could_be_read_is_broken(store: rt.Workspace, harm: pl.Expr, reason: str) -> None:
    """A deploy that makes every row unreadable must not leave the check green."""
    model = registered(store)
    model.log(events(14, 1).drop("y"))
    assert model.log(events(15, 1).drop("y").with_columns(harm)).accepted == 0
    assert f"no row could be read, {A_DAY} set aside: {reason}" in told(model.check(now=day(17)))
    (incident,) = model.incidents(live=True)
    assert incident.since == day(15).isoformat()
    assert incident.explain().to_dict()["examples"] == []
    assert model.check(now=day(17)) == []
    model.log(events(15, 1).drop("y"))  # sent again as it should be
    assert not [reason for reason in told(model.check(now=day(18))) if "no row" in reason]


def test_rows_without_a_readable_time_count_when_they_came(store: rt.Workspace) -> None:
    model = registered(store)
    broken = events(14, 1).drop("y").with_columns(at=pl.lit("yesterday"))
    model.log(broken, at=day(15.5))
    (verdict,) = [v for v in model.check(now=day(17)) if v.column == "at" and v.reason.startswith("no row")]
    assert verdict.reason == "no row could be read, 300 set aside: impossible time"
    assert verdict.window == (day(15).isoformat(), day(16).isoformat())


def test_rows_that_were_set_aside_beside_good_ones_are_told_from_a_share_on(store: rt.Workspace) -> None:
    model = registered(store)
    for number, bad in ((14, 2), (15, 100)):
        ids = pl.when(pl.int_range(pl.len()) < bad).then(None).otherwise(pl.col("id")).alias("id")
        model.log(events(number, 1).drop("y").with_columns(ids))
    assert told(model.check(now=day(17))) == ["100 of 300 rows set aside: missing id"]


def test_a_window_that_nothing_came_for_says_nothing_of_columns() -> None:
    assert changes.judge([], 0, Settings()) == []


@pytest.mark.parametrize("number", [14, 15])
def test_a_few_rows_that_are_set_aside_make_no_state(store: rt.Workspace, number: int) -> None:
    """Neither in a window with good rows nor in one of their own: the quarantine has them, and the reply said so."""
    model = registered(store)
    model.log(events(14, 1).drop("y"))
    received = model.log(events(number, 1).drop("y")[:3].drop("city").with_columns(TEXT, id="odd-" + pl.col("id")))
    assert (received.accepted, received.quarantined) == (0, 3)
    verdicts = model.check(now=day(17))
    assert verdicts
    assert {verdict.window[0] for verdict in verdicts if verdict.window} == {day(14).isoformat()}
    assert not [
        one for one in verdicts if "is gone" in one.reason or "is now" in one.reason or "set aside" in one.reason
    ]


def test_a_column_that_a_few_of_many_rows_lack_is_not_told(store: rt.Workspace) -> None:
    model = registered(store)
    model.log(events(14, 1).drop("y"))
    model.log(events(14, 1).drop("y", "x")[:3].with_columns(id="late-" + pl.col("id")))
    assert "'x' is gone" not in [verdict.reason for verdict in model.check(now=day(16))]


def test_a_few_texts_among_numbers_are_told_of_their_rows_and_not_of_the_column(store: rt.Workspace) -> None:
    """As in a line of NDJSON that has another type than all others: the file's column becomes text."""
    model = registered(store)
    table = events(14, 1).drop("y")
    wrong = pl.when(pl.int_range(pl.len()) < 3).then(pl.lit("far")).otherwise(pl.col("x").cast(pl.String)).alias("x")
    received = model.log(table.with_columns(wrong))
    assert (received.quarantined, received.changes) == (3, ())
    assert not any("is now String" in verdict.reason for verdict in model.check(now=day(16)))


def test_another_type_does_no_harm_because_of_other_bad_rows(store: rt.Workspace) -> None:
    """Numbers as text can all be read; a row without an id beside them says nothing about the column."""
    model = registered(store)
    ids = pl.when(pl.int_range(pl.len()) < 1).then(None).otherwise(pl.col("id")).alias("id")
    model.log(events(14, 1).drop("y").with_columns(ids, pl.col("x").cast(pl.String)))
    verdicts = model.check(now=day(16))
    assert "'x' was Float64 and is now String" in told(verdicts, alarm=False)
    assert told(verdicts) == []


@pytest.mark.parametrize("key", ["the same", None])
def test_rows_that_came_again_are_not_counted_again(store: rt.Workspace, key: str | None) -> None:
    model = registered(store)
    model.log(events(14, 1).drop("y")[3:])
    odd = events(14, 1).drop("y", "x")[:3]
    for _ in range(4):
        model.log(odd, key=key)
    assert [point.rows for point in noted(model)] == [3]
    assert "'x' is gone" not in told(model.check(now=day(16)))


@pytest.mark.parametrize("stated", ["by the call", "by the rows"])
def test_a_change_belongs_to_the_version_that_logged_it(store: rt.Workspace, stated: str) -> None:
    roles: dict[str, Any] = {} if stated == "by the call" else {"version": "1"}
    model = registered(store, **roles)
    table = events(14, 1).drop("y")
    model.log(table)
    model.log(table.drop("x").with_columns(id="b" + pl.col("id")), version="old")
    assert {point.version for point in noted(model)} == {"old"}
    assert "'x' is gone" not in told(model.check(now=day(16)))


def test_many_batches_are_one_row_for_each_window_and_change(store: rt.Workspace) -> None:
    """A check reads as much as there is to tell, however many batches there were."""
    model, table = registered(store), events(14, 2).drop("y", "x")
    for begin in range(0, 2 * A_DAY, 60):
        model.log(table[begin : begin + 60])
    assert [(point.start, point.metric, point.column, point.rows) for point in noted(model)] == [
        (int(day(number).timestamp()), "removed", "x", A_DAY) for number in (14, 15)
    ]


def test_changes_are_named_where_events_have_no_time(store: rt.Workspace) -> None:
    """They count when they arrive."""
    table = events(0, 1).drop("at")
    model = store.register("timeless", table, id="id", label="y", score="p", window="1d")
    model.log(table.drop("y", "x"), at=day(3.5))
    assert "'x' is gone" in told(model.check(now=day(5)))


def test_changes_of_single_events_are_named(store: rt.Workspace) -> None:
    model = registered(store)
    found = [model.log(row).changes for row in events(14, 1).drop("y").rename({"x": "xx"})[:20].to_dicts()]
    assert set(found) == {("'x' is now called 'xx'",)}
    assert "'x' is now called 'xx'" in told(model.check(now=day(14) + timedelta(days=2)))


def test_a_new_column_that_changes_its_type_is_left_out_and_told(store: rt.Workspace) -> None:
    model = registered(store)
    model.log(events(14, 1).drop("y").with_columns(note=1))
    received = model.log(events(15, 1).drop("y").with_columns(note=pl.lit("q")))
    assert (received.accepted, received.quarantined) == (A_DAY, 0)
    assert received.counts == {"values of 'note' left out, which are not Float64": A_DAY}
    assert told(model.check(now=day(17))) == []


def registered_in_words(store: rt.Workspace, *, labelled: bool = True) -> rt.Model:
    """A model whose label is yes or no; or whose reference has none."""
    words = pl.when(pl.col("y") == 1).then(pl.lit("yes")).otherwise(pl.lit("no")).alias("y")
    table = events(0, 14).with_columns(words) if labelled else events(0, 14).drop("y")
    return store.register("m", table, id="id", time="at", label="y", score="p", window="1d")


@pytest.mark.parametrize(("yes", "no"), [(1, 0), (True, False), ("y", "n"), ("YES", "no ")])
def test_labels_count_however_yes_and_no_are_written(store: rt.Workspace, yes: Any, no: Any) -> None:
    model, table = registered_in_words(store), events(14, 1)
    model.log(table.drop("y"))
    labels = pl.Series("y", [yes if y else no for y in table["y"]])
    assert model.label(table.select("id").with_columns(labels)).counts == {}
    assert "roc_auc" in {verdict.metric for verdict in model.check(now=day(16))}
    assert [window.labelled for window in store.store.windows("m")] == [A_DAY]


@pytest.mark.parametrize(("labelled", "expected"), [(True, "'no' or 'yes'"), (False, "'0' or '1'")])
def test_labels_of_neither_class_are_counted_and_told(store: rt.Workspace, *, labelled: bool, expected: str) -> None:
    """They are accepted, for a correction may come; they don't count as labels anywhere."""
    model, table = registered_in_words(store, labelled=labelled), events(14, 1)
    model.log(table.drop("y"))
    late = table.select("id", y=pl.lit("late"))
    received = model.label(late)
    assert (received.accepted, received.counts) == (A_DAY, {f"labels of neither class, expected {expected}": A_DAY})
    assert [window.labelled for window in store.store.windows("m")] == [0]
    said = f"300 of 300 rows have labels of neither class, expected {expected}"
    assert said in told(model.check(now=day(16)))
    model.label(late.with_columns(y=pl.lit("1")))
    assert [window.labelled for window in store.store.windows("m")] == [A_DAY]
    assert said not in told(model.check(now=day(16)))


def test_a_few_labels_of_neither_class_are_no_verdict(store: rt.Workspace) -> None:
    model, table = registered_in_words(store), events(14, 1)
    model.log(table.drop("y"))
    model.label(table.select("id", y=pl.lit("pending"))[:2])
    assert told(model.check(now=day(16))) == []


REFUSED = "for theirs was set aside: wrong type: column 'y' expected Int64"


def labels_of(first: int, days: int) -> pl.DataFrame:
    """Labels that nobody can read."""
    return events(first, days).select("id", y=pl.lit("late"))


def test_labels_that_are_set_aside_are_told_of_the_windows_that_wait_for_them(store: rt.Workspace) -> None:
    """Of a model of two days, whatever its maturity; and they are forgotten once readable ones have come."""
    model = registered(store)
    model.log(events(14, 2).drop("y"), at=day(16))
    assert not told(model.check(now=day(16.1)))
    assert model.label(labels_of(14, 2)[:400], at=day(16.2)).accepted == 0
    assert told(model.check(now=day(16.3))) == [
        f"100 % of 300 rows have no label, {REFUSED}",
        f"33 % of 300 rows have no label, {REFUSED}",
    ]
    (incident,) = model.incidents(live=True)
    assert (incident.kind, incident.columns) == (rt.VerdictKind.BROKEN, ("y",))
    model.label(events(14, 2).select("id", "y"), at=day(16.4))
    assert not told(model.check(now=day(16.5)))


def test_labels_that_come_with_their_events_and_are_set_aside_later_are_told(store: rt.Workspace) -> None:
    """A label in the same segment as its event is found there; a handful is no alarm."""
    model = registered(store)
    for number, odd in ((14, 300), (15, 4)):
        model.store.append("flights", "events", events(number, 1).drop("y"), at=day(16))
        model.store.append("flights", "labels", labels_of(number, 1)[:odd], at=day(16))
    assert told(model.check(now=day(17))) == [f"100 % of 300 rows have no label, {REFUSED}"]


def test_labels_that_are_set_aside_and_of_no_event_are_told_of_the_window_they_came_in(store: rt.Workspace) -> None:
    model = registered(store)
    model.log(events(14, 1).drop("y"), at=day(15))
    odd = labels_of(14, 1).with_columns(id=pl.format("order-{}", "id"))
    model.label(pl.concat([odd, events(14, 1).select("id", y=pl.col("y").cast(pl.String))]), at=day(15.5))
    found = [verdict for verdict in model.check(now=day(16.1)) if verdict.kind is rt.VerdictKind.BROKEN]
    wrong = "wrong type: column 'y' expected Int64"
    assert [verdict.reason for verdict in found] == [
        f"50 % of 600 labels that came are of no known event, and were set aside: {wrong}"
    ]
    assert (found[0].column, found[0].value) == ("y", 0.5)
    assert found[0].window == (day(15).isoformat(), day(16).isoformat())


def test_a_key_that_comes_again_with_other_rows_is_refused(store: rt.Workspace) -> None:
    model, table = registered(store), events(14, 1).drop("y")
    assert model.log(table[:10], key="k").accepted == 10
    assert model.log(pl.DataFrame(table[:10].to_dicts(), table.schema), key="k").accepted == 10
    with pytest.raises(rt.SchemaError, match="the key came before with other rows; none of these were taken"):
        model.log(table[10:20], key="k")
    assert [window.events for window in store.store.windows("flights")] == [10]
