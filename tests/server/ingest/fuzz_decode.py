"""Feed the decoders what atheris makes up; anything but an answer or an error of ours ends it with a status.

`fuzz_decode.py SECONDS CORPUS`: the corpus is a folder of bodies to begin with, the first byte says how to read one.
"""

from __future__ import annotations

import base64
import contextlib
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["retrue.server.ingest"]):
    from retrue.server.ingest.decode import FORMS, decode

from retrue.errors import RetrueError

ENCODINGS = ("", "gzip", "zstd")
MOST = 100_000
KIB = 256 * 1024
"""More memory than one body of at most 4 KiB may need at its peak."""


def peak() -> int:
    """The most memory that this process ever had, in KiB.

    Not `ru_maxrss`, by which libFuzzer goes: a process that is started by `vfork` begins with its parent's.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def one(data: bytes) -> None:
    """Decode one body."""
    if not data:
        return
    before = peak()
    form, encoding = FORMS[data[0] % len(FORMS)], ENCODINGS[data[0] // len(FORMS) % len(ENCODINGS)]
    with contextlib.suppress(RetrueError):
        found = decode(data[1:], form, encoding, MOST)
        height = found.rows if found.frame is None else found.frame.height
        if height != found.rows or any(len(values) != found.rows for values in found.columns.values()):
            raise RuntimeError(f"{found.rows} rows are told, {height} found")
    if peak() - before > KIB:
        raise RuntimeError(f"{form} {encoding} took {peak() - before:,} KiB: {base64.b64encode(data).decode()}")


if __name__ == "__main__":
    seconds, corpus = sys.argv[1:]
    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-max_len=4096", "-rss_limit_mb=0", corpus], one)
    atheris.Fuzz()
