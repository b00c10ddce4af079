"""Did it matter? Inputs that moved are a notice where labels, or estimates before they come, show no cost.

Such a notice neither begins an incident nor ends one: what it tells of still goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import figure, metric_name
from retrue.metrics import Measure, get
from retrue.metrics.names import estimated


def eased(
    verdicts: Sequence[Verdict],
    own: Mapping[str, Measure],
    names: Sequence[str],
    settings: Settings,
    rules: Collection[tuple[str | None, str | None]] = (),
    foretold: Sequence[str] | None = None,
    costs: tuple[Measure, Measure] | None = None,
) -> list[Verdict]:
    """The same; where labels or estimates tell that the model does as well as before, inputs that moved are a notice.

    Args:
        verdicts: on one window, those on its performance among them.
        own: what the reference has of each performance metric.
        names: the main metrics.
        settings: the smallest change of a metric worth telling.
        rules: metric and column of rules that a user wrote: those always count.
        foretold: the main metrics that estimates are judged by; the same unless given.
        costs: window and reference of the metric that somebody wants costs told in, where it is known.
    """
    before = names if foretold is None else foretold
    told = kept(verdicts, own, names, settings, str) or kept(verdicts, own, before, settings, estimated)
    if told is None or (settings.impact and costs and is_worse(settings.impact, costs[0], costs[1], settings)):
        return list(verdicts)
    return [
        replace(one, alarm=False, eased=True, reason=f"{one.reason}; it costs nothing that shows: {told}")
        if one.kind is VerdictKind.DRIFTING and one.alarms and (one.metric, one.column) not in rules
        else one
        for one in verdicts
    ]


def awaited(
    verdicts: Sequence[Verdict], until: str, rules: Collection[tuple[str | None, str | None]] = ()
) -> list[Verdict]:
    """The same; inputs that moved are a notice while the labels that tell their cost are about to come.

    Args:
        verdicts: on one window whose labels come before the next one closes.
        until: when they will have come, in words.
        rules: metric and column of rules that a user wrote: those always count.
    """
    return [
        replace(one, alarm=False, eased=True, reason=f"{one.reason}; labels tell by {until} what that costs")
        if one.kind is VerdictKind.DRIFTING and one.alarms and (one.metric, one.column) not in rules
        else one
        for one in verdicts
    ]


def kept(
    verdicts: Sequence[Verdict],
    own: Mapping[str, Measure],
    names: Sequence[str],
    settings: Settings,
    form: Callable[[str], str],
) -> str | None:
    """Say that no main metric is degraded, and none worse by what is worth telling, by labels or by estimates."""
    found = {name: one for one in verdicts for name in names if one.metric == form(name) and one.slice is None}
    if not names or len(found) < len(names) or any(one.kind is not VerdictKind.TRUE for one in found.values()):
        return None
    pairs = {name: (Measure(found[name].value), own[name]) for name in names}
    if any(is_worse(name, after, before, settings) for name, (after, before) in pairs.items()):
        return None
    after, before = (figure(one.value or 0.0) for one in pairs[names[0]])
    return f"{metric_name(form(names[0]))} {after}, reference {before}"


def is_worse(name: str, after: Measure, before: Measure, settings: Settings) -> bool:
    """Whether a metric is worse by what is worth telling; where a value isn't known, nobody knows that it isn't."""
    if after.value is None or before.value is None:
        return True
    rise = after.value - before.value
    worse = -rise if get(name).better == "higher" else rise
    return worse > settings.worth_telling(name, before.value)
