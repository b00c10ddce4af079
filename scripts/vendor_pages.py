#!/usr/bin/env python3
"""Write what others made that the server's pages carry: `python3 scripts/vendor_pages.py` renews it (needs npm).

Each file is what the npm package has, with a line that says what it is; its licence is in `LICENSES.txt` beside it,
renewed by hand. The charts' bundle is the reports' own (scripts/vendor_vega.py).
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

TARGET = Path(__file__).parent.parent / "src" / "retrue" / "server" / "static"
UPLOT = ("uplot", "1.6.32", "https://github.com/leeoniya/uPlot")
VENDORED = {
    "htmx.js": ("htmx.org", "2.0.11", "package/dist/htmx.min.js", "https://htmx.org"),
    "uplot.js": (*UPLOT[:2], "package/dist/uPlot.iife.min.js", UPLOT[2]),
    "uplot.css": (*UPLOT[:2], "package/dist/uPlot.min.css", UPLOT[2]),
}
"""File -> npm package, version, its place in the package, its home."""


def fetched(package: str, version: str, inside: str) -> str:
    """Give a file of an npm package."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", f"{package}@{version}"], cwd=folder, check=True, timeout=120)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            member = archive.extractfile(inside)
            if member is None:
                raise FileNotFoundError(inside)
            return member.read().decode()


def main() -> int:
    """Write every file."""
    for name, (package, version, inside, home) in VENDORED.items():
        head = f"/* {package.removesuffix('.org')} {version}, {home}. Licence: LICENSES.txt beside this file. */\n"
        code = f"{head}{fetched(package, version, inside)}\n"
        (TARGET / name).write_text(code, encoding="utf-8")
        print(f"{name}: {len(code):,} characters, sha256 {hashlib.sha256(code.encode()).hexdigest()[:16]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
