"""Fixed rules: what must hold, as one line of text. The simplest tool, and the first; nothing learned replaces one.

    missing(income) <= 0.02        a metric of a column
    roc_auc >= 0.7                 a metric of the model
    precision@0.3 >= 0.5           ... at a threshold, or of a class
    roc_auc[origin = 'JFK'] >= 65 %    ... in a slice

A column whose name isn't a plain word goes in double quotes.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from retrue.errors import MetricError, nearest
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import figure, percent
from retrue.metrics import Measure, Metric, get
from retrue.slices import Slice

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "=": operator.eq,
}
_RULE = re.compile(
    r"\s*(?P<subject>.*?[^\s<>=!])\s*(?P<op><=|>=|<|>|=)\s*(?P<bound>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)\s*(?P<percent>%?)\s*",
    re.DOTALL,
)
_SUBJECT = re.compile(
    r"""(?P<metric>[A-Za-z_]\w*(?:@[^()\[\]]*[^()\[\]\s])?)\s*
        (?:\(\s*(?P<column>"(?:[^"]|"")+"|[^()"\[\]]+?)\s*\)\s*)?
        (?:\[(?P<slice>.*)\])?""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN = re.compile(r"[A-Za-z_]\w*\Z")
_KINDS = {"quality": VerdictKind.BROKEN, "drift": VerdictKind.DRIFTING, "system": VerdictKind.SILENT}
_SILENT = ("rows", "freshness")
"""Quality metrics whose failing means that data doesn't come, not that it is wrong."""
_SHAPE = "something like 'missing(income) <= 0.02', 'roc_auc >= 0.7' or \"roc_auc[origin = 'JFK'] >= 0.65\""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must hold.

    Args:
        metric: a registered metric.
        op: `<=`, `<`, `>=`, `>` or `=`.
        bound: what the metric is compared with.
        column: the column, for metrics of columns.
        slice: the rows it is about; None: all.

    >>> rule = Rule("missing", "<=", 0.02, column="monthly income")
    >>> print(rule)
    missing("monthly income") <= 0.02
    """

    metric: str
    op: str
    bound: float
    column: str | None = None
    slice: Slice | None = None

    @classmethod
    def parse(cls, text: str, columns: Iterable[str] | None = None) -> Rule:
        """Read a rule's text.

        Args:
            text: the rule; a bound in percent is divided by 100.
            columns: the columns there are; left out, any name will do.

        Raises:
            MetricError: it doesn't parse, or names an unknown metric or column (the nearest is suggested), or a metric
                of a column without one.
            SliceError: its slice doesn't parse, or names an unknown column.
        """
        found = _RULE.fullmatch(text)
        subject = _SUBJECT.fullmatch(found["subject"]) if found else None
        if found is None or subject is None:
            raise MetricError(f"a rule that doesn't parse: {text!r}", expected=_SHAPE)
        bound = float(found["bound"]) / (100 if found["percent"] else 1)
        part = Slice.parse(subject["slice"]) if subject["slice"] is not None else None
        rule = cls(subject["metric"], found["op"], bound, _unquoted(subject["column"]), part)
        rule.check(columns)
        return rule

    def check(self, columns: Iterable[str] | None = None) -> Metric:
        """Check that its metric and columns are known, and give the metric.

        Raises:
            MetricError, SliceError: as in `parse`.
        """
        metric = get(self.metric)
        if (self.column is not None) != (metric.of == "column"):
            wanted = f"'{self.metric}(column)'" if metric.of == "column" else f"'{self.metric}' alone"
            raise MetricError(
                f"{self.metric!r} is a metric of a {metric.of}", where=f"rule {str(self)!r}", expected=wanted
            )
        known = None if columns is None else list(columns)
        if known is not None and self.column is not None and self.column not in known:
            raise MetricError(
                f"unknown column {self.column!r}", where=f"rule {str(self)!r}", hint=nearest(self.column, known)
            )
        if known is not None and self.slice is not None:
            self.slice.check(known)
        return metric

    def __str__(self) -> str:
        """Print the rule as `parse` reads it."""
        column = "" if self.column is None else f"({_quoted(self.column)})"
        part = "" if self.slice is None else f"[{self.slice.to_sql()}]"
        return f"{self.metric}{column}{part} {self.op} {self.bound!r}".removesuffix(".0")

    def holds(self, value: float) -> bool:
        """Say whether a value keeps the rule.

        >>> Rule("roc_auc", ">=", 0.7).holds(0.7)
        True
        """
        return _OPERATORS[self.op](value, self.bound)

    def judge(self, measure: Measure | None, *, n: int | None = None, window: tuple[str, str] | None = None) -> Verdict:
        """Judge what was measured; a broken rule always alarms.

        Args:
            measure: the metric's value in the window; None, or one without a value, can't be compared.
            n: rows behind it.
            window: start and end, for the verdict.
        """
        value = None if measure is None else measure.value
        if measure is None or value is None or not math.isfinite(value):
            note = (measure.note if measure else None) or "nothing was measured"
            return self._verdict(VerdictKind.NOT_COMPARABLE, f"{self._subject}: {note}", None, n, window)
        kept = self.holds(value)
        wanted = f"{'as' if kept else 'but'} the rule says {self.op} {self._said(self.bound)}"
        said = f"{self._subject} is {self._said(value, measure)}, {wanted}"
        kind = VerdictKind.TRUE if kept else self._kind()
        return self._verdict(kind, said, measure, n, window)

    def _verdict(
        self, kind: VerdictKind, reason: str, measure: Measure | None, n: int | None, window: tuple[str, str] | None
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
            threshold=self.bound,
        )

    def _kind(self) -> VerdictKind:
        if self.metric in _SILENT:
            return VerdictKind.SILENT
        return _KINDS.get(get(self.metric).family, VerdictKind.DEGRADED)

    @property
    def _subject(self) -> str:
        return str(self).rsplit(f" {self.op} ", 1)[0]

    def _said(self, value: float, measure: Measure | None = None) -> str:
        """Say a value in the metric's unit, with its interval where there is one."""
        say = percent if get(self.metric).unit == "share" else figure
        interval = measure.interval if measure else None
        return say(value) if interval is None else f"{say(value)} ({say(interval[0])} to {say(interval[1])})"


def _unquoted(name: str | None) -> str | None:
    return name[1:-1].replace('""', '"') if name is not None and name.startswith('"') else name


def _quoted(name: str) -> str:
    return name if _PLAIN.match(name) else '"' + name.replace('"', '""') + '"'
