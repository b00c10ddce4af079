"""`retrue compare` against its peers: CPU seconds of the whole process from cold, two Parquet files to an answer.

    python -m benchmarks compare [--rows 1000000] [--repeat 5] [--peers evidently,nannyml,whylogs] [--folder DIR]

Retrue runs before and after each peer, so that both see the same machine; a peer runs once, as it takes minutes.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.process import Cost, Failed, machine, median, module, retrue, run, verdict
from benchmarks.venvs import EVIDENTLY, NANNYML, QUIET, WHYLOGS, Peer

FOUND = (0, 1)
"""Exit statuses of `retrue compare`: in true, or not."""


class Files(NamedTuple):
    """The two tables, and the first one as a stored reference of Retrue and of whylogs."""

    reference: Path
    window: Path
    stored: Path
    profile: Path


class Race(NamedTuple):
    """A peer, how it is run, and how much more CPU it shall take than Retrue; `stored`: with a stored reference too."""

    title: str
    peer: Peer
    arguments: tuple[str, ...]
    target: float | None
    stored: bool = False


RACES = (
    Race("Evidently, drift + summary", EVIDENTLY, (), 100),
    Race("NannyML, univariate, Jensen-Shannon", NANNYML, (), 25),
    Race("NannyML, univariate, all methods", NANNYML, ("all",), None),
    Race("whylogs, both profiled", WHYLOGS, (), 45),
    Race("whylogs, stored reference", WHYLOGS, (), None, stored=True),
)


def made(folder: Path, rows: int) -> Files:
    """Write both tables and Retrue's stored reference."""
    files = Files(*(folder / name for name in ("reference.parquet", "window.parquet", "reference.retrue", "r.bin")))
    run(module("data", files.reference, rows, 1, 0.0))
    run(module("data", files.window, rows, 1_000_001, 0.1))
    run(retrue("reference", files.reference, "--score", "score", "--save", files.stored))
    return files


def ours(files: Files, *, stored: bool) -> Cost:
    """One `retrue compare --json`."""
    if stored:
        return run(retrue("compare", files.stored, files.window, "--json"), FOUND)
    return run(retrue("compare", files.reference, files.window, "--score", "score", "--json"), FOUND)


def theirs(race: Race, files: Files) -> Cost:
    """One run of a peer.

    Raises:
        Failed: it can't be installed, or fails.
    """
    if not race.stored:
        return run(race.peer.command(files.reference, files.window, *race.arguments), env=QUIET)
    run(race.peer.command("--save", files.reference, files.profile), env=QUIET)
    return run(race.peer.command(files.profile, files.window), env=QUIET)


def races(files: Files, peers: list[str], repeat: int) -> Iterator[str]:
    """Run everything; gives the lines of the table."""
    costs: dict[bool, list[Cost]] = {False: [], True: []}
    found: list[tuple[Race, Cost | Failed]] = []

    def measure() -> None:
        for stored in (False, True):
            costs[stored] += [ours(files, stored=stored) for _ in range(repeat)]

    measure()
    for race in RACES:
        if race.peer.name in peers:
            try:
                found.append((race, theirs(race, files)))
            except Failed as error:
                found.append((race, error))
            measure()
    full, stored = median(costs[False]), median(costs[True])
    yield row("retrue compare", full, "")
    yield row("retrue compare, stored reference", stored, "")
    for race, cost in found:
        yield str(cost) if isinstance(cost, Failed) else row(race.title, cost, ratios(race, cost, full, stored))


def ratios(race: Race, cost: Cost, full: Cost, stored: Cost) -> str:
    """How many times the CPU of Retrue a peer took, without and with a stored reference."""
    lean = cost.cpu / stored.cpu
    plain = "" if race.stored else f"{cost.cpu / full.cpu:6.0f}x"
    told = "" if race.target is None else verdict(lean, race.target, least=True)
    return f"{plain:>7} {lean:6.0f}x  {told}"


def row(title: str, cost: Cost, tail: str) -> str:
    """One line of the table."""
    return f"{title:36} {cost.cpu:8.2f} {cost.wall:8.2f} {cost.peak:8.0f} {tail}".rstrip()


def main() -> int:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peers", default="evidently,nannyml,whylogs")
    parser.add_argument("--folder", type=Path, default=None, help="where to put the tables (removed afterwards)")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    try:
        print(f"{given.rows:,} + {given.rows:,} rows x 26 columns, Parquet (zstd), whole processes\n{machine()}")
        print(f"{'':36} {'CPU s':>8} {'wall s':>8} {'peak MB':>8} {'CPU: x':>7} {'stored':>7}")
        for line in races(made(folder, given.rows), given.peers.split(","), given.repeat):
            print(line, flush=True)
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
