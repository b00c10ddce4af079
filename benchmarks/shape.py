"""Is the shape of a change told rightly? Simulated streams of known shape, at three strengths, with and without wander.

    python -m benchmarks shape [--quick]

A stream is daily windows of 1,000 rows of a normal column whose mean moves, or of 20 categories of which one grows, as
counts. `delta` is how far it moves at most, from trough to crest of a wave: 0.25 is a quarter of a standard deviation,
or as much of a category, whose square is about PSI (.06). Wander is an autoregression of that standard deviation in the
direction of the move itself, the hardest there is; its next window keeps 0.6 of it. Slopes last half of the windows at
least when they go on to the end, a quarter when they stop; stretches and decays are drawn from a twentieth on.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

import numpy as np
from benchmarks.process import machine
from benchmarks.streams import Floats, World
from scipy import stats

from retrue.core.column import ColumnProfile
from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.judge.shape import shape_of
from retrue.judge.shapes.templates import made

SHAPES = ("sudden", "gradual", "periodic", "temporary", "decaying", "stable")
FOUR = SHAPES[:4]
LENGTHS, DELTAS, WANDERS = (60, 120, 200), (0.1, 0.25, 0.5), (0.0, 0.05)
RHO = 0.6
HARD = World(0.1, 0.9)
"""Wander that looks like a shape more than most: for false alarms alone."""
ROWS, WEEK = 1_000, 7
STRONG = 0.25
BINS = 128
NUMBERS = NumericGrid(np.concatenate([[-10.0], stats.norm.ppf(np.arange(1, BINS) / BINS), [10.0]]))
CATEGORIES = CategoricalGrid(tuple(f"c{i}" for i in range(20)), ())
BASE = 0.8 / np.arange(2, 21) / sum(1 / np.arange(2, 21))
Key = tuple[int, float, float, str]


def path(rng: np.random.Generator, kind: str, count: int) -> Floats:
    """How far along each window is, from 0 to 1."""
    t = np.arange(count)
    start = int(rng.integers(count // 10, count - count // 10))
    if kind == "sudden":
        return np.where(t >= start, 1.0, 0.0)
    if kind == "gradual":
        start = int(rng.integers(0, count // 2))
        stop = count - 1 if rng.random() < 0.5 else int(rng.integers(start + count // 4, count))
        return np.clip((t - start) / (stop - start), 0, 1)
    if kind == "temporary":
        wide = int(rng.integers(max(3, count // 20), count // 3))
        start = int(rng.integers(count // 10, count - count // 10 - wide + 1))
        return np.where((t >= start) & (t < start + wide), 1.0, 0.0)
    if kind == "decaying":
        start, fade = int(rng.integers(count // 10, 2 * count // 3)), rng.uniform(count / 20, count / 5)
        return np.where(t >= start, np.exp(-np.maximum(t - start, 0) / fade), 0.0)
    if kind == "periodic":
        return np.asarray(0.5 * np.sin(2 * math.pi * (t / WEEK + rng.random())))
    return np.zeros(count)


def profiles(rng: np.random.Generator, moved: Floats, *, numbers: bool) -> list[ColumnProfile]:
    """Windows of a column that has moved so many standard deviations."""
    if numbers:
        inner = stats.norm.cdf(NUMBERS.cuts - moved[:, None])
        edges = np.hstack([np.zeros((moved.size, 1)), inner, np.ones((moved.size, 1))])
        counts, empty = rng.multinomial(ROWS, np.diff(edges)), NUMBERS.empty()
    else:
        grown = np.clip(0.2 + moved * math.sqrt(0.2 * 0.8), 0, 1)[:, None]
        shares = np.hstack([grown, BASE / 0.8 * (1 - grown)])
        counts, empty = rng.multinomial(ROWS, shares / shares.sum(axis=1, keepdims=True)), CATEGORIES.empty()
        counts = np.hstack([counts, np.zeros((moved.size, empty.counts.size - 20), counts.dtype)])
    return [replace(empty, counts=one.astype(np.int64)) for one in counts]


def spans(count: int) -> list[tuple[str, str]]:
    """Days from the first of January on."""
    days = [(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=i)).isoformat() for i in range(count + 1)]
    return list(pairwise(days))


def told(count: int, delta: float, world: World, kind: str, repeats: int) -> tuple[Counter[str], list[float]]:
    """What is said of streams of one shape, and the milliseconds that each took."""
    found: Counter[str] = Counter()
    took = []
    for seed in range(repeats):
        rng = np.random.default_rng([seed, count, round(100 * delta), round(100 * world.wander), SHAPES.index(kind)])
        moved = delta * path(rng, kind, count) + world.path(rng, count)[:, 0]
        windows = profiles(rng, moved, numbers=seed % 2 == 0)
        began = time.process_time()
        shape = shape_of(windows, spans(count))
        took.append(1000 * (time.process_time() - began))
        found[shape.kind.value] += 1
        found["second"] += shape.second is not None
    return found, took


def everything(lengths: Sequence[int], repeats: int) -> Iterator[tuple[Key, Counter[str], list[float]]]:
    """Run all streams; without a shape four times as many."""
    for count in lengths:
        for wander in WANDERS:
            for kind in SHAPES:
                for delta in DELTAS if kind != "stable" else (0.0,):
                    times = 4 if kind == "stable" else 1
                    yield (count, wander, delta, kind), *told(count, delta, World(wander, RHO), kind, times * repeats)


def share(found: Counter[str], kind: str) -> float:
    """The share of streams that were called so."""
    return found[kind] / max(sum(found[one] for one in SHAPES), 1)


def pooled(results: dict[Key, Counter[str]], kind: str, lengths: Sequence[int], least: float = STRONG) -> Counter[str]:
    """All streams of a shape at least so strong."""
    chosen = (
        found
        for (count, _, delta, one), found in results.items()
        if one == kind and count in lengths and (delta >= least or kind == "stable")
    )
    return sum(chosen, Counter())


def confusion(results: dict[Key, Counter[str]], lengths: Sequence[int]) -> Iterator[str]:
    """The confusion matrix at delta 0.25 and 0.5 together."""
    yield f"{'is':>10} \\ said " + " ".join(f"{kind:>10}" for kind in SHAPES) + f" {'a second':>10}"
    for kind in SHAPES:
        found = pooled(results, kind, lengths)
        yield f"{kind:>17} " + " ".join(f"{share(found, one):10.1%}" for one in (*SHAPES, "second"))


def strengths(results: dict[Key, Counter[str]], lengths: Sequence[int]) -> Iterator[str]:
    """The share told rightly by length, wander and strength."""
    yield (
        f"{'windows':>7} {'wander':>7} {'delta':>6}  "
        + " ".join(f"{kind:>10}" for kind in SHAPES[:-1])
        + f" {'false alarm':>12}"
    )
    for count in lengths:
        for wander in WANDERS:
            for delta in DELTAS:
                right = " ".join(f"{share(results[count, wander, delta, kind], kind):10.0%}" for kind in SHAPES[:-1])
                alarms = (
                    f"{1 - share(results[count, wander, 0.0, 'stable'], 'stable'):12.1%}" if delta == STRONG else ""
                )
                yield f"{count:7} {wander:7} {delta:6}  {right} {alarms}"


def targets(results: dict[Key, Counter[str]], lengths: Sequence[int]) -> Iterator[str]:
    """Each target, and whether it is met."""
    four = float(np.mean([share(pooled(results, kind, lengths), kind) for kind in FOUR]))
    gradual = share(pooled(results, "gradual", lengths), "gradual")
    alarms = max(
        1 - share(found, "stable")
        for (count, _, _, kind), found in results.items()
        if kind == "stable" and count >= 100
    )
    for said, value, good in (
        ("right, the four shapes (>= 95 %)", four, four >= 0.95),
        ("right, gradual (>= 85 %)", gradual, gradual >= 0.85),
        ("false alarms, the worst from 100 windows on (<= 5 %)", alarms, alarms < 0.0501),
    ):
        yield f"  {said:54} {value:6.1%}  {'met' if good else 'MISSED'}"


def main(arguments: Sequence[str]) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the streams, and no 200 windows")
    quick = parser.parse_args(arguments).quick
    lengths = LENGTHS[:2] if quick else LENGTHS
    print(machine(), flush=True)
    results: dict[Key, Counter[str]] = {}
    took: dict[int, list[float]] = {count: [] for count in lengths}
    for key, found, milliseconds in everything(lengths, 10 if quick else 100):
        results[key] = found
        took[key[0]] += milliseconds
    for line in strengths(results, lengths):
        print(line)
    for chosen in (lengths, [count for count in lengths if count >= 100]):
        print(f"\nat delta >= {STRONG}, wander <= {max(WANDERS)}, windows: {', '.join(map(str, chosen))}")
        for line in (*confusion(results, chosen), *targets(results, chosen)):
            print(line)
    print()
    for count in lengths:
        found, _ = told(count, 0.0, HARD, "stable", 40 if quick else 400)
        print(f"false alarms in a stream that {HARD}, {count} windows: {1 - share(found, 'stable'):.1%}")
    costs = ", ".join(f"{median(ms):.0f} ms at {count} windows" for count, ms in took.items())
    print(f"\nCPU a column, once the templates are made: {costs}")
    made.cache_clear()
    rng, began = np.random.default_rng(0), time.process_time()
    shape_of(profiles(rng, np.zeros(lengths[-1]), numbers=True), spans(lengths[-1]))
    spent = 1000 * (time.process_time() - began)
    print(f"making the templates of {lengths[-1]} windows: {spent:.0f} ms, once for all columns")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
