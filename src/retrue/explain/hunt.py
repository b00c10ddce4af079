"""One search after another, each with what was found before taken out."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from retrue.explain.coding import Coded
from retrue.explain.column import Floats
from retrue.explain.finding import Asked, Finding, Interval, Proxy, searched, share_change
from retrue.explain.questions import Loss, Share, Worst
from retrue.explain.raking import Masks, Sides, without
from retrue.explain.search import Found, Search
from retrue.slices import Slice

MOST_RAKED = 3
"""Slices of the input's change that are raked away before losses are compared."""
NEXT = 0.05
"""A further slice is worth this share of the first one's gain, or isn't worth reading ..."""
NEXT_CHANGE = 0.02
"""... and moves by so many rows of all."""
VANISHED = 0.1
"""A column whose gain falls below this share of itself went along with what was taken out."""


class Hunt:
    """Finds slices one by one.

    Args:
        coded: the tables.
        depth: conditions in a predicate at most.
        surprising: what a predicate must be worth, in nats.
        losses: each row's loss, in the window and the reference; None where they aren't known.
    """

    def __init__(self, coded: Coded, depth: int, surprising: float, losses: Sides | None = None) -> None:
        self.coded, self.depth, self.surprising, self.losses = coded, depth, surprising, losses
        self.weights: Sides = (np.ones(coded.window.shape[1]), np.ones(coded.reference.shape[1]))
        self.found: list[Masks] = []
        self.margins: list[Masks] = []
        self.first = 0.0

    # --- the three questions ---

    def shares(self, limit: int, least: float) -> Iterator[Finding]:
        """Yield where the input changed, until that is no longer surprising, large or telling enough."""
        search = Search(self.coded, self._share())
        while len(self.found) < limit:
            best = self._best(search)
            if best is None:
                return
            masks = search.rows_of(best.conditions)
            if self._change(masks) < (max(least, NEXT_CHANGE) if self.found else least):
                return
            before = self.weights
            self._rake(best, masks, search)
            later = Search(self.coded, self._share())
            proxies = self._proxies(best, masks, search, later, before)
            yield self._finding("share", self._slice(best), masks, best.gain, best.value, proxies)
            search = later

    def rises(self, losses: Sides, limit: int, least: float) -> Iterator[Finding]:
        """Yield where the loss rose beyond what the input's change explains; `TRUE` where it rose everywhere."""
        for _ in self.shares(MOST_RAKED, least):
            pass
        self.first = 0.0
        losses, spread, binary = _tamed(losses)
        for place in range(limit):
            search = Search(self.coded, Loss(*self.weights, *losses, spread, binary))
            best = self._best(search)
            everywhere = float(search.question.score(search.everything()))
            if everywhere > max(self.surprising, best.value if best else 0.0):
                if place == 0:
                    yield self._finding("loss", Slice.all(), self._all(), everywhere, everywhere)
                return
            if best is None:
                return
            masks = search.rows_of(best.conditions)
            yield self._finding("loss", self._slice(best), masks, best.gain, best.value)
            self._drop(masks)

    def worst(self, losses: Sides, limit: int, question: Asked) -> Iterator[Finding]:
        """Yield where the loss is worst in the window alone."""
        (loss, _), spread, binary = _tamed(losses)
        for _ in range(limit):
            kept = self.weights[0]
            total = np.array([kept.sum(), (kept * loss).sum(), (kept * loss * loss).sum()])
            search = Search(self.coded, Worst(kept, loss, total, spread, binary))
            best = self._best(search)
            if best is None:
                return
            masks = search.rows_of(best.conditions)
            yield self._finding(question, self._slice(best), masks, best.gain, best.value)
            self._drop(masks)

    # --- one step ---

    def _best(self, search: Search) -> Found | None:
        """Give the best predicate if it is surprising, and tells something beside the first one."""
        best = search.best(self.depth)
        if best is None or best.value <= self.surprising or best.gain < NEXT * self.first:
            return None
        self.first = self.first or best.gain
        return best

    def _rake(self, best: Found, masks: Masks, search: Search) -> None:
        """Take what was found out of the comparison."""
        self.found.append(masks)
        if len(best.conditions) > 1:
            self.margins += [search.rows_of((condition,)) for condition in best.conditions]
        self.weights = without(self.weights, self.found, self.margins)

    def _share(self) -> Share:
        """Ask with the present weights; None where they are all ones, which is quicker."""
        window, reference = self.weights
        sizes = float(window.sum()), float(reference.sum())
        return Share(window, reference, *sizes) if self.found else Share(None, None, *sizes)

    def _drop(self, masks: Masks) -> None:
        """Leave rows out from here on."""
        for weights, mask in zip(self.weights, masks, strict=True):
            weights[mask] = 0.0

    def _all(self) -> Masks:
        return self.weights[0] >= 0, self.weights[1] >= 0

    def _change(self, masks: Masks) -> float:
        """How far the share moved, with what was found before taken out."""
        shares = [float(w[mask].sum() / max(w.sum(), 1e-9)) for w, mask in zip(self.weights, masks, strict=True)]
        return abs(shares[0] - shares[1])

    def _proxies(self, best: Found, masks: Masks, before: Search, after: Search, weights: Sides) -> tuple[Proxy, ...]:
        """Give the columns whose change was surprising before the best slice was taken out, and has vanished since."""
        own = {condition.column for condition in best.conditions}
        left = {found.conditions[0].column: found.gain for found in after.singles}
        gone = []
        for found in sorted(before.singles, key=lambda found: -found.gain):
            column = found.conditions[0].column
            if column in own or found.value <= self.surprising or left.get(column, 0.0) > VANISHED * found.gain:
                continue
            without_it = without(weights, [*self.found[:-1], before.rows_of(found.conditions)])
            a, b = (float(side[mask].sum()) for side, mask in zip(without_it, masks, strict=True))
            share = Share(None, None, float(without_it[0].sum()), float(without_it[1].sum()))
            explains = 1 - float(share.score(np.array([a, b]))) / best.gain
            gone.append(Proxy(self._slice(found), found.gain, min(max(explains, 0.0), 1.0)))
        return tuple(gone)

    # --- what is told ---

    def _slice(self, found: Found) -> Slice:
        """Join the conditions; named in short where one of them is."""
        parts = [self.coded.columns[c.column].predicate(c.mask) for c in found.conditions]
        whole = parts[0]
        for part in parts[1:]:
            whole = whole & part
        return whole.named(" AND ".join(map(str, parts))) if any(part.name for part in parts) else whole

    def _finding(
        self, asked: Asked, slice_: Slice, masks: Masks, gain: float, score: float, proxies: tuple[Proxy, ...] = ()
    ) -> Finding:
        z = searched(gain - score)
        (a, n), (b, m) = [(int(mask.sum()), len(mask)) for mask in masks]
        if m == 0:
            loss, loss_interval = self._means((masks[0], ~masks[0]), (0, 0), z)
            return Finding(slice_, asked, (a / n, a / n), (0.0, 0.0), a, gain, score, loss, loss_interval)
        loss, loss_interval = self._means(masks, (0, 1), z, raked=asked == "loss")
        change = share_change((b, m), (a, n), z)
        return Finding(slice_, asked, (b / m, a / n), change, a, gain, score, loss, loss_interval, proxies)

    def _means(
        self, masks: Masks, sides: tuple[int, int], z: float, *, raked: bool = False
    ) -> tuple[tuple[float | None, float | None] | None, Interval | None]:
        """Give the mean loss of some rows of one side and of others of another, and the interval of its change."""
        if self.losses is None:
            return None, None
        means = []
        for mask, side in zip(masks, sides, strict=True):
            held = mask & np.isfinite(self.losses[side])
            weights = self.weights[side][held] if raked else np.ones(int(held.sum()))
            means.append(_mean(self.losses[side][held], weights))
        after, before = means
        if after is None or before is None:
            return (before and before[0], after and after[0]), None
        reach, rise = z * math.hypot(after[1], before[1]), after[0] - before[0]
        return (before[0], after[0]), (rise - reach, rise + reach)


def _mean(values: Floats, weights: Floats) -> tuple[float, float] | None:
    """Give a weighted mean and its standard error; None without weight."""
    total = float(weights.sum())
    if total <= 0:
        return None
    mean = float((weights * values).sum() / total)
    return mean, math.sqrt(float((weights**2 * (values - mean) ** 2).sum())) / total


def _tamed(losses: Sides) -> tuple[Sides, float, bool]:
    """Give losses cut at their 1 % and 99 % quantiles, their variance, and whether all are 0 or 1."""
    every = np.concatenate(losses)
    if ((every == 0) | (every == 1)).all():
        return losses, float(every.var()), True
    low, high = np.quantile(every, [0.01, 0.99])
    window, reference = (np.clip(side, low, high) for side in losses)
    return (window, reference), float(np.clip(every, low, high).var()), False
