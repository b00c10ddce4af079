"""Writing a report to a file whose name says how."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from retrue.errors import RetrueError


def save_report(path: str | Path, *, html: Callable[[], str], json: Callable[[], str]) -> Path:
    """Write a report as `.html` (one self-contained page) or `.json`, and give the path.

    Raises:
        RetrueError: another suffix, or a file that can't be written.
    """
    target = Path(path)
    write = {".html": html, ".htm": html, ".json": json}.get(target.suffix.lower())
    if write is None:
        raise RetrueError(
            f"can't tell from {target.name!r} how to save the report",
            expected="a name that ends in .html or .json",
            hint=f"try {target.name + '.html'!r}",
        )
    try:
        target.write_text(write(), encoding="utf-8")
    except OSError as error:
        raise RetrueError(
            f"the report can't be written: {error.strerror}",
            where=str(target),
            hint="choose a folder that exists and that you may write to",
        ) from error
    return target
