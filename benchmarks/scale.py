"""Rows a second of the counting pass on 1 and 2 cores and on a Spark cluster, and the driver's memory as rows grow.

    python -m benchmarks scale [--millions 10 50 200] [--folder DIR]

The table is a file of a million rows of 26 columns, as often as it takes, by hard links: as much is read and counted as
if they differed, and the disk holds one. The cluster is a master and two workers of one core each on this machine.
Every measurement is a process of its own; memory is the most that the driver's Python, and its virtual machine, ever
held. Java fills the heap that it may have before it tidies up, so what of it is needed is told apart: what is left in
the heap after a collection, when all rows are counted and the session is still open.
"""

# mypy: disable-error-code="import-not-found,import-untyped"

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.process import ROOT, Failed, machine, module, run, verdict

MILLION = 1_000_000
FLAT = 1.2
"""Target: the driver's memory at the most rows over that at the fewest."""


def prepared(folder: Path, millions: int) -> None:
    """Put as many links into the folder as there are to be millions of rows; the file and its grids are there."""
    place = folder / str(millions)
    place.mkdir()
    for i in range(millions):
        os.link(folder / "million.parquet", place / f"{i:05d}.parquet")


def local(folder: Path, millions: int, cores: int) -> dict[str, float]:
    """Count in this process, on so many cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    from retrue import cpu

    cpu.settle()
    from retrue.core.grids import Grids
    from retrue.engine import local
    from retrue.tables import read

    grids = Grids.from_bytes((folder / "grids").read_bytes())
    table, began = read(f"{folder}/{millions}/*.parquet"), time.perf_counter()
    found = local.count(table, grids)
    return {"wall": time.perf_counter() - began, "rows": found.rows, "python": peak("self")}


def spark(folder: Path, millions: int, address: str) -> dict[str, float]:
    """Count on a cluster; a first, short count starts its Pythons."""
    session = joined(address)
    from pyspark.sql import functions as fn

    from retrue.core.grids import Grids
    from retrue.engine import local
    from retrue.engine.spark import sources

    grids = Grids.from_bytes((folder / "grids").read_bytes())
    local.count(sources.read(f"{folder}/{millions}/00000.parquet"), grids)
    table: Any = sources.read(f"{folder}/{millions}/*.parquet")
    began = time.perf_counter()
    found = local.count(table, grids)
    wall = time.perf_counter() - began
    partitions = table.data.select(fn.spark_partition_id()).distinct().count()
    size = len(found.to_bytes(grids=False))
    machine_ = int(session.sparkContext._gateway.proc.pid)  # noqa: SLF001 - the virtual machine has no other handle
    measured = {"wall": wall, "rows": found.rows, "python": peak("self"), "java": peak(str(machine_))}
    measured["heap"] = needed_heap(session)
    session.stop()
    return {**measured, "partitions": partitions, "profile": size}


def needed_heap(session: Any) -> float:
    """What is left in the heap of the driver's virtual machine after a collection, MB."""
    lang = session._jvm.java.lang  # noqa: SLF001 - there is no other way to it
    for _ in range(3):  # what one finds out of use, the next gives back
        lang.System.gc()
        time.sleep(1)
    memory = lang.Runtime.getRuntime()
    return float(memory.totalMemory() - memory.freeMemory()) / 2**20


def joined(address: str) -> Any:
    """A session on a cluster of this machine."""
    from pyspark.sql import SparkSession

    settings = {
        "spark.driver.memory": "1g", "spark.executor.memory": "768m", "spark.executor.cores": "1",
        "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.ui.enabled": "false",
        "spark.executorEnv.PYTHONPATH": os.environ["PYTHONPATH"], "spark.ui.showConsoleProgress": "false",
    }  # fmt: skip
    builder = SparkSession.builder.master(address)
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def peak(process: str) -> float:
    """The most memory that a process ever held, MB."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def measured(step: str, folder: Path, millions: int, more: str) -> dict[str, float]:
    """Measure one step in a process of its own."""
    path = os.pathsep.join([str(ROOT), *(p for p in sys.path if p)])
    cost = run(module("scale", "--step", step, folder, millions, more), env={**environment(), "PYTHONPATH": path})
    found: dict[str, float] = json.loads(cost.said.splitlines()[-1])
    return found


def environment() -> dict[str, str]:
    """What Spark's processes are told."""
    from tests.engine.spark.cluster import environment as told

    return told()


def line(name: str, found: dict[str, float]) -> str:
    """One measurement."""
    rate = found["rows"] / found["wall"] / MILLION
    java = f"{found['java']:8.0f} {found['heap']:8.0f}" if "java" in found else " " * 17
    return f"  {name:20} {found['rows']:13,.0f} {found['wall']:8.1f} {rate:8.2f} {found['python']:10.0f} {java}"


def on_one_machine(folder: Path, millions: list[int]) -> None:
    """The pass on 1 and 2 cores, at the fewest and at the most rows."""
    for cores in (1, 2):
        for most in dict.fromkeys((millions[0], millions[-1] if cores == 2 else millions[0])):
            print(
                line(f"{cores} local core{'s' * (cores > 1)}", measured("local", folder, most, str(cores))), flush=True
            )


def on_a_cluster(folder: Path, millions: list[int]) -> None:
    """The pass on Spark, at all sizes."""
    from tests.engine.spark.cluster import cluster

    (folder / "cluster").mkdir()
    with cluster(folder / "cluster", memory="1g") as (address, _):
        found = {}
        for most in millions:
            found[most] = measured("spark", folder, most, address)
            print(line("Spark, 2 workers", found[most]), flush=True)
    last = found[millions[-1]]
    print(f"  a profile: {last['profile'] / 1024:,.0f} kB; partitions: {last['partitions']:,.0f}")
    for kind, what in (("python", "Python"), ("heap", "heap, as far as it is needed,"), ("java", "Java")):
        grown = last[kind] / found[millions[0]][kind]
        span = f"{millions[0]}M to {millions[-1]}M rows"
        print(f"  the driver's {what} grew {grown:.2f}x from {span}, {verdict(grown, FLAT)}")


def main() -> int:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millions", type=int, nargs="+", default=[10, 50, 200])
    parser.add_argument("--folder", type=Path, default=None, help="where to put the table (removed afterwards)")
    parser.add_argument("--step", nargs=4, metavar=("STEP", "FOLDER", "MILLIONS", "MORE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        step, folder, millions, more = given.step
        work = (
            local(Path(folder), int(millions), int(more))
            if step == "local"
            else spark(Path(folder), int(millions), more)
        )
        print(json.dumps(work))
        return 0
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    try:
        print(f"26 columns, Parquet (zstd), grids ready\n{machine()}")
        run(module("data", folder / "million.parquet", MILLION, 1, 0.0))
        run(module("counting", "--step", "fit", folder / "million.parquet", folder / "grids"))
        for millions in given.millions:
            prepared(folder, millions)
        print(f"  {'':20} {'rows':>13} {'s':>8} {'M rows/s':>8} {'Python MB':>10} {'Java MB':>8} {'needed':>8}")
        on_one_machine(folder, given.millions)
        on_a_cluster(folder, given.millions)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
