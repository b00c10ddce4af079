"""Between groups: how far a metric differs between the values of a column, such as sex or origin.

    accuracy of each group ──gap──> the greatest less the least;  ──ratio──> the least over the greatest

Any metric of outcomes has both: `accuracy_gap(sex)`, `selection_rate_ratio(sex)`, `estimated_recall_gap(origin)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log

from retrue.metrics.measure import Interval, Measure
from retrue.metrics.performance.intervals import of_difference

Groups = Mapping[str, Measure]
"""What each group has of a metric."""
TINY = 1e-12
"""In place of a bound of 0, whose logarithm is not finite."""


def gap(groups: Groups) -> Measure:
    """The greatest value of any group less the least; 0 where all are alike.

    The interval is that of the difference of these two groups (Newcombe 1998, method 10). They were picked as the
    farthest apart, so of many small groups chance alone gives some gap: the interval shows how much. `names` are the
    two groups with their values, the least first.

    >>> found = gap({"F": Measure(0.9, interval=(0.88, 0.92)), "M": Measure(0.7, interval=(0.66, 0.74))})
    >>> round(found.value, 2), [round(end, 3) for end in found.interval], found.names
    (0.2, [0.155, 0.245], (('M', 0.7), ('F', 0.9)))
    """
    found = ends(groups)
    if isinstance(found, Measure):
        return found
    (low, least), (high, greatest) = found
    interval = None
    if least.interval is not None and greatest.interval is not None:
        reach = of_difference(value(greatest), greatest.interval, value(least), least.interval)
        interval = (max(reach[0], 0.0), reach[1])
    names = ((low, value(least)), (high, value(greatest)))
    return Measure(value(greatest) - value(least), interval=interval, note=left_out(groups), names=names)


def ratio(groups: Groups) -> Measure:
    """The least value of any group over the greatest: 1 where all are alike; for metrics that are never below 0.

    The four-fifths rule asks for at least 0.8 of selection rates (29 CFR 1607.4 D). The interval is that of the two
    groups, from their difference in logarithms (Zou and Donner 2008).

    >>> found = ratio({"F": Measure(0.3, interval=(0.25, 0.36)), "M": Measure(0.6, interval=(0.54, 0.66))})
    >>> found.value, [round(end, 2) for end in found.interval]
    (0.5, [0.41, 0.62])
    """
    found = ends(groups)
    if isinstance(found, Measure):
        return found
    (low, least), (high, greatest) = found
    if value(least) < 0 or value(greatest) <= 0:
        return Measure(None, note=f"no ratio of {value(least):g} to {value(greatest):g}")
    interval = None
    if least.interval is not None and greatest.interval is not None:
        reach = of_difference(*logarithms(least), *logarithms(greatest))
        interval = (exp(reach[0]) if value(least) > 0 else 0.0, min(exp(reach[1]), 1.0))
    names = ((low, value(least)), (high, value(greatest)))
    return Measure(value(least) / value(greatest), interval=interval, note=left_out(groups), names=names)


def ends(groups: Groups) -> tuple[tuple[str, Measure], tuple[str, Measure]] | Measure:
    """The groups with the least and the greatest value, by name; or why there is nothing to compare."""
    told = sorted((name for name, one in groups.items() if one.value is not None), key=lambda n: (value(groups[n]), n))
    if len(told) >= 2:
        return (told[0], groups[told[0]]), (told[-1], groups[told[-1]])
    why = next((f"{name}: {one.note}" for name, one in groups.items() if one.value is None), "there is one group")
    return Measure(None, note=f"needs two groups, {len(told)} can be measured ({why})")


def left_out(groups: Groups) -> str | None:
    """Which groups couldn't be measured, None where all could."""
    lacking = [name for name, one in groups.items() if one.value is None]
    more = "" if len(lacking) <= 3 else f" and {len(lacking) - 3} more"
    return f"without {', '.join(lacking[:3])}{more}: too few rows" if lacking else None


def value(measure: Measure) -> float:
    """The value of a measure that has one."""
    return 0.0 if measure.value is None else measure.value


def logarithms(measure: Measure) -> tuple[float, Interval]:
    """The logarithm of a value and of its interval."""
    low, high = measure.interval or (value(measure), value(measure))
    return log(max(value(measure), TINY)), (log(max(low, TINY)), log(max(high, TINY)))
