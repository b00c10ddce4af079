"""Simulated streams with and without drift: as bin counts, which cost the same for 50 rows and 100,000, and as rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS = 128
"""Bins of equal mass of a numeric column."""
CATEGORIES = 20
DAYS, REFERENCE_DAYS = 30, 60
ONSET = 10
"""The day of production on which drift begins."""
SECONDS = 86_400
COLUMNS = ("age", "amount", "zeros", "ticks", "left", "right", "city", "shop")
"""What a model reads in the streams of rows."""


@dataclass(frozen=True)
class World:
    """How windows of one column differ when nothing is wrong.

    Args:
        wander: standard deviation of the window's mean (numbers) or of its log shares (categories) beyond chance.
        rho: how much of it the next window keeps.
        cycle: windows of a full turn of a sine of the same size instead; 0 for none.
    """

    wander: float = 0.0
    rho: float = 0.0
    cycle: int = 0

    def __str__(self) -> str:
        if not self.wander:
            return "still"
        return f"wanders {self.wander:g} sd, " + (f"turns in {self.cycle}" if self.cycle else f"rho {self.rho:g}")

    def path(self, rng: np.random.Generator, windows: int, width: int = 1) -> Floats:
        """How far each window lies off, [windows, width], in standard deviations."""
        if self.cycle:
            phase = rng.uniform(0, 2 * math.pi, size=width)
            turning = math.sqrt(2) * np.sin(2 * math.pi * np.arange(windows)[:, None] / self.cycle + phase)
            return self.wander * (0.9 * turning + math.sqrt(1 - 0.81) * rng.normal(size=(windows, width)))
        steps = rng.normal(size=(windows, width))
        off = np.empty_like(steps)
        off[0] = steps[0]
        for i in range(1, windows):
            off[i] = self.rho * off[i - 1] + math.sqrt(1 - self.rho**2) * steps[i]
        return self.wander * off

    def numbers(self, rng: np.random.Generator, windows: int, n: int) -> Ints:
        """Counts [windows, BINS] of a normal column whose mean wanders."""
        cuts = stats.norm.ppf(np.arange(1, BINS) / BINS)
        inner = stats.norm.cdf(cuts - self.path(rng, windows))
        edges = np.hstack([np.zeros((windows, 1)), inner, np.ones((windows, 1))])
        return rng.multinomial(n, np.diff(edges))

    def categories(self, rng: np.random.Generator, windows: int, n: int) -> Ints:
        """Counts [windows, CATEGORIES] of a column of categories, Zipf-like, whose shares wander."""
        weights = np.exp(self.path(rng, windows, CATEGORIES)) / np.arange(1, CATEGORIES + 1)
        return rng.multinomial(n, weights / weights.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Drift:
    """What goes wrong with the rows of a stream, and by how much.

    Args:
        kind: what goes wrong.
        size: how much, in the kind's own unit.
        columns: where it may rightly be found.
    """

    kind: str
    size: float
    columns: tuple[str, ...]

    @property
    def medium(self) -> bool:
        """Whether it is the middle one of its kind."""
        return self.size == KINDS[self.kind][0][1]


MODEL = "the model"
SCORED = ("score", "label", MODEL)
KINDS: dict[str, tuple[tuple[float, float, float], tuple[str, ...]]] = {
    "mean, sd": ((0.1, 0.3, 1.0), ("age", *SCORED)),
    "spread, times": ((1.1, 1.3, 2.0), ("age", *SCORED)),
    "slow mean, sd": ((0.1, 0.3, 1.0), ("age", *SCORED)),
    "a category from 10 %, to": ((0.13, 0.16, 0.30), ("city",)),
    "missing, more by": ((0.01, 0.05, 0.20), ("amount",)),
    "a new category, share": ((0.01, 0.05, 0.20), ("shop",)),
    "correlation alone": ((0.2, 0.5, 0.9), ("left", "right", *SCORED)),
    "labels turned, share": ((0.03, 0.10, 0.30), ("label", MODEL)),
}
"""Small, medium and large of each kind, and the columns that it touches: what the score is made of moves it too."""
CITIES = np.array(["a", "b", "c", "d", "e"])
SHARES = np.array([0.4, 0.1, 0.25, 0.15, 0.1])


def stream(seed: int, n: int, world: World, drift: Drift | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Reference (`REFERENCE_DAYS` days) and production (`DAYS`), `n` rows a day; drift begins on day `ONSET`."""
    rng = np.random.default_rng(seed)
    days = REFERENCE_DAYS + DAYS
    day = np.repeat(np.arange(days), n)
    after = day - REFERENCE_DAYS - ONSET >= 0
    path = world.path(rng, days, 8)[day]
    size = drift.size if drift else 0.0
    on = {kind: drift is not None and drift.kind == kind for kind in KINDS}
    since = np.clip((day - REFERENCE_DAYS - ONSET + 1) / (DAYS - ONSET), 0, 1)
    shift = size * (after if on["mean, sd"] else since if on["slow mean, sd"] else np.zeros(day.size))
    age = rng.normal(size=day.size) * np.where(after & on["spread, times"], size, 1.0) + shift + path[:, 0]
    left = rng.normal(size=day.size) + path[:, 4]
    rho = np.where(after & on["correlation alone"], size, 0.0)
    right = rho * left + np.sqrt(1 - rho**2) * rng.normal(size=day.size) + path[:, 5]
    missing = rng.random(day.size) < 0.005 + size * (after & on["missing, more by"])
    amount = np.where(missing, np.nan, np.exp(rng.normal(size=day.size) + path[:, 1]))
    shop = np.char.add("s", np.minimum(rng.zipf(1.6, day.size), 40).astype(str))
    unseen = after & on["a new category, share"] & (rng.random(day.size) < size)
    score = 1 / (1 + np.exp(-(0.8 * age + left + right)))
    turned = after & on["labels turned, share"] & (rng.random(day.size) < size)
    frame = pl.DataFrame(
        {
            "id": np.arange(day.size),
            "at": SECONDS * day + rng.integers(0, SECONDS, day.size),
            "age": age,
            "amount": pl.Series(amount).fill_nan(None),
            "zeros": np.where(rng.random(day.size) < 0.6, 0.0, rng.exponential(np.exp(path[:, 2]))),
            "ticks": np.floor(rng.gamma(2.0, 5.0, day.size) * np.exp(path[:, 3])),
            "left": left,
            "right": right,
            "city": city(rng, path[:, 6], after & on["a category from 10 %, to"], size),
            "shop": np.where(unseen, "elsewhere", shop),
            "score": score,
            "label": ((rng.random(day.size) < score) ^ turned).astype(int),
        }
    ).with_columns(at=pl.from_epoch("at"))
    first = REFERENCE_DAYS * n
    return frame[:first], frame[first:]


def city(rng: np.random.Generator, path: Floats, grown: NDArray[np.bool_], share: float) -> NDArray[np.str_]:
    """A city for each row: the share of `b` wanders, and grows where drift says so."""
    weights = np.tile(SHARES, (path.size, 1))
    weights[:, 1] *= np.exp(path)
    weights /= weights.sum(axis=1, keepdims=True)
    if grown.any():
        others = SHARES * (1 - share) / (1 - SHARES[1])
        others[1] = share
        weights[grown] = others
    drawn: NDArray[np.str_] = CITIES[(weights.cumsum(axis=1) < rng.random(path.size)[:, None]).sum(axis=1).clip(0, 4)]
    return drawn
