"""Files that a command line names: pages and tables that a command writes whole, lists that it reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from retrue.errors import ConfigError, RetrueError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a place to write beside `path`, which then takes its name: a reader sees all of a file or none of it.

    Raises:
        RetrueError: it can't be written; what was there before is untouched.
    """
    partial = path.with_name(f".{path.name}.partial{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        hint = "choose a folder that exists, that you may write to, and that has room"
        raise RetrueError(f"the file can't be written: {error.strerror}", where=str(path), hint=hint) from error
    finally:
        partial.unlink(missing_ok=True)


def check_page(path: Path | None) -> None:
    """Refuse before anything is read what could not be written after.

    Raises:
        ConfigError: the name doesn't end in .html, or there is no such folder.
    """
    if path is None:
        return
    if path.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"{path.name!r} is no name for a page", where="--html", expected="a name that ends in .html")
    if not path.parent.is_dir():
        raise ConfigError(f"no folder {str(path.parent)!r}", where="--html", expected="a folder that exists")


def write_page(path: Path, html: str, *, quiet: bool) -> None:
    """Write a page and say where; on stderr where stdout is for JSON."""
    with whole(path) as page:
        page.write_text(html, encoding="utf-8")
    typer.echo(f"Report: {path}", err=quiet)


def lines_of(file: Path) -> list[str]:
    """The lines of a file that aren't empty.

    Raises:
        ConfigError: it can't be read.
    """
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{str(file)!r} can't be read", where="--file", expected="text with an id a line") from error
