"""A backtest says what other monitors would have done, from stored profiles, and writes nothing."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from tests.workspace.conftest import A_DAY, day, events, live, registered

import retrue as rt
from retrue.errors import ConfigError, MetricError, SliceError, StoreError, TableError
from retrue.judge.replay import Backtest
from retrue.store.rows import Audit

FAULT = 12
"""Days after deployment; on the thirteenth and fourteenth x is far away, and then well again."""
SHIFTED = "mean(x) <= 1"
NOW = day(60)


def replayed(model: rt.Model, *args: object, **options: object) -> Backtest:
    """A backtest as of long after."""
    return model.backtest(*args, now=NOW, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rt.Model]:
    """Eighteen days in production, two of them faulty."""
    with rt.open(tmp_path_factory.mktemp("backtest") / "store") as store:
        model = registered(store, rules=["missing(x) <= 0.5"], alarm_budget="1 per 3000d", maturity="2d")
        live(model, events(14, FAULT))
        live(model, events(14 + FAULT, 2, shift=6.0))
        live(model, events(16 + FAULT, 4))
        yield model


@pytest.fixture
def incident() -> pl.DataFrame:
    """The fault as somebody wrote it down: naive times, in the model's zone."""
    start, end = (day(14 + FAULT + more).replace(tzinfo=None) for more in (0, 2))
    return pl.DataFrame({"name": ["shift"], "since": [start], "until": [end]})


