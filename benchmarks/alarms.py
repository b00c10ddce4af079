"""Are alarms few and right? False alarms against the budget, and how soon drift is found, beside two peers.

    python -m benchmarks alarms [--quick] [--parts budget,blocks,drift] [--peers evidently,nannyml]

budget: streams without drift, as bin counts. Columns are independent and alike, so that 5, 20 and 200 features are
        measured on the same columns, at the threshold that belongs to each number of features. A day's alarms of one
        column with at most four calm windows between are one, as in an incident.
blocks: census data without its shift, cut in blocks of five windows; half of them, drawn at random, are the reference.
drift:  streams of rows, 1,000 a day, with one thing wrong from the eleventh day on, and without; logged and checked by
        a registered model, and through the peers.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl
from benchmarks import streams
from benchmarks.process import machine, run
from benchmarks.streams import KINDS, ONSET, Drift, World, stream
from benchmarks.venvs import EVIDENTLY, NANNYML, PEERS, QUIET, SCRIPTS, Peer
from benchmarks.watching import WAYS, Told, by_day, watched, ways
from numpy.typing import NDArray
from scipy import stats

from retrue.judge.budget import drift_threshold
from retrue.judge.distance import JS, KS, Distance
from retrue.judge.null import Null
from retrue.judge.settings import Settings

Bools = NDArray[np.bool_]

FEATURES = (5, 20, 200)
CALM = 4
"""Calm windows that a run of alarms may have inside."""
WINDOWS = {"hourly": (200, 720), "daily": (60, 30), "few": (30, 30)}
"""Reference windows, and windows in 30 days: `few` is daily with a month of reference only."""
ROWS = (50, 1_000, 10_000, 100_000)
WORLDS = (World(), World(0.03), World(0.1), World(0.03, 0.9), World(0.1, 0.9))
CENSUS = "lib/python3*/site-packages/nannyml/datasets/data/employment_MA_reference.pq"
BLOCK, CHUNK = 5, 500


def episodes(alarms: Bools) -> int:
    """How often somebody is told: runs of alarms with more than `CALM` calm windows between.

    >>> episodes(np.array([1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1], bool))
    2
    """
    at = np.flatnonzero(alarms)
    return int(at.size > 0) + int((np.diff(at) > CALM + 1).sum())


@dataclass
class Tally:
    """False alarms per 30 days of each column looked at."""

    per_column: list[float] = field(default_factory=list)

    def rate(self, features: int) -> tuple[float, float, float]:
        """Alarms per 30 days with so many features, and a 95 % interval.

        Of a Poisson count (Garwood 1936), or between columns where they differ more than that.
        """
        found = np.array(self.per_column)
        total, scale = float(found.sum()), features / found.size
        low = stats.chi2.ppf(0.025, 2 * total) / 2 if total else 0.0
        high = float(stats.chi2.ppf(0.975, 2 * total + 2)) / 2
        reach = 1.96 * float(found.std()) * math.sqrt(found.size)
        return total * scale, max(0.0, min(low, total - reach)) * scale, max(high, total + reach) * scale


# --- (a) no drift, as bin counts ---


def false_alarms(world: World, kind: str, n: int, columns: int, seed: int) -> dict[tuple[int, bool], Tally]:
    """Episodes of one month for each column, by number of features and whether the floor holds."""
    before, month = WINDOWS[kind]
    rng = np.random.default_rng([seed, before, n, int(100 * world.wander), int(10 * world.rho), world.cycle])
    tallies = {(features, floor): Tally() for features in FEATURES for floor in (False, True)}
    for column in range(columns):
        distance, draw = (JS, world.categories) if column % 4 == 3 else (KS, world.numbers)
        counts = draw(rng, before + month, n)
        found = judged(distance, counts[:before], counts[before:], month)
        for key, tally in tallies.items():
            tally.per_column.append(episodes(found[key]))
    return tallies


def judged(distance: Distance, history: streams.Ints, month: streams.Ints, looks: int) -> dict[tuple[int, bool], Bools]:
    """Which windows of a column alarm, by number of features and whether the floor holds."""
    null, reference = Null.learn(distance, history), history.sum(axis=0)
    if null is not None and distance is JS:
        month, reference = null.fold(month), null.fold(reference)
    values = np.asarray(distance.counts(month, reference))
    found = {}
    for features in FEATURES:
        alpha = Settings(looks=looks).alpha(2 * features)
        for floor in (False, True):
            least = distance.floor if floor else 0.0
            limit = drift_threshold(distance, month[0], reference, alpha, null=null, floor=least).value
            found[features, floor] = values > limit
    return found


def budget_table(columns: int, rows: Sequence[int]) -> Iterator[str]:
    """The lines of the first table."""
    yield "(a) false alarms per 30 days, budget 1 (95 % interval); ! where the interval lies above it"
    yield f"    {columns} columns a line, without the floor (the smallest distance worth telling); last: 20, with it"
    yield f"{'':8} {'rows':>7}  {'world':28} " + " ".join(f"{f'{f} features':>20}" for f in FEATURES) + f" {'floor':>8}"
    for kind in WINDOWS:
        for world in WORLDS:
            for n in rows:
                found = false_alarms(world, kind, n, columns, 1)
                cells = [said(found[features, False].rate(features)) for features in FEATURES]
                kept = found[20, True].rate(20)[0]
                yield f"{kind:8} {n:>7,}  {world!s:28} " + " ".join(f"{cell:>20}" for cell in cells) + f" {kept:8.2f}"


def said(rate: tuple[float, float, float], budget: float = 1.0) -> str:
    """A rate with its interval."""
    value, low, high = rate
    return f"{value:.2f} ({low:.2f}-{high:.2f}){'!' if low > budget else ' '}"


# --- (a) no drift, real data resampled in blocks ---


def blocks(repeats: int) -> Iterator[str]:
    """Census rows, block by block: half the blocks are the reference, the others the month."""
    found = sorted((PEERS / NANNYML.name).glob(CENSUS))
    if not found:
        yield "(a) census: not here, it comes with NannyML's wheel (.peers)"
        return
    frame = pl.read_parquet(found[0]).drop("id", strict=False)
    whole = frame.height // (BLOCK * CHUNK)
    counts: list[float] = []
    for seed in range(repeats):
        order = np.random.default_rng(seed).permutation(whole)
        half = whole // 2
        before, after = (
            pl.concat([frame[int(i) * BLOCK * CHUNK : (int(i) + 1) * BLOCK * CHUNK] for i in part])
            for part in (order[:half], order[half:])
        )
        month = dated(after)
        alarmed = by_day(watched(dated(before), month), month, notices=False)
        windows = after.height // CHUNK
        told = [set(names) for names in alarmed]
        counts.append(30 / windows * sum(episodes(np.array([c in one for one in told])) for c in set().union(*told)))
    mean, reach = float(np.mean(counts)), 1.96 * float(np.std(counts)) / math.sqrt(max(len(counts), 1))
    yield (
        f"(a) census in blocks of {BLOCK} x {CHUNK} rows, {frame.width} columns, {repeats} draws: "
        f"{mean:.2f} ({max(0.0, mean - reach):.2f}-{mean + reach:.2f}) false alarms per 30 daily windows"
    )


def dated(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows with a time: so many a day, in order."""
    day = np.arange(frame.height) // CHUNK
    return frame.with_columns(at=pl.from_epoch(pl.Series(day * streams.SECONDS)))


