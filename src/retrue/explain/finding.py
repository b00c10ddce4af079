"""A finding: one slice that explains, how much, how sure that is, and what else it may be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from retrue.slices import Slice

Interval = tuple[float, float]
Asked = Literal["share", "loss", "worst", "versions"]
"""What was asked: where did the input change, where did the loss rise, where is it worst, where do versions differ."""

ALIKE = 0.8
"""A proxy that explains this share of a slice's gain can't be told from it."""
TOLD = 2
"""The most proxies that a finding's text names."""

EVERYWHERE = Slice.all().sql
"""The slice of all rows: no part of them explains more than the whole."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A slice by another column, whose change goes along with a finding's and vanishes with it.

    Args:
        slice: the rows.
        gain: its log-likelihood ratio before the finding was taken out, in nats.
        explains: the share of the finding's gain that vanishes when this is taken out instead.
    """

    slice: Slice
    gain: float
    explains: float

    def to_dict(self) -> dict[str, object]:
        """Give it as plain values; the slice as its SQL."""
        return {"slice": self.slice.sql, "gain": self.gain, "explains": self.explains}


@dataclass(frozen=True, slots=True)
class Finding:
    """One slice that explains, with what changed in it.

    Intervals are 95 % for all predicates of the search together: choosing the most striking one is paid for.

    Args:
        slice: the rows.
        question: "share", "loss", "worst" or "versions".
        share: its share of the reference's rows, and of the window's; of one table: twice the same.
        interval: of the share's change (after - before).
        n: its rows in the window.
        gain: log-likelihood ratio in nats, given the slices found before it.
        score: the gain minus the predicate's description length.
        loss: its mean loss in the reference (for "loss": raked) and in the window; for "worst" and "versions" that of
            all other rows, and its own. None where no losses are known, or a side has no rows.
        loss_interval: of the loss's change.
        proxies: what changed along with it and no longer does once it is taken out, the largest gain first.
    """

    slice: Slice
    question: Asked
    share: tuple[float, float]
    interval: Interval
    n: int
    gain: float
    score: float
    loss: tuple[float | None, float | None] | None = None
    loss_interval: Interval | None = None
    proxies: tuple[Proxy, ...] = ()

    def __str__(self) -> str:
        """Name the slice, and the proxies that it can't be told from."""
        return " or its proxy ".join([str(self.slice), *(str(one.slice) for one in self.alternatives[:TOLD])])

    @property
    def words(self) -> str:
        """The same as a sentence says it."""
        return " or its proxy ".join([self.slice.words, *(one.slice.words for one in self.alternatives[:TOLD])])

    @property
    def effect(self) -> float | None:
        """What was asked for: the change of the share, or how much higher the loss is."""
        if self.question == "share":
            return self.share[1] - self.share[0]
        before, after = self.loss or (None, None)
        return None if before is None or after is None else after - before

    @property
    def effect_interval(self) -> Interval | None:
        """The interval of the effect."""
        return self.interval if self.question == "share" else self.loss_interval

    @property
    def grew(self) -> bool:
        """Whether there are more of these rows, or they went wrong more; rows that vanished are no cause to look at."""
        return self.question != "share" or self.share[1] > self.share[0]

    @property
    def alternatives(self) -> tuple[Proxy, ...]:
        """The proxies that would explain as much: the data can't tell which of them is the cause."""
        return tuple(one for one in self.proxies if one.explains >= ALIKE)

    def to_dict(self) -> dict[str, object]:
        """Give it as plain values; the slice as its SQL."""
        return {
            "slice": self.slice.sql,
            "question": self.question,
            "share": list(self.share),
            "interval": list(self.interval),
            "n": self.n,
            "gain": self.gain,
            "score": self.score,
            "loss": None if self.loss is None else list(self.loss),
            "loss_interval": None if self.loss_interval is None else list(self.loss_interval),
            "proxies": [one.to_dict() for one in self.proxies],
        }


def guilty_of(findings: Sequence[Finding]) -> Finding | None:
    """Give the first finding whose rows one would look at: some that came or went wrong, not all rows."""
    return next((one for one in findings if one.grew and one.slice.sql != Slice.all().sql), None)


def searched(length: float) -> float:
    """Give how many standard errors an interval reaches that holds for all predicates together (Bonferroni by length).

    Args:
        length: the predicate's description length in nats; 0: it was named beforehand.

    >>> round(searched(0.0), 2), round(searched(10.0), 2)
    (1.96, 4.73)
    """
    chance = 0.025 * math.exp(-max(length, 0.0))
    return -NormalDist().inv_cdf(chance) if chance > 1e-300 else math.sqrt(2 * (length + math.log(40)))


def share_change(before: tuple[int, int], after: tuple[int, int], z: float) -> Interval:
    """Give the interval of a difference of two shares (Newcombe 1998, method 10).

    Args:
        before: rows in the slice, and all rows, of the reference.
        after: the same of the window.
        z: how many standard errors it reaches.

    >>> [round(end, 4) for end in share_change((48, 80), (56, 70), 1.96)]  # the paper's table II, (a), turned round
    [0.0524, 0.3339]
    """
    (p, p_low, p_high), (q, q_low, q_high) = _wilson(*before, z), _wilson(*after, z)
    change = q - p
    return change - math.hypot(q - q_low, p_high - p), change + math.hypot(q_high - q, p - p_low)


def _wilson(hits: int, rows: int, z: float) -> tuple[float, float, float]:
    """Give a share and the ends of its interval (Wilson 1927)."""
    share, extra = hits / rows, z * z / rows
    middle = (share + extra / 2) / (1 + extra)
    reach = math.sqrt(share * (1 - share) * extra + extra * extra / 4) / (1 + extra)
    return share, max(0.0, middle - reach), min(1.0, middle + reach)
