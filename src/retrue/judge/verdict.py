"""A verdict: what was found, how sure, and what kind of action it asks for.

A verdict is data, never a bare boolean and never NaN. Its kind says what to do:

| kind             | what it says                                             | alarms |
| ---------------- | -------------------------------------------------------- | ------ |
| `broken`         | the data is wrong: missing, unseen, out of range, retyped | yes    |
| `degraded`       | the model is worse than its reference                    | yes    |
| `unknown`        | traffic where the model was never evaluated              | yes    |
| `silent`         | no data, or late                                         | yes    |
| `drifting`       | inputs moved                                             | unless its impact is known to be small |
| `not_comparable` | too few rows to tell                                     | no     |
| `true`           | nothing is out of true                                   | no     |
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from retrue.errors import MetricError
from retrue.metrics.names import is_between_groups, metric_of


class VerdictKind(StrEnum):
    """What kind of action a verdict asks for.

    >>> VerdictKind("broken").alarms, VerdictKind.TRUE.alarms
    (True, False)
    """

    BROKEN = "broken"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"
    SILENT = "silent"
    DRIFTING = "drifting"
    NOT_COMPARABLE = "not_comparable"
    TRUE = "true"

    @property
    def alarms(self) -> bool:
        """Whether a verdict of this kind alarms unless it says otherwise (`drifting` may be a notice)."""
        return self not in (VerdictKind.NOT_COMPARABLE, VerdictKind.TRUE)


_FIELDS = ("kind", "reason", "metric", "column", "slice", "window", "value", "interval", "n", "threshold")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judgement of one metric, column or slice in one window.

    Args:
        kind: what it asks for.
        reason: a plain sentence with the numbers in it.
        metric: the registered metric judged.
        column: the column judged; None where the verdict is about the whole table or the model.
        slice: the slice judged, by name or SQL; None for all rows.
        window: start and end of the window, as ISO times.
        value: what was measured; never NaN or infinite (those become None).
        interval: its 95 % interval.
        n: rows behind the value; effective ones, to a whole number, where rows are weighted.
        threshold: what the value was held against.
        alarm: whether somebody is to be told; left out, the kind decides (and the field then says what it decided).
        loss: what its column's move certainly costs, in the metric that impacts are in, positive for the worse; None
            where that isn't known. It isn't among the ten fields that are shown.
        columns: all columns that it is about, where it is about several.
        rule: the rule that it judges, as `str(Rule)` writes it; None where nobody wrote one.
        eased: whether it would alarm, but for labels or estimates that show no cost, or are about to tell.

    >>> v = Verdict(VerdictKind.DRIFTING, "moved by KS 0.21", metric="ks", column="age", value=0.21, alarm=False)
    >>> v.alarm, v.notice, sorted(v.to_dict())[:3]
    (False, True, ['column', 'interval', 'kind'])
    """

    kind: VerdictKind
    reason: str
    metric: str | None = None
    column: str | None = None
    slice: str | None = None
    window: tuple[str, str] | None = None
    value: float | None = None
    interval: tuple[float, float] | None = None
    n: float | None = None
    threshold: float | None = None
    alarm: bool | None = None
    loss: float | None = None
    columns: tuple[str, ...] = ()
    rule: str | None = None
    eased: bool = False

    def __post_init__(self) -> None:
        """Settle `alarm` from the kind, and keep NaN and infinity out."""
        set_ = object.__setattr__
        set_(self, "kind", VerdictKind(self.kind))
        set_(self, "value", _finite(self.value))
        set_(self, "threshold", _finite(self.threshold))
        set_(self, "loss", _finite(self.loss))
        set_(self, "interval", _finite_pair(self.interval))
        set_(self, "n", None if self.n is None else round(self.n))
        alarm = self.kind.alarms if self.alarm is None else bool(self.alarm) and self.kind.alarms
        set_(self, "alarm", alarm)

    @property
    def alarms(self) -> bool:
        """Whether somebody is to be told (the same as `alarm`)."""
        return bool(self.alarm)

    @property
    def of_model(self) -> bool:
        """Whether it is about the model: about no column, or about how the model treats a column's values."""
        return self.column is None or (self.metric is not None and is_between_groups(self.metric))

    @property
    def notice(self) -> bool:
        """Shown, not notified: inputs moved, at a cost known to be small."""
        return self.kind is VerdictKind.DRIFTING and not self.alarm

    @property
    def excess(self) -> float:
        """How many times its threshold the value is; 0 where either is unknown.

        A degraded metric may lie below its threshold (AUC) or above it (an error): the farther, the worse, either way.
        """
        if self.value is None or not self.threshold:
            return 0.0
        ratio = abs(self.value / self.threshold)
        below = self.kind is VerdictKind.DEGRADED and 0 < ratio < 1
        return 1 / ratio if below else ratio

    def __str__(self) -> str:
        """Say it in one line: its kind, what it is about, the reason.

        >>> print(Verdict(VerdictKind.BROKEN, "missing rose from 0 % to 30 % of 90 rows", column="income"))
        broken  income  missing rose from 0 % to 30 % of 90 rows
        """
        about = self.column or self.metric
        placed = f"{about or 'all rows'} where {self.slice}" if self.slice else about
        kind = f"{self.kind} (notice)" if self.notice else str(self.kind)
        return "  ".join(part for part in (kind, placed, self.reason) if part)

    def within(self, window: tuple[str, str] | None = None, slice: str | None = None) -> Verdict:
        """Give the same verdict, placed in a window and a slice."""
        return replace(self, window=window or self.window, slice=slice or self.slice)

    def to_dict(self) -> dict[str, Any]:
        """Give the ten fields that pages, JSON and the catalog share, as plain values, and the last three if any."""
        out: dict[str, Any] = {name: getattr(self, name) for name in _FIELDS}
        out["kind"] = self.kind.value
        for pair in ("window", "interval"):
            out[pair] = None if out[pair] is None else list(out[pair])
        more = {"columns": list(self.columns), "rule": self.rule, "eased": self.eased}
        return {**out, **{name: value for name, value in more.items() if value}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, alarm: bool | None = None, loss: float | None = None) -> Verdict:
        """Read back what `to_dict` gave; `alarm` and `loss` aren't among the ten fields and are said beside them.

        Raises:
            MetricError: a field is unknown or missing, or the kind isn't one of the seven.
        """
        unknown = sorted(set(data) - {*_FIELDS, "columns", "rule", "eased"})
        if unknown or "kind" not in data or "reason" not in data:
            raise MetricError(
                "a verdict with other fields", where=str(unknown or sorted(data)), expected=", ".join(_FIELDS)
            )
        if data["kind"] not in set(VerdictKind):
            raise MetricError(f"unknown verdict kind {data['kind']!r}", expected=", ".join(VerdictKind))
        values: dict[str, Any] = {name: data.get(name) for name in _FIELDS}
        for pair in ("window", "interval"):
            values[pair] = None if values[pair] is None else tuple(values[pair])
        values |= {"columns": tuple(data.get("columns", ())), "rule": data.get("rule")}
        return cls(**values, alarm=alarm, loss=loss, eased=bool(data.get("eased")))


