"""What watching a function costs its caller, call by call, while the background threads do their work.

    python benchmarks/watch.py [--calls 20000] [--rate 1000]

Prints p50 and p99 of the time added to a call of 26 fields, at `--rate` calls a second and as fast as they come, and
what became of the calls. The aim is 10 µs on the caller's thread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import retrue as rt

AIM = 10.0
FIELDS = 26


def store(folder: Path) -> Path:
    """Make a store with a model of 26 features."""
    rng, rows = np.random.default_rng(0), 1_000
    start = datetime(2026, 1, 1, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "id": [f"r{i}" for i in range(rows)],
            "at": [start + timedelta(minutes=i) for i in range(rows)],
            **{f"x{i}": rng.normal(size=rows) for i in range(FIELDS)},
            "p": rng.random(rows),
        }
    )
    with rt.open(folder) as made:
        made.register("m", frame, id="id", time="at", score="p", task="binary", window="1d", estimate="off")
    return folder


def spent(function: Callable[[Any], float], calls: int, pause: float) -> np.ndarray:
    """Nanoseconds of each call; a dict of its own for each."""
    found = np.empty(calls)
    for number in range(calls):
        features = {f"x{i}": float(number) for i in range(FIELDS)}
        began = time.perf_counter_ns()
        function(features)
        found[number] = time.perf_counter_ns() - began
        if pause:
            time.sleep(pause)
    return found


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=1_000)
    args = parser.parse_args()

    def bare(features: dict[str, float]) -> float:
        return features["x0"] * 0.5

    with tempfile.TemporaryDirectory() as folder:
        place = store(Path(folder) / "store")
        predict = rt.watch(bare, model="m", to=place, overflow=Path(folder) / "over")
        predict({f"x{i}": 1.0 for i in range(FIELDS)})
        predict.watch.flush(60)
        for name, pause, calls in ((f"{args.rate:g}/s", 1 / args.rate, args.calls // 4), ("at once", 0.0, args.calls)):
            without = np.quantile(spent(bare, calls, pause), 0.5)
            added = (spent(predict, calls, pause) - without) / 1e3
            p50, p99 = np.quantile(added, [0.5, 0.99])
            print(f"watch {name:>8}: p50 {p50:6.1f} us, p99 {p99:6.1f} us added to a call (aim: {AIM:g} us)")
        predict.watch.flush(60)
        print(f"watch counters: {predict.watch.stats().to_dict()}")
        predict.watch.close()


if __name__ == "__main__":
    main()
