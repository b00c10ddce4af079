"""The counting pass from Parquet against pyarrow decoding the same file, and its memory at one and ten million rows.

    python -m benchmarks counting [--rows 1000000 10000000] [--repeat 5] [--folder DIR]

Every measurement is a process of its own that imports what it needs and then times itself; the pages of the file are in
the system's cache. Peak memory is the whole process's, imports included.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.process import machine, module, run, verdict

TIMES, MEMORY = 2.0, 350.0
"""Targets: wall time of the pass over that of pyarrow's decoding, and MB of peak memory."""
STEPS = ("count", "table", "batches", "weigh")


def count(file: str, grids: str) -> Callable[[], object]:
    """Retrue's pass over all columns, on grids that are there already."""
    from retrue import cpu

    cpu.settle()
    from retrue.core.grids import Grids
    from retrue.engine import local
    from retrue.tables import read

    ready = Grids.from_bytes(Path(grids).read_bytes())
    return lambda: local.count(read(file), ready)


def weigh(file: str, grids: str) -> Callable[[], object]:
    """The same pass with each row weighed by its score."""
    from retrue import cpu

    cpu.settle()
    from dataclasses import replace

    from retrue.core.grids import Grids
    from retrue.core.weighted import Weighing
    from retrue.engine import local
    from retrue.tables import read

    ready = Grids.from_bytes(Path(grids).read_bytes())
    weighed = replace(ready, extras=(*ready.extras, Weighing("score")))
    return lambda: local.count(read(file), weighed)


def table(file: str, _grids: str) -> Callable[[], object]:
    """Decode with `pyarrow.parquet.read_table`: all columns into memory, on all cores."""
    from pyarrow import parquet  # type: ignore[import-untyped]

    return lambda: parquet.read_table(file)


def batches(file: str, _grids: str) -> Callable[[], object]:
    """Decode with `ParquetFile.iter_batches`: a batch at a time, on all cores."""
    from pyarrow import parquet

    return lambda: sum(batch.num_rows for batch in parquet.ParquetFile(file).iter_batches(262_144))


def fit(file: str, grids: str) -> Callable[[], object]:
    """Fit the grids that `count` uses."""
    from retrue.engine import local
    from retrue.schema import Schema
    from retrue.tables import read

    source = read(file)
    fitted = local.fit_grids(source, Schema.infer(source, score="score"))
    return lambda: Path(grids).write_bytes(fitted.to_bytes())


def timed(step: str, file: str, grids: str) -> None:
    """In the process that is measured: prepare a step, do it, print its seconds."""
    work = {"count": count, "weigh": weigh, "table": table, "batches": batches, "fit": fit}[step](file, grids)
    began, used = time.perf_counter(), time.process_time()
    work()
    print(json.dumps({"wall": time.perf_counter() - began, "cpu": time.process_time() - used}))


def compared(file: Path, grids: Path, repeat: int) -> str:
    """Measure all steps in turn; the lines of one size."""
    found: dict[str, list[tuple[float, float, float]]] = {step: [] for step in STEPS}
    for _ in range(repeat):
        for step in STEPS:
            cost = run(module("counting", "--step", step, file, grids))
            said = json.loads(cost.said)
            found[step].append((said["wall"], said["cpu"], cost.peak))
    wall, cpu, peak = ({step: statistics.median(r[i] for r in found[step]) for step in STEPS} for i in range(3))
    named = {
        "count": "counting pass",
        "weigh": "weighted pass",
        "table": "pyarrow read_table",
        "batches": "pyarrow iter_batches",
    }
    lines = [f"  {named[s]:22} {wall[s]:7.2f} s wall {cpu[s]:7.2f} s CPU {peak[s]:7.0f} MB peak" for s in STEPS]
    told = [
        f"  wall: {wall['count'] / wall[s]:.2f}x of {named[s]}, {verdict(wall['count'] / wall[s], TIMES)}"
        for s in ("table", "batches")
    ]
    told += [f"  wall: the weighted pass takes {wall['weigh'] / wall['count']:.1f}x of the unweighted one"]
    return "\n".join([*lines, *told, f"  peak memory: {verdict(peak['count'], MEMORY)}"])


def main() -> int:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None, help="where to put the tables (removed afterwards)")
    parser.add_argument("--step", nargs=3, metavar=("STEP", "FILE", "GRIDS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        timed(*given.step)
        return 0
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    try:
        print(f"26 columns, Parquet (zstd), grids ready\n{machine()}")
        for rows in given.rows:
            file, grids = folder / f"{rows}.parquet", folder / "grids"
            run(module("data", file, rows, 1, 0.0))
            if not grids.exists():
                run(module("counting", "--step", "fit", file, grids))
            print(f"{rows:,} rows\n{compared(file, grids, given.repeat)}", flush=True)
            file.unlink()
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
