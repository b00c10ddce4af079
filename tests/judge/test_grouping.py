"""One problem is one incident: opens once, lasts through gaps, ends when things are calm, counts a window once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.errors import ConfigError
from retrue.judge.bonds import Bonds, Pair, Shared, pair
from retrue.judge.grouping import Hysteresis, group_incidents
from retrue.judge.incident import Incident, State, Window
from retrue.judge.verdict import Verdict, VerdictKind

K = VerdictKind
CALM = Verdict(K.TRUE, "nothing moved", column="age")


def day(number: int) -> Window:
    start = date(2013, 3, 1) + timedelta(days=number)
    return start.isoformat(), (start + timedelta(days=1)).isoformat()


def missing(column: str = "age") -> Verdict:
    return Verdict(K.BROKEN, "missing rose from 0 % to 12 %", metric="missing", column=column)


def group(days: Sequence[Sequence[Verdict]], prior: Sequence[Incident] = (), **options: int) -> list[Incident]:
    """Incidents of consecutive days with these verdicts."""
    return group_incidents("m", {day(i): verdicts for i, verdicts in enumerate(days)}, prior, Hysteresis(**options))


def test_alerts_in_consecutive_windows_are_one_incident() -> None:
    (incident,) = group([[CALM], [missing()], [missing()], [missing()]])
    assert (incident.state, incident.kind, incident.since, incident.until) == (State.OPEN, K.BROKEN, "2013-03-02", None)
    assert len(incident.verdicts) == 3
    assert incident.sentence == "Since 2 March 2013, age: missing rose from 0 % to 12 %"


def test_it_is_resolved_after_so_many_calm_windows_and_not_before() -> None:
    assert group([[missing()], [CALM]], calm=2)[0].live
    (over,) = group([[missing()], [CALM], [CALM]], calm=2)
    assert (over.state, over.until) == (State.RESOLVED, "2013-03-02")
    assert over.sentence.startswith("On 1 March 2013, age: missing")


def test_a_gap_shorter_than_that_doesnt_end_it() -> None:
    (incident,) = group([[missing()], [CALM], [missing()]], calm=2)
    assert incident.live


def test_a_like_alert_soon_after_reopens_it_and_later_opens_another() -> None:
    soon = group([[missing()], [CALM], [CALM], [missing()]], calm=2, cooldown=2)
    assert [incident.state for incident in soon] == [State.OPEN]
    later = group([[missing()], *([[CALM]] * 6), [missing()]], calm=2, cooldown=2)
    assert [incident.state for incident in later] == [State.RESOLVED, State.OPEN]


def test_windows_that_show_nothing_dont_show_calm() -> None:
    few = Verdict(K.NOT_COMPARABLE, "12 rows, needs 50", column="age")
    assert group([[missing()], [few], [few], [few], []], calm=2)[0].live


def week(number: int) -> Window:
    return day(7 * number)[0], day(7 * number + 7)[0]


def weekly(number: int) -> Verdict:
    """What only a whole week shows; it is kept with the week's last day."""
    return Verdict(K.DRIFTING, "over 7 days: moved", metric="ks", column="age", window=week(number))


def test_what_a_longer_window_shows_is_said_of_all_of_it() -> None:
    (incident,) = group([*[[CALM]] * 6, [CALM, weekly(0)]])
    assert (incident.since, incident.last) == week(0)
    assert [alert.window for alert in incident.verdicts] == [week(0)]


def weeks(*told: bool) -> list[list[Verdict]]:
    """The days of weeks that each show the drift as a whole, or don't."""
    return [[CALM, *([weekly(at)] if told[at] and place == 6 else [])] for at in range(len(told)) for place in range(7)]


def test_a_drift_that_only_weeks_show_is_one_incident_while_it_lasts() -> None:
    """Seven days lie between its alerts: calm is counted in weeks, as its alerts come."""
    (lasting,) = group(weeks(False, True, True, True, True))
    assert (lasting.since, lasting.last, lasting.state) == (week(1)[0], week(4)[1], State.OPEN)
    (gap,) = group(weeks(True, False, True, False))
    assert gap.live
    (over,) = group(weeks(True, True, False, False))
    assert (over.state, over.until) == (State.RESOLVED, week(1)[1])
    assert len(group(weeks(True, *[False] * 5, True))) == 2


