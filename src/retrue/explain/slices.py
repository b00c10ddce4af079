"""Which rows: the short predicates that explain best how the input, or the loss, changed.

    code both tables --> search --> first slice --> rake the reference to its share --> search again --> next slice ...

After raking, what merely went along with a slice (ages 18 to 21 with student housing) is no longer news, so the
answers don't repeat each other. An answer is a `Slice`, usable at once as a monitor, a signal or a collection rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from retrue.errors import TableError
from retrue.explain.coding import Coded, Mask, code
from retrue.explain.questions import Floats, Loss, Question, Share
from retrue.explain.search import Found, Search
from retrue.schema import Kind
from retrue.slices import Slice

Z95 = 1.959963984540054
MIN_ROWS = 50
"""Fewer rows than this in either table explain nothing."""
FEW = 5
"""A slice with fewer rows than this is absent from a table."""
MOST_RAKED = 3
"""Slices of the input's change that are raked away before losses are compared."""
NEXT = 0.05
"""A further slice is worth this share of the first one's gain, or isn't worth reading."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One slice that explains, with what changed in it.

    Args:
        slice: the rows.
        question: "share" or "loss".
        share: its share of the reference's rows, and of the window's.
        interval: 95 % interval of the share's change (after - before), as if the slice had been named beforehand.
        n: its rows in the window.
        gain: log-likelihood ratio in nats, given the slices found before it.
        score: the gain minus the predicate's description length.
        loss: its mean loss in the reference, and in the window; None where no losses are known or it has no rows there.
        loss_interval: 95 % interval of the loss's change.
    """

    slice: Slice
    question: Literal["share", "loss"]
    share: tuple[float, float]
    interval: tuple[float, float]
    n: int
    gain: float
    score: float
    loss: tuple[float | None, float | None] | None = None
    loss_interval: tuple[float, float] | None = None

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
        }


def find_slices(
    window: pl.DataFrame,
    reference: pl.DataFrame,
    columns: Sequence[str] | None = None,
    *,
    kinds: Mapping[str, Kind] | None = None,
    question: Literal["share", "loss"] = "share",
    losses: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    depth: int = 2,
    limit: int = 3,
    alpha: float = 0.05,
    least: float = 0.01,
) -> list[Finding]:
    """Find the slices that explain best how the window differs from the reference, the best first.

    Args:
        window: the window's rows; columns of other types than numbers, times, booleans and text are left out.
        reference: the reference's rows.
        columns: which columns to speak about; left out, all that both tables have.
        kinds: what columns are, from the schema: categories get sets, numbers ranges.
        question: "share": where did the input change most; "loss": where did the loss rise most (needs `losses`).
        losses: each row's loss in the window and in the reference (0 or 1 for wrong, or any number); not finite:
            unknown. With the question "share" they are reported, not searched.
        depth: conditions in a predicate, 1 to 3.
        limit: slices at most.
        alpha: on tables without a difference at most this share of searches gives any slice.
        least: the smallest change of share worth naming (only for "share").

    Returns:
        nothing where nothing is surprising or fewer than 50 rows are there. For "loss", the slice `TRUE` says that the
        loss rose everywhere alike.

    Raises:
        SchemaError: an unknown column.
        TableError: losses are asked for and not given, or of another length.
    """
    known = None if losses is None else _losses(losses, window.height, reference.height)
    if question == "loss":
        if known is None:
            raise TableError("no losses to search", where="find_slices", hint="give losses=(window, reference)")
        window, reference, known = _labelled(window, reference, known)
    if min(window.height, reference.height) < MIN_ROWS:
        return []
    hunt, surprising = _Hunt(code(window, reference, columns, kinds), known, depth, least), math.log(2 / alpha)
    if question == "loss" and known is not None:
        return list(hunt.rises(known, limit, surprising))
    return list(hunt.shares(limit, surprising))


