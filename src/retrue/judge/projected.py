"""Verdicts on projected columns: what can't be computed can't be compared, and a moved mean has its own words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from retrue.core.column import ColumnProfile
from retrue.core.project import REGISTRY
from retrue.core.project.learned import PROJECTION
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import figure, percent, rows


def judge_failed(name: str, window: ColumnProfile, reference: ColumnProfile) -> Verdict | None:
    """A verdict where the projection failed, on the window or already on the reference; None where it didn't."""
    for profile, where in ((reference, " on the reference"), (window, "")):
        hits = profile.special_count("mismatch")
        if hits and profile.names.counts:
            reason = next(iter(profile.names.counts))
            some = f" (on {rows(hits)} of {rows(profile.rows)})" if hits < profile.rows else where
            said = f"{reason}{some}"
            return Verdict(VerdictKind.NOT_COMPARABLE, said, column=name, n=window.rows)
    return None


def has_failed(verdict: Verdict) -> bool:
    """Tell whether a verdict says that a projection failed, on all rows or some."""
    return verdict.kind == VerdictKind.NOT_COMPARABLE and verdict.reason.startswith(f"{PROJECTION} ")


def failed_projections(verdicts: Iterable[Verdict]) -> str:
    """Say which projections failed and why, as a clause; "" where none did.

    >>> failed = Verdict(VerdictKind.NOT_COMPARABLE, "the projection 'shouts' failed: ValueError: x", column="a.shouts")
    >>> failed_projections([failed])
    "nothing is known of a.shouts, for the projection 'shouts' failed: ValueError: x"
    >>> failed_projections([failed, replace(failed, column="b.shouts")])
    "nothing is known of a.shouts and b.shouts, for the projection 'shouts' failed: ValueError: x"
    """
    first: dict[str, Verdict] = {}
    for verdict in verdicts:
        if verdict.column is not None and has_failed(verdict):
            first.setdefault(verdict.column, verdict)
    if not first:
        return ""
    reason = next(iter(first.values())).reason
    same = [name for name, verdict in first.items() if verdict.reason == reason]
    said = f"nothing is known of {both(same)}, for {reason}"
    more = len(first) - len(same)
    return said + (f"; {more} more projection{'s' if more > 1 else ''} failed" if more else "")


def both(names: Sequence[str]) -> str:
    """Name one, two, or the first of many."""
    return " and ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} other columns"


def worded(verdict: Verdict, projection: str, window: ColumnProfile, reference: ColumnProfile) -> Verdict:
    """The verdict with what its projection has to say first; as it is where nothing moved, or a mean says little.

    >>> from retrue.core.grid import NumericGrid
    >>> import polars as pl
    >>> before = NumericGrid.learn(pl.Series([0.0, 0.04]))
    >>> after = before.grid.count(pl.Series([0.3, 0.32]))
    >>> worded(Verdict(VerdictKind.DRIFTING, "moved", column="comment.new_words"), "new_words", after, before).reason
    '31 % of words were never seen; normally 2 %: moved'
    """
    known = REGISTRY.get(projection)
    told = verdict.kind in {VerdictKind.DRIFTING, VerdictKind.BROKEN, VerdictKind.UNKNOWN}
    if known is None or not told or not window.moments.n or not reference.moments.n:
        return verdict
    varied = reference.moments.min != reference.moments.max
    if verdict.metric == "out_of_range" and (varied or known.share or known.strange):
        # Texts and images unlike any before are read well enough: it's the model that doesn't know them.
        verdict = replace(verdict, kind=VerdictKind.UNKNOWN)
    after, before = window.moments.mean, reference.moments.mean
    write = percent if known.share else precise
    if known.says and write(after) != write(before):
        verdict = replace(verdict, reason=f"{write(after)} {known.says}; normally {write(before)}: {verdict.reason}")
    nearer = (known.strange == "more" and after < before) or (known.strange == "less" and after > before)
    # Rows nearer to the reference than its own are no harm: they may be rows that it learned from.
    return replace(verdict, kind=VerdictKind.DRIFTING, alarm=False) if nearer else verdict


def precise(value: float) -> str:
    """A number with three significant digits, fewer where it is round.

    >>> precise(9.0), precise(9.126)
    ('9', '9.13')
    """
    text = figure(value)
    return text.rstrip("0").rstrip(".") if "." in text else text
