"""Signals in a backtest: what each would have met and collected over stored history, and what alarms it would raise.

rows of each window --meet--> how many, by day ──┬── policy ──> how many would have been collected
                                                 └── the reference's share, calm windows before ──> verdicts
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from retrue.errors import ConfigError, SliceError
from retrue.judge.assess import Judge
from retrue.judge.replay import SignalTally
from retrue.judge.signals import judge_share
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.refine.collect import Policy
from retrue.slices import Slice, Source
from retrue.store import rows
from retrue.workspace.check.signal_shares import (
    NEWEST,
    Shares,
    looked_at,
    reference_shares,
    usual_of,
)
from retrue.workspace.check.timeline import GOOD, Timeline
from retrue.workspace.collect.collecting import days_of
from retrue.workspace.collect.watching import check_columns, meet, parts_of, rows_of, streaming
from retrue.workspace.stored import StoredModel

Span = tuple[str, str]
ByWindow = dict[Span, list[Verdict]]


@dataclass(frozen=True, eq=False)
class Asked:
    """A signal to replay, and which of its rows would be collected."""

    part: Slice
    policy: Policy

    @property
    def name(self) -> str:
        """What it is called."""
        return str(self.part)


def watched_now(model: StoredModel) -> tuple[dict[str, Asked], dict[str, str]]:
    """The signals that are watched, by name; and of those that can't be had, why."""
    found = rows_of(model)
    parts, failed = parts_of(found)
    policies = {row.name: Policy.parse(str(row.body["policy"])) for row in found}
    return {str(part): Asked(part, policies[str(part)]) for part in parts}, failed


def proposed_signals(
    model: StoredModel, wanted: Iterable[Source], policy: str | Policy, present: Mapping[str, Asked]
) -> dict[str, Asked]:
    """What would be watched: the present signals, and those that are proposed, which may have another's policy.

    Raises:
        SliceError: one doesn't parse, or asks for what events don't have.
        ConfigError: the policy is none for a stream, or another signal is called so.
    """
    chosen, found = streaming(model, policy), dict(present)
    for source in wanted:
        part = Slice.of(source)
        if part.sql is None:
            raise SliceError("code can't be replayed before it is watched", where="backtest", expected="SQL")
        check_columns(model, part)
        known = present.get(str(part))
        if known is not None and known.part.sql != part.sql:
            hint = "give the proposed one another name"
            raise ConfigError(f"another watched signal is called {str(part)!r}", where="backtest", hint=hint)
        found[str(part)] = Asked(part, chosen)
    return found


@dataclass(frozen=True)
class Met:
    """How many of a window's rows met a signal: of those looked at, of all (by day), and how many all are."""

    start: int
    hits: int
    looked: int
    rows: int
    days: Mapping[int, float]


@dataclass(eq=False)
class SignalHistory:
    """What the windows of one version say of signals.

    Attributes:
        span: start and end of the window that starts there.
        met: by signal, oldest first.
        reference: what the version's reference says of them.
        calm: windows that checks found calm.
        failed: signals that can't be told, and why.
    """

    span: Callable[[int], Span]
    met: dict[str, list[Met]] = field(default_factory=dict)
    reference: dict[str, Shares] = field(default_factory=dict)
    calm: frozenset[int] = frozenset()
    failed: dict[str, str] = field(default_factory=dict)

    def verdicts(self, name: str, judge: Judge) -> ByWindow:
        """What would have been said of a signal's share, by window."""
        known, found = self.met.get(name, []), ByWindow()
        for place, one in enumerate(known):
            past = [met for met in known[:place] if met.start in self.calm]
            hits, sizes = (np.array([getattr(met, of) for met in past], np.float64) for of in ("hits", "looked"))
            usual = usual_of(self.reference.get(name), hits, sizes)
            said = judge_share(name, one.hits, one.looked, usual, judge.strict, judge.tests)
            span = self.span(one.start)
            found[span] = [said.within(span)]
        return found


def read_history(
    model: StoredModel, version: str, windows: Sequence[rows.Window], parts: Sequence[Slice], newest: int
) -> SignalHistory:
    """Hold the rows of a version's windows against signals; windows before `newest` are left out."""
    found = SignalHistory(model.span)
    own = sorted(window.start for window in windows if window.start >= newest)
    if not parts or not own:
        return found
    found.reference = reference_shares(model, version, parts)
    found.calm = frozenset(Timeline(model, version).calm(GOOD))
    for start in own:
        frame, count = looked_at(model, version, start)
        table, met, wrong = meet(model, frame, parts, version)
        found.failed |= wrong
        for name, mask in met.items():
            days = by_day(model, table, mask, count)
            found.met.setdefault(name, []).append(Met(start, int(mask.sum()), mask.len(), count, days))
    return found


def by_day(model: StoredModel, table: pl.DataFrame, mask: pl.Series, count: int) -> dict[int, float]:
    """How many of a window's rows met a signal, by day; where not all were looked at, as many as those foretell."""
    matched = table.filter(mask)
    scale, days = count / max(mask.len(), 1), days_of(model, matched)
    if days is None:
        return {0: matched.height * scale}
    found, sizes = np.unique(days, return_counts=True)
    return {int(day): float(size) * scale for day, size in zip(found, sizes, strict=True)}


def newest_of(windows: Iterable[rows.Window]) -> int:
    """The start of the first window whose signals are replayed: rows are read, so only the newest are."""
    return sorted(window.start for window in windows)[-NEWEST:][0]


def collected(policy: Policy, days: Mapping[int, float]) -> float:
    """How many rows a policy takes of so many a day; of a share, how many to expect."""
    if policy.budget is None:
        return policy.share * sum(days.values())
    return float(sum(min(policy.budget, count) for count in days.values()))


def tally_of(set_: str, asked: Asked, histories: Sequence[tuple[SignalHistory, ByWindow]], alarms: int) -> SignalTally:
    """What one signal comes to, over all versions."""
    met = [one for history, _ in histories for one in history.met.get(asked.name, [])]
    days: Counter[int] = Counter()
    for one in met:
        days.update(one.days)
    verdicts = [verdict for _, by in histories for told in by.values() for verdict in told]
    judged = sum(verdict.kind is not VerdictKind.NOT_COMPARABLE for verdict in verdicts)
    return SignalTally(
        set_, asked.name, asked.part.sql, str(asked.policy), len(met), sum(one.rows for one in met),
        round(sum(days.values())), round(collected(asked.policy, days)), judged,
        sum(verdict.alarms for verdict in verdicts), alarms,
    )  # fmt: skip
