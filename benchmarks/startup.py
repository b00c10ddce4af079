"""How long it takes to start: `import retrue`, `retrue --help`, `retrue serve`, and what a comparison imports.

    python -m benchmarks startup [--repeat 9]

Each run is a new process; Python's files are compiled and in the system's cache.
"""

from __future__ import annotations

import argparse
import http
import http.client
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.process import machine, median, retrue, run, verdict

HEAVY = ("scipy", "sklearn", "altair", "pandas", "pyarrow", "sqlalchemy", "deltalake", "sqlglot", "duckdb")
"""What the data path of a comparison must not import."""

SERVING = 3.0
"""Seconds from the start of `retrue serve` to its first answer."""

STEPS: tuple[tuple[str, list[str], float | None], ...] = (
    ("python", [sys.executable, "-c", "pass"], None),
    ("import retrue", [sys.executable, "-c", "import retrue"], 0.5),
    ("retrue --help", retrue("--help"), 0.7),
    ("import numpy, polars", [sys.executable, "-c", "import numpy, polars"], None),
    ("retrue.compare", [sys.executable, "-c", "import retrue; retrue.compare"], None),
)


def heavy() -> list[str]:
    """Which of `HEAVY` a comparison of two small tables has loaded."""
    code = (
        "import sys, retrue as rt; rt.compare({'x': range(100)}, {'x': range(100)}).to_dict();"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    return run([sys.executable, "-c", code]).said.split()


def served(repeat: int) -> None:
    """Print how long `retrue serve` takes until `/readyz` answers, on an empty folder, and what that costs."""
    starts = [started() for _ in range(repeat)]
    wall, cpu = (statistics.median(one[index] for one in starts) for index in (0, 1))
    print(f"{'retrue serve, ready':22} {wall:6.3f} s wall {cpu:6.3f} s CPU           {verdict(wall, SERVING)}")


def started() -> tuple[float, float]:
    """Start a service, wait until it answers, and end it; gives the seconds, and those of CPU of what answers."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        with subprocess.Popen(
            retrue("serve", folder, "--port", "0"), stdout=subprocess.PIPE, text=True, env=own
        ) as one:
            address = (one.stdout.readline() if one.stdout else "").split(" on ")[1].split()[0]
            while not answers(address):
                time.sleep(0.01)
            wall = time.perf_counter() - begin
            cpu = sum(map(used, (one.pid, web_of(one.pid))))
            one.send_signal(signal.SIGTERM)
    return wall, cpu


def answers(address: str) -> bool:
    """Whether a service is ready."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def web_of(supervisor: int) -> int:
    """The number of the process that answers."""
    return child_of(supervisor, "retrue.server.web")


def child_of(supervisor: int, module: str) -> int:
    """The number of the process that runs a module of a service."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    commands = {int(one): Path(f"/proc/{one}/cmdline").read_bytes().split(b"\0") for one in children}
    return next(one for one, command in commands.items() if module.encode() in command)


def used(process: int) -> float:
    """The seconds of CPU that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=9)
    repeat = parser.parse_args().repeat
    print(machine())
    for name, command, target in STEPS:
        cost = median(run(command) for _ in range(repeat))
        told = "" if target is None else verdict(cost.wall, target)
        print(f"{name:22} {cost.wall:6.3f} s wall {cost.cpu:6.3f} s CPU {cost.peak:5.0f} MB  {told}".rstrip())
    served(repeat)
    print("a comparison loads none of the heavy libraries" if not heavy() else f"a comparison loads {heavy()}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
