"""How much memory a process and its children hold: the resident set, as the system counts it.

A limit is kept by looking, ten times a second, and not by `RLIMIT_AS`: PyTorch and CUDA reserve tens of gigabytes of
address space that they never touch, and threads reserve stacks, so a limit of address space ends what is harmless.
"""

from __future__ import annotations

import os
from pathlib import Path

from retrue.errors import RetrueError

PROC = Path("/proc")


def resident(pid: int) -> int:
    """Bytes that a process and its descendants hold; 0 where it is gone."""
    return sum(one_resident(one) for one in [pid, *descendants(pid)])


def measurable() -> bool:
    """Whether this system tells."""
    return (PROC / "self" / "statm").exists() or psutil_here()


def one_resident(pid: int) -> int:
    """Bytes that one process holds."""
    if not (PROC / "self" / "statm").exists():
        return by_psutil(pid)
    try:
        pages = int((PROC / str(pid) / "statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):  # it has just ended
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and those that these started."""
    found: list[int] = []
    for task in (PROC / str(pid) / "task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return found + [one for child in found for one in descendants(child)]


def psutil_here() -> bool:
    """Whether psutil is installed."""
    from importlib.util import find_spec

    return find_spec("psutil") is not None


def by_psutil(pid: int) -> int:
    """The same where there is no /proc.

    Raises:
        RetrueError: psutil isn't installed.
    """
    try:
        import psutil
    except ImportError as error:
        raise RetrueError("this system's memory can't be measured", hint='pip install "retrue[client]"') from error
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