# --- (b) drift, as rows ---


A_DAY = 1_000
"""Rows a day in the streams of rows."""
STILL = (World(), World(0.03), World(0.1))


def theirs(peer: Peer, reference: Path, production: Path) -> Told:
    """The columns that a peer flags on each day.

    Raises:
        Failed: it can't be installed, or fails.
    """
    script = SCRIPTS / f"alarms_{peer.name}.py"
    printed = run([peer.python(), str(script), str(reference), str(production)], env=QUIET).said
    said: Told = json.loads(printed.strip().splitlines()[-1])
    return said


@dataclass
class Found:
    """What one way of watching made of streams with one drift: when it was found, None where it wasn't."""

    delays: list[float | None] = field(default_factory=list)

    def add(self, told: Sequence[Sequence[str]], columns: Sequence[str]) -> None:
        """Count one stream: found on the first day that flags one of the columns that the drift touches."""
        days = [i for i, names in enumerate(told[ONSET:]) if set(names) & set(columns)]
        self.delays.append(days[0] if days else None)

    def __str__(self) -> str:
        found = [delay for delay in self.delays if delay is not None]
        if not self.delays:
            return "-"
        share = f"{100 * len(found) / len(self.delays):.0f} %"
        return f"{share}, {np.mean(found):.0f} d" if found else share


Said = dict[str, Told]
"""What each way says of one stream, day by day."""


