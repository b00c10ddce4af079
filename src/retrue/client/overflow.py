"""Overflow: batches that couldn't be sent yet, as files in a folder of bounded size. Every one keeps its key.

    <folder>/<time>-<process>-<number>.<kind>.<key>.arrow      written whole, then renamed; sent oldest first, then gone

Any process that watches the same model may send what another left: a batch with a key seen before is not taken twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

SUFFIX = ".arrow"
LIMIT = 256 * 1024 * 1024
"""Bytes that a folder may hold."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows on their way.

    Args:
        kind: "events" or "signals".
        key: under which they are taken once.
        rows: how many.
        data: they themselves, as an Arrow IPC stream.
    """

    kind: str
    key: str
    rows: int
    data: bytes


@dataclass(frozen=True)
class Overflow:
    """A folder of batches.

    Args:
        folder: where it is; made when something is put there.
        limit: the most bytes it may hold, of all processes together.
    """

    folder: Path
    limit: int = LIMIT
    _number: count[int] = field(default_factory=count, repr=False, compare=False)

    def put(self, batch: Batch) -> bool:
        """Keep a batch; False where there is no room, or the folder can't be written."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self.size() + len(batch.data) > self.limit:
                return False
            name = f"{time.time_ns():020d}-{os.getpid()}-{next(self._number)}"
            place = self.folder / f"{name}.{batch.kind}.{batch.rows}.{batch.key}{SUFFIX}"
            partial = place.with_suffix(".partial")
            partial.write_bytes(batch.data)
            partial.replace(place)
        except OSError:
            return False
        return True

    def paths(self) -> list[Path]:
        """The files of the batches, oldest first."""
        try:
            return sorted(path for path in self.folder.iterdir() if path.suffix == SUFFIX)
        except OSError:
            return []

    def size(self) -> int:
        """Bytes that the folder holds."""
        total = 0
        for path in self.paths():
            with contextlib.suppress(OSError):  # another process has just sent it
                total += path.stat().st_size
        return total

    def rows(self) -> int:
        """Rows that the folder holds."""
        return sum(int(part[2]) for path in self.paths() if (part := path.name.split(".")) and part[2].isdigit())

    def oldest(self) -> tuple[Path, Batch] | None:
        """The oldest batch, and its file; None where there is none."""
        for path in self.paths():
            parts = path.name.removesuffix(SUFFIX).split(".")
            with contextlib.suppress(OSError, ValueError, IndexError):
                return path, Batch(parts[1], parts[3], int(parts[2]), path.read_bytes())
        return None


def default_folder(target: str, model: str) -> Path:
    """Where batches for a model wait, unless somebody says otherwise: of this user, the same after a restart."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    digest = hashlib.sha256(f"{target}\0{model}".encode()).hexdigest()[:16]
    root = Path(state) / "retrue"
    with contextlib.suppress(OSError):
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not os.access(root, os.W_OK):
        root = Path(tempfile.gettempdir()) / f"retrue-{os.getuid() if hasattr(os, 'getuid') else 'watch'}"
    return root / "watch" / digest
