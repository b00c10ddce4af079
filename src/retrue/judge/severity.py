"""How bad an incident is: by what it certainly costs the whole traffic, else by how many rows it is about.

| severity   | certain loss of the metric, x share of traffic | or rows that are broken or unknown |
| ---------- | ---------------------------------------------- | ---------------------------------- |
| `critical` | at least 10 times what is worth telling        |                                    |
| `high`     | at least 3 times                               | at least half; and all silence     |
| `medium`   | at least that                                  | at least a tenth; or nobody knows  |
| `low`      | less                                           | fewer                              |

Worth telling is 1 point for metrics between 0 and 1, and 5 % of the reference's value for others: 3 points of accuracy
lost for certain are `high`, 10 are `critical`. Certain is the near end of the 95 % interval. Broken and unknown rows
count beside the cost, the worse of the two: what the model does there nobody has measured. Where labels have, and show
that less is lost than is worth telling, they are `medium` at most.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from retrue.judge.cost import Cost, known
from retrue.judge.verdict import Verdict, VerdictKind

TIMES = 10.0, 3.0, 1.0
"""Times what is worth telling from which a certain loss is critical, high, medium."""
ROWS = 0.5, 0.1
"""Shares of rows from which broken or unknown data is high, medium."""
SLACK = 1e-9
"""3 times 0.01 is 0.03, also in floats."""


class Severity(StrEnum):
    """How bad an incident is; they sort from `low` to `critical`.

    >>> sorted(Severity, reverse=True)[0], Severity.HIGH > Severity.MEDIUM
    (<Severity.CRITICAL: 'critical'>, True)
    """

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for `low` to 3 for `critical`."""
        return list(Severity).index(self)

    def __lt__(self, other: str) -> bool:
        return self.rank < Severity(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= Severity(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > Severity(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= Severity(other).rank


def severity_of(kind: VerdictKind, alerts: Iterable[Verdict], cost: Cost | None) -> Severity:
    """Say how bad an incident is.

    Args:
        kind: its kind.
        alerts: its alarms.
        cost: what it costs; None where nobody knows.
    """
    if kind is VerdictKind.SILENT:
        return Severity.HIGH
    by_cost = None if cost is None else _by_cost(cost)
    by_rows = _by_rows(alerts)
    if cost is not None and cost.harmless and by_rows is not None:
        by_rows = min(by_rows, Severity.MEDIUM, key=lambda one: one.rank)
    known = [one for one in (by_cost, by_rows) if one is not None]
    return max(known, key=lambda one: one.rank) if known else Severity.MEDIUM


def _by_cost(cost: Cost) -> Severity | None:
    """By what is certainly lost; None where the metric's size or its interval isn't known."""
    worth = cost.worth
    if worth is None or cost.interval is None:
        return None
    times = cost.certain / worth + SLACK
    levels = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM)
    return next((level for level, least in zip(levels, TIMES, strict=True) if times >= least), Severity.LOW)


def _by_rows(alerts: Iterable[Verdict]) -> Severity | None:
    """By the largest share of rows that are broken or unknown; None where no alarm tells one."""
    worst = max((share for one in alerts if (share := share_of_rows(one)) is not None), default=None)
    if worst is None:
        return None
    levels = (Severity.HIGH, Severity.MEDIUM)
    return next((level for level, least in zip(levels, ROWS, strict=True) if worst >= least), Severity.LOW)


def share_of_rows(alert: Verdict) -> float | None:
    """The share of rows that an alarm finds broken, or where the model was never evaluated; None for any other figure.

    >>> share_of_rows(Verdict(VerdictKind.BROKEN, "missing", metric="missing", value=0.3))
    0.3
    >>> share_of_rows(Verdict(VerdictKind.BROKEN, "a mean of 7", metric="mean", value=7.0)) is None
    True
    """
    if alert.kind not in (VerdictKind.BROKEN, VerdictKind.UNKNOWN):
        return None
    whole = alert.metric in (None, "constant")  # all rows have the one value
    return alert.value if whole or known(str(alert.metric), "unit") == "share" else None