def digest(folder: Path) -> dict[str, str]:
    """What is in a store: every table's rows, but for the log's, and every other file."""
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and "locks" not in p.parts and "-shm" not in p.name]
    found = {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files if not p.name.startswith("catalog.db")}
    with closing(sqlite3.connect(folder / "catalog.db")) as catalog:
        names = [name for (name,) in catalog.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in set(names) - {"logs"}:
            rows = sorted(map(repr, catalog.execute(f"SELECT * FROM {name}")))  # noqa: S608 - our own tables
            found[name] = hashlib.sha256("".join(rows).encode()).hexdigest()
    return found


def test_a_rule_that_would_have_found_the_fault_is_credited_with_it(watched: rt.Model, incident: pl.DataFrame) -> None:
    found = replayed(watched, [SHIFTED], incidents=incident)
    assert (found.windows, found.days, found.marked) == (18, 18.0, 1)
    by_itself = {one.monitor: (one.set, one.judged, one.alarmed, one.alarms) for one in found.monitors}
    assert by_itself[SHIFTED] == ("proposed", 18, 2, 1)
    assert by_itself["missing(x) <= 0.5"] == ("present", 18, 0, 0)
    assert found["proposed"].found == 1
    assert found["proposed"].false == 0
    assert found["proposed"].delay is not None
    assert found["proposed"].delay.total_seconds() == 86_400


def test_the_sets_stand_side_by_side_with_a_dummy(watched: rt.Model, incident: pl.DataFrame) -> None:
    found = replayed(watched, ["mean(x) <= -5"], incidents=incident)
    assert [one.name for one in found.sets] == ["present", "proposed", "dummy"]
    assert found["proposed"].found == 0, "it alarms from the first day on, so nobody hears of the fault"
    assert found["dummy"].alarms >= 1


def test_without_a_proposal_the_present_set_is_replayed(watched: rt.Model) -> None:
    found = replayed(watched)
    assert [one.name for one in found.sets] == ["present", "dummy"]
    assert any("no incidents are marked" in note for note in found.notes)


def test_learned_tests_are_replayed_as_check_judges(watched: rt.Model) -> None:
    """With nothing in the catalog but the reference to learn from, both see the same windows out of true."""
    found = replayed(watched)
    learned = next(one for one in found.monitors if one.monitor == "learned")
    assert learned.judged == 18
    assert learned.alarmed >= 2
    assert found["present"].episodes[0].since == day(14 + FAULT)


def test_another_budget_is_another_set(watched: rt.Model) -> None:
    found = replayed(watched, alarm_budget="100 per 1d")
    assert found["proposed"].alarms >= found["present"].alarms


def test_thresholds_from_history_see_what_was_known_then(watched: rt.Model, incident: pl.DataFrame) -> None:
    found = replayed(watched, ["mean(x) within 5 mad"], incidents=incident)
    rule = next(one for one in found.monitors if one.monitor == "mean(x) within 5 mad")
    assert (rule.judged, rule.alarmed) == (8, 2), "ten windows to learn from, then eight"
    assert found["proposed"].found == 1


def test_slices_that_no_profiles_are_kept_for_are_counted_from_the_events(watched: rt.Model) -> None:
    """The share of high scores where x is above 0, of the shifted days, against Polars."""
    found = replayed(watched, ["mean(p)[x > 5] >= 0.4", "accuracy[x > 5] >= 0"])
    means = next(one for one in found.monitors if one.monitor.startswith("mean(p)"))
    shifted = events(14 + FAULT, 2, shift=6.0)
    both = [shifted[i * A_DAY : (i + 1) * A_DAY].filter(pl.col("x") > 5)["p"].to_numpy().mean() for i in (0, 1)]
    assert means.judged == 2
    assert means.alarmed == sum(mean < 0.4 for mean in both)
    accuracy = next(one for one in found.monitors if one.monitor.startswith("accuracy"))
    assert accuracy.judged == 2


def test_nothing_is_written(watched: rt.Model, incident: pl.DataFrame) -> None:
    before = digest(watched.store.folder)
    replayed(watched, [SHIFTED, "mean(p)[x > 5] >= 0.4"], incidents=incident)
    assert digest(watched.store.folder) == before


def test_what_it_says_as_json_is_plain(watched: rt.Model, incident: pl.DataFrame) -> None:
    import json

    said = json.loads(json.dumps(replayed(watched, [SHIFTED], incidents=incident).to_dict(), allow_nan=False))
    proposed = said["sets"][1]
    assert (proposed["name"], proposed["found"], proposed["delay_hours"]) == ("proposed", 1, 24)
    assert proposed["episodes"][0]["since"] == day(14 + FAULT).isoformat()
    assert said["monitors"][-1]["monitor"] == SHIFTED


def test_alarms_of_performance_are_told_when_labels_have_matured(watched: rt.Model) -> None:
    found = replayed(watched, ["accuracy <= 0"])
    first = found["proposed"].episodes[0]
    assert first.told == day(17), "the first day's labels are final two days after it ended"


# --- honesty ----------------------------------------------------------------------------------------------------------


def test_a_history_that_is_too_short_is_told(watched: rt.Model) -> None:
    found = replayed(watched, ["rows >= quantile(0.01)"])
    assert any(note.startswith("only 18 days of history") for note in found.notes)
    assert any("rows >= quantile(0.01) could judge no window" in note for note in found.notes)


def test_incidents_outside_the_history_are_counted_apart(watched: rt.Model) -> None:
    table = pl.DataFrame({"since": ["2020-01-01", day(20).isoformat()], "until": ["2020-01-02", None]})
    found = replayed(watched, incidents=table)
    assert found.marked == 1
    assert "1 marked incident lies outside the history" in found.notes


def test_the_store_s_own_incidents_may_be_taken_and_that_is_said(watched: rt.Model) -> None:
    found = replayed(watched, incidents="store")
    assert found.marked == len(watched.incidents())
    assert any("that checks have found" in note for note in found.notes)


def test_incidents_that_people_marked_are_those_that_are_known(store: rt.Workspace) -> None:
    """What nobody marked is left out, and so is a false alarm; both are said."""
    model = registered(store)
    for begin, days, shift in ((14, 1, 6.0), (15, 8, 0.0), (23, 1, 6.0)):
        live(model, events(begin, days, shift=shift))
    model.check(now=day(24))
    last, first = model.incidents()
    first.mark(real=True, note="a broken sensor")
    found = model.backtest(incidents="store", now=day(24))
    assert found.marked == 1
    assert "the incidents are the 1 that people marked as real; 1 that nobody marked is left out" in found.notes
    model.incident(first.id).mark(real=False)
    found = model.backtest(incidents="store", now=day(24))
    assert found.marked == 1
    assert "1 called a false alarm is left out" in found.notes
    assert "1 of the incidents lasts: counted to the end of the history" in found.notes
    assert last.live


# --- adopting ---------------------------------------------------------------------------------------------------------


def test_what_is_adopted_is_what_the_next_check_judges_by(store: rt.Workspace) -> None:
    """A rule about a slice that nobody watched, and another budget; what was judged stays as it was."""
    model = registered(store, slices=[])
    live(model, events(14, 2))
    model.check(now=day(16))
    model.adopt(["missing(x) <= 0.1", "accuracy[city = 'LGA'] >= 0.99"], alarm_budget="1 per 90d")
    assert model.options.rules == ("missing(x) <= 0.1", "accuracy[city = 'LGA'] >= 0.99")
    assert store.model("flights").options.alarm_budget == "1 per 90d"
    assert model.incidents() == []
    live(model, events(16, 1))
    (failed,) = [verdict for verdict in model.check(now=day(18)) if verdict.slice == "city = 'LGA'" and verdict.alarms]
    assert (failed.metric, failed.threshold) == ("accuracy", 0.99)
    with model.store.catalog.read() as tx:
        (said,) = tx.find(Audit, model="flights", action="adopted")
    assert said.body["alarm_budget"] == "1 per 90d"


def test_what_cant_be_adopted_is_refused_and_changes_nothing(store: rt.Workspace) -> None:
    model = registered(store)
    with pytest.raises(ConfigError, match="nothing to adopt"):
        model.adopt()
    with pytest.raises(ConfigError, match="a backtest can't change 'window'"):
        model.adopt(window="7d")
    with pytest.raises(rt.MetricError):
        model.adopt(["missing(nobody) <= 0.1"])
    assert model.options.rules == ()


# --- what is wrong ----------------------------------------------------------------------------------------------------


def test_without_history_there_is_nothing_to_replay(store: rt.Workspace) -> None:
    with pytest.raises(StoreError, match="no history to replay in model 'flights'"):
        registered(store).backtest(["rows >= 1"])


def test_what_cant_be_replayed_is_refused(watched: rt.Model) -> None:
    with pytest.raises(ConfigError, match="a backtest can't change 'window'"):
        replayed(watched, window="7d")
    with pytest.raises(ConfigError, match=r"unknown option 'alarm_budgt'.*did you mean 'alarm_budget'"):
        replayed(watched, alarm_budgt="1 per 30d")


def test_a_rule_that_isnt_understood_is_refused(watched: rt.Model) -> None:
    with pytest.raises(MetricError, match=r"unknown column 'xx'"):
        replayed(watched, ["mean(xx) <= 1"])
    with pytest.raises(SliceError, match=r"unknown column 'cty'"):
        replayed(watched, ["accuracy[cty = 'JFK'] >= 0.5"])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"start": ["2024-01-20"]}, "incidents without `since`"),
        ({"since": ["soon"]}, "'soon' is no time"),
        ({"since": ["2024-01-20"], "until": ["2024-01-19"]}, "expected a time, and a later one"),
        ({"since": [datetime(2024, 1, 20)], "until": [datetime(2024, 1, 20)]}, "expected a time, and a later one"),
    ],
)
def test_incidents_that_cant_be_read_are_refused(watched: rt.Model, table: dict[str, list[object]], said: str) -> None:
    with pytest.raises(TableError, match=said):
        replayed(watched, incidents=pl.DataFrame(table))


