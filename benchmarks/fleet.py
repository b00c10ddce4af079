"""A thousand models in one store: how fast the overview answers, and whether the checks keep up.

The store is the one of `benchmarks pages` (its models share one history, copied). Then each model gets a day's events
over HTTP, so that a window of each is due at once, and what is timed is until all of them are judged. Pages are asked
for right after the start, while the rows come in, while they are counted and checked, and when all is quiet. CPU is
told beside times, as these depend on what else the machine does.

A `--folder` that has a store is used as it is: fill one, and copy it for each run, as a day is judged once.

    python -m benchmarks fleet [--models 1000] [--days 14] [--features 50] [--folder KEEP]
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import polars as pl
from benchmarks.pages import PAGES, Answered, asked, fill, p95, served, table
from benchmarks.process import machine, verdict
from benchmarks.startup import child_of, used
from sqlalchemy import distinct, func, select

from retrue.store.tables import verdicts
from retrue.workspace import Workspace
from retrue.workspace import open as open_workspace

TARGET = 0.200
"""Seconds within which 95 % of the overview's answers must come."""
LOOKED_AT = ("overview", "overview, found", "incidents", "jobs", "for Prometheus")
ROWS = 200
"""Events of each model on the day that is judged."""
FRESH = 2
"""Days whose profiles all models keep: those whose labels ripen are judged again."""
ASKED = 100
"""Times that a page is asked for, so that 5 % of them are more than one."""
PATIENCE = 3_600
"""Seconds within which all must be judged."""


def log(address: str, models: int, features: int, day: datetime) -> int:
    """Send a day's events of each model; gives how many rows."""
    rng = np.random.default_rng(7)
    with httpx.Client(base_url=address, timeout=120) as client:
        for number in range(models):
            body = io.BytesIO()
            frame = table(rng, day, 1, features).drop("y").sample(ROWS, seed=number)
            frame.with_columns("log-" + pl.col("id")).write_ipc_stream(body)
            kind = {"Content-Type": "application/vnd.apache.arrow.stream"}
            path = f"/api/v1/models/model-{number:03d}/events"
            answer = client.post(path, content=body.getvalue(), headers=kind)
            while answer.status_code == 429:
                time.sleep(float(answer.headers["Retry-After"]))
                answer = client.post(path, content=body.getvalue(), headers=kind)
            answer.raise_for_status()
    return models * ROWS


@contextmanager
def sending(address: str, models: int, features: int, day: datetime) -> Iterator[threading.Thread]:
    """Send the day in a thread of its own; it is waited for."""
    begun = time.perf_counter()
    thread = threading.Thread(target=log, args=(address, models, features, day))
    thread.start()
    yield thread
    thread.join()
    took = time.perf_counter() - begun
    print(f"{models * ROWS:,} rows of {models:,} models taken in {took:.0f} s, pages meanwhile", flush=True)


def judged(workspace: Workspace, start: int) -> int:
    """How many models have a verdict on the day that begins at `start`."""
    own = verdicts.c
    with workspace.store.catalog.read() as tx:
        return int(
            tx.connection.execute(select(func.count(distinct(own.model))).where(own.start == start)).scalar_one()
        )


def wait(workspace: Workspace, start: int, models: int) -> None:
    """Wait until the day of all models is judged."""
    begun = time.perf_counter()
    while (done := judged(workspace, start)) < models:
        if time.perf_counter() - begun > PATIENCE:
            raise SystemExit(f"{done:,} of {models:,} models are judged after {PATIENCE:,} s")
        time.sleep(1)


def looked(title: str, address: str, process: int, names: Sequence[str] = LOOKED_AT) -> dict[str, Answered]:
    """Ask for pages and print how long each took, and how busy the machine was."""
    found = {name: asked(address + PAGES[name], process, times=ASKED) for name in names}
    print(f"{title} (load {os.getloadavg()[0]:.1f})")
    for name, (took, cpu) in found.items():
        middle, slow = (1e3 * one for one in (statistics.median(took), p95(took)))
        told = (
            f"p50 {middle:6.1f} ms   p95 {slow:6.1f} ms   slowest {1e3 * max(took):6.1f} ms   CPU {1e3 * cpu:5.1f} ms"
        )
        print(f"  {name:<16} {told}", flush=True)
    return found


def size(folder: Path) -> float:
    """Megabytes of the catalog, what isn't checkpointed yet included."""
    return sum(one.stat().st_size for one in folder.glob("catalog.db*")) / 1e6


def main(arguments: Sequence[str]) -> int:
    """Fill a store, serve it, log a day to all models, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("--models", 1_000), ("--days", 14), ("--features", 50)):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args(arguments)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    day = today - timedelta(days=1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.folder or Path(scratch) / "store"
        if not (folder / "catalog.db").exists():
            begun = time.perf_counter()
            fill(folder, chosen.models, chosen.days, chosen.features, day, FRESH)
            print(f"filled in {time.perf_counter() - begun:.0f} s")
        print(machine())
        filled = size(folder)
        print(f"catalog {filled:,.0f} MB, {chosen.models * chosen.days:,} windows", flush=True)
        (folder / "retrue.toml").write_text("[server]\nbatches_per_second = 1000000\n", encoding="utf-8")
        with served(folder) as (address, process), open_workspace(folder) as workspace:
            looked("right after the start", address, process, LOOKED_AT[:1])
            begun = time.perf_counter()
            with sending(address, chosen.models, chosen.features, day) as thread:
                busy = list[float]()
                while thread.is_alive():
                    busy += looked("while rows come in", address, process, LOOKED_AT[:1])["overview"].took
            round_of(workspace, address, process, chosen.models, day, begun)
            quiet = looked("at rest", address, process)["overview"].took
        grown = (size(folder) - filled) / chosen.models * 1e3
        print(f"catalog: {grown:.1f} kB a judged window of {chosen.features} features")
    slow = [p95(one) for one in (busy, quiet)]
    for name, one in zip(("while rows come in", "at rest"), slow, strict=True):
        print(f"overview p95 {1e3 * one:.0f} ms {name}   {verdict(one, TARGET)}")
    return int(max(slow) > TARGET)


def round_of(workspace: Workspace, address: str, process: int, models: int, day: datetime, begun: float) -> None:
    """Wait until the day of all models is judged, with a look at pages meanwhile, and say what that took."""
    jobs = child_of(int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1]), "retrue.jobs")
    start, before = int(day.timestamp()), used(jobs)
    looked("while they are counted and checked", address, process)
    wait(workspace, start, models)
    whole = time.perf_counter() - begun
    pace = f"{models / whole:.1f} windows a second (load {os.getloadavg()[0]:.1f})"
    print(f"all judged {whole:.0f} s after the first row: {pace}")
    print(f"  of an hour, {models:,} hourly windows take {whole / 36:.0f} %")
    print(f"  the jobs' process used {(used(jobs) - before) / models:.2f} s of CPU a model", flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