class _Hunt:
    """One search after another, each with what was found before taken out."""

    def __init__(self, coded: Coded, losses: tuple[Floats, Floats] | None, depth: int, least: float) -> None:
        self.coded, self.losses, self.depth, self.least = coded, losses, depth, least
        self.weights = [np.ones(codes.shape[1]) for codes in (coded.window, coded.reference)]
        self.found: list[tuple[Mask, Mask]] = []

    def shares(self, limit: int, surprising: float) -> Iterator[Finding]:
        """Yield where the input changed, until that is no longer surprising, large or telling enough."""
        first: float | None = None
        while len(self.found) < limit:
            search = Search(self.coded, self._share())
            best = search.best(self.depth)
            if best is None or best.value <= surprising or (first is not None and best.gain < NEXT * first):
                return
            masks = search.rows_of(best.conditions)
            if self._change(masks) < self.least:
                return
            first = first or best.gain
            yield self._finding("share", self._slice(best), masks, best.gain, best.value)
            self._rake(masks)

    def rises(self, losses: tuple[Floats, Floats], limit: int, surprising: float) -> Iterator[Finding]:
        """Yield where the loss rose beyond what the input's change explains; `TRUE` where it rose everywhere."""
        for _ in self.shares(MOST_RAKED, surprising):
            pass
        for place in range(limit):
            search = Search(self.coded, self._loss(losses))
            best = search.best(self.depth)
            everywhere = float(search.question.score(search.everything()))
            if everywhere > max(surprising, best.value if best else 0.0):
                if place == 0:
                    yield self._finding("loss", Slice.all(), self._all(), everywhere, everywhere)
                return
            if best is None or best.value <= surprising:
                return
            masks = search.rows_of(best.conditions)
            yield self._finding("loss", self._slice(best), masks, best.gain, best.value)
            for weights, mask in zip(self.weights, masks, strict=True):
                weights[mask] = 0.0

    def _share(self) -> Question:
        """Ask with the present weights; None where they are all ones, which is quicker."""
        window, reference = self.weights
        sizes = float(window.sum()), float(reference.sum())
        return Share(window, reference, *sizes) if self.found else Share(None, None, *sizes)

    def _loss(self, losses: tuple[Floats, Floats]) -> Question:
        """Ask with the present weights; losses of any size are cut at their 1 % and 99 % quantiles."""
        every = np.concatenate(losses)
        if ((every == 0) | (every == 1)).all():
            return Loss(self.weights[0], self.weights[1], *losses, float(every.var()), binary=True)
        low, high = np.quantile(every, [0.01, 0.99])
        window, reference = (np.clip(side, low, high) for side in losses)
        spread = float(np.clip(every, low, high).var())
        return Loss(self.weights[0], self.weights[1], window, reference, spread, binary=False)

    def _all(self) -> tuple[Mask, Mask]:
        return self.weights[0] >= 0, self.weights[1] >= 0

    def _slice(self, found: Found) -> Slice:
        parts = [self.coded.columns[c.column].predicate(c.mask) for c in found.conditions]
        whole = parts[0]
        for part in parts[1:]:
            whole = whole & part
        return whole

    def _change(self, masks: tuple[Mask, Mask]) -> float:
        """How far the share moved, with what was found before taken out."""
        shares = [float(w[mask].sum() / max(w.sum(), 1e-9)) for w, mask in zip(self.weights, masks, strict=True)]
        return abs(shares[0] - shares[1])

    def _rake(self, masks: tuple[Mask, Mask]) -> None:
        """Rake the reference to the shares of all slices found; what one table lacks, leave out of the other."""
        for inside in (masks, (~masks[0], ~masks[1])):
            for here, there in ((0, 1), (1, 0)):
                if int(inside[here].sum()) < FEW:
                    self.weights[there][inside[there]] = 0.0
        self.found.append(masks)
        window = self.weights[0]
        targets = [float(window[w].sum() / max(window.sum(), 1e-9)) for w, _ in self.found]
        self.weights[1] = rake(self.weights[1], [r for _, r in self.found], targets)

    def _finding(
        self, question: Literal["share", "loss"], slice_: Slice, masks: tuple[Mask, Mask], gain: float, score: float
    ) -> Finding:
        (a, n), (b, m) = [(int(mask.sum()), len(mask)) for mask in masks]
        q, p = a / n, b / m
        reach = Z95 * math.sqrt(q * (1 - q) / n + p * (1 - p) / m)
        loss, loss_interval = self._means(masks)
        return Finding(slice_, question, (p, q), (q - p - reach, q - p + reach), a, gain, score, loss, loss_interval)

    def _means(
        self, masks: tuple[Mask, Mask]
    ) -> tuple[tuple[float | None, float | None] | None, tuple[float, float] | None]:
        """Give the slice's mean loss before and after, and the interval of its change."""
        if self.losses is None:
            return None, None
        after, before = [values[mask & np.isfinite(values)] for values, mask in zip(self.losses, masks, strict=True)]
        means = tuple(float(values.mean()) if len(values) else None for values in (before, after))
        if means[0] is None or means[1] is None:
            return (means[0], means[1]), None
        reach = Z95 * math.sqrt(before.var() / len(before) + after.var() / len(after))
        rise = means[1] - means[0]
        return (means[0], means[1]), (rise - reach, rise + reach)


def rake(weights: Floats, masks: list[Mask], targets: list[float], rounds: int = 20) -> Floats:
    """Weight rows so that each mask holds its target share (iterative proportional fitting; Deming and Stephan 1940).

    A mask without weight, or a target of 0 or 1, can't be reached by weighting and is left alone.

    Returns:
        weights scaled to their effective size (Kish 1965): their sum is what so many equal rows would tell.

    >>> rake(np.ones(4), [np.array([True, False, False, False])], [0.5]).round(2).tolist()
    [1.5, 0.5, 0.5, 0.5]
    """
    out = weights.copy()
    for _ in range(rounds if len(masks) > 1 else 1):
        for mask, target in zip(masks, targets, strict=True):
            share = float(out[mask].sum() / max(out.sum(), 1e-300))
            if 0 < share < 1 and 0 < target < 1:
                out *= np.where(mask, target / share, (1 - target) / (1 - share))
    return np.asarray(out * (out.sum() / max(float((out**2).sum()), 1e-300)))


def _losses(losses: tuple[npt.ArrayLike, npt.ArrayLike], n: int, m: int) -> tuple[Floats, Floats]:
    window, reference = (np.asarray(side, dtype=np.float64) for side in losses)
    if window.shape != (n,) or reference.shape != (m,):
        raise TableError(
            "losses of another length than their tables", where="find_slices", expected=f"({n},) and ({m},)"
        )
    return window, reference


def _labelled(
    window: pl.DataFrame, reference: pl.DataFrame, losses: tuple[Floats, Floats]
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[Floats, Floats]]:
    """Keep the rows whose loss is known."""
    known = [np.isfinite(side) for side in losses]
    tables = [table.filter(pl.Series(side)) for table, side in zip((window, reference), known, strict=True)]
    return tables[0], tables[1], (losses[0][known[0]], losses[1][known[1]])
