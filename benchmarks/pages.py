"""How fast pages answer: a store of 200 models x 50 features x 90 days of daily windows, asked over loopback.

One real model is registered, logged, labelled and checked for three days; its rows in the catalog (figures, verdicts,
profiles) are then copied to the other models and days, with figures that wander. Jobs, lines of logs and rows that were
set aside are there too. Each page is asked for 40 times, of ten models in turn: the first ten answers are worked out
anew, the others may be kept ones, so p95 is told of all, and of those after the first of each model ("then"). What the
web process spends on it is told beside the time that it took, as that depends on what else the machine does.

With `--writing N`, batches of 20 rows come in meanwhile, N a second, each for the next of the models: what was kept
of a page no longer holds then, and the commit cycles run beside it.

    python -m benchmarks pages [--models 200] [--days 90] [--features 50] [--writing 0] [--folder KEEP]
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np
import polars as pl
from benchmarks.process import machine
from benchmarks.startup import answers, used, web_of

import retrue as rt
from retrue.slices import Slice
from retrue.store import rows
from retrue.store.catalog import Transaction

DAY = 86_400
ROWS = 400
ASKED = 40
"""Times that each page is asked for."""
TARGET = 0.150
PROFILED = 20
"""Only each so-many-th model keeps all its profiles (230 kB a window): 4 GB more would measure the disk."""
SLICES = ("feature_00 > 1", "feature_01 < -1 AND feature_02 > 0")
HELD = 60
"""Rows that come again and differ: they are set aside."""
JOBS = 2_000
KINDS = ("degraded", "broken", "unknown", "drifting")


def table(rng: np.random.Generator, start: datetime, days: int, features: int) -> pl.DataFrame:
    """Labelled events of some days."""
    count = days * ROWS
    x = rng.normal(size=(count, features))
    score = 1 / (1 + np.exp(-x[:, 0]))
    at = [start + timedelta(seconds=DAY * i / ROWS) for i in range(count)]
    named = {f"feature_{i:02d}": x[:, i] for i in range(features)}
    ids = [f"{start:%Y%m%d}-{i}" for i in range(count)]
    return pl.DataFrame({"id": ids, "at": at, **named, "p": score, "y": (rng.random(count) < score).astype(int)})


def seeded(folder: Path, features: int, today: datetime) -> None:
    """Register one model, and let it live for three days."""
    rng = np.random.default_rng(0)
    begin = today - timedelta(days=3)
    with rt.open(folder) as store:
        reference = table(rng, begin - timedelta(days=20), 20, features)
        model = store.register(
            "model-000", reference, id="id", time="at", label="y", score="p", window="1d", maturity="1d"
        )
        live = table(rng, begin, 3, features)
        store.store.set_slices("model-000", [Slice.parse(text) for text in SLICES])
        model.log(live.drop("y"), at=begin + timedelta(days=3))
        model.log(live.head(HELD).drop("y").with_columns(pl.col("feature_00") + 1), at=begin + timedelta(days=3))
        model.label(live.select("id", "y"), at=begin + timedelta(days=3))
        model.check(now=today)


def fill(folder: Path, models: int, days: int, features: int, today: datetime, fresh: int = 0) -> None:
    """Make the store, as it is in the night in which `today` begins; all models keep the profiles of `fresh` days."""
    seeded(folder, features, today)
    last = int(today.timestamp()) - DAY
    with rt.open(folder) as store, store.store.catalog.write() as tx:
        pattern = tx.get(rows.Window, model="model-000", start=last)
        assert pattern is not None
        for number in range(models):
            copy(tx, number, last, days, fresh)
        for number in range(0, models, 7):
            tx.put(*incidents(number, last))
        tx.put(*jobs(models, last))
        for number in range(JOBS):
            tx.add(rows.Log((last - 60 * number) * 1_000_000, "info", f"checked {number} windows", f"job-{number}"))


def copy(tx: Transaction, number: int, last: int, days: int, fresh: int) -> None:
    """Give one model what the first one has, on all days."""
    name, rng = f"model-{number:03d}", np.random.default_rng(number)
    if number:
        for kind in (rows.Model, rows.GridsRow, rows.Version, rows.Reference, rows.NamedSlice):
            key = {"name": "model-000"} if kind is rows.Model else {"model": "model-000"}
            column = next(iter(key))
            tx.put(*(replace(one, **{column: name}) for one in tx.find(kind, **key)))
    found = {
        kind: tx.find(kind, model="model-000", start=last)
        for kind in (rows.Window, rows.Point, rows.VerdictRow, rows.EstimateRow, rows.ProfileRow)
    }
    if number % PROFILED:
        found[rows.Point] = tuple(one for one in found[rows.Point] if not one.slice)  # type: ignore[attr-defined]
    for back in range(days):
        start, drift = last - back * DAY, float(rng.normal(0, 0.01))
        made: list[rows.Row] = []
        for own in found.values():
            if own and isinstance(own[0], rows.ProfileRow) and number % PROFILED and back >= fresh:
                continue
            made += [moved(one, name, start, drift) for one in own if number or start != last]
        if made:
            tx.put(*(one for one in made if not isinstance(one, rows.VerdictRow)))
        for one in made:
            if isinstance(one, rows.VerdictRow):
                tx.add(one)


def moved(row: rows.Row, model: str, start: int, drift: float) -> rows.Row:
    """The same row of another model and day."""
    if isinstance(row, rows.Point):
        value, low, high = (None if end is None else end + drift for end in (row.value, row.low, row.high))
        return replace(row, model=model, start=start, value=value, low=low, high=high)
    if isinstance(row, rows.VerdictRow):
        return replace(row, model=model, start=start, number=None)
    return replace(row, model=model, start=start)  # type: ignore[call-arg]


def incidents(number: int, last: int) -> Iterator[rows.IncidentRow]:
    """One live incident and one that is over."""
    name, kind = f"model-{number:03d}", KINDS[number // 7 % len(KINDS)]
    for state, back in (("open", 2), ("resolved", 40)):
        span = [datetime.fromtimestamp(last - b * DAY, UTC).isoformat() for b in (back, back - 1)]
        verdict = {
            "kind": kind, "reason": "feature_03 moved by KS 0.21, more than the 0.04 that chance explains",
            "metric": "ks", "column": "feature_03", "slice": None, "window": span, "value": 0.21,
            "interval": [0.2, 0.22], "n": ROWS, "threshold": 0.04,
        }  # fmt: skip
        body = {
            "id": f"{name}-{state}", "model": name, "kind": kind, "state": state, "since": span[0],
            "until": None if state == "open" else span[1], "columns": ["feature_03"], "verdicts": [verdict] * 3,
            "sentence": f"Since day {back}, feature_03 moved by KS 0.21.", "snoozed_until": None,
            "severity": "medium", "cost": None, "cause": None, "search": None, "real": None, "note": None,
            "version": "1",
        }  # fmt: skip
        at = (last - back * DAY) * 1_000_000
        yield rows.IncidentRow(f"{name}-{state}", name, state, at, at, None if state == "open" else at + DAY, body)


def jobs(models: int, last: int) -> Iterator[rows.Job]:
    """What ran by itself lately."""
    for number in range(JOBS):
        due = (last - 60 * number) * 1_000_000
        model = f"model-{number % models:03d}"
        yield rows.Job(f"job-{number}", "check", "done", due, due + 800_000, {}, model)


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, int]]:
    """Serve a store; gives the address, and the number of the process that answers."""
    command = [sys.executable, "-m", "retrue", "serve", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            address = line.split(" on ")[1].split()[0]
            ready(address)
            yield address, web_of(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def ready(address: str) -> None:
    """Wait until it answers, a minute at most."""
    for _ in range(600):
        if answers(address):
            return
        time.sleep(0.1)
    raise SystemExit("the service doesn't answer")


class Answered(NamedTuple):
    """How long a page took each time, and how much CPU the server spent on each, in seconds."""

    took: list[float]
    cpu: float


def asked(url: str, process: int, models: Sequence[str] = ("",), times: int = ASKED) -> Answered:
    """Ask for a page so many times, of these models in turn (`{}` in the address), nothing being kept by the client."""
    took, before = [], used(process)
    with httpx.Client(headers={"Accept": "text/html"}, timeout=120) as client:
        for number in range(times):
            begin = time.perf_counter()
            client.get(url.format(models[number % len(models)])).raise_for_status()
            took.append(time.perf_counter() - begin)
    return Answered(took, (used(process) - before) / times)


BATCH = 20
"""Rows of a batch that comes in while pages are asked for."""


@contextmanager
def written(address: str, models: int, features: int, pace: float) -> Iterator[None]:
    """Send `pace` batches a second, each for the next model, until pages were asked for; none at 0."""
    ended = threading.Event()

    def write() -> None:
        now = datetime.now(UTC)
        frame = table(np.random.default_rng(1), now, 1, features).head(BATCH).drop("y", "id")
        columns = frame.with_columns(at=pl.lit(now.isoformat())).to_dict(as_series=False)
        with httpx.Client(base_url=address, timeout=60) as client:
            begun, number = time.perf_counter(), 0
            while not ended.wait(max(0.0, begun + number / pace - time.perf_counter())):
                ids = [f"{now:%H%M%S}-{number}-{row}" for row in range(BATCH)]  # a kept folder has those of before
                path = f"/api/v1/models/model-{number % models:03d}/events"
                client.post(path, json={"columns": {"id": ids, **columns}}).raise_for_status()
                number += 1
            print(f"{number / (time.perf_counter() - begun):.1f} batches a second came in")

    writer = threading.Thread(target=write)
    if pace:
        writer.start()
    try:
        yield
    finally:
        ended.set()
        if pace:
            writer.join()


def p95(times: Sequence[float]) -> float:
    """The 95 % quantile."""
    return statistics.quantiles(times, n=20)[-1]


MODEL = "/models/{}"
"""Of one of those that keep all their profiles."""
PAGES = {
    "overview": "/",
    "overview, found": "/?q=17&sort=change&days=90",
    "model": MODEL,
    "model, 90 days": MODEL + "?days=90",
    "its performance": MODEL + "/figures/performance?days=90",
    "its drift map": MODEL + "/figures/drift?column=feature_07",
    "incidents": "/incidents",
    "incident": "/models/model-000/incidents/model-000-open",
    "its evidence": "/models/model-000/incidents/model-000-open?evidence=now",
    "feature": MODEL + "/features/feature_03",
    "its distribution": MODEL + "/columns/strip?column=feature_03&days=90",
    "its window": MODEL + "/columns/window/0?column=feature_03&days=90",
    "monitors": MODEL + "/monitors",
    "their preview": MODEL + "/monitors?preview=1",
    "slices": MODEL + "/slices",
    "signals": MODEL + "/signals",
    "refine": MODEL + "/refine",
    "compare": "/compare",
    "compare, two": "/compare?a=model-000+reference&b=model-000",
    "jobs": "/jobs",
    "quarantine": "/quarantine",
    "settings": "/settings",
    "audit": "/audit",
    "for Prometheus": "/metrics",
}
"""Evidence and previews are worked out once (the first time), and kept."""


def main(arguments: list[str]) -> int:
    """Fill a store, serve it, ask for each page, and say p95 of each."""
    parser = argparse.ArgumentParser()
    for name, default in (("--models", 200), ("--days", 90), ("--features", 50)):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--writing", type=float, default=0, help="batches that come in a second meanwhile")
    parser.add_argument("--rest", type=float, default=5, help="seconds from the start to the first page")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.folder or Path(scratch) / "store"
        if not (folder / "catalog.db").exists():
            begin = time.perf_counter()
            today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            fill(folder, chosen.models, chosen.days, chosen.features, today)
            size = (folder / "catalog.db").stat().st_size / 1e6
            print(f"filled in {time.perf_counter() - begin:.0f} s, catalog {size:,.0f} MB", flush=True)
        profiled = [f"model-{number:03d}" for number in range(0, chosen.models, PROFILED)]
        with served(folder) as (address, process):
            time.sleep(chosen.rest)
            with written(address, chosen.models, chosen.features, chosen.writing):
                found = {name: asked(address + path, process, profiled) for name, path in PAGES.items()}
    print(machine())
    for name, (took, cpu) in found.items():
        told = (statistics.median(took), p95(took), p95(took[len(profiled) :]), max(took))
        middle, slow, then, most = (f"{1e3 * one:6.0f} ms" for one in told)
        print(f"{name:<18} p50 {middle}   p95 {slow}, then {then}   most {most}   CPU {1e3 * cpu:5.1f} ms")
    slowest = max(p95(one.took) for one in found.values())
    print(json.dumps({name: [round(p95(took) * 1e3, 1), round(cpu * 1e3, 1)] for name, (took, cpu) in found.items()}))
    return int(slowest > TARGET)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
