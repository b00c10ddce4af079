"""Files in a folder, by a pattern, or in an object store: each is read once, known by its name, size and change time.

    files = "exports/"                             all Parquet files below it
    files = "s3://bucket/predictions/**/*.parquet"

Names that start with `_` or `.` are left out, as Spark does: they are being written, or mark something.
"""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar
from urllib.parse import urlsplit

import polars as pl

from retrue.config import Name
from retrue.errors import RetrueError, TableError
from retrue.sources.source import ROWS, Chunk, Source, SourceChangedError, State, gathered, renamed_table
from retrue.tables import Table, read
from retrue.tables.files import FORMATS, SCHEME, located, without_secrets
from retrue.tables.objects import reason, to_check

Marks = dict[str, str]
"""Files by name, each with what changes when it is written again."""
SHOWN = 3
"""Files that a message names."""


class FilesSource(Source):
    """`files = ...`: a path, a folder, a pattern, or the same in an object store."""

    key: ClassVar[str] = "files"
    files: Name

    def table(self) -> Table:
        """All files that are there now."""
        names = self.some()
        if SCHEME.match(self.pattern):
            tables = [read(name).frame for name in names]
            whole = Table(pl.concat(tables, how="diagonal_relaxed"), self.shown, None, columnar=True)
        else:
            whole = read([str(name) for name in names], name=self.shown)
        return renamed_table(self, whole)

    def some(self) -> list[str]:
        """The files that are there now, oldest first.

        Raises:
            TableError: there is none, or the folder or the object store is away.
        """
        names = list(self.listed())
        if not names:
            raise TableError("no file matches", where=repr(self.shown), hint="`**` crosses folders, `*` doesn't")
        return names

    def column_names(self, seconds: float) -> list[str]:  # noqa: ARG002 - files answer, or fail
        """What the newest file's columns are called."""
        return list(read(self.some()[-1]).dtypes)

    @property
    def pattern(self) -> str:
        """Where the files are, as a pattern; of a folder, all Parquet files below it."""
        place = located(self.files)
        folder = Path(place).is_dir() if not SCHEME.match(place) else not PurePosixPath(urlsplit(place).path).suffix
        return f"{place.rstrip('/')}/**/*.parquet" if folder and not glob.has_magic(place) else place

    @property
    def shown(self) -> str:
        """The pattern as messages show it."""
        return without_secrets(self.files) if SCHEME.match(self.files) else self.files

    def listed(self) -> Marks:
        """The files that are there now, oldest first.

        Raises:
            TableError: the folder or the object store is away.
        """
        found = listed_remote(self.pattern) if SCHEME.match(self.pattern) else listed_local(self.pattern)
        start = len(fixed(self.pattern))
        return {name: mark for name, mark in found.items() if not hidden(name[start:])}

    def after(self, state: State, *, ids: bool) -> Iterator[Chunk]:
        """Read the files that weren't read yet; one that can't be read doesn't keep the others back."""
        known: Mapping[str, Any] = state.get("") or {"files": {}}
        there, seen = self.listed(), known["files"]
        self.refuse_rewritten(known, there, ids=ids)
        begun, troubles = known.get("begun", {}), list[RetrueError]()
        new = [name for name, mark in there.items() if seen.get(name) != mark]
        for frame, step in gathered(self.frames(new, there, begun, troubles), merged, ROWS):
            yield Chunk.of(self.renamed(frame), step)
        if troubles:
            others = f" ({len(troubles) - 1} more files)" if len(troubles) > 1 else ""
            raise TableError(f"{troubles[0].what}{others}", where=troubles[0].where, hint=troubles[0].hint)

    def frames(
        self, names: Sequence[str], there: Marks, begun: Mapping[str, Any], troubles: list[RetrueError]
    ) -> Iterator[tuple[pl.DataFrame, dict[str, Any]]]:
        """The rows of files, each frame with the step that says how far it goes."""
        for name in names:
            row = int(begun[name][1]) if name in begun else 0
            try:
                held: pl.DataFrame | None = None
                for frame in after_row(read(name), row):
                    if held is not None:
                        row += len(held)
                        yield held, {"begun": {name: [there[name], row]}}
                    held = frame
                yield held if held is not None else read(name).empty(), {"done": {name: there[name]}}
            except RetrueError as error:
                troubles.append(error)

    def refuse_rewritten(self, known: Mapping[str, Any], there: Marks, *, ids: bool) -> None:
        """Raise SourceChangedError where files that were read are others now."""
        marks = {**known["files"], **{name: mark for name, (mark, _) in known.get("begun", {}).items()}}
        again = sorted(name for name, mark in there.items() if marks.get(name, mark) != mark)
        if not again:
            return
        shown = ", ".join(PurePosixPath(name).name for name in again[:SHOWN])
        more = f" and {len(again) - SHOWN} more" if len(again) > SHOWN else ""
        what = f"{shown}{more} {'was' if len(again) == 1 else 'were'} written again after Retrue had read it"
        step = {"again": again} if ids else {"done": {name: there[name] for name in again}}
        raise SourceChangedError(what, {"": step}, where=self.shown, hint=going_on(ids=ids))

    def fold(self, state: Any, step: Mapping[str, Any]) -> Any:
        """The files that were read, and how far those are that are being read."""
        before, done = state or {"files": {}}, step.get("done", {})
        again = set(step.get("again", ()))
        files = {name: mark for name, mark in before["files"].items() if name not in again} | done
        begun = {**before.get("begun", {}), **step.get("begun", {})}
        left = {name: how for name, how in begun.items() if name not in done and name not in again}
        return {"files": files, **({"begun": left} if left else {})}


