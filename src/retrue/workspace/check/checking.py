"""Check: judge every window that closed or changed, keep the verdicts, and have the alarms grouped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from retrue.core.outcome import Outcome
from retrue.judge.against import Against
from retrue.judge.assess import Assessment, Judge
from retrue.judge.eased import awaited
from retrue.judge.rules import Rule
from retrue.judge.thresholds import Series
from retrue.judge.verdict import Verdict, VerdictKind, sort_worst_first
from retrue.judge.words import day, percent
from retrue.judge.words import rows as say_rows
from retrue.metrics import get
from retrue.report.words import plural
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.check import changes, history
from retrue.workspace.check.estimating import with_estimates
from retrue.workspace.check.incidents import close_incidents, load_incidents, regroup, untold
from retrue.workspace.check.judged import Judged, judge_of, keep
from retrue.workspace.check.signal_shares import with_signals
from retrue.workspace.check.silence import Traffic
from retrue.workspace.check.timeline import Timeline
from retrue.workspace.saying import say
from retrue.workspace.stored import StoredModel

Span = tuple[str, str]


def check(model: StoredModel, now: datetime | None, against: str | None = None) -> list[Verdict]:
    """Judge the windows that closed or changed since they were last judged; worst first."""
    at, version = clock.aware(now or clock.now()), model.version
    compared = Against.parse(against or model.options.against)
    model.store.refuse_read_only()
    model.store.apply(model.name)  # what was acknowledged and then crashed, or waits for others, counts
    follow_up(model, at)
    odd, traffic = changes.known(model, version), Traffic(model, at)
    least = model.settings().least_bad  # a stray row that couldn't be read makes no window of its own
    lost = [start for start, told in odd.items() if changes.lost_rows(told) >= least]
    due = due_windows(model, version, at, [*lost, *traffic.empty()])
    if not due:
        if untold(model, version):
            regroup(model, version, judge_of(model, model.reference_of(version).load()))
        return []
    timeline = Timeline(model, version)
    reference = model.reference_of(version)
    judge = history.with_bases(judge_of(model, reference.load()), reference)
    judge = replace(judge, habits=timeline.habits(judge, compared))
    pasts = history.pasts(model, judge, due, at)
    judged = [
        judge_window(model, timeline.against(judge, compared, one.start), one, at, odd.get(one.start, []), pasts)
        for one in due
    ]
    judged = with_signals(timeline, judge, with_estimates(timeline, judge, judged, at))
    judged = [heard(one, traffic, version) for one in with_longer(timeline, judge, judged)]
    keep(model, version, judged, at)
    regroup(model, version, judge, {one.start for one in judged})
    alarms = sum(verdict.alarms for one in judged for verdict in one.all)
    say(model, "check", f"{plural(len(judged), 'window')} judged, {plural(alarms, 'alarm')}")
    return sort_worst_first(verdict for one in judged for verdict in one.all)


def follow_up(model: StoredModel, at: datetime) -> None:
    """Measure what late labels say of versions that were replaced, to tell before from after; nobody is alarmed.

    What is live of one of them ends: a check that ran while another version was promoted has not known.
    """
    for old in model.versions():
        if old.stage == "retired" and any(one.live for one in load_incidents(model, old.version)):
            with model.store.catalog.write() as tx:
                close_incidents(tx, model, old.version)
        due = due_windows(model, old.version, at) if old.stage == "retired" else []
        if due:
            reference = model.reference_of(old.version)
            judge = history.with_bases(judge_of(model, reference.load()), reference)
            judged = [judge_window(model, judge, window, at) for window in due]
            keep(model, old.version, [replace(one, verdicts=quiet(one.verdicts)) for one in judged], at)


def quiet(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """The same, none of which alarms: no incident of a version that predicts no more is opened."""
    return tuple(replace(one, alarm=False) for one in verdicts)


def heard(judged: Judged, traffic: Traffic, version: str) -> Judged:
    """The same, with what is to be said of how many events and labels came; rows that were set aside did come."""
    if any(verdict.kind is VerdictKind.BROKEN for verdict in judged.verdicts) and not judged.rows:
        return judged
    return replace(judged, verdicts=tuple(sort_worst_first([*traffic.judge(version, judged.start), *judged.verdicts])))


def due_windows(model: StoredModel, version: str, at: datetime, lost: Iterable[int] = ()) -> list[rows.Window]:
    """Windows whose grace has passed, and that changed since they were judged or whose labels have matured since.

    A window that has no row, though it should, is one as well; `lost` are the starts of such windows.
    """
    with model.store.catalog.read() as tx:
        windows = tx.find(rows.Window, model=model.name, version=version)
        judged = {row.start: row for row in tx.find(rows.VerdictRow, model=model.name, version=version)}
    grace, now = model.options.grace, at.timestamp()
    unread = sorted(set(lost) - {window.start for window in windows})
    windows += tuple(rows.Window(model.name, version, start, 0, 0, 0) for start in unread)
    closed = (w for w in windows if history.ends(model, w.start) + grace <= now)
    return [w for w in closed if w.start not in judged or is_news(model, w, judged[w.start], now)]


def is_news(model: StoredModel, window: rows.Window, judged: rows.VerdictRow, now: float) -> bool:
    """Whether a window changed since it was judged, or its labels matured since, so that its performance counts now."""
    if judged.applied < window.applied:
        return True
    maturity = model.options.maturity
    return (
        maturity is not None
        and judged.created < (history.ends(model, window.start) + maturity) * clock.MICROS <= now * clock.MICROS
    )


def judge_window(
    model: StoredModel,
    judge: Judge,
    window: rows.Window,
    at: datetime,
    told: Sequence[changes.Told] = (),
    pasts: Mapping[Rule, Series] | None = None,
) -> Judged:
    """Judge one window from its stored profile, what was told of it when it was logged, and what came before it."""
    span = model.span(window.start)
    odd = [verdict.within(span) for verdict in changes.judge(told, window.events, judge.settings, window.labelled)]
    if not window.events:
        return Judged(window.start, window.applied, 0, Assessment({}, {}, {}, ()), tuple(sort_worst_first(odd)))
    found = model.store.profiles(model.name, version=window.version, start=window.start)
    profiles = {one.slice: one.profile for one in found}
    outcome = profiles[""].outcome
    early = history.is_early(outcome, model, window, at)
    if early:  # labels that are known early are not like the others
        profiles = {name: history.without_labels(profile) for name, profile in profiles.items()}
    whole = profiles.pop("")
    assessed = told_of(judge, judge.assess(whole, span=span, slices=profiles, pasts=pasts))
    few = too_few(assessed.verdicts, whole.rows, judge.settings.min_rows)
    own = [partly_labelled(verdict, outcome, model.options.coverage) for verdict in few]
    maturity = model.options.maturity
    if early and maturity is not None and maturity <= model.options.window:
        rules = {(rule.metric, rule.column) for rule in judge.rules}
        own = awaited(own, matures(model, window.start, maturity), rules)
    waits = [waiting(model, judge, outcome, window, span)] if early and outcome is not None and outcome.labelled else []
    verdicts = sort_worst_first([*own, *waits, *odd])
    return Judged(window.start, window.applied, whole.rows, assessed, tuple(verdicts), outcome=outcome, early=early)


def too_few(verdicts: Sequence[Verdict], rows_: float, least: int) -> list[Verdict]:
    """The same with one verdict on all columns of a window that has too few rows, for each says as much."""
    about = [one.column for one in verdicts if one.kind is VerdictKind.NOT_COMPARABLE and one.threshold == least]
    columns = tuple(dict.fromkeys(name for name in about if name is not None))
    if rows_ >= least or len(columns) < 2:
        return list(verdicts)
    first = next(one for one in verdicts if one.column == columns[0])
    rest = [one for one in verdicts if one.kind is not VerdictKind.NOT_COMPARABLE or one.column not in columns]
    return [*rest, replace(first, column=None, columns=columns, reason=f"{say_rows(rows_)}, needs {least}")]


def told_of(judge: Judge, assessed: Assessment) -> Assessment:
    """The same without what is calm in slices that are judged by themselves: each would say it of all columns."""
    named = {(rule.metric, rule.column, str(rule.slice)) for rule in judge.rules}
    kept = [
        verdict
        for verdict in assessed.verdicts
        if verdict.kind.alarms
        or verdict.slice not in judge.reference.slices
        or (verdict.metric, verdict.column, verdict.slice) in named
    ]
    return replace(assessed, verdicts=tuple(kept))


def with_longer(timeline: Timeline, judge: Judge, judged: list[Judged]) -> list[Judged]:
    """The same, with verdicts on the longer windows that end with one of these: what isn't true of them."""
    found: dict[int, list[Verdict]] = {}
    for seconds in timeline.model.options.longer:
        longer = timeline.longer_judge(judge, seconds)
        if longer is not None:
            for one in judged:
                found.setdefault(one.start, []).extend(timeline.judge_longer(longer, one.start, seconds))
    return [replace(one, longer=tuple(found.get(one.start, ()))) for one in judged]


