"""The slice search: what it costs, what it finds, and how often it finds what isn't there.

    python -m benchmarks slices [--searches 120] [--repeat 3]

Cost: two tables of 100,000 rows and 16 columns (five shapes of numbers and categories), depth 3; to find one slice
takes two searches, the second for more. Planted: eight slices of about 5 % of the rows, 1.5 times as frequent in the
window. No drift: two samples of one table. Census: chunks of 5,000 rows in file order, where it is beside the
repository: student housing (RELP 16 and 17) arrives in chunks 26 to 28 of the analysis part.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from benchmarks import data
from benchmarks.process import ROOT, machine, module, run, verdict

from retrue.explain.slices import find_slices
from retrue.slices import Slice

ROWS, WIDTH, LIFT = 100_000, 16, 1.5
SECONDS, MEMORY, FALSE = 0.6, 300, 0.05
CENSUS = Path(os.environ.get("RETRUE_SHARED", ROOT.parent / "shared")) / "data/us_census_ma_employment/data.parquet"
ROLES = ("id", "employed", "year", "prediction", "predicted_probability", "split")
HOUSING = "RELP IN (16, 17)"
PLANTED = (
    "normal_1 >= 1.645",
    "text_1 = 'category_0005'",
    "text_2 IN ('category_0006', 'category_0011', 'category_0017')",
    "lognormal_1 >= 0.8 AND lognormal_1 < 0.91",
    "normal_1 < -0.67 AND text_0 = 'category_0001'",
    "zeros_1 >= 8 AND ties_1 >= 12",
    "normal_1 >= 0 AND lognormal_1 < 0.78 AND text_0 = 'category_0001'",
    "normal_1 >= 0.34 AND lognormal_1 < 0.71 AND ties_1 < 8",
)


def table(seed: int, rows: int) -> pl.DataFrame:
    """16 independent columns: of each shape three, of the first four."""
    frame = data.table(seed, rows)
    names = [f"{shape}_{i}" for shape in ("normal", "lognormal", "zeros", "ties", "text") for i in range(3)]
    return frame.select(*names, "normal_3")


def lifted(seed: int, rows: int, predicate: str, lift: float) -> pl.DataFrame:
    """Rows of which those of the slice come `lift` times as often as in `table`."""
    frame = table(seed, 2 * rows)
    inside = Slice.parse(predicate).mask(frame).to_numpy()
    kept = np.random.default_rng(seed).random(2 * rows) < np.where(inside, 1.0, 1 / lift)
    return frame.filter(pl.Series(kept)).head(rows)


def overlap(one: Slice, other: Slice, frame: pl.DataFrame) -> float:
    """Jaccard similarity of two slices' rows."""
    a, b = (slice_.mask(frame).to_numpy() for slice_ in (one, other))
    return float((a & b).sum() / max((a | b).sum(), 1))


# --- cost ---


def one_search(what: str) -> None:
    """Search once and print the CPU seconds of it; what a process of its own does, for its peak memory."""
    reference = table(1, ROWS)
    window = lifted(2, ROWS, PLANTED[6], LIFT) if what == "search" else reference
    if what == "search":
        began = time.process_time()
        found = find_slices(window, reference)
        print(time.process_time() - began, [one.slice.sql for one in found])


def cost(repeat: int) -> bool:
    """CPU and memory of a search that finds one slice and then looks for more."""
    said = [run(module("slices", "--child", "search")) for _ in range(repeat)]
    seconds = statistics.median(float(one.said.split()[0]) for one in said)
    idle = run(module("slices", "--child", "idle")).peak
    peak = max(one.peak for one in said)
    print(f"{2 * ROWS:,} rows x {WIDTH} columns, depth 3; finds {said[0].said.split(maxsplit=1)[1].strip()}")
    print(f"CPU, both searches     {seconds:6.2f} s   {verdict(seconds / 2, SECONDS)} a slice")
    print(f"peak of the process    {peak:6.0f} MB  {verdict(peak, MEMORY)} (with the tables alone {idle:.0f} MB)")
    return seconds / 2 <= SECONDS and peak <= MEMORY


