"""Are alarms few and right? False alarms against the budget, and how soon drift is found, beside two peers.

    python -m benchmarks alarms [--quick] [--parts budget,blocks,drift] [--peers evidently,nannyml]

budget: streams without drift, as bin counts. Columns are independent and alike, so that 5, 20 and 200 features are
        measured on the same columns, at the threshold that belongs to each number of features. A day's alarms of one
        column with at most four calm windows between are one, as in an incident.
blocks: census data without its shift, cut in blocks of five windows; half of them, drawn at random, are the reference.
drift:  streams of rows, 1,000 a day, with one thing wrong from the eleventh day on, and without.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import chain
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from benchmarks import streams
from benchmarks.process import machine, run
from benchmarks.streams import KINDS, MODEL, ONSET, Drift, World, stream
from benchmarks.venvs import EVIDENTLY, NANNYML, PEERS, QUIET, SCRIPTS, Peer
from numpy.typing import NDArray
from scipy import stats

from retrue.core.profile import Profile
from retrue.engine import local
from retrue.judge.assess import Judge
from retrue.judge.budget import Budget, drift_threshold
from retrue.judge.distance import JS, KS, Distance
from retrue.judge.habits import Habits
from retrue.judge.null import Null
from retrue.judge.settings import Settings
from retrue.schema import Schema
from retrue.tables import read

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
        alarmed = ours(dated(before), dated(after))[0]
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


def ours(reference: pl.DataFrame, production: pl.DataFrame, **roles: Any) -> list[list[list[str]]]:
    """The columns told on each day of production, in each of `WAYS`."""
    table = read(reference)
    schema = Schema.infer(table, time="at", **roles)
    base = local.fit_reference(table, schema, window=streams.SECONDS, joint=True)
    days = [
        local.count(read(day), base.grids)
        for _, day in production.group_by(pl.col("at").dt.date(), maintain_order=True)
    ]
    daily = Judge(base, Settings(looks=30))
    alone = [daily.assess(day).verdicts for day in days]
    half = Budget(0.5)  # two lengths of windows share the budget
    daily = Judge(base, Settings(half, looks=30))
    weeks = [total(base.windows[i : i + 7]) for i in range(len(base.windows) % 7, len(base.windows), 7)]
    weekly = Judge(base, Settings(half, looks=30 / 7), habits=Habits(weeks))
    both = [
        [*daily.assess(day).verdicts, *(weekly.assess(total(days[i - 6 : i + 1])).verdicts if i % 7 == 6 else ())]
        for i, day in enumerate(days)
    ]
    return [
        [[v.column or MODEL for v in verdicts if v.alarm or (shown and v.notice)] for verdicts in judged]
        for judged in (alone, both)
        for shown in (False, True)
    ]


def total(profiles: Sequence[Profile]) -> Profile:
    """The sum of profiles."""
    return reduce(add, profiles)


ROLES = {"id": "id", "label": "label", "score": "score"}
A_DAY = 1_000
"""Rows a day in the streams of rows."""
STILL = (World(), World(0.03), World(0.1))


def theirs(peer: Peer, reference: Path, production: Path) -> list[list[str]]:
    """The columns that a peer flags on each day.

    Raises:
        Failed: it can't be installed, or fails.
    """
    script = SCRIPTS / f"alarms_{peer.name}.py"
    printed = run([peer.python(), str(script), str(reference), str(production)], env=QUIET).said
    told: list[list[str]] = json.loads(printed.strip().splitlines()[-1])
    return told


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


WAYS = ("alarm", "or notice", "with weeks", "or notice")
"""Ours, judged by the day, then by the day and the week: alarms alone, then notices (moved at a small cost) too."""


class Race:
    """The same streams through all."""

    def __init__(self, folder: Path, peers: Sequence[Peer], seeds: int) -> None:
        self.folder, self.peers, self.seeds = folder, peers, seeds
        self.names = [*range(len(WAYS)), *(peer.name for peer in peers)]
        self.titles = [*WAYS, *(peer.name for peer in peers)]

    def told(self, world: World, drift: Drift | None, seed: int) -> dict[int | str, list[list[str]]]:
        """What each way says of one stream, day by day; peers see the first seed, Evidently only medium drift."""
        reference, production = stream(seed, A_DAY, world, drift)
        said: dict[int | str, list[list[str]]] = dict(enumerate(ours(reference, production, **ROLES)))
        paths = self.folder / "reference.parquet", self.folder / "production.parquet"
        for path, frame in zip(paths, (reference, production), strict=True):
            frame.write_parquet(path)
        for peer in self.peers:
            if seed % 100 == 0 and (peer is not EVIDENTLY or drift is None or drift.medium):
                said[peer.name] = theirs(peer, *paths)
        return said

    def calm(self) -> Iterator[str]:
        """False alarms per 30 days: runs of days with any column flagged; and the share of days."""
        yield f"{'no drift':34} " + " ".join(f"{title:>20}" for title in self.titles)
        for world in STILL:
            counts: dict[int | str, list[tuple[float, float]]] = {name: [] for name in self.names}
            for seed in range(self.seeds):
                for name, told in self.told(world, None, seed).items():
                    flagged = np.array([bool(names) for names in told])
                    columns = {c for names in told for c in names}
                    runs = sum(episodes(np.array([c in names for names in told])) for c in columns)
                    counts[name].append((runs, float(flagged.mean())))
            cells = [self.cell(counts[name]) for name in self.names]
            yield f"{world!s:34} " + " ".join(f"{cell:>20}" for cell in cells)

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
        yield f"{'drift, from the eleventh day':34} " + " ".join(f"{title:>20}" for title in self.titles)
        for kind, (sizes, columns) in KINDS.items():
            for size in sizes:
                found = {name: Found() for name in self.names}
                for seed in range(self.seeds):
                    for name, told in self.told(World(0.03), Drift(kind, size, columns), 100 + seed).items():
                        found[name].add(told, columns)
                yield f"{kind + f' {size:g}':34} " + " ".join(f"{found[name]!s:>20}" for name in self.names)


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
        help="streams of each kind; peers see the first of them, Evidently only medium drift",
    )
    parser.add_argument("--folder", type=Path, default=None, help="where to put the streams (removed afterwards)")
    given = parser.parse_args()
    peers = [peer for peer in (EVIDENTLY, NANNYML) if peer.name in given.peers.split(",")]
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    race = Race(folder, peers, 1 if given.quick else given.seeds)
    parts: dict[str, Callable[[], Iterable[str]]] = {
        "budget": lambda: budget_table(given.columns, ROWS[1:2] if given.quick else ROWS),
        "blocks": lambda: blocks(2 if given.quick else 20),
        "drift": lambda: chain(race.calm(), [""], race.drifting()),
    }
    try:
        print(machine())
        for part in given.parts.split(","):
            print()
            for line in parts[part]():
                print(line, flush=True)
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
