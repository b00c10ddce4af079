"""The service under load: durable rows a second over HTTP, with client and server on the same cores.

    python -m benchmarks serve [--seconds 20] [--most 4000000] [--only 10000] [--folder DIR]

Three ways to send rows of 26 fields: one JSON object a request, 100 rows as JSON columns, 10,000 rows as Arrow IPC.
Each is sent as fast as it is answered, then what waits is drained into lake and profiles; then, at half that speed, how
long an acknowledgement takes (p50, p99) and how long a row takes from being sent to being in a profile. Last, the
memory of each process after the load and at the end.

Each row is acknowledged when it is on disk (`ack=spool`); every count is held against the lake.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import psutil
from benchmarks.process import machine, verdict

from retrue.workspace import Workspace
from retrue.workspace import open as open_workspace

START = 1_767_571_200_000_000  # 5 January 2026, microseconds
MODEL = "loans"
DRAIN = 60.0
"""Seconds within which what was acknowledged must be in lake and profiles."""


@dataclass(frozen=True)
class Way:
    """A way to send rows.

    Attributes:
        name: what it is called.
        rows: how many go in a request.
        form: the media type.
        target: rows a second that must be reached.
        encode: writes rows.
        connections: how many requests are on their way at a time.
    """

    name: str
    rows: int
    form: str
    target: float
    encode: Callable[[pl.DataFrame], bytes]
    connections: int


def as_row(frame: pl.DataFrame) -> bytes:
    """One JSON object."""
    return json.dumps(texts(frame).to_dicts()[0]).encode()


def as_columns(frame: pl.DataFrame) -> bytes:
    """Columns as JSON."""
    return json.dumps({"columns": texts(frame).to_dict(as_series=False)}).encode()


def as_arrow(frame: pl.DataFrame) -> bytes:
    """An Arrow IPC stream."""
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer)
    return buffer.getvalue()


def texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Times as JSON has them."""
    return frame.with_columns(pl.col("at").dt.to_string("iso:strict"))


WAYS = (
    Way("1 JSON row", 1, "application/json", 1_500, as_row, 64),
    Way("100 JSON columns", 100, "application/json", 50_000, as_columns, 16),
    Way("10,000 Arrow rows", 10_000, "application/vnd.apache.arrow.stream", 150_000, as_arrow, 4),
)


def rows(first: int, n: int, features: int) -> pl.DataFrame:
    """Events of `features` fields beside id and time, in order of time: 10,000 a second of event time."""
    rng = np.random.default_rng(first)
    number = np.arange(first, first + n)
    columns = {f"x{i}": rng.normal(size=n).round(6) for i in range(features - 4)}
    some = {"carrier": rng.choice(["AA", "UA", "DL", "B6"], n), "origin": rng.choice(["JFK", "LGA", "EWR"], n)}
    ids = pl.Series(number).cast(pl.String)
    times = pl.Series(START + number * 100).cast(pl.Datetime("us", "UTC"))
    return pl.DataFrame({"id": ids, "at": times, **columns, **some, "age": rng.integers(18, 80, n), "p": rng.random(n)})


def register(folder: Path, features: int) -> None:
    """Make a store with the model."""
    frame = rows(1 << 40, 50_000, features)
    early = (pl.col("at") - pl.col("at").min()) * 600 + pl.datetime(2025, 12, 1, time_zone="UTC")
    table = frame.with_columns(early.alias("at"), y=(pl.col("p") > 0.5).cast(pl.Int8))
    with open_workspace(folder) as workspace:
        workspace.register(
            MODEL, table, id="id", time="at", label="y", score="p", slices=["origin"], window="1h", estimate="off"
        )


@contextmanager
def serving(folder: Path) -> Iterator[tuple[int, psutil.Process]]:
    """Run the service; gives its port and its process."""
    (folder / "retrue.toml").write_text("[server]\nbatches_per_second = 1000000\n", encoding="utf-8")
    command = [sys.executable, "-m", "retrue", "serve", str(folder / "store"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(":")[2])
        try:
            yield port, psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)


@dataclass
class Load:
    """What a run of sending came to.

    Attributes:
        sent: rows that were acknowledged.
        seconds: how long it took.
        waits: how long each acknowledgement took, in seconds.
        refused: answers 429.
    """

    sent: int = 0
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    refused: int = 0


def request(port: int, way: Way, body: bytes) -> bytes:
    """A request as it goes over the wire."""
    head = f"POST /api/v1/models/{MODEL}/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {way.form}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def answer(reader: asyncio.StreamReader) -> int:
    """The status of an answer, once all of it is there."""
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    at = lower.index(b"content-length:") + 15
    await reader.readexactly(int(lower[at : lower.index(b"\r\n", at)]))
    return int(head[9:12])


async def send(port: int, way: Way, bodies: list[bytes], seconds: float, pace: float | None) -> Load:
    """Send bodies, each once, for so long; as fast as they are answered, or `pace` of them a second."""
    load, queue, begun = Load(), iter(bodies), time.perf_counter()
    due = iter(range(len(bodies)))

    async def worker() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for body in queue:
            if pace is not None:
                await asyncio.sleep(max(0.0, begun + next(due) / pace - time.perf_counter()))
            at = time.perf_counter()
            if at - begun > seconds:
                break
            status = 429
            while status == 429:
                writer.write(body)
                status = await answer(reader)
                load.refused += status == 429
                if status == 429:
                    await asyncio.sleep(0.2)
            assert status == 202, status
            load.waits.append(time.perf_counter() - at)
            load.sent += way.rows
        writer.close()

    await asyncio.gather(*(worker() for _ in range(way.connections)))
    load.seconds = time.perf_counter() - begun
    return load


