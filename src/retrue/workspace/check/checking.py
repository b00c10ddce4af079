"""Check: judge every window that closed or changed, keep the verdicts, and have the alarms grouped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from retrue.core.outcome import Outcome
from retrue.core.reference import Reference
from retrue.judge.against import Against
from retrue.judge.assess import Assessment, Judge
from retrue.judge.eased import awaited
from retrue.judge.rules import Rule
from retrue.judge.thresholds import Series
from retrue.judge.verdict import Verdict, VerdictKind, sort_worst_first
from retrue.judge.words import percent
from retrue.judge.words import rows as say_rows
from retrue.metrics import Measure, get
from retrue.metrics.drift.signal_share import NAME as SIGNAL_SHARE
from retrue.metrics.names import IMPACT, concept_drift, estimated
from retrue.report.words import plural
from retrue.store import rows
from retrue.store.rows import EstimateRow
from retrue.workspace import clock
from retrue.workspace.check import changes, history
from retrue.workspace.check.estimating import with_estimates
from retrue.workspace.check.incidents import regroup, untold
from retrue.workspace.check.signal_shares import with_signals
from retrue.workspace.check.silence import Traffic
from retrue.workspace.check.timeline import Timeline
from retrue.workspace.saying import say

if TYPE_CHECKING:
    from retrue.workspace.model import Model

Span = tuple[str, str]


@dataclass(frozen=True)
class Judged:
    """One window's judgement, ready to be kept.

    Attributes:
        start: of the window.
        applied: the segment that it was judged as of.
        rows: its events.
        assessment: all that is known of it.
        verdicts: on the window.
        longer: on the longer windows that end with it.
        outcome: what its predictions and labels look like.
        early: whether its labels are still coming in.
        estimate: what its labels would say.
        usual: the usual share of each watched signal, where that is known.
    """

    start: int
    applied: int
    rows: int
    assessment: Assessment
    verdicts: tuple[Verdict, ...]
    longer: tuple[Verdict, ...] = ()
    outcome: Outcome | None = None
    early: bool = False
    estimate: EstimateRow | None = None
    usual: Mapping[str, float] = field(default_factory=dict)

    @property
    def all(self) -> tuple[Verdict, ...]:
        """The verdicts on the window, and those on the longer windows that end with it."""
        return (*self.verdicts, *self.longer)


def check(model: Model, now: datetime | None, against: str | None = None) -> list[Verdict]:
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


def follow_up(model: Model, at: datetime) -> None:
    """Measure what late labels say of versions that were replaced, to tell before from after; nobody is alarmed."""
    for old in model.versions():
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


def judge_of(model: Model, reference: Reference) -> Judge:
    """The judge of a model's windows."""
    rules = [Rule.parse(text, reference.grids.columns) for text in model.options.rules]
    return Judge(reference, model.settings(), rules)


def due_windows(model: Model, version: str, at: datetime, lost: Iterable[int] = ()) -> list[rows.Window]:
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


def is_news(model: Model, window: rows.Window, judged: rows.VerdictRow, now: float) -> bool:
    """Whether a window changed since it was judged, or its labels matured since, so that its performance counts now."""
    if judged.applied < window.applied:
        return True
    maturity = model.options.maturity
    return (
        maturity is not None
        and judged.created < (history.ends(model, window.start) + maturity) * clock.MICROS <= now * clock.MICROS
    )


