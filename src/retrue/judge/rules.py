"""Rules: what must hold, as one line of text. The simplest tool, and the first; nothing learned replaces one.

    missing(income) <= 0.02                  a metric of a column
    roc_auc >= 0.7                           a metric of the model
    precision@0.3 >= 0.5                     ... at a threshold, or of a class
    roc_auc[origin = 'JFK'] >= 65 %          ... in a slice
    accuracy_gap(sex) <= 0.05                ... between the values of a column
    mean(income) between 3e4 and 5e4         a range
    mean(income) <= 1.1 * reference          relative to the reference
    rows within 5 mad at the same hour       against the metric's own history (see `thresholds`)

A column whose name isn't a plain word goes in double quotes.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from retrue.errors import MetricError, nearest
from retrue.judge.thresholds import (
    ALL,
    WORDS,
    Bound,
    History,
    Level,
    Range,
    Series,
    level,
    needs_history,
    needs_reference,
    parse_bound,
    print_bound,
    terms,
)
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import figure, metric_name, percent
from retrue.metrics import Measure, Metric, get
from retrue.metrics.names import grouped_metric, is_between_groups, metric_of
from retrue.slices import Slice

BETWEEN = "between"
"""The operator of a range; `within 3 sigma` is a range too."""
COUNTED = "a feature, the score, the prediction or the label"
"""Columns that a rule can be about; the values of ids and times aren't counted."""
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "=": operator.eq,
}
_RULE = re.compile(
    r"""\s*(?P<metric>[A-Za-z_]\w*(?:@[^()\[\]]*?[^()\[\]\s])?)\s*
        (?:\(\s*(?P<column>"(?:[^"]|"")+"|[^()"\[\]]+?)\s*\)\s*)?
        (?:\[(?P<slice>(?:'[^']*'|"[^"]*"|[^'"\]])*)\]\s*)?
        (?:(?P<op><=|>=|<|>|=)\s*(?P<bound>[^<>=\s].*?)|(?<=[\s)\]])(?P<words>(?:between|within)\b.*?))\s*""",
    re.VERBOSE | re.DOTALL,
)
_ASIDE = re.compile(r"""'[^']*'|"[^"]*"|\[[^\]]*\]|\([^)]*\)|^\s*\S+""")
"""What a typing error in a threshold isn't in: quotes, brackets, the metric."""
_PLAIN = re.compile(r"[A-Za-z_]\w*\Z")
_KINDS = {"quality": VerdictKind.BROKEN, "drift": VerdictKind.DRIFTING, "system": VerdictKind.SILENT}
_SILENT = ("rows", "freshness")
"""Quality metrics whose failing means that data doesn't come, not that it is wrong."""
_SHAPE = (
    "something like 'missing(income) <= 0.02', 'mean(income) <= 1.1 * reference', 'rows within 3 sigma' or "
    "\"roc_auc[origin = 'JFK'] >= 0.65\""
)


