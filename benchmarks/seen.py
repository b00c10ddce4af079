"""How long a row takes from being sent to being seen: in a browser that has the overview open, under half the load.

    python -m benchmarks seen [--trials 40] [--pace 25000]

One model takes `--pace` rows a second (100 a request, as JSON columns). Meanwhile single rows of another one are sent,
one after another, each once the one before is on the page; a Chromium shows the overview, and what is timed ends when
the number of rows in that model's line has changed before the reader's eyes: acknowledgement, commit cycle, the
server's look, its event, the page's request and the change of the document are all in it.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np
from benchmarks.process import machine
from benchmarks.serve import WAYS, Load, bodies_of, register, rows, send, serving
from playwright.sync_api import Page, sync_playwright

from retrue.workspace import open as open_workspace

WAY = WAYS[1]
FEATURES = 24
CANARY = "canary"
CHROMIUM = "/usr/bin/chromium"
PATIENCE = 60_000
"""Milliseconds after which a row that isn't seen is a failure."""
SEEN = "before => document.getElementById('rows-canary').textContent !== before"


def shown(page: Page) -> str:
    """The number of rows that the page tells."""
    return page.locator(f"#rows-{CANARY}").text_content() or ""


def trial(page: Page, client: httpx.Client, number: int) -> tuple[float, float]:
    """Send one row; gives the seconds until it is acknowledged, and until it is seen."""
    before = shown(page)
    body = {"columns": {"id": [f"c{number}"], "at": ["2026-01-05T00:00:00Z"], "x": [number], "p": [0.5]}}
    begun = time.perf_counter()
    client.post(f"/api/v1/models/{CANARY}/events", json=body).raise_for_status()
    kept = time.perf_counter() - begun
    page.wait_for_function(SEEN, arg=before, polling="raf", timeout=PATIENCE)
    return kept, time.perf_counter() - begun


def prepare(folder: Path) -> None:
    """Register the model under load and the one that is looked at."""
    register(folder, FEATURES)
    with open_workspace(folder) as workspace:
        table = rows(1 << 41, 5_000, FEATURES).select("id", "at", "p", x="x0", y=1)
        workspace.register(CANARY, table, id="id", time="at", label="y", score="p", window="1d", estimate="off")


def measure(folder: Path, trials: int, pace: float) -> tuple[list[tuple[float, float]], Load]:
    """Serve, load and look; gives the times of each row and what the load came to."""
    prepare(folder / "store")
    with serving(folder) as (port, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        bodies = bodies_of(port, WAY, FEATURES, 0, int(pace / WAY.rows) * 20)
        loads, ended = list[Load](), threading.Event()

        def load() -> None:
            """Send in rounds of 20 seconds until all rows were seen."""
            first = len(bodies) * WAY.rows
            now = bodies
            while not ended.is_set():
                loads.append(asyncio.run(send(port, WAY, now, 1e9, pace / WAY.rows)))
                now = bodies_of(port, WAY, FEATURES, first, len(bodies))
                first += len(bodies) * WAY.rows

        sender = threading.Thread(target=load)
        sender.start()
        try:
            time.sleep(3)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                found = [trial(page, client, number) for number in range(trials)]
        finally:
            ended.set()
            sender.join()
            browser.close()
    whole = Load(sum(one.sent for one in loads), sum(one.seconds for one in loads))
    return found, whole


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=40, help="rows that are followed to the page")
    parser.add_argument("--pace", type=float, default=25_000, help="rows a second that the other model takes")
    args = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        found, load = measure(Path(scratch), args.trials, args.pace)
    print(f"load {load.sent / load.seconds:,.0f} rows/s")
    for name, times in zip(("acknowledged", "on the page"), zip(*found, strict=True), strict=True):
        middle, late = np.percentile(times, [50, 99])
        print(f"{name:<14} p50 {middle:6.2f} s   p99 {late:6.2f} s   of {len(times)} rows")


if __name__ == "__main__":
    main()
