"""Did it matter? Inputs that moved are a notice where labels, or estimates before they come, show no cost."""

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
) -> list[Verdict]:
    """The same; where labels or estimates tell that the model does as well as before, inputs that moved are a notice.

    Args:
        verdicts: on one window, those on its performance among them.
        own: what the reference has of each performance metric.
        names: the main metrics.
        settings: the smallest change of a metric worth telling.
        rules: metric and column of rules that a user wrote: those always count.
        foretold: the main metrics that estimates are judged by; the same unless given.
    """
    before = names if foretold is None else foretold
    told = kept(verdicts, own, names, settings, str) or kept(verdicts, own, before, settings, estimated)
    if told is None:
        return list(verdicts)
    return [
        replace(one, alarm=False, reason=f"{one.reason}; it costs nothing that shows: {told}")
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
        replace(one, alarm=False, reason=f"{one.reason}; labels tell by {until} what that costs")
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
    """Say that no main metric is degraded, and the first no worse by what is worth telling, by labels or estimates."""
    found = {name: one for one in verdicts for name in names if one.metric == form(name) and one.slice is None}
    if not names or len(found) < len(names) or any(one.kind is not VerdictKind.TRUE for one in found.values()):
        return None
    name, after, before = names[0], found[names[0]].value, own[names[0]].value
    if after is None or before is None:
        return None
    worse = before - after if get(name).better == "higher" else after - before
    if worse > settings.worth_telling(name, before):
        return None
    return f"{metric_name(form(name))} {figure(after)}, reference {figure(before)}"
