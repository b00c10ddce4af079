"""Did columns change together, where no single one did? One test more, from sums of random Fourier features.

    dependence of the window - that of the reference, as its windows usually differ from it
        each pair by itself   against a normal quantile, Bernstein's term, and how the pair wanders     a pair changed
        all pairs together    against a bound on sums of squares, and how those wander                  a little of each

Pairs with a column that moved by itself are left out: that is told already, and a column that moved may bend what it
does with others.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np

from retrue.core.joint import Joint, JointSums, pairs_of
from retrue.core.profile import Profile
from retrue.core.state import Bools, Floats
from retrue.judge.distance import effective
from retrue.judge.joint_null import JointNull, pairs_in, spread_of
from retrue.judge.null import MIN_WINDOWS
from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import amount, minus, rows
from retrue.metrics.drift.mmd import joint_sums
from retrue.metrics.measure import Z95

PAIR = 0.05
"""The smallest change of a pair's dependence worth telling anybody: about a correlation's."""
TOGETHER = 0.02
"""The smallest root mean square change of all pairs worth telling."""
MOVED = (VerdictKind.BROKEN, VerdictKind.UNKNOWN, VerdictKind.DRIFTING)
"""Verdicts on columns that changed by themselves."""
NAMED = 3
"""The most pairs that a sentence names."""


def judge_together(
    null: JointNull | None,
    window: Profile,
    reference: Profile,
    told: Sequence[Verdict],
    alpha: float,
    settings: Settings,
) -> list[Verdict]:
    """The verdict on what columns do together, beside those on each column; none where that isn't counted."""
    after, before = joint_sums(window), joint_sums(reference)
    if null is None or after is None or before is None:
        return []
    moved = {verdict.column for verdict in told if verdict.column is not None and verdict.kind in MOVED}
    quiet = set(null.counter.names) - set(settings.watch) if settings.watch else set[str]()
    return [judge_joint(after, before, null, alpha, settings, moved | quiet)]


def judge_joint(
    window: JointSums,
    reference: JointSums,
    null: JointNull,
    alpha: float,
    settings: Settings,
    moved: Collection[str] = (),
) -> Verdict:
    """Judge what columns do together.

    Args:
        window: the window's sums.
        reference: those that it is compared with.
        null: what windows look like when nothing is wrong.
        alpha: the false-alarm probability of the test: half of it for single pairs, half for all together.
        settings: how many rows it takes, and the smallest change worth telling.
        moved: columns that moved by themselves, which is told already, and those that nobody watches.
    """
    few = min(window.n, reference.n)
    if few < settings.min_rows:
        said = f"{rows(few)} to see columns together, needs {settings.min_rows}"
        return Verdict(VerdictKind.NOT_COMPARABLE, said, "mmd", n=window.n, threshold=settings.min_rows)
    if null.unknown:
        known = "1 good window" if null.windows == 1 else f"{null.windows} good windows"
        said = f"{known} to tell how columns usually go together, needs {MIN_WINDOWS}"
        return Verdict(VerdictKind.NOT_COMPARABLE, said, "mmd", n=window.n, threshold=MIN_WINDOWS)
    kept = standing(null.counter, moved)
    if not kept.any():
        said = "each pair of columns has one that moved by itself, or isn't watched"
        return Verdict(VerdictKind.NOT_COMPARABLE, said, "mmd", n=window.n)
    size = effective(window.n, reference.n)
    change = (window.dependence - reference.dependence - null.offset) * (spread_of(null.counter) > 0)
    limit = np.maximum(null.noise(size, alpha / 2), PAIR if settings.drift is None else settings.drift)
    over = np.where(kept, np.abs(change) / limit, 0.0)
    at = np.unravel_index(int(over.argmax()), over.shape)
    if over[at] > 1:
        before = float(reference.dependence[at] + null.offset[at])
        return pair_moved(null, at, float(change[at]), before, float(limit[at]), window.n, size)
    return all_moved(null, change, kept, alpha / 2, settings, window.n, size)


def standing(counter: Joint, moved: Collection[str]) -> Bools:
    """bool[groups]: groups of pairs without a column that moved by itself."""
    pairs, gone = pairs_of(len(counter.circles)), np.array([name in moved for name in counter.names])
    touched = np.zeros(pairs.groups, np.bool_)
    touched[pairs.group[gone[pairs.left] | gone[pairs.right]]] = True
    return ~touched


def pair_moved(
    null: JointNull, at: tuple[np.intp, ...], change: float, before: float, limit: float, n: int, size: float
) -> Verdict:
    """Say that a pair of columns changed together."""
    error = float(spread_of(null.counter)[at]) * math.sqrt(null.design / size)
    found = [
        (null.counter.names[a], null.counter.names[b])
        for a, b in pairs_of(len(null.counter.circles)).of_group(int(at[1]))
    ]
    because = "chance and the reference's own variation explain" if null.wander[at] > 0 else "chance explains"
    limited = f"more than the {amount(limit)} that " + ("is worth telling" if limit <= PAIR else because)
    went = minus(" to ".join(f"{round(one, 2) + 0.0:.2f}" for one in (before, before + change)))  # -0.0 has no sign
    reason = f"{named(found)} changed together: dependence {went}, {limited}; no single column explains it"
    ends = max(abs(change) - Z95 * error, 0.0), abs(change) + Z95 * error
    about = tuple(dict.fromkeys(name for names in found for name in names))
    size = abs(change)
    return Verdict(VerdictKind.DRIFTING, reason, "mmd", value=size, interval=ends, n=n, threshold=limit, columns=about)


def named(pairs: Sequence[tuple[str, str]]) -> str:
    """Name the pair, or those among which it is.

    >>> named([("age", "city")]), named([("a", "b"), ("c", "d")])
    ('age and city', 'one of a and b, or c and d')
    """
    said = [f"{a} and {b}" for a, b in pairs]
    if len(said) == 1:
        return said[0]
    if len(said) > NAMED:
        return f"one of {len(said)} pairs of columns, such as {said[0]},"
    return f"one of {', '.join(said[:-1])}, or {said[-1]}"


def all_moved(
    null: JointNull, change: Floats, kept: Bools, alpha: float, settings: Settings, n: int, size: float
) -> Verdict:
    """Judge all pairs together."""
    pairs = pairs_in(null.counter, kept)
    noise = null.design * float((spread_of(null.counter)[:, kept] ** 2).sum()) / size / pairs
    value = math.sqrt(max(float((change[:, kept] ** 2).sum()) / pairs - noise, 0.0))
    counted = f"{pairs:,} pair" + ("" if pairs == 1 else "s")
    least = TOGETHER if settings.drift is None else settings.drift
    limit = max(math.sqrt(null.together(size, alpha, kept)), least)
    if value <= limit:
        said = f"columns hang together as before: {counted} by {amount(value)}, within {amount(limit)}"
        return Verdict(VerdictKind.TRUE, said, "mmd", value=value, n=n, threshold=limit)
    said = (
        f"the columns changed together: no single one explains it; the dependence of {counted} moved by "
        f"{amount(value)} (root mean square), more than the {amount(limit)} that chance explains"
    )
    return Verdict(VerdictKind.DRIFTING, said, "mmd", value=value, n=n, threshold=limit)