# --- what is found ---


def planted(rows: int) -> bool:
    """Planted slices that are the first answer, by the rows they share."""
    reference, right = table(3, rows), 0
    for place, text in enumerate(PLANTED):
        truth = Slice.parse(text)
        share = float(truth.mask(reference).to_numpy().mean())
        found = find_slices(lifted(10 + place, rows, text, LIFT), reference)
        alike = overlap(found[0].slice, truth, reference) if found else 0.0
        right += alike >= 0.7
        answer, others = str(found[0]) if found else "nothing", f", and {len(found) - 1} more" * (len(found) > 1)
        print(f"  {share:5.1%}  {text}\n         {alike:4.2f}  {answer}{others}")
    print(f"planted slices found   {right} of {len(PLANTED)}  {verdict(right, len(PLANTED), least=True)}")
    return right == len(PLANTED)


def no_drift(searches: int) -> bool:
    """The share of searches without a difference that name a slice, for each question."""
    rng, rows, fine = np.random.default_rng(5), (300, 1_000, 5_000), True
    for question in ("share", "loss", "worst"):
        named = sum(_names(question, rng, rows[i % len(rows)], 1000 + 2 * i) for i in range(searches))
        print(f"no drift, {question:6s}       {named} of {searches} searches  {verdict(named / searches, FALSE)}")
        fine &= named / searches <= FALSE
    return fine


def _names(question: str, rng: np.random.Generator, rows: int, seed: int) -> bool:
    """Whether one search without a difference names a slice; no floor on the size of a change."""
    from retrue.explain.slices import find_worst

    window, reference = table(seed, rows), table(seed + 1, 2 * rows)
    losses = [(rng.random(frame.height) < 0.2).astype(float) for frame in (window, reference)]
    if question == "worst":
        return bool(find_worst(window, losses[0]))
    if question == "loss":
        return bool(find_slices(window, reference, question="loss", losses=(losses[0], losses[1])))
    return bool(find_slices(window, reference, least=0.0))


# --- census ---


def census_samples(chunk: pl.DataFrame, rng: np.random.Generator, times: int) -> Iterator[pl.DataFrame]:
    """Random halves of a chunk."""
    for _ in range(times):
        yield chunk[rng.permutation(chunk.height)[:2_500]]


def census() -> bool:
    """Chunks 26 to 28, and subsamples of 2,500 rows of chunk 27."""
    if not CENSUS.exists():
        print(f"census: skipped, {CENSUS.name} isn't beside the repository")
        return True
    rows = pl.read_parquet(CENSUS)
    columns = [name for name in rows.columns if name not in ROLES]
    reference, later = (rows.filter(pl.col("split") == part) for part in ("reference", "analysis"))
    fine = True
    for number in (26, 27, 28):
        chunk = later.slice(5_000 * number, 5_000)
        found = find_slices(chunk, reference, columns)
        fine &= [one.slice.sql for one in found] == [HOUSING]
        for one in found:
            along = ", ".join(str(proxy.slice) for proxy in one.proxies)
            print(f"  chunk {number}: {one}  {one.share[0]:.1%} -> {one.share[1]:.1%}; along with it: {along}")
    samples = census_samples(later.slice(135_000, 5_000), np.random.default_rng(0), 20)
    firsts = [find_slices(sample, reference, columns)[0].slice.sql for sample in samples]
    right = firsts.count(HOUSING)
    print(f"census, subsamples     {right} of 20  {verdict(right, 20, least=True)}")
    return fine and right == 20


def main() -> int:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searches", type=int, default=120)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        one_search(given.child)
        return 0
    print(machine())
    sys.stdout.flush()
    met = [cost(given.repeat), planted(ROWS), no_drift(given.searches), census()]
    return 0 if all(met) else 1


if __name__ == "__main__":
    raise SystemExit(main())
