"""Documents: where captured calls come from, one JSON object after the other, or the rows of a table."""

from __future__ import annotations

import glob
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO, TypeAlias

from retrue.adapters.capture.exchange import Bad
from retrue.errors import TableError
from retrue.tables import read

Numbered: TypeAlias = tuple[int, "Mapping[str, Any] | Bad"]

TABLES = (".parquet", ".pq", ".csv", ".tsv")
"""Extensions of what is a table already, each row a document (BigQuery's and Delta's exports)."""
KEPT = 20_000
"""Characters of a bad document that are kept."""


def documents(source: Any) -> Iterator[Numbered]:
    """The documents of a source, numbered from 0; what is none comes as Bad.

    Args:
        source: a path or glob of JSON, JSON lines (perhaps .gz), Parquet or CSV, the folder of a Delta table, the bytes
            of JSON or JSON lines, documents, or a frame.

    Raises:
        TableError: it can't be read, or has nothing in it.
    """
    if isinstance(source, bytes):
        return numbered(of_lines(io.StringIO(source.decode("utf-8", "replace"))))
    if isinstance(source, Mapping):
        return numbered([source])
    if isinstance(source, str | Path):
        return numbered(of_files(str(source)))
    if isinstance(source, list | tuple) and all(isinstance(one, Mapping) for one in source):
        return numbered(source)
    return numbered(of_table(source))


def numbered(found: Iterable[Mapping[str, Any] | Bad]) -> Iterator[Numbered]:
    """Documents with their numbers."""
    for number, one in enumerate(found):
        yield number, Bad(number, one.reason, one.text) if isinstance(one, Bad) else one


def of_files(pattern: str) -> Iterator[Mapping[str, Any] | Bad]:
    """The documents of files, by name, of which most systems write many."""
    path = Path(pattern).expanduser()
    if path.is_dir() or pattern.lower().endswith(TABLES) or "://" in pattern:
        yield from of_table(pattern)
        return
    paths = [str(path)] if path.is_file() else sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207
    if not paths:
        raise TableError(
            "no such file, and no file matches", where=repr(pattern), hint="`**` crosses folders, `*` doesn't"
        )
    for one in paths:
        if Path(one).is_file():
            with opened(one) as file:
                yield from of_lines(file)


def opened(path: str) -> TextIO:
    """A file as text, unpacked where its name says that it is packed."""
    if path.endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8", errors="replace")
    return Path(path).open(encoding="utf-8", errors="replace")


def of_table(source: Any) -> Iterator[Mapping[str, Any]]:
    """The rows of a table."""
    for batch in read(source).batches(rows=10_000):
        yield from batch.iter_rows(named=True)


def of_lines(file: TextIO) -> Iterator[Mapping[str, Any] | Bad]:
    """A JSON object a line; or one JSON over all lines: an object, or a list of them."""
    first, begun = "", False
    for line in file:
        if not line.strip():
            continue
        if begun:
            yield from one_of(line)
            continue
        first, begun = line, True
        try:
            json.loads(first)
        except ValueError:
            rest = file.read()
            yield from (one_of(first + rest, whole=True) if rest.strip() else one_of(first))
            return
        except RecursionError:
            pass
        yield from one_of(first)


def one_of(text: str, *, whole: bool = False) -> Iterator[Mapping[str, Any] | Bad]:
    """The documents of one text; a text of many lines that is no single JSON is read line by line."""
    try:
        said = json.loads(text)
        if "\\ud" in text.lower():
            json.dumps(said, ensure_ascii=False).encode()  # half a character is no text that a table can hold
    except (ValueError, RecursionError) as error:
        if whole:
            for line in text.splitlines():
                if line.strip():
                    yield from one_of(line)
            return
        yield Bad(0, f"it can't be read as JSON: {str(error)[:100]}", text[:KEPT])
        return
    for one in said if isinstance(said, list) else [said]:
        yield one if isinstance(one, Mapping) else Bad(0, "it is no object", json.dumps(one)[:KEPT])