def test_what_days_show_is_over_in_days_though_its_week_alarmed_as_well() -> None:
    days = weeks(True, False)
    days[5] = [missing()]
    (incident,) = group(days[:8], calm=2)
    assert incident.live
    (incident,) = group(days[:9], calm=2)
    assert not incident.live


def test_a_day_that_shows_it_as_well_doesnt_part_the_weeks() -> None:
    days = weeks(True, True, True)
    days[8].append(Verdict(K.DRIFTING, "moved", metric="ks", column="age"))
    days[1].append(Verdict(K.DRIFTING, "moved", metric="ks", column="age"))
    assert len(group(days)) == 1


def test_the_same_fault_in_several_columns_is_one_incident() -> None:
    (incident,) = group([[missing("a"), missing("b")], [missing("c"), missing("d"), missing("e")]])
    assert set(incident.columns) == set("abcde")
    assert incident.sentence.endswith("and 1 more")


def test_a_worse_model_beside_drifting_data_is_the_same_incident() -> None:
    drift = Verdict(K.DRIFTING, "moved", column="age")
    worse = Verdict(K.DEGRADED, "accuracy 0.76", metric="accuracy")
    (incident,) = group([[drift], [drift, worse]])
    assert incident.kind is K.DEGRADED


def test_what_broken_data_does_to_the_model_is_in_the_sentence() -> None:
    (incident,) = group([[missing(), Verdict(K.DEGRADED, "accuracy 0.76", metric="accuracy")]])
    assert incident.sentence.endswith("missing rose from 0 % to 12 %; accuracy 0.76")


def test_a_column_that_breaks_much_later_is_another_problem() -> None:
    incidents = group([[missing("a")], [missing("a")], [missing("a")], [missing("a"), missing("b")]], onset=2)
    assert [incident.columns for incident in incidents] == [("a",), ("b",)]


def test_silence_and_different_causes_stay_apart() -> None:
    silent, drift = Verdict(K.SILENT, "no events"), Verdict(K.DRIFTING, "moved", column="b")
    incidents = group([[missing("a"), drift, silent]])
    assert {incident.kind for incident in incidents} == {K.BROKEN, K.DRIFTING, K.SILENT}


def test_another_fault_of_the_same_column_is_the_same_incident() -> None:
    drift = Verdict(K.DRIFTING, "moved", column="age")
    assert len(group([[missing("age")], [drift]])) == 1


def test_notices_open_nothing() -> None:
    assert group([[Verdict(K.DRIFTING, "moved", column="age", alarm=False)], [CALM]]) == []


def test_a_window_judged_again_counts_once() -> None:
    history = {day(0): [missing()], day(1): [missing()]}
    before = group_incidents("m", history)
    assert group_incidents("m", history | {day(1): [missing()]}, before) == before
    assert group_incidents("m", history | {day(0): [CALM], day(1): [CALM]}, before) == []


def test_what_people_said_is_kept_while_it_lasts() -> None:
    (first,) = group([[missing()]])
    (second,) = group([[missing()], [missing()]], [first.acknowledge()])
    assert (second.id, second.state) == (first.id, State.ACKNOWLEDGED)
    (third,) = group([[missing()], [CALM], [CALM]], [second], calm=2)
    assert (third.id, third.state) == (first.id, State.RESOLVED)


def test_a_snooze_ends_at_its_time() -> None:
    (first,) = group([[missing()]])
    snoozed = first.snooze("2013-03-03")
    assert group([[missing()], [missing()]], [snoozed])[0].state is State.SNOOZED
    assert group([[missing()], [missing()], [missing()]], [snoozed])[0].state is State.OPEN


