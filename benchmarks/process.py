"""What a process costs: CPU seconds (user and system, of it and its children), wall seconds, peak memory.

Imports nothing heavy, and neither may a caller that asks for peak memory: Linux lets a child start from its parent's.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
MEGA = 1 << (20 if sys.platform == "darwin" else 10)
"""`ru_maxrss` is in bytes on macOS, in kB elsewhere."""


class Cost(NamedTuple):
    """What one run of a command cost: seconds, seconds, MB; and what it printed."""

    cpu: float
    wall: float
    peak: float
    said: str


class Failed(Exception):  # noqa: N818 - read as a sentence: `except Failed`
    """A command ended in another way than it should."""


def run(command: Sequence[str], fine: Collection[int] = (0,), env: Mapping[str, str] | None = None) -> Cost:
    """Run a command in the repository's root and measure it.

    Raises:
        Failed: its exit status isn't one of `fine`; with the end of what it said.
    """
    # Installed programs are compiled once; where that is turned off, each run would compile this project anew.
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        started = subprocess.Popen(command, stdout=out, stderr=errors, cwd=ROOT, env={**own, **(env or {})})
        _, status, used = os.wait4(started.pid, 0)
        wall = time.perf_counter() - began
        started.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        if started.returncode not in fine:
            raise Failed(f"{' '.join(command)}: {started.returncode}: {errors.read().decode()[-400:].strip()}")
        return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / MEGA, out.read().decode())


def median(costs: Iterable[Cost]) -> Cost:
    """The median of each figure."""
    costs = list(costs)
    cpu, wall, peak = (statistics.median(getattr(cost, name) for cost in costs) for name in ("cpu", "wall", "peak"))
    return Cost(cpu, wall, peak, costs[-1].said)


def retrue(*arguments: str | Path) -> list[str]:
    """The command line of this environment."""
    return [str(Path(sys.executable).with_name("retrue")), *map(str, arguments)]


def module(name: str, *arguments: object) -> list[str]:
    """A command that runs one of these benchmarks' modules."""
    return [sys.executable, "-m", f"benchmarks.{name}", *map(str, arguments)]


def machine() -> str:
    """The processor, its cores, the system and the versions that matter."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "polars", "pyarrow"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    busy = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{processor()}, {cores} cores{busy}; Python {platform.python_version()}, {versions}"


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    return f"{facts.get('model name', platform.machine())} (family {facts.get('cpu family', '?')})"


def verdict(figure: float, target: float, *, least: bool = False) -> str:
    """Say whether a target is met."""
    met = figure >= target if least else figure <= target
    return f"target {'>=' if least else '<='} {target:g}: {'met' if met else 'MISSED'}"