KIND = FilesSource


def going_on(*, ids: bool) -> str:
    """What becomes of rows that were rewritten."""
    if ids:
        return "from the next attempt on they are read again: rows with a known id are ignored where they are equal"
    return "the next attempt leaves them out: without an id, rows that come again can't be told from new ones"


def merged(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Two steps as one."""
    done = {**before.get("done", {}), **after.get("done", {})}
    begun = {**before.get("begun", {}), **after.get("begun", {})}
    return {"done": done, "begun": {name: how for name, how in begun.items() if name not in done}}


def after_row(table: Table, row: int) -> Iterator[pl.DataFrame]:
    """A table's batches from a row on."""
    for frame in table.batches(rows=ROWS):
        skipped = min(row, len(frame))
        row -= skipped
        if skipped < len(frame):
            yield frame.slice(skipped)


def listed_local(pattern: str) -> Marks:
    """Files by a pattern on this machine."""
    root = Path(glob.escape(pattern) if not glob.has_magic(pattern) else fixed(pattern))
    if not root.exists():
        raise TableError("no such folder", where=str(root), hint="is it mounted? It is looked for again by itself")
    found = list[tuple[int, str, int]]()
    for name in glob.glob(pattern, recursive=True):  # noqa: PTH207 - Path.glob can't take absolute patterns
        try:
            facts = os.stat(name)  # noqa: PTH116 - a text in, a text out
        except FileNotFoundError:  # it went while we looked
            continue
        if Path(name).is_file():
            found.append((facts.st_mtime_ns, name, facts.st_size))
    return {name: f"{size}:{changed}" for changed, name, size in sorted(found)}


def listed_remote(pattern: str) -> Marks:
    """Files by a pattern in an object store, through `obstore`."""
    try:
        import obstore
        from obstore.exceptions import BaseError
    except ImportError as error:
        raise TableError("files of an object store", expected="obstore", hint='pip install "retrue[s3]"') from error
    parts = urlsplit(pattern)
    root, start = f"{parts.scheme}://{parts.netloc}", fixed(parts.path).strip("/")
    wanted = parts.path.lstrip("/")
    try:
        place = obstore.store.from_url(root)
        found = [one for page in obstore.list(place, start or None) for one in page]
    except (BaseError, OSError) as error:
        what, shown = f"the object store can't be read: {reason(error)}", without_secrets(root)
        raise TableError(what, where=shown, hint=to_check(error, root)) from error
    found.sort(key=lambda one: (one["last_modified"], one["path"]))
    return {
        f"{root}/{one['path']}": f"{one['size']}:{one['e_tag'] or one['last_modified'].isoformat()}"
        for one in found
        if matches(one["path"], wanted)
    }


def fixed(pattern: str) -> str:
    """The folder that a pattern starts in.

    >>> fixed("data/day=*/x.parquet"), fixed("data/x.parquet")
    ('data', 'data')
    """
    parts = PurePosixPath(pattern).parts
    plain = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
    return str(PurePosixPath(*parts[:plain]))


def matches(path: str, pattern: str) -> bool:
    """Whether a path is one that a pattern means; `**` crosses folders.

    >>> matches("a/b/c.parquet", "a/**/*.parquet"), matches("a/c.parquet", "a/**/*.parquet"), matches("a/b/c", "a/*")
    (True, True, False)
    """
    return matching(path.split("/"), pattern.split("/"))


def matching(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """The same, of parts."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(matching(parts[i:], pattern[1:]) for i in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0]) and matching(parts[1:], pattern[1:])


def hidden(name: str) -> bool:
    """Whether a file is no data, by its path below the folder, or of no format that is known."""
    path = PurePosixPath(name.lower())
    known = path.name.removesuffix(".gz").removesuffix(".zst").endswith(tuple(FORMATS))
    return not known or any(part.startswith(("_", ".")) for part in path.parts)