BROKEN = "but the rule says"
"""Stands in the reason of a rule that doesn't hold, and in no other."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must hold.

    Args:
        metric: a registered metric.
        op: `<=`, `<`, `>=`, `>`, `=`, or `between`.
        bound: what the metric is compared with: a number, or what depends on the reference or on earlier windows.
        column: the column, for metrics of columns.
        slice: the rows it is about; None: all.
        history: which earlier windows count, for bounds that depend on them.

    >>> rule = Rule("missing", "<=", 0.02, column="monthly income")
    >>> print(rule)
    missing("monthly income") <= 0.02
    >>> print(Rule.parse("rows  within 5mad at the same hour over 28d"))
    rows within 5 mad at the same hour over 4w
    """

    metric: str
    op: str
    bound: Bound
    column: str | None = None
    slice: Slice | None = None
    history: History = ALL

    @classmethod
    def parse(cls, text: str, columns: Iterable[str] | None = None) -> Rule:
        """Read a rule's text.

        Args:
            text: the rule; a number in percent is divided by 100.
            columns: the columns there are; left out, any name will do.

        Raises:
            MetricError: it doesn't parse, or names an unknown metric or column (the nearest is suggested), or a metric
                of a column without one.
            SliceError: its slice doesn't parse, or names an unknown column.
        """
        found = _RULE.fullmatch(text)
        if found is None:
            raise MetricError(f"a rule that doesn't parse: {text!r}", expected=_SHAPE, hint=_misspelt(text))
        try:
            bound, history = parse_bound(found["words"] or found["bound"], words=found["words"] is not None)
        except MetricError as error:
            raise MetricError(
                f"a rule that doesn't parse: {text!r}: {error.what}", expected=error.expected, hint=_misspelt(text)
            ) from None
        part = Slice.parse(found["slice"]) if found["slice"] is not None else None
        rule = cls(found["metric"], found["op"] or BETWEEN, bound, _unquoted(found["column"]), part, history)
        rule.check(columns)
        return rule

    def check(self, columns: Iterable[str] | None = None) -> Metric:
        """Check that its metric and columns are known, and give the metric.

        Raises:
            MetricError, SliceError: as in `parse`.
        """
        metric = get(self.metric)
        if metric.of == "estimate":
            raise MetricError(
                f"no rule can be about {self.metric!r}", where=f"rule {str(self)!r}", expected=metric_of(self.metric)
            )
        of_column = metric.of in ("column", "groups")
        if (self.column is not None) != of_column:
            wanted = f"'{self.metric}(column)'" if of_column else f"'{self.metric}' alone"
            raise MetricError(
                f"{self.metric!r} is a metric of a {metric.of}", where=f"rule {str(self)!r}", expected=wanted
            )
        if metric.of == "groups" and self.slice is not None:
            raise MetricError(
                f"{self.metric!r} compares slices, and can't be in one", where=f"rule {str(self)!r}",
                expected=f"'{self.metric}({_quoted(str(self.column))})'",
            )  # fmt: skip
        known = None if columns is None else list(columns)
        if known is not None and self.column is not None and self.column not in known:
            near = nearest(self.column, known)
            raise MetricError(
                f"unknown column {self.column!r}", where=f"rule {str(self)!r}", expected=None if near else COUNTED,
                hint=near,
            )  # fmt: skip
        if known is not None and self.slice is not None:
            self.slice.check(known)
        return metric

    def __str__(self) -> str:
        """Print the rule as `parse` reads it."""
        said = print_bound(self.bound, self.history)
        return f"{self.subject} {said}" if isinstance(self.bound, Range) else f"{self.subject} {self.op} {said}"

    @property
    def subject(self) -> str:
        """What it is about: the metric, the column, the slice."""
        column = "" if self.column is None else f"({_quoted(self.column)})"
        part = "" if self.slice is None else f"[{self.slice.to_sql()}]"
        return f"{self.metric}{column}{part}"

    @property
    def _figure(self) -> str:
        """What its reason speaks of; the slice has a place of its own in a verdict."""
        return metric_name(self.metric) if self.column is None else f"{self.metric}({_quoted(self.column)})"

    @property
    def needs_reference(self) -> bool:
        """Whether its threshold depends on what the reference has."""
        return needs_reference(self.bound)

    @property
    def needs_history(self) -> bool:
        """Whether its threshold depends on earlier windows."""
        return needs_history(self.bound)

    def judge(
        self,
        measure: Measure | None,
        *,
        n: float | None = None,
        window: tuple[str, str] | None = None,
        reference: float | None = None,
        past: Series | None = None,
    ) -> Verdict:
        """Judge what was measured; a broken rule always alarms.

        Args:
            measure: the metric's value in the window; None, or one without a value, can't be compared.
            n: rows behind it.
            window: start and end, for the verdict; windows that begin before it are its history.
            reference: what the reference has, for thresholds relative to it.
            past: the metric over windows, for thresholds that depend on it.
        """
        value = None if measure is None else measure.value
        if measure is None or value is None or not math.isfinite(value):
            note = (measure.note if measure else None) or "nothing was measured"
            return self._verdict(VerdictKind.NOT_COMPARABLE, f"{self._figure}: {note}", None, n, window)
        levels = self.levels(reference, past or Series(), window)
        unknown = next((found.because for found in levels if found.value is None), None)
        if unknown is not None:
            reason = f"{self._figure} is {self._said(value, measure)}, but no threshold is known for {self}: {unknown}"
            return self._verdict(VerdictKind.NOT_COMPARABLE, reason, measure, n, window)
        bounds = [found.value for found in levels if found.value is not None]
        kept = [_OPERATORS[op](value, bound) for op, bound in zip(self._ops, bounds, strict=True)]
        kind = VerdictKind.TRUE if all(kept) else self._kind()
        broken = bounds[kept.index(False)] if not all(kept) else min(bounds, key=lambda bound: abs(bound - value))
        reason = self._reason(value, measure, levels, holds=all(kept))
        return self._verdict(kind, reason, measure, n, window, broken)

    def levels(self, reference: float | None, past: Series, window: tuple[str, str] | None = None) -> list[Level]:
        """What its threshold, or the two ends of its range, come to in a window."""
        at = None if window is None or not self.needs_history else datetime.fromisoformat(window[0])
        return [
            level(term, self._said, reference=reference, past=past, history=self.history, at=at)
            for term in terms(self.bound)
        ]

    @property
    def _ops(self) -> tuple[str, ...]:
        return (">=", "<=") if isinstance(self.bound, Range) else (self.op,)

    def _reason(self, value: float, measure: Measure, levels: list[Level], *, holds: bool) -> str:
        """Say the value, what it is held against, and where that comes from."""
        bounds = [self._said(found.value) for found in levels if found.value is not None]
        wanted = f"between {' and '.join(bounds)}" if isinstance(self.bound, Range) else f"{self.op} {bounds[0]}"
        causes = list(dict.fromkeys(found.because for found in levels if found.because))
        because = f" ({'; '.join(causes)})" if causes else ""
        start = f"{self._figure} is {self._said(value, measure)}{self._groups(measure)}"
        return f"{start}, {'as the rule says' if holds else BROKEN} {wanted}{because}"

    def _groups(self, measure: Measure) -> str:
        """Say the two groups that are farthest apart."""
        if not is_between_groups(self.metric):
            return ""
        say = percent if get(grouped_metric(self.metric)).unit == "share" else figure
        return ": " + " against ".join(f"{say(value)} for {name}" for name, value in measure.names)

    def _verdict(
        self,
        kind: VerdictKind,
        reason: str,
        measure: Measure | None,
        n: float | None,
        window: tuple[str, str] | None,
        threshold: float | None = None,
    ) -> Verdict:
        return Verdict(
            kind,
            reason,
            metric=self.metric,
            column=self.column,
            slice=None if self.slice is None else str(self.slice),
            window=window,
            value=measure.value if measure else None,
            interval=measure.interval if measure else None,
            n=n,
            threshold=self.bound if isinstance(self.bound, float | int) else threshold,
            rule=str(self),
        )

    def _kind(self) -> VerdictKind:
        if self.metric == "rows" and self.slice is not None and self.op in ("<=", "<", "="):
            return VerdictKind.BROKEN  # rows that there may not be
        if self.metric in _SILENT:
            return VerdictKind.SILENT
        return _KINDS.get(get(self.metric).family, VerdictKind.DEGRADED)

    def _said(self, value: float, measure: Measure | None = None) -> str:
        """Say a value in the metric's unit, with its interval where there is one."""
        say = percent if get(self.metric).unit == "share" else figure
        interval = measure.interval if measure else None
        return say(value) if interval is None else f"{say(value)} ({say(interval[0])} to {say(interval[1])})"


def breaks_rule(verdict: Verdict) -> bool:
    """Tell whether a verdict is that of a rule that a user wrote and that doesn't hold.

    >>> breaks_rule(Verdict(VerdictKind.DEGRADED, "ROC AUC is 0.640, but the rule says >= 0.750"))
    True
    """
    return verdict.alarms and f", {BROKEN} " in verdict.reason


def _misspelt(text: str) -> str | None:
    """Name the word of a threshold that one may have meant."""
    odd = [word for word in re.findall(r"[A-Za-z_]+", _ASIDE.sub(" ", text)) if word not in WORDS and len(word) > 1]
    return next((hint for word in odd if (hint := nearest(word, WORDS))), None)


def _unquoted(name: str | None) -> str | None:
    return name[1:-1].replace('""', '"') if name is not None and name.startswith('"') else name


def _quoted(name: str) -> str:
    return name if _PLAIN.match(name) else '"' + name.replace('"', '""') + '"'
