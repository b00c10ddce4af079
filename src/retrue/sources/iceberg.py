"""An Iceberg table, read snapshot by snapshot: the last one that was read is the watermark.

    iceberg = "warehouse.predictions"
    catalog = { type = "rest", uri = "https://catalog/ws", token = "${ICEBERG_TOKEN}" }

A snapshot that appended gives its files; one that only merged files (`replace`) gives none. One that overwrote or
deleted rows, snapshots that have expired, and another table of the same name are told once; then it goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, ClassVar

import polars as pl
from pydantic import Field

from retrue.config import Name
from retrue.errors import TableError, first_line
from retrue.sources.files import going_on
from retrue.sources.source import Chunk, Read, Source, SourceChangedError, State, gathered, renamed_table, revealed
from retrue.tables import Table

NAME = "retrue"
"""What a catalog is called whose name nobody says."""
UNNAMED = f"catalogs in SQL know their tables by the catalog's name, which is {NAME!r} here: say it as catalog.name"


class IcebergSource(Source):
    """`iceberg = ...`: a table of a catalog.

    Attributes:
        iceberg: the table, with its namespace: `warehouse.predictions`.
        catalog: the catalog's properties, as pyiceberg names them; `${NAME}` stands for the environment's NAME. Its
            `name` is what it is called: a SQL catalog finds its tables by it, and pyiceberg's own configuration may say
            the rest. Left out, the default catalog of that configuration.
    """

    key: ClassVar[str] = "iceberg"
    iceberg: Name
    catalog: Mapping[Name, Name] = Field(default_factory=dict)

    def table(self) -> Table:
        """The table as it is now; held in memory."""
        with self.reading():
            frame = pl.DataFrame(pl.from_arrow(self.opened().scan().to_arrow()))
        return renamed_table(self, Table(frame.lazy(), self.iceberg, len(frame), columnar=True, held=frame))

    def column_names(self, seconds: float) -> list[str]:  # noqa: ARG002 - its catalog says when it gives up
        """What the present columns are called."""
        with self.reading():
            return list(self.opened().schema().column_names)

    def after(self, state: State, *, ids: bool) -> Iterator[Chunk]:
        """Read on from the snapshot that was read last."""
        with self.reading():
            table = self.opened()
            for frame, step in gathered(self.snapshots(table, state.get(""), ids=ids)):
                yield Chunk.of(self.renamed(frame), step)

    def snapshots(self, table: Any, at: Mapping[str, Any] | None, *, ids: bool) -> Iterator[Read]:
        """The rows of each snapshot behind `at`; where there is none, of the whole table."""
        own, now = str(table.metadata.table_uuid), table.current_snapshot()
        if at is None and now is not None:
            at = {"table": own, "snapshot": now.snapshot_id, "whole": True}
        if at is None or now is None:
            return
        if at["table"] != own:
            raise self.begin_anew("another table has taken its place", own, now.snapshot_id, ids=ids)
        line, amid = ancestors(table, now), "file" in at or at.get("whole")
        if at["snapshot"] not in line or (amid and table.snapshot_by_id(at["snapshot"]) is None):
            raise self.begin_anew(f"snapshot {at['snapshot']} is gone", own, now.snapshot_id, ids=ids)
        if amid:
            yield from self.rows(table, table.snapshot_by_id(at["snapshot"]), at)
        for before, number in pairwise(line[line.index(at["snapshot"]) :]):
            done, here = {"table": own, "snapshot": before}, {"table": own, "snapshot": number}
            if at.get("told") != number:
                self.refuse_rewritten(table.snapshot_by_id(number), done, here, ids=ids)
            yield from self.rows(table, table.snapshot_by_id(number), here)

    def rows(self, table: Any, snapshot: Any, at: Mapping[str, Any]) -> Iterator[Read]:
        """The rows of a snapshot from a file on: of those that it added, or of all of them."""
        from pyiceberg.expressions import AlwaysTrue
        from pyiceberg.io.pyarrow import ArrowScan
        from pyiceberg.table import FileScanTask

        scan = ArrowScan(table.metadata, table.io, table.schema(), AlwaysTrue())
        if at.get("whole"):
            tasks = list(table.scan(snapshot_id=snapshot.snapshot_id).plan_files())
        else:
            tasks = [FileScanTask(one) for one in added(table, snapshot)]
        done = {"table": at["table"], "snapshot": snapshot.snapshot_id}
        tasks.sort(key=lambda task: str(task.file.file_path))
        for number in range(at.get("file", 0), len(tasks)):
            frame = pl.DataFrame(pl.from_arrow(scan.to_table([tasks[number]])))
            last = number == len(tasks) - 1
            yield frame, done if last else {**at, "file": number + 1}
        if not tasks:  # no rows, but columns: a delete, or a merge of files
            yield pl.DataFrame(pl.from_arrow(scan.to_table([]))), done

    def refuse_rewritten(self, snapshot: Any, done: Mapping[str, Any], here: Mapping[str, Any], *, ids: bool) -> None:
        """Raise SourceChangedError where a snapshot rewrote rows; what is before it is done then."""
        how = snapshot.summary.operation.value if snapshot.summary else "append"
        if how in {"append", "replace"}:
            return
        step = {**done, "told": snapshot.snapshot_id} if ids else dict(here)
        what = f"snapshot {snapshot.snapshot_id} rewrote or deleted rows ({how})"
        raise SourceChangedError(what, {"": step}, where=self.iceberg, hint=going_on(ids=ids))

    def begin_anew(self, what: str, table: str, newest: int, *, ids: bool) -> SourceChangedError:
        """What follows where there is no going on from where we were."""
        step: dict[str, Any] = {"table": table, "snapshot": newest}
        hint = "the next attempt goes on behind the present snapshot; what lies between may be missing: log it by hand"
        if ids:
            step["whole"] = True
            hint = "the next attempt reads the whole table again: rows with a known id are ignored where they are equal"
        return SourceChangedError(what, {"": step}, where=self.iceberg, hint=hint)

    def opened(self) -> Any:
        """The table, as its catalog has it now."""
        from pyiceberg.catalog import load_catalog

        said = {key: revealed(value, f"catalog.{key}") for key, value in self.catalog.items()}
        named: str | None = said.pop("name") if "name" in said else NAME if said else None
        return load_catalog(named, **said).load_table(self.iceberg)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Say in words what goes wrong.

        Raises:
            TableError: pyiceberg isn't there, or can't read the table.
        """
        try:
            import pyarrow as pa  # type: ignore[import-untyped]
            from pyiceberg import exceptions
            from sqlalchemy.exc import SQLAlchemyError
        except ImportError as error:
            fix = 'pip install "retrue[iceberg]"'
            raise TableError("an Iceberg table", expected="pyiceberg and pyarrow", hint=fix) from error
        ours = tuple(one for one in vars(exceptions).values() if isinstance(one, type) and issubclass(one, Exception))
        try:
            yield
        except (*ours, pa.ArrowException, SQLAlchemyError, OSError, ValueError) as error:
            said = self.unsaid(first_line(getattr(error, "orig", None) or error))
            absent = isinstance(error, exceptions.NoSuchTableError)
            hint = UNNAMED if absent and self.catalog and "name" not in self.catalog else None
            raise TableError(f"an Iceberg table that can't be read: {said}", where=self.iceberg, hint=hint) from error


KIND = IcebergSource


def ancestors(table: Any, snapshot: Any) -> list[int]:
    """The snapshots that led to one, oldest first, itself the last.

    The oldest may have expired: the one behind it names it, and that is all that a watermark needs.
    """
    found, known = list[int](), {one.snapshot_id: one for one in table.snapshots()}
    oldest = snapshot
    while snapshot is not None:
        found.append(snapshot.snapshot_id)
        oldest, snapshot = snapshot, known.get(snapshot.parent_snapshot_id)
    expired = oldest.parent_snapshot_id
    return found[::-1] if expired is None else [expired, *found[::-1]]


def added(table: Any, snapshot: Any) -> list[Any]:
    """The data files that a snapshot added with rows of its own; a merge of files (`replace`) adds none."""
    from pyiceberg.manifest import ManifestContent, ManifestEntryStatus

    if snapshot.summary and snapshot.summary.operation.value == "replace":
        return []
    return [
        entry.data_file
        for manifest in snapshot.manifests(table.io)
        if manifest.added_snapshot_id == snapshot.snapshot_id and manifest.content == ManifestContent.DATA
        for entry in manifest.fetch_manifest_entry(table.io)
        if entry.status == ManifestEntryStatus.ADDED
    ]
