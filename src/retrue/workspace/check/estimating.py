"""Performance without labels, in `check`: estimated while they are missing, held against them once they come.

labels missing ──> the kept estimate, or a new one (from rows, else from score bins) ──> verdicts, points
labels matured ──> realised - estimated ──> concept drift: verdicts, points
                        └── the pair is part of the record: later estimates are weighed, widened or refused by it
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, lru_cache

import polars as pl

from retrue.core.outcome import BinaryOutcome, Outcome
from retrue.core.reference import Reference
from retrue.estimate.auto import Classifier
from retrue.estimate.cbpe import cbpe
from retrue.estimate.estimate import Estimate, concept_drift, metric_names, refuse
from retrue.estimate.estimator import Estimator
from retrue.estimate.fitting import fit
from retrue.estimate.record import LOOKED_AT, Matured, withhold
from retrue.estimate.shift import label_shift
from retrue.explain.places import thinned
from retrue.judge.assess import Assessment, Judge
from retrue.judge.eased import eased
from retrue.judge.estimated import judge_concept_drift, judge_estimate, judge_label_shift
from retrue.judge.measured import past
from retrue.judge.performance import Past
from retrue.judge.verdict import Verdict, sort_worst_first
from retrue.metrics import Measure
from retrue.schema import Task
from retrue.store import rows
from retrue.store.files import AnyPath, read_table
from retrue.workspace import clock
from retrue.workspace.check import history
from retrue.workspace.check.judged import Judged
from retrue.workspace.check.timeline import Timeline

ROWS = 10_000
"""The most rows of a window, and of the labelled reference, that an estimate reads."""
FROM_ROWS = 20
"""The most windows of one check that are estimated from their rows: the newest; earlier ones from their score bins."""
HABITS = 40
"""The most good windows, the last ones, that tell how far realised and estimated are apart by themselves."""
AUTO, CBPE, OFF = "auto", "cbpe", "off"


def with_estimates(timeline: Timeline, judge: Judge, judged: list[Judged], at: datetime) -> list[Judged]:
    """The same, with what labels would say of each window, and what they said beyond that.

    Args:
        timeline: whose windows.
        judge: who knows the reference that the version was registered with: estimates come from there.
        judged: the windows of this check, oldest first.
        at: the time of the check.
    """
    outcome = judge.reference.profile.outcome
    if timeline.model.options.estimate == OFF or outcome is None or not outcome.labelled or not judge.estimated_metrics:
        return judged
    book = Book(timeline, judge, outcome, at)
    late = [one.start for one in judged if one.rows and not is_told(judge, one.outcome, early=one.early)]
    chosen = frozenset(late[-FROM_ROWS:] if timeline.model.options.estimate == AUTO else ())
    return [book.told(one, from_rows=one.start in chosen) for one in judged]


def is_told(judge: Judge, outcome: Outcome | None, *, early: bool) -> bool:
    """Whether labels tell a window's performance: they have matured, and there are enough."""
    return outcome is not None and not early and outcome.labelled >= judge.settings.min_rows


