"""The tensor: profiles of 24 windows x 20 slices x 21 columns from one pass over a million rows.

    python -m benchmarks tensor [--rows 1000000] [--repeat 5]

A *value* is one row of one column in one slice. The slices of the first measurement partition the rows, so there are
rows x columns values in them, and as many again in the slice of all rows, which a cube always has: it is measured alone
and subtracted, and also told. Slices that overlap cost by the rows in them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping

from retrue import cpu

cpu.settle()

import numpy as np  # noqa: E402 - the choice of sort comes first
import polars as pl  # noqa: E402
from benchmarks.data import table  # noqa: E402
from benchmarks.process import machine, verdict  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from retrue.core.cube import cube  # noqa: E402
from retrue.core.grid import NumericGrid  # noqa: E402
from retrue.core.grids import Grids, Source  # noqa: E402

WINDOWS, SLICES, TARGET = 24, 20, 14.0
Slices = Mapping[str, NDArray[np.bool_]]


def grids_of(frame: pl.DataFrame) -> Grids:
    """The grids of all columns."""
    fitted = {name: NumericGrid.fit(frame[name]) for name in frame.columns}
    return Grids(fitted, {name: Source(name) for name in fitted})


def partition(rows: int) -> Slices:
    """20 slices that each row is in one of."""
    which = np.random.default_rng(2).integers(0, SLICES, rows)
    return {f"slice_{i}": which == i for i in range(SLICES)}


def overlapping(rows: int) -> Slices:
    """20 slices that hold a tenth of the rows each, whatever the others hold."""
    rng = np.random.default_rng(3)
    return {f"slice_{i}": rng.random(rows) < 0.1 for i in range(SLICES)}


def seconds(work: Callable[[], object], repeat: int) -> float:
    """The median of the CPU seconds of one thread, after one run to warm up."""
    work()
    found = []
    for _ in range(repeat):
        began = time.thread_time()
        work()
        found.append(time.thread_time() - began)
    return statistics.median(found)


def main() -> int:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    rows = given.rows
    frame = table(1, rows).select(pl.selectors.float())
    windows = np.random.default_rng(4).integers(0, WINDOWS, rows)
    grids, values = grids_of(frame), rows * frame.width

    def counted(slices: Slices) -> None:
        cube(grids, frame, windows, slices).count()

    parts, crossing = partition(rows), overlapping(rows)
    alone = seconds(lambda: counted({}), given.repeat)
    split, crossed = (seconds(lambda s=s: counted(s), given.repeat) for s in (parts, crossing))  # type: ignore[misc]
    inside = sum(int(mask.sum()) for mask in crossing.values()) * frame.width
    slices, overlap = (split - alone) / values * 1e9, (crossed - alone) / inside * 1e9
    whole = list(cube(grids, frame, windows, parts).items())
    print(f"{WINDOWS} windows x {SLICES} slices x {frame.width} columns, {rows:,} rows, one thread\n{machine()}")
    print(f"slices that partition the rows {slices:6.1f} ns a value  {verdict(slices, TARGET)}")
    print(f"the slice of all rows          {alone / values * 1e9:6.1f} ns a value")
    print(f"both together                  {split / (2 * values) * 1e9:6.1f} ns a value, {split:.2f} s")
    print(f"slices of 10 % that overlap    {overlap:6.1f} ns a value in them ({inside / values:.1f} times the rows)")
    print(f"{len(whole):,} profiles of {frame.width} columns")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