def waiting(model: StoredModel, judge: Judge, outcome: Outcome, window: rows.Window, span: Span) -> Verdict:
    """Say that performance isn't judged yet, what share of the labels is known, and what is waited for."""
    share, wanted, maturity = outcome.coverage or 0.0, model.options.coverage, model.options.maturity
    until = "if no more will come, register with maturity="
    if maturity is not None:
        until = f"or from {matures(model, window.start, maturity)} on"
    reason = f"{percent(share)} of {say_rows(window.events)} have a label, needs {percent(wanted)}; {until}"
    metric = next(iter(judge.judged_metrics), None)
    labelled = int(outcome.labelled)
    return Verdict(VerdictKind.NOT_COMPARABLE, reason, metric, window=span, n=labelled, threshold=wanted)


def matures(model: StoredModel, start: int, maturity: float) -> str:
    """When the labels of a window will have matured (UTC), in words."""
    return day(datetime.fromtimestamp(history.ends(model, start) + maturity, UTC).isoformat())


def partly_labelled(verdict: Verdict, outcome: Outcome | None, wanted: float) -> Verdict:
    """The same; of performance that is judged on fewer labels than is usual, the share is told."""
    measured = verdict.metric is not None and verdict.column is None and get(verdict.metric).of == "outcome"
    if not measured or outcome is None or outcome.coverage is None or outcome.coverage >= wanted:
        return verdict
    return replace(verdict, reason=f"{verdict.reason}; {percent(outcome.coverage)} of the rows have a label")
