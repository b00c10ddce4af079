"""Is the model degraded? Labelled performance against the reference's, beyond both intervals and by enough."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from retrue.core.state import Floats
from retrue.judge.budget import wander_reach
from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import figure, metric_name, rows
from retrue.metrics import Measure, get
from retrue.metrics.measure import Z95


@dataclass(frozen=True, slots=True)
class Past:
    """A metric over the reference's windows, in order of time.

    Args:
        values: the metric in each window.
        errors: its standard error there.
    """

    values: Floats
    errors: Floats


def judge_performance(
    window: Mapping[str, Measure],
    reference: Mapping[str, Measure],
    labelled: float,
    settings: Settings | None = None,
    *,
    past: Mapping[str, Past] | None = None,
    usual: Mapping[str, str] | None = None,
    tests: int | None = None,
    span_of: tuple[str, str] | None = None,
    slice: str | None = None,
    labelled_before: float = math.inf,
) -> list[Verdict]:
    """Give one verdict for each metric that both sides measured.

    Args:
        window: what was measured with labels, by metric, with 95 % intervals; only metrics with a better direction
            are judged.
        reference: the same of the reference.
        labelled: labelled rows of the window.
        settings: how strictly.
        tests: tests made at each look, those of the columns included; left out, these metrics alone.
        past: how the metrics went over reference windows: what they wander by themselves is no degradation.
        usual: of metrics with a pattern over days and weeks, when it is that `reference` is usual.
        span_of: start and end of the window, for the verdicts.
        slice: the slice measured.
        labelled_before: labelled rows of the reference; left out, as many as are needed.
    """
    settings = settings or Settings()
    names = [name for name in window if name in reference and get(name).better is not None]
    alpha = settings.alpha(tests or len(names))
    judged = [
        judge_metric(
            name,
            window[name],
            reference[name],
            labelled,
            alpha,
            settings,
            (past or {}).get(name),
            (usual or {}).get(name),
            labelled_before,
        )
        for name in names
    ]
    return [verdict.within(span_of, slice) for verdict in judged]


def judge_metric(
    name: str,
    window: Measure,
    reference: Measure,
    labelled: float,
    alpha: float,
    settings: Settings | None = None,
    past: Past | None = None,
    usual: str | None = None,
    labelled_before: float = math.inf,
) -> Verdict:
    """Judge one metric: degraded where it is worse by more than chance, habit and the floor together explain."""
    settings, metric = settings or Settings(), get(name)
    few = too_few(labelled, labelled_before, settings.min_rows)
    if few is not None:
        least = settings.min_rows
        return Verdict(VerdictKind.NOT_COMPARABLE, few, metric=name, n=labelled, threshold=least)
    if window.value is None or reference.value is None:
        measure, where = (window, "") if window.value is None else (reference, "the reference: ")
        return Verdict(
            VerdictKind.NOT_COMPARABLE,
            where + (measure.note or f"{metric_name(name)} can't be measured"),
            metric=name,
            n=labelled,
        )
    worse = reference.value - window.value if metric.better == "higher" else window.value - reference.value
    own = error_of(window)
    error = math.hypot(own, error_of(reference))
    limit = limit_of(settings.worth_telling(name, reference.value), error, alpha, habit_of(past, own, alpha))
    reach = limit.reach
    degraded, blur = worse > reach, (window.error or 0.0) + (reference.error or 0.0)
    if degraded and worse <= blur:
        said = f"{metric_name(name)} can't be told: it may be off by {figure(blur)}, for many scores share a bin"
        return Verdict(VerdictKind.NOT_COMPARABLE, said, metric=name, n=labelled)
    threshold = reference.value - reach if metric.better == "higher" else reference.value + reach
    return Verdict(
        VerdictKind.DEGRADED if degraded else VerdictKind.TRUE,
        _sentence(
            name,
            window,
            _before(reference.value, error, usual),
            worse,
            error,
            f"{figure(reach, error)} {limit.why}",
            degraded=degraded,
        ),
        metric=name,
        value=window.value,
        interval=window.interval,
        n=labelled,
        threshold=threshold,
    )


def too_few(labelled: float, labelled_before: float, least: int) -> str | None:
    """Why one of the two sides has too few labels to be judged, or to judge by; None where both have enough.

    >>> too_few(900, 5, least=50)
    'the reference has 5 rows with labels, needs 50'
    """
    if labelled < least:
        return f"{rows(labelled)} with labels, needs {least}"
    return f"the reference has {rows(labelled_before)} with labels, needs {least}" if labelled_before < least else None


@dataclass(frozen=True, slots=True)
class Limit:
    """How much worse a metric may be, and `why` in words."""

    reach: float
    why: str


def limit_of(floor: float, error: float, alpha: float, habit: float) -> Limit:
    """The most of what is worth telling, what chance explains, and how far the metric wanders by itself.

    >>> limit_of(0.01, 0.02, 0.001, 0.0).why, limit_of(0.01, 0.001, 0.05, 0.0)
    ('that chance explains', Limit(reach=0.01, why='that is worth telling'))
    """
    reach = max(floor, error * NormalDist().inv_cdf(1 - alpha), habit)
    if reach == habit > floor:
        return Limit(reach, "that chance and its own variation explain")
    return Limit(reach, "that is worth telling" if reach == floor else "that chance explains")


def error_of(measure: Measure) -> float:
    """Give the standard error behind a 95 % interval; 0 where there is none."""
    return 0.0 if measure.interval is None else (measure.interval[1] - measure.interval[0]) / (2 * Z95)


def habit_of(past: Past | None, error: float, alpha: float) -> float:
    """Give how far reference windows wander by themselves; 0 where too few are known."""
    return 0.0 if past is None else wander_reach(past.values, past.errors, error, alpha) or 0.0


def _before(value: float, error: float, usual: str | None) -> str:
    """Say what the window is held against."""
    said = figure(value, error)
    return f"reference {said}" if usual is None else f"usually {said} {usual}"


def _sentence(
    name: str, window: Measure, before: str, worse: float, error: float, limit: str, *, degraded: bool
) -> str:
    """Say the value with its interval, how far it is from the reference, and what that is held against."""
    value = float(window.value or 0.0)
    interval = ""
    if window.interval is not None:
        interval = f" ({figure(window.interval[0], error)} to {figure(window.interval[1], error)})"
    start = f"{metric_name(name)} {figure(value, error)}{interval}, {before}"
    if not degraded:
        return f"{start}: within the {limit}"
    ends = f"{figure(worse - Z95 * error, error)} to {figure(worse + Z95 * error, error)}"
    return f"{start}: worse by {figure(worse, error)} ({ends}), more than the {limit}"
