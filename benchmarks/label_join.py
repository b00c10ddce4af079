"""Labels that come late: how fast 10 million events are logged, and 1 million labels joined to them.

    python benchmarks/label_join.py [--events 10000000] [--labels 1000000] [--days 30] [--folder DIR]

Prints seconds, rows per second and the peak memory of each step; the labels are joined by a process of their own, so
that its memory and its caches are those of `retrue label`, not of the logging before it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from retrue.core.grids import Grids, fit_outcome, learn_column
from retrue.core.reference import Reference
from retrue.schema import Schema
from retrue.store.layout import Layout
from retrue.store.store import Store

BATCH = 250_000
START = 1_356_998_400_000_000  # 1 January 2013, microseconds


def events(first: int, rows: int, total: int, days: int) -> pl.DataFrame:
    """Events with scattered ids, in order of time."""
    rng = np.random.default_rng(first)
    number = np.arange(first, first + rows)
    times = START + number * (days * 86_400_000_000 // total)
    features = {f"x{i}": rng.normal(size=rows) for i in range(3)}
    scores = {"carrier": rng.choice(["AA", "UA", "DL", "B6"], rows), "score": rng.random(rows)}
    return pl.DataFrame({"id": ids(number), "time": pl.Series(times).cast(pl.Datetime("us")), **features, **scores})


def ids(number: np.ndarray) -> np.ndarray:
    """Scatter event numbers over 2^40 ids."""
    return number * 7919 % (1 << 40)


def register(folder: Path) -> Store:
    """Make a store with one model, counted on the grids of 100,000 rows."""
    frame = events(0, 100_000, 100_000, 1).with_columns(late=pl.Series(np.arange(100_000) % 2))
    schema = Schema.infer(frame, id="id", time="time", label="late", score="score")
    fitted = [one for c in schema.profiled for one in learn_column(c, frame[c.name]).items()]
    columns = {source.name: profile.grid for source, profile in fitted}
    grids = Grids(columns, {source.name: source for source, _ in fitted}, fit_outcome(schema, frame))
    store = Store.open(folder)
    store.add_model("m", Layout.of(schema), schema=schema.to_json())
    store.set_reference("m", "1", Reference(schema, grids, grids.count(frame)))
    return store


def log(folder: Path, total: int, _labels: int, days: int) -> float:
    """Log all events, a commit cycle for each million; gives the seconds without making the rows."""
    store, spent = register(folder), 0.0
    for first in range(0, total, BATCH):
        frame = events(first, min(BATCH, total - first), total, days)
        began = time.perf_counter()
        store.append("m", "events", frame, key=str(first))
        if first // BATCH % 4 == 3:
            store.apply("m")
        spent += time.perf_counter() - began
    began = time.perf_counter()
    store.apply("m")
    store.close()
    return spent + time.perf_counter() - began


def label(folder: Path, total: int, labels: int, _days: int) -> float:
    """Join labels in random order for random events; gives the seconds from opening the store."""
    rng = np.random.default_rng(1)
    chosen = rng.permutation(rng.choice(total, labels, replace=False))
    frame = pl.DataFrame({"id": ids(chosen), "late": rng.integers(0, 2, labels)})
    began = time.perf_counter()
    store = Store.open(folder)
    store.append("m", "labels", frame)
    done = store.apply("m")
    spent = time.perf_counter() - began
    if done.taken["labels"] != labels or done.counts["labels waiting"]:
        raise SystemExit(f"joined {done.taken} {done.counts}, expected {labels:,} labels")
    store.close()
    return spent


def measured(step: Callable[[Path, int, int, int], float], folder: Path, args: argparse.Namespace) -> str:
    """Run a step in a process of its own; give its seconds and its peak memory."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(sender, step, folder, args.events, args.labels, args.days))
    process.start()
    seconds, peak = receiver.recv()
    process.join()
    rows = args.events if step is log else args.labels
    return f"{rows:>12,} rows {seconds:7.2f} s {rows / seconds:>12,.0f} rows/s {peak:7.0f} MB peak"


def _report(sender, step, folder, *sizes) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002
    seconds = step(folder, *sizes)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sender.send((seconds, peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)))


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--labels", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--folder", type=Path, default=None, help="where to put the store (removed afterwards)")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=args.folder))
    try:
        print("log  ", measured(log, folder / "store", args))
        print("label", measured(label, folder / "store", args), "(target: 15 s, 2,000 MB for 1M to 10M)")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