def judge_window(
    model: Model,
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


def waiting(model: Model, judge: Judge, outcome: Outcome, window: rows.Window, span: Span) -> Verdict:
    """Say that performance isn't judged yet, what share of the labels is known, and what is waited for."""
    share, wanted, maturity = outcome.coverage or 0.0, model.options.coverage, model.options.maturity
    until = "if no more will come, register with maturity="
    if maturity is not None:
        until = f"or from {matures(model, window.start, maturity)} on"
    reason = f"{percent(share)} of {say_rows(window.events)} have a label, needs {percent(wanted)}; {until}"
    metric = next(iter(judge.judged_metrics), None)
    labelled = int(outcome.labelled)
    return Verdict(VerdictKind.NOT_COMPARABLE, reason, metric, window=span, n=labelled, threshold=wanted)


def matures(model: Model, start: int, maturity: float) -> str:
    """When the labels of a window will have matured (UTC), in words."""
    return f"{datetime.fromtimestamp(history.ends(model, start) + maturity, UTC):%Y-%m-%d %H:%M}"


def partly_labelled(verdict: Verdict, outcome: Outcome | None, wanted: float) -> Verdict:
    """The same; of performance that is judged on fewer labels than is usual, the share is told."""
    measured = verdict.metric is not None and verdict.column is None and get(verdict.metric).of == "outcome"
    if not measured or outcome is None or outcome.coverage is None or outcome.coverage >= wanted:
        return verdict
    return replace(verdict, reason=f"{verdict.reason}; {percent(outcome.coverage)} of the rows have a label")


def keep(model: Model, version: str, judged: Iterable[Judged], at: datetime) -> None:
    """Keep verdicts and metric points; a window that was judged before has its new ones in their place."""
    created = clock.micros(at)
    with model.store.catalog.write() as tx:
        for one in judged:
            where = {"model": model.name, "version": version, "start": one.start}
            tx.remove(rows.VerdictRow, **where)
            for verdict in told(one.all):
                body = {**verdict.to_dict(), "alarm": verdict.alarms, "loss": verdict.loss}
                tx.add(rows.VerdictRow(model.name, version, one.start, verdict.kind.value, one.applied, created, body))
            if one.estimate is not None:
                tx.put(one.estimate)
            points = list(points_of(model.name, version, one))
            if points:
                tx.put(*points)


def told(verdicts: tuple[Verdict, ...]) -> list[Verdict]:
    """The verdicts worth keeping: all that aren't `true`, or one that is, so that a calm window counts as judged."""
    odd = [verdict for verdict in verdicts if verdict.kind is not VerdictKind.TRUE]
    calm = [verdict for verdict in verdicts if verdict.kind is VerdictKind.TRUE][:1]
    return [*odd, *calm] or [Verdict(VerdictKind.NOT_COMPARABLE, "nothing to judge")]


def points_of(model: str, version: str, judged: Judged) -> Iterable[rows.Point]:
    """The figures to draw over time: every performance metric, and what else was judged; each once."""
    found: dict[tuple[str, str, str], rows.Point] = {}
    for name, (measure, before) in judged.assessment.performance.items():
        low, high = measure.interval or (None, None)
        found["", name, ""] = rows.Point(
            model, version, judged.start, "", name, "", measure.value, before.value, low, high, measure.error,
            judged.rows, judged.applied, measure.note,
        )  # fmt: skip
    for name, measure in derived(judged.assessment).items():
        low, high = measure.interval or (None, None)
        found["", name, ""] = rows.Point(
            model, version, judged.start, "", name, "", measure.value, measure.reference, low, high, measure.error,
            judged.rows, judged.applied, measure.note,
        )  # fmt: skip
    for column, cost in judged.assessment.impacts.items():
        found["", IMPACT, column] = rows.Point(
            model, version, judged.start, "", IMPACT, column, cost.value, cost.before, *cost.interval, None,
            judged.rows, judged.applied, cost.metric,
        )  # fmt: skip
    for verdict in judged.verdicts:
        if verdict.metric is None:
            continue
        low, high = verdict.interval or (None, None)
        key = verdict.slice or "", verdict.metric, verdict.column or ""
        signal = verdict.metric == SIGNAL_SHARE
        usual = judged.usual.get(str(verdict.slice)) if signal else None
        point = rows.Point(
            model, version, judged.start, *key, verdict.value, usual, low, high, None, judged.rows, judged.applied,
            verdict.reason if signal else None,
        )  # fmt: skip
        found.setdefault(key, point)
    return found.values()


def derived(assessed: Assessment) -> dict[str, Measure]:
    """What was estimated, and what labels said beyond that, by the names that points have; without what isn't known."""
    estimates = {estimated(name): measure for name, measure in assessed.estimates.items()}
    drifts = {concept_drift(name): measure for name, measure in assessed.concept_drift.items()}
    return {name: measure for name, measure in {**estimates, **drifts}.items() if measure.value is not None}
