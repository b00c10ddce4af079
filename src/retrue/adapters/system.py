"""The machine and a process on it, as plain values: psutil, and NVIDIA's library where there is a GPU.

Shares are in percent of the whole machine (CPU: of all cores together), rates since the reading before. A value that
the system doesn't tell is None.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

UNITS: Final[Mapping[str, str]] = {
    "cpu_percent": "of all cores of the machine",
    "memory_percent": "of the machine's memory",
    "disk_percent": "of the disk that holds the working folder",
    "disk_mb_per_s": "read and written by the machine, MB a second",
    "network_mb_per_s": "received and sent by the machine, MB a second",
    "process_cpu_percent": "of all cores, by the process",
    "process_memory_mb": "held by the process, MB",
    "process_threads": "threads of the process",
    "gpu_percent": "busy, the busiest GPU",
    "gpu_memory_percent": "in use, the fullest GPU",
}
"""What is read, and what it means."""

MB = 1e6
Reading: TypeAlias = tuple[float | None, ...]
"""When, and the MB that disks and networks moved since the machine began; None where nothing counts them."""


class Gauges:
    """Reads the machine and one process.

    Args:
        pid: the process; this one unless given.

    Raises:
        ImportError: psutil isn't installed.
        ProcessLookupError: there is no such process.
    """

    def __init__(self, pid: int | None = None) -> None:
        import psutil

        self._psutil = psutil
        try:
            self._process = psutil.Process(pid if pid is not None else os.getpid())
        except psutil.NoSuchProcess as error:
            raise ProcessLookupError(f"no process {pid}") from error
        self._gpus = _gpus()
        psutil.cpu_percent(), self._process.cpu_percent()  # both measure from the call before
        self._before: Reading | None = None

    def read(self) -> dict[str, Any]:
        """Read everything once.

        Raises:
            ProcessLookupError: the process is gone.
        """
        disk, network = self._rates()
        return {
            "host": socket.gethostname(),
            "pid": str(self._process.pid),
            "cpu_percent": self._psutil.cpu_percent(),
            "memory_percent": self._psutil.virtual_memory().percent,
            "disk_percent": self._disk(),
            "disk_mb_per_s": disk,
            "network_mb_per_s": network,
            **self._of_process(),
            **self._of_gpus(),
        }

    def _disk(self) -> float | None:
        try:
            return float(self._psutil.disk_usage(os.getcwd()).percent)  # noqa: PTH109 - gone folders raise here
        except OSError:
            return None

    def _rates(self) -> tuple[float | None, float | None]:
        """Disk and network in MB a second since the last reading; None the first time."""
        now, disk, network = time.monotonic(), self._psutil.disk_io_counters(), self._psutil.net_io_counters()
        counted = (disk, ("read_bytes", "write_bytes")), (network, ("bytes_recv", "bytes_sent"))
        moved = (now, *(_megabytes(counter, names) for counter, names in counted))
        before, self._before = self._before, moved
        return (None, None) if before is None else (_rate(moved, before, 1), _rate(moved, before, 2))

    def _of_process(self) -> dict[str, float | None]:
        try:
            with self._process.oneshot():
                if self._process.status() == self._psutil.STATUS_ZOMBIE or not self._process.is_running():
                    raise ProcessLookupError(f"process {self._process.pid} has ended")
                busy = self._process.cpu_percent() / (self._psutil.cpu_count() or 1)
                held = self._process.memory_info().rss / MB
                return {
                    "process_cpu_percent": busy,
                    "process_memory_mb": held,
                    "process_threads": float(self._process.num_threads()),
                }
        except self._psutil.NoSuchProcess as error:
            raise ProcessLookupError(f"process {self._process.pid} is gone") from error
        except self._psutil.AccessDenied:
            return dict.fromkeys(("process_cpu_percent", "process_memory_mb", "process_threads"))

    def _of_gpus(self) -> dict[str, float | None]:
        busy, full = [], []
        for utilisation, memory in map(_gpu, self._gpus):
            busy += [utilisation] if utilisation is not None else []
            full += [memory] if memory is not None else []
        return {"gpu_percent": max(busy, default=None), "gpu_memory_percent": max(full, default=None)}


def _megabytes(counter: Any, names: tuple[str, str]) -> float | None:
    """What a counter of psutil has counted; None where a machine has none."""
    return None if counter is None else sum(float(getattr(counter, name)) for name in names) / MB


def _rate(now: Reading, before: Reading, which: int) -> float | None:
    """MB a second between two readings; None where it isn't counted, or the counter began anew."""
    new, old = now[which], before[which]
    seconds = (now[0] or 0.0) - (before[0] or 0.0)
    return (new - old) / seconds if new is not None and old is not None and new >= old and seconds > 0 else None


def _gpus() -> list[Any]:
    """Handles of the NVIDIA GPUs; none where there is no library, no driver or no GPU."""
    try:
        import pynvml  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return []
    found = list[Any]()
    with contextlib.suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        for number in range(pynvml.nvmlDeviceGetCount()):
            with contextlib.suppress(pynvml.NVMLError):  # one that is lost hides none of the others
                found.append(pynvml.nvmlDeviceGetHandleByIndex(number))
    return found


def _gpu(handle: Any) -> tuple[float | None, float | None]:
    """How busy a GPU is, and how full its memory, in percent."""
    import pynvml

    busy = full = None
    with contextlib.suppress(pynvml.NVMLError):
        busy = float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    with contextlib.suppress(pynvml.NVMLError):
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        full = 100 * float(memory.used) / float(memory.total) if memory.total else None
    return busy, full
