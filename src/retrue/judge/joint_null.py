"""How columns usually go together, and how far a window may lie from that: learned from windows known to be good.

windows' dependence - the reference's --> usual offset, what wanders beyond sampling noise --> thresholds by the budget
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from retrue.core.joint import Joint, JointSums, pairs_of
from retrue.core.reference import Reference
from retrue.core.state import Bools, Floats
from retrue.judge.habits import Habits
from retrue.judge.null import MIN_WINDOWS
from retrue.judge.wander import effective_windows, unseen_part
from retrue.metrics.drift.mmd import joint_sums

_NORMAL = NormalDist()


@dataclass(frozen=True, eq=False)
class JointNull:
    """What windows look like when nothing is wrong.

    Attributes:
        counter: what knows how noisy single rows are.
        offset: float64[2, groups], how far the windows' dependence lies from the reference's on average: a pool of
            windows hangs together by their means too.
        wander: float64[2, groups], standard deviation of the next window's dependence beyond sampling noise.
        degrees: float64[2, groups], its degrees of freedom.
        design: how much larger the sampling noise is than independent rows', at least 1.
        squares: of the mean square change of all pairs beyond sampling noise over windows, its mean, and the degrees of
            freedom of its numerator and its denominator.
        windows: how many good windows with rows are known.
    """

    counter: Joint
    offset: Floats
    wander: Floats
    degrees: Floats
    design: float = 1.0
    squares: tuple[float, float, float] = (0.0, 1.0, 3.0)
    windows: int = 0

    @classmethod
    def learn(
        cls,
        counter: Joint,
        reference: JointSums,
        windows: Sequence[JointSums],
        bases: Sequence[JointSums] | None = None,
    ) -> JointNull:
        """Learn from windows known to be good, in order of time; from fewer than `MIN_WINDOWS` nothing can be.

        Args:
            counter: the model's.
            reference: what windows are compared with.
            windows: the good ones.
            bases: what each of them was compared with; left out, the reference.
        """
        nothing = np.zeros((2, pairs_of(len(counter.circles)).groups))
        held = [place for place, window in enumerate(windows) if window.n > 1]
        if len(held) < MIN_WINDOWS:
            return cls(counter, nothing, nothing, nothing + 3, windows=len(held))
        sizes = np.array([float(windows[place].n) for place in held])
        compared = [reference if bases is None else bases[place] for place in held]
        moved = np.stack([windows[p].dependence - base.dependence for p, base in zip(held, compared, strict=True)])
        offset = np.average(moved, axis=0, weights=sizes)
        judged = spread_of(counter) > 0
        away = (moved - offset) * judged * math.sqrt(len(held) / (len(held) - 1))
        noise = spread_of(counter) ** 2 * float(np.mean(1 / sizes))
        ratio = np.divide((away**2).mean(axis=0), noise, out=np.zeros_like(noise), where=noise > 0)
        design = max(1.0, float(np.median(ratio[noise > 0]))) if (noise > 0).any() else 1.0
        wander, degrees = own_wander(away, noise * design, ratio / design)
        return cls(counter, offset, wander, degrees, design, squares_of(counter, away, sizes, design), len(held))

    @property
    def unknown(self) -> bool:
        """Whether there are windows, but too few to tell by how much what columns do together varies between them."""
        return 0 < self.windows < MIN_WINDOWS

    def noise(self, size: float, alpha: float) -> Floats:
        """float64[2, groups]: what a change of dependence exceeds with probability `alpha` anywhere.

        A normal quantile, for all at once (Bonferroni), with a term for skewness, as few rows may hold all of a pair's
        rare values (Cornish and Fisher 1938, or Bernstein's bound where that is less); and the quantile of the wander,
        as in `wander_reach`.
        """
        spread = spread_of(self.counter)
        tail = alpha / (2 * max(int((spread > 0).sum()), 1))
        z = _NORMAL.inv_cdf(1 - tail)
        skew = (z * z - 1) * self.counter.cubes / (6 * np.maximum(spread**2, 1e-12))
        reach: Floats = spread * math.sqrt(self.design / size) * z
        reach += np.minimum(skew, self.counter.reach * math.log(1 / tail) / 3) / size
        if not self.wander.any():
            return reach
        from scipy.special import stdtrit  # late: half a second when cold, and `compare` never comes here

        return np.asarray(np.hypot(reach, self.wander * stdtrit(self.degrees, 1 - tail)))

    def together(self, size: float, alpha: float, kept: Bools) -> float:
        """The mean square change of the kept pairs, less sampling noise, that is exceeded with probability `alpha`.

        For sums of weighted squares of normals: Laurent and Massart 2000, "Adaptive estimation of a quadratic
        functional by model selection", lemma 1.
        """
        trace, norm, top = self.counter.covariance
        part = float((spread_of(self.counter)[:, kept] ** 2).sum()) / max(trace, 1e-300)
        x, pairs = math.log(1 / alpha), pairs_in(self.counter, kept)
        chance = 2 * self.design / size * (norm * math.sqrt(x * part) + top * x) / pairs
        mean, directions, degrees = self.squares
        if mean <= 0:
            return chance
        from scipy.special import fdtri  # late, as above

        return chance + mean * float(fdtri(directions, degrees, 1 - alpha))


def spread_of(counter: Joint) -> Floats:
    """float64[2, groups]: standard deviations of one row's products."""
    return np.array(counter.spread).reshape(2, -1)


def pairs_in(counter: Joint, kept: Bools) -> int:
    """How many pairs the kept groups hold."""
    return max(int(kept[pairs_of(len(counter.circles)).group].sum()), 1)


def own_wander(away: Floats, noise: Floats, ratio: Floats) -> tuple[Floats, Floats]:
    """The wander of features that differ between windows beyond all doubt, 0 for the others; and degrees of freedom."""
    count = len(away)
    wander, degrees = np.zeros(noise.shape), np.full(noise.shape, 3.0)
    for at in zip(*np.nonzero(ratio > 1 + 2 * math.sqrt(2 / count)), strict=True):
        windows = effective_windows(away[:, at[0], at[1]], 1 - 1 / float(ratio[at]))
        excess = float(noise[at] * (ratio[at] - 1))
        wander[at] = math.sqrt(excess * unseen_part(windows) * (1 + 1 / max(windows, 1.0)))
        degrees[at] = max(3.0, windows - 1)
    return wander, degrees


def squares_of(counter: Joint, away: Floats, sizes: Floats, design: float) -> tuple[float, float, float]:
    """The mean square change of all pairs beyond sampling noise, as a scaled F variable.

    The directions in which windows wander follow from how much it varies (Satterthwaite 1946): one where it varies as
    the square of a normal does.

    Returns:
        Its mean, and the degrees of freedom of its numerator and its denominator.
    """
    trace, norm, _ = counter.covariance
    pairs = pairs_in(counter, np.ones(away.shape[2], np.bool_))
    squares = (away**2).sum(axis=(1, 2)) / pairs - design * trace / sizes / pairs
    noise = float(np.mean((math.sqrt(2) * norm * design / sizes / pairs) ** 2))
    mean, variance = max(float(squares.mean()), 0.0), max(float(squares.var(ddof=1)) - noise, 0.0)
    windows = effective_windows(squares)
    directions = float(np.clip(2 * mean * mean / variance, 1.0, pairs)) if variance > 0 else float(pairs)
    return mean, directions, max(3.0, windows - 1)


def counter_of(reference: Reference) -> Joint | None:
    """What counts how columns go together; None where the model doesn't."""
    found = [counter for counter in reference.grids.extras if isinstance(counter, Joint)]
    return found[0] if found and joint_sums(reference.profile) is not None else None


def learn_joint(reference: Reference, habits: Habits) -> JointNull | None:
    """Learn how columns usually go together; None where the model doesn't count that."""
    counter, before = counter_of(reference), joint_sums(reference.profile)
    if counter is None or before is None:
        return None
    bases = habits.bases or [reference.profile] * len(habits.windows)
    both = [(joint_sums(window), joint_sums(base)) for window, base in zip(habits.windows, bases, strict=True)]
    known = [(window, base) for window, base in both if window is not None and base is not None]
    return JointNull.learn(counter, before, [window for window, _ in known], [base for _, base in known])
