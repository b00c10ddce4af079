"""One window against its reference, whole: what every metric says, what each move costs, and the verdicts.

    Reference ──Judge──> .assess(window's profile) ──> Assessment: measures, impacts, performance, verdicts worst first

`rt.compare` and `check` both come here, so that they can't disagree. What only depends on the reference (how it
wanders, its own performance) is worked out once for each judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from retrue.core.column import ColumnProfile
from retrue.core.cube import EVERYTHING
from retrue.core.grid import NumericGrid
from retrue.core.outcome import Outcome
from retrue.core.profile import Profile
from retrue.core.reference import Reference
from retrue.estimate.impact import Impact
from retrue.judge import main_metrics
from retrue.judge.columns import Known, judge_column
from retrue.judge.eased import eased
from retrue.judge.gaps import measure_groups
from retrue.judge.habits import Habits
from retrue.judge.impacts import Costs, judge_costs
from retrue.judge.joint import judge_together
from retrue.judge.joint_null import JointNull, counter_of, learn_joint
from retrue.judge.measured import WhenAsked, measure_outcome, past, safely
from retrue.judge.parts import judge_part
from retrue.judge.performance import Past, judge_performance
from retrue.judge.projected import judge_failed, worded
from retrue.judge.rows import judge_row_rules
from retrue.judge.rules import Rule
from retrue.judge.scores import judge_scores
from retrue.judge.settings import Settings
from retrue.judge.thresholds import Series
from retrue.judge.verdict import Verdict, sort_worst_first
from retrue.judge.watched import heeded, unwatched
from retrue.metrics import Measure, registered
from retrue.schema import Kind

if TYPE_CHECKING:
    from retrue.judge.season import MetricSeason, UsualMetric

Span = tuple[str, str]


@dataclass(frozen=True)
class Assessment:
    """All that is known of one window.

    Attributes:
        columns: what each metric says of each column, measured when it is asked for.
        impacts: what each column's move is expected to cost; only columns where that is known.
        performance: window and reference measure of each performance metric; empty without labels on both sides.
        verdicts: worst first.
        estimates: what labels would say, by performance metric, with what the reference has; empty where nothing was
            estimated. No value, and the reason as its note, where it can't be told.
        concept_drift: realised minus estimated, by performance metric, once labels have matured.
    """

    columns: Mapping[str, Mapping[str, Measure]]
    impacts: Mapping[str, Impact]
    performance: Mapping[str, tuple[Measure, Measure]]
    verdicts: tuple[Verdict, ...]
    estimates: Mapping[str, Measure] = field(default_factory=dict)
    concept_drift: Mapping[str, Measure] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Judge:
    """Judges windows of one model against one reference.

    Args:
        reference: what they are compared with.
        settings: how strictly.
        rules: what must hold besides; a rule that a user wrote always counts.
        habits: what good windows show is normal; None: the reference's own windows.
        bases: the reference in slices that rules are relative to, by their SQL, beside those that it knows itself.
    """

    reference: Reference
    settings: Settings = field(default_factory=Settings)
    rules: Sequence[Rule] = ()
    habits: Habits | None = None
    bases: Mapping[str, Profile] = field(default_factory=dict)

    def assess(
        self,
        window: Profile,
        *,
        span: Span | None = None,
        slices: Mapping[str, Profile] | None = None,
        pasts: Mapping[Rule, Series] | None = None,
    ) -> Assessment:
        """Measure and judge one window.

        Args:
            window: its profile on the reference's grids.
            span: its start and end (ISO), for the verdicts.
            slices: profiles of the window's slices by their SQL, on coarse grids: for rules about them, and to judge
                those that the reference knows against the same slice of the reference.
            pasts: over windows, the metrics of rules whose thresholds depend on them.
        """
        measures = WhenAsked(window.columns, self.measure_column)
        impacts = {name: cost for name, column in window.columns.items() if (cost := self.impact(name, column))}
        performance = self.performance(window.outcome)
        broken, at = self.judge_score(window.outcome), None if span is None else datetime.fromisoformat(span[0])
        verdicts = [
            broken if broken and broken.column == name else self.judge_column(name, column, impacts.get(name), at)
            for name, column in window.columns.items()
        ]
        verdicts += judge_row_rules(window, self.reference.profile)
        alpha = self.strict.alpha(self.tests)
        verdicts += judge_together(self.together, window, self.reference.profile, verdicts, alpha, self.settings)
        verdicts += self.judge_performance(performance, window.outcome, at)
        verdicts = eased(
            verdicts, self.own, self.judged_metrics, self.settings, foretold=self.estimated_metrics,
            costs=performance.get(self.settings.impact or ""),
        )  # fmt: skip
        parts, own = {EVERYTHING: window, **(slices or {})}, tuple(verdicts)
        verdicts += [self.judge_rule(rule, parts, measures, span, (pasts or {}).get(rule)) for rule in self.rules]
        verdicts += self.judge_slices(slices or {}, window, own)
        verdicts += judge_costs(self.costs)
        placed = [verdict.within(span) for verdict in verdicts]
        return Assessment(measures, impacts, performance, tuple(sort_worst_first(placed)))

    @cached_property
    def tests(self) -> int:
        """Tests made at each look: each column's data and its distribution, and each of the main metrics.

        Where they are estimated, those are judged without labels too, and the one against the other.
        """
        outcome = self.reference.profile.outcome
        labelled = outcome is not None and outcome.labelled
        together, columns = int(counter_of(self.reference) is not None), len(self.reference.profile.columns)
        estimated = 2 * len(self.estimated_metrics) if self.settings.estimated else 0
        performance = len(self.judged_metrics) + estimated if labelled else 0
        return 2 * (columns - len(self.quiet)) + together + performance + self.settings.signals

    @cached_property
    def quiet(self) -> frozenset[str]:
        """The profiled columns of features that aren't watched: none of them alarms, and none costs the budget."""
        return unwatched(self.reference, self.settings.watch)

    @cached_property
    def together(self) -> JointNull | None:
        """How columns usually go together; None where that isn't counted."""
        return learn_joint(self.reference, self.normal)

    @cached_property
    def strict(self) -> Settings:
        """The settings with the tests in slices counted in: each slice is tested like the whole."""
        return replace(self.settings, looks=self.settings.looks * (1 + len(self.reference.slices)))

    @cached_property
    def parts(self) -> dict[str, Judge]:
        """The judge of each slice by its SQL: the same, against the slice's own reference."""
        return {sql: Judge(part, self.strict) for sql, part in self.reference.slices.items()}

    def judge_slices(self, slices: Mapping[str, Profile], total: Profile, told: Sequence[Verdict]) -> list[Verdict]:
        """Verdicts on the slices that the reference knows, beside those on all rows."""
        return [
            verdict.within(slice=sql)
            for sql, part in self.parts.items()
            if sql in slices
            for verdict in judge_part(part, slices[sql], self, total, told)
        ]

    def kind_of(self, name: str) -> Kind:
        """The kind of a profiled column; what a projection gives is numeric, or categorical."""
        source, grid = self.reference.grids.sources[name], self.reference.grids.columns[name]
        if source.projection is None:
            return self.reference.schema.column(source.column).kind
        return Kind.NUMERIC if isinstance(grid, NumericGrid) else Kind.CATEGORICAL

    def measure_column(self, name: str, column: ColumnProfile) -> Mapping[str, Measure]:
        """What every metric for this kind of column says; one that fails says why and costs nothing else."""
        before, kind = self.reference.profile.columns[name], self.kind_of(name)
        wanted = {metric.name: metric for metric in registered(of="column") if kind in metric.kinds}
        return WhenAsked(wanted, lambda _, metric: safely(metric, column, before))

    def impact(self, name: str, column: ColumnProfile) -> Impact | None:
        """What the column's move is expected to cost; None where the reference has no labels, or it is no input."""
        return None if name in self.told_later or not self.scores_tell else self.costs.of(name, column)

    @cached_property
    def costs(self) -> Costs:
        """What moves of columns cost, in the metric that the settings choose."""
        return Costs(self.reference, self.settings.impact)

    @cached_property
    def scores_tell(self) -> bool:
        """Whether the reference has the metric that impacts are in: not where its scores are no probabilities."""
        own = self.own.get(self.costs.metric or "")
        return own is None or own.value is not None

    @cached_property
    def told_later(self) -> frozenset[str]:
        """Columns that the model doesn't see: the label, the value, the latency."""
        schema = self.reference.schema
        return frozenset(name for name in (schema.label, schema.value, schema.latency) if name is not None)

    def judge_column(
        self,
        name: str,
        column: ColumnProfile,
        cost: Impact | None,
        at: datetime | None = None,
        *,
        habits: bool = True,
        reference: ColumnProfile | None = None,
    ) -> Verdict:
        """The column's one verdict; a label that isn't known yet is no missing value.

        Args:
            name: the column's.
            column: its profile in the window.
            cost: what its move is expected to cost.
            at: when the window starts.
            habits: whether what good windows show is normal widens thresholds.
            reference: what it is compared with, if not with the reference's own.
        """
        if name == self.reference.schema.label:
            column = column.known()
        before = self.reference.profile.columns[name] if reference is None else reference
        source = self.reference.grids.sources[name]
        if source.projection is not None and (failed := judge_failed(name, column, before)) is not None:
            return heeded(failed, None, quiet=name in self.quiet)
        season = None if at is None else self.normal.seasons.get(name)
        expected = None if season is None or at is None else season.at(at)
        known = Known(impact=cost)
        if habits:
            known = Known(self.normal.null(name), self.normal.bad_shares.get(name, {}), cost, expected)
        verdict = judge_column(name, column, before, self.strict.alpha(self.tests), self.settings, known)
        if source.projection is not None:
            verdict = worded(verdict, source.projection, column, before)
        return heeded(verdict, cost, quiet=name in self.quiet)

    def judge_score(self, outcome: Outcome | None) -> Verdict | None:
        """The score's verdict where it was a probability and is none now: that says more than how far it moved."""
        score = self.reference.schema.score
        if not isinstance(score, str):
            return None
        return judge_scores(score, outcome, self.reference.profile.outcome, self.settings)

    @cached_property
    def normal(self) -> Habits:
        """What good windows show is normal."""
        reference = self.reference
        return Habits(reference.windows, moments=reference.moments) if self.habits is None else self.habits

    @cached_property
    def own(self) -> dict[str, Measure]:
        """The reference's performance."""
        return measure_outcome(self.reference.profile.outcome)

    @cached_property
    def pasts(self) -> dict[str, Past]:
        """How the performance metrics that are judged went over the reference's windows."""
        outcomes = [window.outcome for window in self.normal.windows if window.outcome is not None]
        names = tuple(dict.fromkeys([*self.judged_metrics, *self.estimated_metrics]))
        measured = [measure_outcome(outcome, names) for outcome in outcomes]
        return {name: past([m[name] for m in measured]) for name in names} if measured else {}

    @cached_property
    def seasons(self) -> dict[str, MetricSeason]:
        """What is usual at an hour and on a weekday, of the performance metrics that have such a pattern."""
        from retrue.judge.season import learn_metric_season  # late: `compare` never comes here

        held = [window.outcome is not None for window in self.normal.windows]
        moments = [moment for moment, has in zip(self.normal.moments or (), held, strict=False) if has]
        learned = {name: learn_metric_season(past, moments) for name, past in self.pasts.items() if moments}
        return {name: season for name, season in learned.items() if season is not None}

    def usual(self, at: datetime | None) -> dict[str, UsualMetric]:
        """What is usual of the performance metrics at a moment, where that is known."""
        found = {} if at is None else {name: season.at(at) for name, season in self.seasons.items()}
        return {name: usual for name, usual in found.items() if usual is not None}

    @cached_property
    def judged_metrics(self) -> tuple[str, ...]:
        """The performance metrics that may raise an alarm by themselves, once labels are known."""
        return main_metrics.judged(self.reference.profile.outcome, self.own)

    @cached_property
    def estimated_metrics(self) -> tuple[str, ...]:
        """Those that may before."""
        return main_metrics.estimated(self.reference.profile.outcome, self.own)

    def performance(
        self, outcome: Outcome | None, names: Sequence[str] | None = None
    ) -> dict[str, tuple[Measure, Measure]]:
        """Window and reference of performance metrics, of all unless named; empty where the window has no labels."""
        if outcome is None or not outcome.labelled:
            return {}
        return {name: (measure, self.own[name]) for name, measure in measure_outcome(outcome, names).items()}

    def judge_performance(
        self,
        performance: Mapping[str, tuple[Measure, Measure]],
        outcome: Outcome | None,
        at: datetime | None = None,
    ) -> list[Verdict]:
        """A verdict for each of the main metrics, where both sides have labels; of the window that starts then."""
        reference = self.reference.profile.outcome
        if outcome is None or reference is None or not performance or not reference.labelled:
            return []
        chosen = {name: performance[name] for name in self.judged_metrics if name in performance}
        window, before = ({name: pair[side] for name, pair in chosen.items()} for side in (0, 1))
        usual, strict = self.usual(at), self.strict
        found = judge_performance(
            window,
            before | {name: one.measure for name, one in usual.items()},
            outcome.labelled,
            strict,
            past=self.pasts | {name: one.past for name, one in usual.items()},
            usual={name: one.when for name, one in usual.items()},
            tests=self.tests,
            labelled_before=reference.labelled,
        )
        return main_metrics.worded(found, self.judged_metrics)

    def judge_rule(
        self,
        rule: Rule,
        parts: Mapping[str, Profile],
        measures: Mapping[str, Mapping[str, Measure]] | None = None,
        span: Span | None = None,
        past: Series | None = None,
    ) -> Verdict:
        """Judge one rule, on all rows, on its slice, or between its groups."""
        found, n = self.figure(rule, parts, measures)
        before = self.before(rule, found) if rule.needs_reference else None
        return rule.judge(found, n=n, window=span, reference=before, past=past)

    def figure(
        self,
        rule: Rule,
        parts: Mapping[str, Profile],
        measures: Mapping[str, Mapping[str, Measure]] | None = None,
    ) -> tuple[Measure | None, float | None]:
        """What a rule is about, and of how many rows; None where its slice wasn't counted."""
        if rule.check().of == "groups":
            return measure_groups(rule, parts, self.reference, self.settings.min_rows)
        sql = EVERYTHING if rule.slice is None else rule.slice.to_sql()
        if sql not in parts:
            return None, None
        return self.measure_rule(rule, parts[sql], (measures or {}) if sql == EVERYTHING else {}), parts[sql].rows

    def measure_rule(
        self, rule: Rule, profile: Profile, measures: Mapping[str, Mapping[str, Measure]]
    ) -> Measure | None:
        """The measure that a rule is about; None where it isn't there."""
        metric = rule.check(self.reference.profile.columns)
        if rule.column is not None:
            if rule.column in measures:
                return measures[rule.column].get(rule.metric)
            before = self.reference.profile.columns[rule.column].coarsen(profile.columns[rule.column].grid)
            return safely(metric, profile.columns[rule.column], before)
        if metric.of == "profile":
            return safely(metric, profile, self.reference.profile)
        return None if profile.outcome is None else safely(metric, profile.outcome)

    def before(self, rule: Rule, measure: Measure | None) -> float | None:
        """What the reference has of a rule's metric; of a slice only where that is known."""
        metric, base = rule.check(), self.base(rule)
        if metric.of == "groups":
            parts = {sql: part.profile for sql, part in self.reference.slices.items()}
            return measure_groups(rule, {**self.bases, **parts}, self.reference, self.settings.min_rows)[0].value
        if base is None:
            return None
        if metric.of == "outcome":
            return None if base.outcome is None else safely(metric, base.outcome).value
        if rule.slice is None or rule.column is None:
            return None if measure is None else measure.reference
        return safely(metric, base.columns[rule.column], base.columns[rule.column]).value

    def base(self, rule: Rule) -> Profile | None:
        """The rows of the reference that a rule is about; None where they weren't counted."""
        if rule.slice is None:
            return self.reference.profile
        sql = rule.slice.to_sql()
        return self.reference.slices[sql].profile if sql in self.reference.slices else self.bases.get(sql)