def test_resolved_by_hand_holds_until_the_next_alert() -> None:
    (first,) = group([[missing()]])
    resolved = first.resolve("2013-03-02")
    assert first.resolve("2013-03-05").ending(str) == "resolved by a person on 2013-03-05"
    assert group([[missing()], [CALM]], [resolved])[0].state is State.RESOLVED
    assert group([[missing()], [missing()]], [resolved])[0].state is State.OPEN


def test_the_id_stays_when_late_labels_move_its_beginning() -> None:
    (first,) = group([[CALM], [missing()], [missing()]])
    (moved,) = group([[missing()], [missing()], [missing()]], [first.acknowledge()])
    assert (moved.id, moved.since, moved.state) == (first.id, "2013-03-01", State.ACKNOWLEDGED)


def test_models_dont_mix() -> None:
    (mine,) = group([[missing()]])
    (other,) = group_incidents("other", {day(0): [missing()]}, [mine.acknowledge()])
    assert other.id != mine.id
    assert other.state is State.OPEN


def test_it_goes_through_plain_values_and_back() -> None:
    (incident,) = group([[missing("a"), missing("b")], [missing("a")]])
    assert Incident.from_dict(incident.to_dict()) == incident


def test_an_incident_cant_end_before_it_began() -> None:
    with pytest.raises(ConfigError, match="hysteresis"):
        Hysteresis(calm=0)


alerts = st.builds(
    lambda kind, column: Verdict(kind, "x", column=column),
    st.sampled_from([K.BROKEN, K.DRIFTING, K.DEGRADED, K.SILENT, K.TRUE, K.NOT_COMPARABLE]),
    st.none() | st.sampled_from("abc"),
)


@given(st.lists(st.lists(alerts, max_size=4), max_size=12))
def test_every_alert_is_in_exactly_one_incident_and_grouping_again_changes_nothing(days: list[list[Verdict]]) -> None:
    incidents = group(days)
    grouped = sum(len(incident.verdicts) for incident in incidents)
    assert grouped == sum(verdict.alarm or False for verdicts in days for verdict in verdicts)
    assert len({incident.id for incident in incidents}) == len(incidents)
    assert group(days, incidents) == incidents


def test_two_incidents_never_take_one_id() -> None:
    """A second incident of the same kind that begins while the first one lasts doesn't replace it."""

    def unknown(column: str, week: int) -> Verdict:
        span = (f"2026-01-{week:02}T00:00:00+00:00", f"2026-01-{week + 1:02}T00:00:00+00:00")
        return Verdict(VerdictKind.UNKNOWN, "unseen", column=column, window=span)

    history: dict[tuple[str, str], list[Verdict]] = {}
    incidents: list[Incident] = []
    for week in range(1, 9):
        alerts = [unknown("temp", week), *([unknown("pressure", week)] if week >= 4 else [])]
        history[alerts[0].window or ("", "")] = alerts
        incidents = group_incidents("flights", history, incidents)
    assert len({incident.id for incident in incidents}) == len(incidents) == 2
    assert {incident.columns for incident in incidents} == {("temp",), ("pressure",)}
    assert all(incident.live for incident in incidents)


def test_what_people_said_of_one_column_does_not_pass_to_another() -> None:
    """Late rows open an earlier incident of the same kind, and change how the acknowledged one begins."""
    days: list[list[Verdict]] = [[CALM], [CALM], [CALM], [CALM], [missing("n")], [missing("n")]]
    (known,) = group(days)
    days[0], days[4] = [missing("x")], [replace(missing("n"), metric="constant")]
    found = {one.columns: one for one in group(days, [known.acknowledge()])}
    assert (found["n",].id, found["n",].state) == (known.id, State.ACKNOWLEDGED)
    assert found["x",].id != known.id
    assert found["x",].state is not State.ACKNOWLEDGED