@dataclass(eq=False)
class Book:
    """The estimates of one version's windows, and the record that they make with the labels that came.

    Attributes:
        timeline: whose windows.
        judge: who knows the version's reference.
        reference: its outcome, with labels.
        at: the time of the check.
        kept: estimates by window, as far as they were looked up or made; None where there is none.
        pairs: earlier estimates beside what came, as far as they were looked up; None where labels don't tell yet.
    """

    timeline: Timeline
    judge: Judge
    reference: Outcome
    at: datetime
    kept: dict[int, rows.EstimateRow | None] = field(default_factory=dict)
    pairs: dict[int, Matured | None] = field(default_factory=dict)

    # --- one window -----------------------------------------------------------------------------------------------

    def told(self, one: Judged, *, from_rows: bool) -> Judged:
        """One window with its estimate, or with what its labels said beyond it."""
        if not one.rows or one.outcome is None:
            return one
        row = self.estimated(one, one.outcome, from_rows=from_rows)
        estimate = Estimate.from_dict(row.body)
        said = withhold(estimate, self.before(one.start, estimate.method))
        if is_told(self.judge, one.outcome, early=one.early):
            self.pairs[one.start] = Matured(estimate, one.outcome)
            assessed, verdicts = self.by_labels(one.assessment, said, one.outcome)
        else:
            assessed, verdicts = self.without_labels(one.assessment, said, one.outcome)
        placed = [verdict.within(self.timeline.model.span(one.start)) for verdict in verdicts]
        judge, asked = self.judge, self.judge.settings.impact or ""
        rules = {(rule.metric, rule.column) for rule in judge.rules}
        foreseen = {name: (measure, judge.own[name]) for name, measure in assessed.estimates.items()}
        whole = eased(
            [*one.verdicts, *placed], judge.own, judge.judged_metrics, judge.settings, rules, judge.estimated_metrics,
            assessed.performance.get(asked) or foreseen.get(asked),
        )  # fmt: skip
        ranked = tuple(sort_worst_first(whole))
        return replace(one, assessment=assessed, verdicts=ranked, estimate=row)

    def without_labels(
        self, assessed: Assessment, said: Estimate, outcome: Outcome
    ) -> tuple[Assessment, list[Verdict]]:
        """What is said of a window whose labels don't tell yet."""
        judge = self.judge
        names, tests = judge.estimated_metrics, judge.tests
        verdicts = judge_estimate(said, judge.own, self.reference.labelled, names, judge.strict, tests, judge.pasts)
        if isinstance(outcome, BinaryOutcome) and isinstance(self.reference, BinaryOutcome):
            verdicts += judge_label_shift(label_shift(outcome, self.reference), said.rows)
        return replace(assessed, estimates=self.beside(said)), verdicts

    def by_labels(self, assessed: Assessment, said: Estimate, outcome: Outcome) -> tuple[Assessment, list[Verdict]]:
        """What is said of a window whose labels tell."""
        judge, drift = self.judge, concept_drift(said, outcome)
        told_by = "scores" if said.method == CBPE else "inputs"
        names, tests = judge.estimated_metrics, judge.tests
        verdicts = judge_concept_drift(drift, names, told_by, outcome.labelled, judge.strict, tests, self.habits)
        return replace(assessed, estimates=self.beside(said), concept_drift=drift), verdicts

    def beside(self, said: Estimate) -> dict[str, Measure]:
        """What was estimated, with what the reference has."""
        own = self.judge.own
        known = {name: one for name, one in said.metrics.items() if name in own}
        return {name: replace(one, reference=own[name].value) for name, one in known.items()}

    # --- estimates ------------------------------------------------------------------------------------------------

    def estimated(self, one: Judged, outcome: Outcome, *, from_rows: bool) -> rows.EstimateRow:
        """The kept estimate of a window, or a new one where more events have come since, or there is none."""
        known = self.find(one.start)
        if known is not None and known.events == one.rows:
            return known
        estimate = self.by_rows(one.start) if from_rows else None
        if estimate is None:
            estimate = cbpe(outcome, self.reference, self.names, self.before(one.start, CBPE))
        made = rows.EstimateRow(
            self.timeline.model.name, self.timeline.version, one.start, one.rows, clock.micros(self.at),
            estimate.to_dict(),
        )  # fmt: skip
        self.kept[one.start] = made
        return made

    def by_rows(self, start: int) -> Estimate | None:
        """Estimate a window from its rows; None where they, or those of the reference, are gone."""
        estimator, frame = self.estimator, self.frame(start)
        if estimator is None or not frame.height:
            return None
        try:
            return estimator.estimate(frame, metrics=self.names, past=self.before(start, AUTO))
        except Exception as error:  # noqa: BLE001 - no data, however odd, may cost the check its other verdicts
            return refuse(AUTO, f"the estimator failed: {type(error).__name__}: {error}", self.names, frame.height)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The metrics that are estimated."""
        return metric_names(Task(self.reference.task))

    @cached_property
    def estimator(self) -> Estimator | None:
        """What was learned of the reference's rows."""
        reference = self.timeline.model.reference_of(self.timeline.version)
        return estimator_of(reference.load(), reference.path) if reference.path.exists() else None

    def frame(self, start: int) -> pl.DataFrame:
        """The logged rows of a window, thinned where they are many."""
        timeline = self.timeline
        since, until = (datetime.fromisoformat(moment) for moment in timeline.model.span(start))
        store, name = timeline.model.store, timeline.model.name
        return thinned(store.events(name, since, until, version=timeline.version).collect(), ROWS)

    # --- the record -----------------------------------------------------------------------------------------------

    def find(self, start: int) -> rows.EstimateRow | None:
        """The kept estimate of a window."""
        if start not in self.kept:
            where = {"model": self.timeline.model.name, "version": self.timeline.version, "start": start}
            with self.timeline.model.store.catalog.read() as tx:
                self.kept[start] = tx.get(rows.EstimateRow, **where)
        return self.kept[start]

    def before(self, start: int, method: str) -> tuple[Matured, ...]:
        """The last earlier estimates by a method whose labels tell by now, oldest first."""
        found: list[Matured] = []
        for earlier in reversed([one for one in self.mature if one < start][-4 * LOOKED_AT :]):
            pair = self.pair(earlier)
            if pair is not None and pair.estimate.method == method:
                found.append(pair)
            if len(found) == LOOKED_AT:
                break
        return tuple(reversed(found))

    def pair(self, start: int) -> Matured | None:
        """A window's estimate beside its labels; None where there is none, or they don't tell."""
        if start not in self.pairs:
            row, profiles = self.find(start), self.timeline.profiles([start])
            outcome = profiles[0].outcome if profiles else None
            told = row is not None and is_told(self.judge, outcome, early=False)
            self.pairs[start] = Matured(Estimate.from_dict(row.body), outcome) if told and row and outcome else None
        return self.pairs[start]

    @cached_property
    def mature(self) -> list[int]:
        """The windows whose labels are no longer early, oldest first."""
        model, now = self.timeline.model, self.at.timestamp()
        maturity, coverage = model.options.maturity, model.options.coverage
        windows = (w for w in model.store.windows(model.name) if w.version == self.timeline.version and w.labelled)
        return sorted(
            w.start
            for w in windows
            if w.labelled >= coverage * w.events
            or (maturity is not None and now >= history.ends(model, w.start) + maturity)
        )

    @cached_property
    def habits(self) -> dict[str, Past]:
        """How far realised and estimated (from score bins) were apart in good windows."""
        names = self.judge.estimated_metrics
        outcomes = [one.outcome for one in self.judge.normal.windows[-HABITS:] if one.outcome is not None]
        drifts = [concept_drift(cbpe(outcome, self.reference, names), outcome) for outcome in outcomes]
        return {name: past([drift[name] for drift in drifts]) for name in names} if drifts else {}


@lru_cache(maxsize=4)
def estimator_of(reference: Reference, path: AnyPath) -> Estimator:
    """What is learned of a reference's rows: once for each process and version.

    A window of a stored history is one stretch of time: its rows share what that time brought.
    """
    frame, label = read_table(path), reference.schema.label
    known = frame.filter(pl.col(label).is_not_null()) if label is not None and label in frame.columns else frame
    found = fit(thinned(known, ROWS), reference.schema, reference.grids.outcome)
    return replace(found, by_time=True) if isinstance(found, Classifier) else found
