"""Overflow: batches that couldn't be sent yet, as files in a folder of bounded size. Every one keeps its key.

    <folder>/<time>-<process>-<number>.<kind>.<rows>.<key>.arrow   written whole, then renamed; oldest first, then gone

Any process that watches the same model may send what another left: a batch with a key seen before is not taken twice.
What a folder holds is kept in mind, so that a batch costs the same however many wait; the files of other processes are
looked for every ten seconds, and as often as asked for while none is known. Nothing is asked to be on the disk itself
(fsync): a process that is killed loses no file, a machine that loses power may lose those of its last half minute.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from itertools import count
from pathlib import Path

SUFFIX = ".arrow"
LIMIT = 256 * 1024 * 1024
"""Bytes that a folder may hold."""
PARTS = 5
"""Parts of a file's name."""
FRESH = 10.0
"""Seconds until a folder is looked at again for files of other processes."""


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


class Overflow:
    """A folder of batches. Its methods may be called from any thread, and raise nothing.

    Args:
        folder: where it is; made when something is put there.
        limit: the most bytes it may hold, of all processes together; what others put there counts when it is seen.
        guard: a folder above it, where anybody may make folders: it must be this user's, and closed to others.
    """

    def __init__(self, folder: Path, limit: int = LIMIT, *, guard: Path | None = None) -> None:
        self.folder, self.limit, self.guard = folder, limit, guard
        self._number, self._putting, self._lock = count(), threading.Lock(), threading.Lock()
        self._known: OrderedDict[str, tuple[int, int]] = OrderedDict()  # bytes and rows by name, oldest first
        self._bytes = self._rows = 0
        self._looked = -FRESH

    def anew(self) -> Overflow:
        """The same folder for a forked process: whoever holds a lock isn't there any more."""
        return Overflow(self.folder, self.limit, guard=self.guard)

    def put(self, batch: Batch) -> str | None:
        """Keep a batch; gives why it isn't kept: there is no room, the folder can't be written, or isn't ours."""
        with self._putting:
            why = self._refused(len(batch.data))
            return self._write(batch) if why is None else why

    def _refused(self, size: int) -> str | None:
        """Why so many bytes can't be kept; None where they can."""
        try:
            if self.guard is not None:
                self.guard.mkdir(mode=0o700, exist_ok=True)
            if (why := self.foreign()) is not None:
                return why
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            return f"{self.folder} can't be made ({error.strerror})"
        with self._lock:
            self._look()
            return f"no room in {self.folder}" if self._bytes + size > self.limit else None

    def _write(self, batch: Batch) -> str | None:
        """Write the file of a batch; gives why that can't be done."""
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(self._number)}.{batch.kind}.{batch.rows}.{batch.key}{SUFFIX}"
        partial = (self.folder / name).with_suffix(".partial")
        try:
            partial.write_bytes(batch.data)
            partial.replace(self.folder / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            return f"{self.folder} can't be written ({error.strerror})"
        with self._lock:
            self._add(name, len(batch.data))
        return None

    def rows(self) -> int:
        """Rows that the folder holds."""
        with self._lock:
            self._look()
            return self._rows

    def oldest(self) -> tuple[Path, Batch] | None:
        """The oldest batch, and its file; None where there is none. One that can't be read waits for the next look."""
        with self._lock:
            self._look()
        while (name := self._first()) is not None:
            _, kind, rows, key, _ = name.split(".")
            try:
                return self.folder / name, Batch(kind, key, int(rows), (self.folder / name).read_bytes())
            except OSError:  # another process has just sent it
                self._forget(name)
        return None

    def _first(self) -> str | None:
        """The name of the oldest file that is known."""
        with self._lock:
            return next(iter(self._known), None)

    def done(self, place: Path) -> None:
        """Remove a batch that was sent; where its file can't be removed, it waits for the next look."""
        with contextlib.suppress(OSError):
            place.unlink(missing_ok=True)
        self._forget(place.name)

    def foreign(self) -> str | None:
        """Why the folder isn't trusted: others may have put something there, or may read it. None where it is."""
        if self.guard is None or not hasattr(os, "getuid"):
            return None
        try:
            found = self.guard.lstat()  # a link to elsewhere isn't followed
        except OSError:
            return None
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            return f"{self.guard} isn't a folder of this user, so nothing is kept there: give another, overflow=FOLDER"
        if (mode := stat.S_IMODE(found.st_mode)) & 0o077:
            return f"{self.guard} is open to others (mode {mode:04o}, expected 0700), so nothing is kept there"
        return None

    def _look(self) -> None:
        """See what the folder holds, unless that was just done: files of other processes come and go."""
        if self._known and time.monotonic() - self._looked < FRESH:
            return
        self._looked = time.monotonic()
        before, self._known, self._bytes, self._rows = self._known, OrderedDict(), 0, 0
        if self.foreign() is not None:
            return
        with contextlib.suppress(OSError), os.scandir(self.folder) as found:
            for entry in sorted(found, key=lambda one: one.name):
                with contextlib.suppress(OSError):  # another process has just sent it
                    size, _ = before.get(entry.name) or (entry.stat().st_size, 0)
                    self._add(entry.name, size)

    def _add(self, name: str, size: int) -> None:
        """Note a file; others than those of batches are left alone."""
        parts = name.split(".")
        if name in self._known or len(parts) != PARTS or not parts[2].isdigit() or not name.endswith(SUFFIX):
            return
        self._known[name] = size, int(parts[2])
        self._bytes, self._rows = self._bytes + size, self._rows + int(parts[2])

    def _forget(self, name: str) -> None:
        """Note that a file is gone."""
        with self._lock:
            size, rows = self._known.pop(name, (0, 0))
            self._bytes, self._rows = self._bytes - size, self._rows - rows


def default_overflow(target: str, model: str, limit: int = LIMIT) -> Overflow:
    """Where batches for a model wait, unless somebody says otherwise: of this user, the same after a restart.

    Without a home that can be written it is in the folder for temporary files, where anybody may have been first.
    """
    inside = Path("watch") / hashlib.sha256(f"{target}\0{model}".encode()).hexdigest()[:16]
    with contextlib.suppress(OSError, RuntimeError):  # no home, or one that can't be written
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        root = Path(state) / "retrue"
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.access(root, os.W_OK):
            return Overflow(root / inside, limit)
    guard = Path(tempfile.gettempdir()) / f"retrue-{os.getuid() if hasattr(os, 'getuid') else 'watch'}"
    return Overflow(guard / inside, limit, guard=guard)