@pytest.mark.parametrize("zone", ["+09:00", "-08:00", "+00:00"])
def test_what_people_said_in_utc_holds_for_windows_of_any_zone(zone: str) -> None:
    """Resolved an hour after the last window ended it stays so; an hour before, the window opens it again."""
    window = (f"2024-03-01T00:00{zone}", f"2024-03-02T00:00{zone}")
    (open_one,) = group_incidents("m", {window: [missing()]})
    for hours, live in ((1, False), (-1, True)):
        at = (datetime.fromisoformat(window[1]) + timedelta(hours=hours)).astimezone(UTC).isoformat()
        assert group_incidents("m", {window: [missing()]}, [open_one.resolve(at)])[0].live is live
        again = group_incidents("m", {window: [missing()]}, [open_one.snooze(at)])[0]
        assert (again.state is State.OPEN) is live


def test_windows_are_in_order_of_time_where_the_clock_is_put_back() -> None:
    """The hour from 2 to 3 comes twice: the first at +02:00."""
    hours = [("2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00"), ("2024-10-27T02:00+01:00", "2024-10-27T03:00+01:00")]
    (incident,) = group_incidents("m", {hours[0]: [missing()], hours[1]: [CALM]}, (), Hysteresis(calm=1))
    assert incident.state is State.RESOLVED


def test_a_time_that_is_none_is_refused() -> None:
    (incident,) = group([[missing()]])
    with pytest.raises(ConfigError, match="'tomorrow' is no time"):
        incident.snooze("tomorrow")


# --- bonds ------------------------------------------------------------------------------------------------------------

FIRST = day(0)[0]


def grouped(days: Sequence[Sequence[Verdict]], bonds: Bonds) -> list[tuple[str, ...]]:
    """The columns of each incident."""
    found = group_incidents("m", {day(i): verdicts for i, verdicts in enumerate(days)}, (), None, bonds)
    return [one.columns for one in found]


def told(*pairs: str, columns: str = "ab") -> Bonds:
    """What the rows of the first day told."""
    return Bonds({}, (Shared(FIRST, frozenset(columns), frozenset(columns), frozenset(map(frozenset, pairs))),))


def test_columns_that_share_no_cause_are_two_incidents_though_they_begin_together() -> None:
    both = [missing("a"), missing("b")]
    assert grouped([both, both], told()) == [("a",), ("b",)]
    assert grouped([both, both], told("ab")) == [("a", "b")]
    assert grouped([both, both], Bonds()) == [("a", "b")]


def test_columns_that_go_together_in_the_reference_are_one_incident_whenever_they_alarm() -> None:
    """The second joins weeks after the first; without that it is another problem."""
    days = [[missing("a")]] * 5 + [[missing("a"), missing("b")]]
    assert grouped(days, Bonds({pair("a", "b"): 0.6})) == [("a", "b")]
    assert grouped(days, Bonds({pair("a", "b"): 0.4})) == [("a",), ("b",)]


def test_a_worse_model_joins_one_cause_and_ties_no_two_together() -> None:
    worse = Verdict(K.DEGRADED, "accuracy 0.76", metric="accuracy")
    found = grouped([[missing("a"), missing("b"), worse]], told())
    assert found == [("a",), ("b",)]


def test_no_events_and_no_labels_are_two_silences() -> None:
    empty, unlabelled = (Verdict(K.SILENT, "nothing", metric) for metric in ("rows", "labelled"))
    found = group_incidents("m", {day(0): [unlabelled], day(1): [empty], day(2): [empty]})
    assert [len(one.verdicts) for one in found] == [1, 2]


ties = st.frozensets(st.sampled_from([pair("a", "b"), pair("a", "c"), pair("b", "c")]))


@given(st.lists(st.lists(alerts, max_size=4), max_size=12), ties, ties)
def test_whatever_is_tied_every_alert_is_in_one_incident_and_grouping_again_changes_nothing(
    days: list[list[Verdict]], strong: frozenset[Pair], shared: frozenset[Pair]
) -> None:
    bonds = Bonds(dict.fromkeys(strong, 0.9), (Shared(FIRST, frozenset("abc"), frozenset("abc"), shared),))
    history = {day(i): verdicts for i, verdicts in enumerate(days)}
    incidents = group_incidents("m", history, (), None, bonds)
    assert sum(len(one.verdicts) for one in incidents) == sum(bool(v.alarm) for verdicts in days for v in verdicts)
    assert len({one.id for one in incidents}) == len(incidents)
    assert group_incidents("m", history, incidents, None, bonds) == incidents


