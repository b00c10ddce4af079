"""A judged window: what is known of it, and how the store keeps it as verdicts and as figures over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from retrue.core.outcome import Outcome
from retrue.core.reference import Reference
from retrue.judge.assess import Assessment, Judge
from retrue.judge.rules import Rule
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.metrics import Measure
from retrue.metrics.drift.signal_share import NAME as SIGNAL_SHARE
from retrue.metrics.names import IMPACT, concept_drift, estimated
from retrue.store import rows
from retrue.store.rows import EstimateRow
from retrue.workspace import clock
from retrue.workspace.stored import StoredModel


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


def judge_of(model: StoredModel, reference: Reference) -> Judge:
    """The judge of a model's windows."""
    rules = [Rule.parse(text, reference.grids.columns) for text in model.options.rules]
    return Judge(reference, model.settings(), rules)


def keep(model: StoredModel, version: str, judged: Iterable[Judged], at: datetime) -> None:
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
