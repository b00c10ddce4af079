"""How exact is a grid? KS, PSI and Wasserstein from profiles against SciPy on the values themselves.

    python -m benchmarks.accuracy

Seven distributions, four shifts. Exits with status 1 where a promise of the design is broken:

* KS is never too large, and too small by at most the largest reference bin mass, atoms exempt, and by at most its
  stated
  error;
* PSI lies within 1 % of PSI on the exact deciles (plus 1e-4 where there is next to none);
* Wasserstein is never too large, too small by at most its stated error, and on light tails within 0.1 % for shifts from
  0.1 standard deviations on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import stats

from retrue.core.grid import NumericGrid
from retrue.metrics import Measure, get

Floats: TypeAlias = npt.NDArray[np.float64]

REFERENCE, WINDOW = 200_000, 50_000
SHIFTS = (0.0, 0.05, 0.2, 1.0)
"""Shifts of the window, in standard deviations."""
TINY = 1e-9


def spiked(rng: np.random.Generator, n: int) -> Floats:
    """Seven in ten are zero, the others exponential."""
    return np.where(rng.uniform(size=n) < 0.7, 0.0, rng.exponential(size=n))


DISTRIBUTIONS: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "uniform": lambda rng, n: rng.uniform(size=n),
    "exponential": lambda rng, n: rng.exponential(size=n),
    "zero-inflated": spiked,
    "rounded": lambda rng, n: np.round(rng.normal(size=n), 1),
    "lognormal": lambda rng, n: rng.lognormal(size=n),
    "Student, 3 df": lambda rng, n: rng.standard_t(3, size=n),
}
HEAVY = ("lognormal", "Student, 3 df")


@dataclass(frozen=True)
class Case:
    """One window against one reference: what SciPy says, and what the grid says."""

    name: str
    shift: float
    exact: dict[str, float]
    found: dict[str, Measure]
    mass: float

    def gap(self, metric: str) -> float:
        """How much less the grid says."""
        return self.exact[metric] - (self.found[metric].value or 0.0)

    def stated(self, metric: str) -> float:
        """The error that the measure itself admits."""
        return self.found[metric].error or 0.0

    def broken(self) -> Iterator[str]:
        """Say which promises are broken."""
        if not -TINY <= self.gap("ks") <= min(self.mass, self.stated("ks")) + TINY:
            yield f"KS is off by {self.gap('ks'):.2g}, promised {min(self.mass, self.stated('ks')):.2g}"
        if abs(self.gap("psi")) > 0.01 * self.exact["psi"] + 1e-4:
            yield f"PSI is off by {self.gap('psi'):.2g} of {self.exact['psi']:.3g}, promised 1 %"
        if not -TINY <= self.gap("wasserstein") <= self.stated("wasserstein") + TINY:
            yield f"Wasserstein is off by {self.gap('wasserstein'):.2g}, promised {self.stated('wasserstein'):.2g}"
        if self.name not in HEAVY and self.shift >= 0.1 and self.gap("wasserstein") > 1e-3 * self.exact["wasserstein"]:
            yield f"Wasserstein is off by {self.gap('wasserstein') / self.exact['wasserstein']:.2%}, promised 0.1 %"

    def row(self) -> str:
        """Write one line of the table."""
        ks, psi, w = (self.exact[name] for name in ("ks", "psi", "wasserstein"))
        return (
            f"{self.name:14} {self.shift:5.2f}   {ks:8.5f} {self.gap('ks'):9.1e} {self.stated('ks'):9.1e}   "
            f"{psi:8.4f} {self.gap('psi') / psi:+8.2%}   "
            f"{w:8.5f} {self.gap('wasserstein') / w:8.3%} {self.stated('wasserstein'):8.5f}"
        )


def exact_psi(window: Floats, reference: Floats) -> float:
    """PSI over the reference's deciles of the values themselves.

    A value lies in the decile of its middle rank, so that equal values stay together; what lies below and above all of
    the reference are cells of their own. SciPy's entropies give the sum.
    """
    ordered = np.sort(reference)

    def counts(values: Floats) -> Floats:
        first, last = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
        decile = np.minimum((first + last) * 5 // ordered.size, 9) + 1
        cell = np.where(values < ordered[0], 0, np.where(values > ordered[-1], 11, decile))
        return np.bincount(cell, minlength=12).astype(np.float64)

    w, r = counts(window), counts(reference)
    # As the metric states it: fewer than five new rows join the smallest cell; an empty cell counts as half a row.
    for end in (0, 11):
        if w[end] < 5:
            inner = 1 + int(np.argmin(np.where(r[1:11] > 0, (w + r)[1:11], np.inf)))
            w[inner], w[end] = w[inner] + w[end], 0
    kept = (w + r) > 0
    q, p = (np.where(side[kept] == 0, 0.5, side[kept]) for side in (w, r))
    return float(stats.entropy(q, p) + stats.entropy(p, q))


def measured(name: str, shift: float) -> Case:
    """Draw one window and one reference, and measure them both ways."""
    rng = np.random.default_rng([*name.encode(), int(100 * shift)])
    reference = DISTRIBUTIONS[name](rng, REFERENCE)
    scale = float(reference.std())
    window = DISTRIBUTIONS[name](rng, WINDOW) + shift * scale
    exact = {
        "ks": float(stats.ks_2samp(window, reference, method="asymp").statistic),
        "psi": exact_psi(window, reference),
        "wasserstein": float(stats.wasserstein_distance(window, reference)) / scale,
    }
    grid = NumericGrid.fit(pl.Series(reference))
    w, r = grid.count(pl.Series(window)), grid.count(pl.Series(reference))
    found = {metric: get(metric).compute(w, r) for metric in exact}
    return Case(name, shift, exact, found, float(r.counts[~grid.atoms].max(initial=0)) / r.rows)


def main() -> int:
    """Print the table; give 1 where a promise is broken."""
    print(f"{REFERENCE:,} reference rows, {WINDOW:,} in the window; shifts and Wasserstein in standard deviations\n")
    print(f"{'':14} {'shift':>5}   {'KS':>8} {'off by':>9} {'bound':>9}   {'PSI':>8} {'off by':>8}   "
          f"{'W':>8} {'off by':>8} {'bound':>8}")  # fmt: skip
    failures = []
    for name in DISTRIBUTIONS:
        for shift in SHIFTS:
            case = measured(name, shift)
            print(case.row())
            failures += [f"{name}, shift {shift}: {what}" for what in case.broken()]
    print("\n" + ("\n".join(["broken promises:", *failures]) if failures else "every value is within its promise"))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