def test_a_signal_is_replayed_as_it_would_be_collected_and_judged(watched: rt.Model) -> None:
    """Its rows by Polars; 20 of each day are taken; only the two shifted days alarm, as one episode."""
    wide = rt.Slice.parse("x > 3", name="wide")
    found = replayed(watched, signals=[wide], policy="20 per day")
    (told,) = found.signals
    days = [events(14, FAULT), events(14 + FAULT, 2, shift=6.0), events(16 + FAULT, 4)]
    met = pl.concat(days).filter(pl.col("x") > 3).group_by(pl.col("at").dt.date()).len()["len"].to_list()
    assert (told.set, told.signal, told.slice, told.policy) == ("proposed", "wide", "x > 3", "20 per day")
    assert (told.windows, told.rows, told.met) == (18, 18 * A_DAY, sum(met))
    assert told.collected == sum(min(20, count) for count in met)
    assert (told.judged, told.alarmed, told.alarms) == (18, 2, 1)
    assert found["proposed"].alarms >= found["present"].alarms
    assert any("newest 50 windows" in note for note in found.notes)
    assert Backtest.from_dict(found.to_dict()) == found


def test_what_backtest_says_of_a_signal_is_what_check_says_then(store: rt.Workspace) -> None:
    """The same verdicts window by window, and by collecting the same number of rows; watched ones are in both sets."""
    model = registered(store, maturity="2d")
    live(model, events(14, 2))
    live(model, events(16, 1, shift=1.0))
    foreseen = replayed(model, signals=["x > 1.5"], policy="25 per day").signals[0]
    model.watch_signal("x > 1.5", policy="25 per day")
    said = [one for one in model.check(now=NOW) if one.metric == "signal_share"]
    assert (foreseen.judged, foreseen.alarmed) == (len(said), sum(one.alarms for one in said))
    model.collect_new()
    (kept,) = model.watched_signals()
    assert (foreseen.met, foreseen.collected) == (kept.matched, kept.rows)
    again = replayed(model, signals=["x > 1.5"], policy="10 per day")
    assert [(one.set, one.policy) for one in again.signals] == [("present", "25 per day"), ("proposed", "10 per day")]


def test_signals_that_can_t_be_replayed_are_refused(watched: rt.Model) -> None:
    for part, policy, said in (
        ("xx > 1", "200 per day", "unknown column 'xx'"),
        ("x > 1", "200", "200 rows in all"),
        (pl.col("x") > 1, "always", "code can't be replayed"),
    ):
        with pytest.raises(rt.RetrueError, match=said):
            replayed(watched, signals=[part], policy=policy)
