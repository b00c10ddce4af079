"""How a service that a test started is ended, and what is told of one that doesn't."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import psutil

PATIENCE = 30
"""Seconds that a service has to end; it gives its own parts 25."""
SPEAKS = {"PYTHONFAULTHANDLER": "1"}
"""In the environment of a service: it says on standard error where it stands, once it is aborted."""
TOLD = ("State", "PPid", "Threads", "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt")
"""Lines of /proc/PID/status that tell why a signal isn't heard."""


def end(process: subprocess.Popen[str]) -> None:
    """End a service as somebody would who means it well; one that doesn't end is aborted, and all of it described."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired as late:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        told = [standing(one.pid) for one in family]
        for one in family:
            one.send_signal(signal.SIGABRT)
        _, alive = psutil.wait_procs(family, 10)
        for one in alive:
            one.kill()
        raise AssertionError("\n\n".join(["the service doesn't end:", *told])) from late


def standing(pid: int) -> str:
    """What the kernel says of a process."""
    try:
        folder = Path("/proc", str(pid))
        words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        lines = [line for line in (folder / "status").read_text().splitlines() if line.split(":")[0] in TOLD]
        return "\n".join([f"{pid}: {words}", *lines, f"waits in {(folder / 'wchan').read_text()}"])
    except OSError as error:
        return f"{pid}: {error}"