_ORDER = {kind: place for place, kind in enumerate(VerdictKind)}


def badness(verdict: Verdict) -> tuple[float, float, float]:
    """Give the key that sorts the worst first: by kind, alarm before notice, then by cost, then by surprise.

    Cost is what its column's move certainly loses, surprise how far it is beyond its threshold.

    >>> badness(Verdict(VerdictKind.BROKEN, "")) < badness(Verdict(VerdictKind.TRUE, ""))
    True
    """
    # What labels say of a metric comes before its estimate, and before what it is made of.
    derived = verdict.metric is not None and metric_of(verdict.metric) != verdict.metric
    place = _ORDER[verdict.kind] + (0.5 if verdict.notice else 0.25 if derived else 0.0)
    return place, -(verdict.loss or 0.0), -verdict.excess


def sort_worst_first(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Sort by badness: broken, degraded, unknown, silent, drifting (alarm, then notice), not comparable, true.

    Equal ones keep their order.

    >>> kinds = [VerdictKind.TRUE, VerdictKind.DRIFTING, VerdictKind.BROKEN]
    >>> [v.kind.value for v in sort_worst_first(Verdict(k, "") for k in kinds)]
    ['broken', 'drifting', 'true']
    """
    return sorted(verdicts, key=badness)


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _finite_pair(pair: tuple[float, float] | None) -> tuple[float, float] | None:
    if pair is None or not all(math.isfinite(end) for end in pair):
        return None
    return float(pair[0]), float(pair[1])
