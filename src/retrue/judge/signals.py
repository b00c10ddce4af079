"""Do more events meet a signal than usual? A rising share of edge cases alarms, beyond chance, habit and the floor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retrue.core.state import Floats
from retrue.judge.budget import share_threshold, wander_reach
from retrue.judge.null import MIN_WINDOWS
from retrue.judge.performance import Past
from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import percent, rows
from retrue.metrics.drift.signal_share import NAME
from retrue.metrics.performance.intervals import wilson


@dataclass(frozen=True, eq=False)
class Usual:
    """What is usual of a signal.

    Args:
        hits: rows that met it, in the reference or in calm windows.
        rows: of so many.
        past: its share in windows where nothing was wrong, in order of time.
        told_by: what tells it: "reference", or "calm windows".
    """

    hits: float
    rows: float
    past: Past
    told_by: str = "reference"

    @classmethod
    def of(cls, hits: Floats, sizes: Floats, told_by: str = "reference") -> Usual:
        """What windows say together: float64[windows] of hits and of rows."""
        share = np.divide(hits, sizes, out=np.full(sizes.size, np.nan), where=sizes > 0)
        errors = np.sqrt(share * (1 - share) / np.maximum(sizes, 1))
        return cls(float(hits.sum()), float(sizes.sum()), Past(share, errors), told_by)


def judge_share(name: str, hits: int, n: int, usual: Usual | None, settings: Settings, tests: int) -> Verdict:
    """Judge how many of a window's rows met a signal: only a rise alarms.

    Args:
        name: the signal's.
        hits: rows of the window that met it.
        n: rows of the window that were looked at.
        usual: what is usual; None: the reference can't tell, and too few calm windows are known.
        settings: how strictly.
        tests: tests made at each look.
    """
    value = hits / n if n else None
    if n < settings.min_rows or value is None:
        return untold(name, f"{rows(n)}, needs {settings.min_rows}", value, n)
    if usual is None or usual.rows < settings.min_rows:
        return untold(name, f"{percent(value)}; what is usual isn't known before {MIN_WINDOWS} calm windows", value, n)
    limit, why = limit_of(usual, n, settings.alpha(tests), settings.rise)
    if limit >= 1:
        said = f"{percent(value)}, {percent(usual.hits / usual.rows)} in the {usual.told_by}; {why}"
        return untold(name, said, value, n)
    before = usual.hits / usual.rows
    rose = value > limit and hits >= settings.least_bad
    held = "more than" if rose else "within" if value <= limit else f"only {hits}, beyond"
    said = f"{name}: {percent(value)} of {rows(n)}, {percent(before)} in the {usual.told_by}; {held} the"
    kind = VerdictKind.DRIFTING if rose else VerdictKind.TRUE
    reason = f"{said} {percent(limit)} {why}"
    return Verdict(kind, reason, NAME, None, name, None, value, wilson(hits, n), n, limit, alarm=rose)


def limit_of(usual: Usual, n: int, alpha: float, rise: float) -> tuple[float, str]:
    """The largest share that is nothing to tell of, and why: the most of what chance, habit and the floor explain.

    Where that is 1 no share could alarm, and the words say why.
    """
    before = usual.hits / usual.rows
    chance = share_threshold(usual.hits, usual.rows, n, alpha)
    error = math.sqrt(max(before * (1 - before), 1 / (4 * n)) / n)
    reach = wander_reach(usual.past.values, usual.past.errors, error, alpha)
    habit = 0.0 if reach is None else float(np.nanmean(usual.past.values)) + reach
    limit = min(max(before + rise, chance, habit), 1.0)
    if before + rise >= 1:
        return limit, "nearly all rows meet it, so that it can't rise"
    if limit >= 1:
        return limit, "too few rows to judge" if chance >= habit else "it varies too much to judge"
    if limit == before + rise:
        return limit, "that is worth telling"
    return limit, "that chance explains" if chance >= habit else "that chance and its own variation explain"


def untold(name: str, why: str, value: float | None, n: int) -> Verdict:
    """Say why a share can't be judged."""
    return Verdict(VerdictKind.NOT_COMPARABLE, f"{name}: {why}", NAME, None, name, None, value, None, n)