# --- what columns do together, and a worse model beside it ---

ROC = Verdict(K.DEGRADED, "ROC AUC fell", metric="roc_auc", value=0.6, threshold=0.7)


def pair_of(*columns: str) -> Verdict:
    """An alarm about what columns do together."""
    return Verdict(K.DRIFTING, f"{' and '.join(columns)} changed together", metric="mmd", columns=columns)


def test_pairs_that_have_no_column_in_common_are_two_incidents() -> None:
    days = [[pair_of("adults", "room")], [pair_of("meal", "nights")], [pair_of("adults", "room")]]
    assert [len(one.verdicts) for one in group([[CALM, *alerts] for alerts in days])] == [2, 1]


def test_pairs_of_one_column_are_one_incident_and_chains_of_pairs_are_not() -> None:
    """`adults` is in the first two, `room` is not in all three."""
    days = [[pair_of("adults", "room")], [pair_of("adults", "rate")], [pair_of("room", "company")]]
    assert [len(one.verdicts) for one in group(days)] == [2, 1]


def test_a_change_of_all_columns_together_goes_with_one_of_a_pair() -> None:
    everything = Verdict(K.DRIFTING, "the columns changed together", metric="mmd")
    assert len(group([[pair_of("a", "b")], [everything], [pair_of("a", "b")]])) == 1
    assert len(group([[everything], [pair_of("a", "b")]])) == 1


def test_a_change_together_goes_with_the_column_whose_odd_rows_it_is_for_and_with_no_other() -> None:
    """In the window in which that was found; a change of other columns in it isn't meant."""
    rows = Shared(FIRST, frozenset("c"), frozenset("c"), frozenset(), frozenset("ab"), frozenset("c"))
    for about, column, expected in [("ab", "c", 1), ("ab", "e", 2), ("ad", "c", 2)]:
        history = {day(0): [missing(column), pair_of(*about)]}
        assert len(group_incidents("m", history, bonds=Bonds({}, (rows,)))) == expected


def test_a_model_that_is_worse_for_months_does_not_collect_every_pair() -> None:
    pairs = [pair_of("a", "b"), pair_of("c", "d"), pair_of("e", "f"), pair_of("g", "h")]
    found = group([[missing(), ROC], *([ROC, one] for one in pairs)])
    assert [len(one.verdicts) for one in found] == [6, 1, 1, 1, 1]


def test_a_model_that_gets_worse_later_is_dated_from_its_own_onset() -> None:
    (incident,) = group([[missing()], [missing(), ROC], [ROC]], onset=2)
    assert incident.since == "2013-03-01"
    assert incident.sentence.startswith("Since 2 March 2013, ROC AUC fell")


def test_the_columns_of_a_verdict_go_through_plain_values_and_older_ones_have_none() -> None:
    told = pair_of("a", "b")
    assert Verdict.from_dict(told.to_dict()) == told
    assert Verdict.from_dict({**missing().to_dict(), "columns": []}) == missing()
    assert "columns" not in missing().to_dict()


def test_what_comes_and_goes_stays_open_the_longer_the_more_often_it_came_back() -> None:
    """Once two calm windows end it, then four, then six; it is told that often and no more."""
    blip = [[missing()], [CALM], [CALM]]
    days = [*blip, *blip, *blip, *blip, *([[CALM]] * 6)]
    live = [group(days[: end + 1], calm=2, cooldown=2)[0].live for end in range(len(days))]
    told = [now for before, now in zip([False, *live], live, strict=False) if now is not before]
    assert told == [True, False, True, False]
    assert len(group(days, calm=2, cooldown=2)) == 1
    assert not live[-1]
