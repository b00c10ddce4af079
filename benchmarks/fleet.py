"""A thousand models in one store: how fast the overview answers, and whether the checks keep up.

The store is the one of `benchmarks pages` (its models share one history, copied). Then each model gets a day's events
over HTTP, so that a window of each is due at once, and what is timed is until all of them are judged; pages are asked
for meanwhile, and again when all is quiet.

    python -m benchmarks fleet [--models 1000] [--days 14] [--features 50] [--folder KEEP]
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import polars as pl
from benchmarks.pages import PAGES, Answered, asked, fill, p95, served, table
from benchmarks.process import machine, verdict

from retrue.store import rows
from retrue.workspace import Workspace
from retrue.workspace import open as open_workspace

TARGET = 0.200
"""Seconds within which 95 % of the overview's answers must come."""
LOOKED_AT = ("overview", "overview, found", "incidents", "jobs", "for Prometheus")
ROWS = 200
"""Events of each model on the day that is judged."""
FRESH = 2
"""Days whose profiles all models keep: those whose labels ripen are judged again."""
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


def judged(workspace: Workspace, start: int) -> int:
    """How many models have a verdict on the day that begins at `start`."""
    with workspace.store.catalog.read() as tx:
        return len({one.model for one in tx.find(rows.VerdictRow, start=start)})


def wait(workspace: Workspace, start: int, models: int) -> None:
    """Wait until the day of all models is judged."""
    begun = time.perf_counter()
    while (done := judged(workspace, start)) < models:
        if time.perf_counter() - begun > PATIENCE:
            raise SystemExit(f"{done:,} of {models:,} models are judged after {PATIENCE:,} s")
        time.sleep(1)


def tell(title: str, found: dict[str, Answered]) -> None:
    """Print how long each page took."""
    print(title)
    for name, (took, cpu) in found.items():
        middle, slow = (1e3 * one for one in (statistics.median(took), p95(took)))
        print(f"  {name:<16} p50 {middle:6.1f} ms   p95 {slow:6.1f} ms   CPU {1e3 * cpu:5.1f} ms")


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
        begun = time.perf_counter()
        fill(folder, chosen.models, chosen.days, chosen.features, day, FRESH)
        print(machine())
        filled = size(folder)
        windows = chosen.models * chosen.days
        print(f"filled in {time.perf_counter() - begun:.0f} s; catalog {filled:,.0f} MB, {windows:,} windows")
        (folder / "retrue.toml").write_text("[server]\nbatches_per_second = 1000000\n", encoding="utf-8")
        with served(folder) as (address, process), open_workspace(folder) as workspace:
            begun = time.perf_counter()
            sent = log(address, chosen.models, chosen.features, day)
            took = time.perf_counter() - begun
            print(f"{sent:,} rows of {chosen.models:,} models taken in {took:.0f} s")
            busy = {name: asked(address + PAGES[name], process) for name in LOOKED_AT}
            start = int(day.timestamp())
            wait(workspace, start, chosen.models)
            whole = time.perf_counter() - begun
            print(f"all judged {whole:.0f} s after the first row: {chosen.models / whole:.1f} windows a second")
            print(f"  of an hour, {chosen.models:,} hourly windows take {whole / 36:.0f} %")
            quiet = {name: asked(address + PAGES[name], process) for name in LOOKED_AT}
        grown = (size(folder) - filled) / chosen.models * 1e3
        print(f"catalog: {grown:.1f} kB a judged window of {chosen.features} features")
    tell("while the checks ran", busy)
    tell("at rest", quiet)
    slow = p95(quiet["overview"].took)
    print(f"overview p95 {1e3 * slow:.0f} ms   {verdict(slow, TARGET)}")
    return int(slow > TARGET)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