def told(world: World, drift: Drift | None, seed: int, peers: Sequence[Peer]) -> Said:
    """What each way says of one stream; peers see the first seed."""
    reference, production = stream(seed, A_DAY, world, drift)
    first, medium = seed % 100 == 0, drift is None or drift.medium
    said = ways(reference, production, first=first, medium=medium)
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder) / "reference.parquet", Path(folder) / "production.parquet"
        for path, frame in zip(paths, (reference, production), strict=True):
            frame.write_parquet(path)
        for peer in peers:
            if first:
                said[peer.name] = theirs(peer, *paths)
    return said


class Race:
    """The same streams through all."""

    def __init__(self, pool: Executor, peers: Sequence[Peer], seeds: int, kinds: Sequence[str]) -> None:
        self.pool, self.peers, self.seeds, self.kinds = pool, peers, seeds, kinds
        self.names = [*WAYS, *(peer.name for peer in peers)]

    def streams(self, world: World, drift: Drift | None, first: int) -> list[Future[Said]]:
        """Begin with the streams of one kind."""
        return [self.pool.submit(told, world, drift, first + seed, self.peers) for seed in range(self.seeds)]

    def row(self, title: object, cells: Iterable[object]) -> str:
        """A line of the tables."""
        return f"{title!s:34} " + " ".join(f"{cell!s:>20}" for cell in cells)

    def calm(self) -> Iterator[str]:
        """False alarms per 30 days: runs of days with any column flagged; and the share of days."""
        yield self.row("no drift", self.names)
        begun = {world: self.streams(world, None, 0) for world in STILL}
        for world, results in begun.items():
            counts: dict[str, list[tuple[float, float]]] = {name: [] for name in self.names}
            for result in results:
                for name, days in result.result().items():
                    flagged = np.array([bool(names) for names in days])
                    columns = {c for names in days for c in names}
                    runs = sum(episodes(np.array([c in names for names in days])) for c in columns)
                    counts[name].append((runs, float(flagged.mean())))
            yield self.row(world, (self.cell(counts[name]) for name in self.names))

    @staticmethod
    def cell(found: Sequence[tuple[float, float]]) -> str:
        """Alarms per 30 days with their interval, and the share of days with one."""
        if not found:
            return "-"
        tally = Tally([runs for runs, _ in found])
        value, low, high = tally.rate(1)
        return f"{value:.1f} ({low:.1f}-{high:.1f}), {100 * np.mean([days for _, days in found]):.0f} %"

    def drifting(self) -> Iterator[str]:
        """Share of streams found, and the mean delay in days."""
        yield self.row("drift, from the eleventh day", self.names)
        drifts = [
            Drift(kind, size, columns)
            for kind, (sizes, columns) in KINDS.items()
            if kind in (self.kinds or KINDS)
            for size in sizes
        ]
        begun = [(drift, self.streams(World(0.03), drift, 100)) for drift in drifts]
        for drift, results in begun:
            found = {name: Found() for name in self.names}
            for result in results:
                for name, days in result.result().items():
                    found[name].add(days, drift.columns)
            yield self.row(f"{drift.kind} {drift.size:g}", (found[name] for name in self.names))


def races(peers: Sequence[Peer], seeds: int, kinds: Sequence[str], workers: int) -> Iterator[str]:
    """The lines of both tables of streams of rows."""
    for peer in peers:
        peer.python()  # made before the workers, who would all make it
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        race = Race(pool, peers, seeds, kinds)
        yield from race.drifting() if kinds else chain(race.calm(), [""], race.drifting())


def main() -> int:
    """Read the command line, simulate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="1,000 rows only, two draws of blocks, one stream of each kind"
    )
    parser.add_argument("--parts", default="budget,blocks,drift")
    parser.add_argument("--peers", default="evidently,nannyml")
    parser.add_argument("--columns", type=int, default=60, help="columns of each line of the first table")
    parser.add_argument(
        "--seeds",
        type=int,
        default=5,
        help="streams of each kind; peers see the first of them",
    )
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="only streams with this drift; repeat it")
    parser.add_argument("--workers", type=int, default=2, help="streams of rows that are watched at a time")
    given = parser.parse_args()
    peers = [peer for peer in (EVIDENTLY, NANNYML) if peer.name in given.peers.split(",")]
    parts: dict[str, Callable[[], Iterable[str]]] = {
        "budget": lambda: budget_table(given.columns, ROWS[1:2] if given.quick else ROWS),
        "blocks": lambda: blocks(2 if given.quick else 20),
        "drift": lambda: races(peers, 1 if given.quick else given.seeds, given.kind or [], given.workers),
    }
    print(machine())
    for part in given.parts.split(","):
        print()
        for line in parts[part]():
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