def drained(workspace: Workspace) -> float:
    """Wait until nothing waits in the spool; gives the seconds."""
    begun = time.perf_counter()
    while workspace.store.pending(MODEL):
        time.sleep(0.05)
        if time.perf_counter() - begun > 10 * DRAIN:
            raise SystemExit("the spool isn't drained")
    return time.perf_counter() - begun


def booked(workspace: Workspace) -> int:
    """Rows in the profiles' windows."""
    return sum(window.events for window in workspace.store.windows(MODEL))


async def visible(port: int, way: Way, bodies: list[bytes], pace: float, workspace: Workspace) -> tuple[Load, float]:
    """Send at a pace, and see how far the profiles are behind; gives the mean seconds from sending to profile."""
    task = asyncio.create_task(send(port, way, bodies, 1e9, pace))
    behind, before = list[float](), booked(workspace)
    begun = time.perf_counter()
    while not task.done():
        await asyncio.sleep(0.25)
        there = await asyncio.to_thread(booked, workspace)
        sent = (time.perf_counter() - begun) * pace * way.rows
        behind.append(max(0.0, sent - (there - before)) / (pace * way.rows))
    return await task, float(np.mean(behind[len(behind) // 4 :] or behind))


def memory(process: psutil.Process) -> dict[str, float]:
    """Resident MB of each child."""
    return {name_of(child): child.memory_info().rss / 1e6 for child in process.children()}


def cpu(process: psutil.Process) -> dict[str, float]:
    """CPU seconds of each child so far."""
    times = {name_of(child): child.cpu_times() for child in process.children()}
    return {name: one.user + one.system for name, one in times.items()}


def name_of(child: psutil.Process) -> str:
    """What a child of the service is called."""
    module = next((part for part in child.cmdline() if part.startswith("retrue.")), "?")
    return module.rpartition(".")[2]


def measure(way: Way, args: argparse.Namespace, first: int) -> int:
    """Measure one way with a store of its own; gives the first number that no row has."""
    folder = Path(tempfile.mkdtemp(dir=args.folder))
    try:
        register(folder / "store", args.features)
        with serving(folder) as (port, process), open_workspace(folder / "store") as workspace:
            asyncio.run(send(port, way, bodies_of(port, way, args.features, first, 3 * way.connections), 60, None))
            first += 3 * way.connections * way.rows
            drained(workspace)
            count = min(int(args.seconds * way.target * 2.5 / way.rows), args.most // way.rows)
            bodies = bodies_of(port, way, args.features, first, count)
            before, spent = booked(workspace), cpu(process)
            load = asyncio.run(send(port, way, bodies, args.seconds, None))
            early, behind = memory(process), drained(workspace)
            costs = {name: (after - spent[name]) / load.sent * 1e6 for name, after in cpu(process).items()}
            took = booked(workspace) - before
            speed = load.sent / load.seconds
            print(f"{way.name:<18} {speed:>9,.0f} rows/s   {verdict(speed, way.target, least=True)}")
            waits = np.percentile(load.waits, [50, 99]) * 1000
            print(
                f"{'':<18} {load.sent:,} rows in {load.seconds:.1f} s, p50 {waits[0]:.0f} ms, p99 {waits[1]:.0f} ms, "
                f"{load.refused} x 429"
            )
            print(f"{'':<18} drained in {behind:.1f} s   {verdict(behind, DRAIN)}")
            print(f"{'':<18} CPU us a row: {', '.join(f'{name} {cost:.1f}' for name, cost in costs.items())}")
            if took != load.sent:
                raise SystemExit(f"{load.sent:,} rows acknowledged, {took:,} in the profiles")
            first += count * way.rows
            pace = speed / way.rows / 2
            half = bodies_of(port, way, args.features, first, max(way.connections, int(pace * args.seconds / 2)))
            quiet, lag = asyncio.run(visible(port, way, half, pace, workspace))
            waits = np.percentile(quiet.waits, [50, 99]) * 1000
            print(
                f"{'':<18} at half load: p50 {waits[0]:.0f} ms, p99 {waits[1]:.0f} ms; a row is in a profile "
                f"{lag:.1f} s after it was sent"
            )
            drained(workspace)
            late = memory(process)
            print(f"{'':<18} memory after the load and at the end: {told(early)}; {told(late)}", flush=True)
            return first + len(half) * way.rows
    finally:
        shutil.rmtree(folder)


def told(memory: dict[str, float]) -> str:
    """Memory in words."""
    return ", ".join(f"{name} {size:.0f} MB" for name, size in memory.items())


def bodies_of(port: int, way: Way, features: int, first: int, count: int) -> list[bytes]:
    """Requests, made before anything is measured."""
    frame = rows(first, count * way.rows, features)
    return [request(port, way, way.encode(part)) for part in frame.iter_slices(way.rows)]


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="how long each way is sent at full speed")
    parser.add_argument("--features", type=int, default=24, help="fields of a row beside id and time")
    parser.add_argument("--most", type=int, default=4_000_000, help="the most rows of each way")
    parser.add_argument("--only", type=int, default=None, help="only the way with so many rows a request")
    parser.add_argument("--folder", type=Path, default=None, help="where to put the stores (removed afterwards)")
    args = parser.parse_args()
    print(machine())
    first = 0
    for way in WAYS:
        if args.only in {None, way.rows}:
            first = measure(way, args, first)


if __name__ == "__main__":
    main()
