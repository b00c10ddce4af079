"""A Delta table, read commit by commit: its version is the watermark.

    first       all files of the version that is there now
    then        the files that each later commit added; compaction (no change of data) adds no rows

A commit that rewrote rows (DELETE, UPDATE, MERGE, overwrite), commits that are gone from the log, and another table at
the same place are told once; then it goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

import polars as pl

from retrue.config import Name
from retrue.sources.files import after_row, going_on
from retrue.sources.source import Chunk, Read, Source, SourceChangedError, State, gathered, renamed_table
from retrue.tables import Table
from retrue.tables.files import located, open_delta, unreadable_delta, without_secrets

if TYPE_CHECKING:
    from deltalake import DeltaTable

File = tuple[str, Mapping[str, Any]]
"""A file's path in the table, and the values of its partition columns."""


class DeltaSource(Source):
    """`delta = ...`: a folder or URL of a Delta table."""

    key: ClassVar[str] = "delta"
    delta: Name

    def table(self) -> Table:
        """The table as it is now."""
        return renamed_table(self, open_delta(located(self.delta), self.shown))

    def column_names(self, seconds: float) -> list[str]:  # noqa: ARG002 - its log says when it gives up
        """What the newest version's columns are called."""
        with self.reading():
            return pl.scan_delta(self.opened()).collect_schema().names()

    @property
    def shown(self) -> str:
        """Where it is, as messages show it."""
        return without_secrets(self.delta) if "://" in self.delta else self.delta

    def after(self, state: State, *, ids: bool) -> Iterator[Chunk]:
        """Read on from the version that was read last."""
        with self.reading():
            table = self.opened()
            newest, own = table.version(), str(table.metadata().id)
            at: dict[str, Any] = dict(state.get("") or {"table": own, "next": newest, "whole": True})
            if at["table"] != own:
                raise self.begin_anew("another table has taken its place", own, newest, ids=ids)
            if at["next"] > newest + 1:
                raise self.begin_anew(f"it went back from version {at['next'] - 1} to {newest}", own, newest, ids=ids)
            for frame, step in gathered(self.versions(table, at, newest, ids=ids)):
                yield Chunk.of(self.renamed(frame), step)

    def versions(self, table: DeltaTable, at: dict[str, Any], newest: int, *, ids: bool) -> Iterator[Read]:
        """The rows of each version from `at` on."""
        own = at["table"]
        schema = pl.scan_delta(table).collect_schema()
        base = base_of(table)
        for version in range(at["next"], newest + 1):
            here = at if version == at["next"] else {"table": own, "next": version}
            files = self.snapshot(table, version, ids=ids, newest=newest) if here.get("whole") else None
            if files is None:
                files = self.added(base, here, newest, ids=ids)
            for number, (path, values) in enumerate(files):
                if number < here.get("file", 0):
                    continue
                row = here.get("row", 0) if number == here.get("file", 0) else 0
                try:
                    for frame in after_row(part_of(base, path, values, schema), row):
                        row += len(frame)
                        yield frame, {**here, "file": number, "row": row}
                except (OSError, pl.exceptions.PolarsError) as error:
                    if not vacuumed(table, path, error):
                        raise
                    what = f"a file of version {version} is gone, and of no use to the present one (VACUUM)"
                    raise self.begin_anew(what, own, newest, ids=ids) from None
            yield pl.DataFrame(schema=schema), {"table": own, "next": version + 1}

    def snapshot(self, table: DeltaTable, version: int, *, ids: bool, newest: int) -> list[File]:
        """All files of a version, in a fixed order."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        try:
            then = table if table.version() == version else DeltaTable(located(self.delta), version=version)
        except DeltaError:
            raise self.begin_anew(f"version {version} is gone", table.metadata().id, newest, ids=ids) from None
        actions = pl.DataFrame(then.get_add_actions(flatten=True)).sort("path")
        parts = {name: f"partition.{name}" for name in then.metadata().partition_columns}
        found = actions.iter_rows(named=True)
        return [(unquote(row["path"]), {name: row[key] for name, key in parts.items()}) for row in found]

    def added(self, base: str, at: Mapping[str, Any], newest: int, *, ids: bool) -> list[File]:
        """The files with new rows of one commit, in a fixed order.

        Raises:
            SourceChangedError: the commit rewrote rows and nobody was told of that yet, or it is gone from the log.
        """
        version = at["next"]
        try:
            lines = pl.read_lines(f"{base}/_delta_log/{version:020}.json", glob=False).to_series().to_list()
        except (FileNotFoundError, pl.exceptions.ComputeError):
            raise self.begin_anew(f"version {version} is gone from its log", at["table"], newest, ids=ids) from None
        entries = [json.loads(line) for line in lines if line.strip()]
        adds = sorted((e["add"]["path"], e["add"]) for e in entries if e.get("add", {}).get("dataChange"))
        removed = any(e["remove"].get("dataChange", True) for e in entries if "remove" in e)
        if removed and at.get("told") != version:
            how = next((e["commitInfo"].get("operation") for e in entries if "commitInfo" in e), None) or "a commit"
            step = {"table": at["table"], "next": version, "told": version}
            step = step if ids else {"table": at["table"], "next": version + 1}
            what = f"version {version} rewrote or deleted rows ({how})"
            raise SourceChangedError(what, {"": step}, where=self.shown, hint=going_on(ids=ids))
        return [(unquote(path), add.get("partitionValues") or {}) for path, add in adds]

    def opened(self) -> DeltaTable:
        """The table's log, read anew.

        Raises:
            TableError: it has what can't be read file by file.
        """
        from deltalake import DeltaTable

        open_delta(located(self.delta), self.shown)  # refuses deletion vectors and column mapping
        return DeltaTable(located(self.delta))

    def begin_anew(self, what: str, table: object, newest: int, *, ids: bool) -> SourceChangedError:
        """What follows where there is no going on from where we were."""
        if ids:
            step: dict[str, Any] = {"table": str(table), "next": newest, "whole": True}
            hint = "the next attempt reads the whole table again: rows with a known id are ignored where they are equal"
        else:
            step = {"table": str(table), "next": newest + 1}
            hint = f"the next attempt goes on behind version {newest}; what lies between may be missing: log it by hand"
        return SourceChangedError(what, {"": step}, where=self.shown, hint=hint)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Say in words what goes wrong."""
        from deltalake.exceptions import DeltaError

        try:
            yield
        except (DeltaError, OSError, pl.exceptions.PolarsError) as error:
            raise unreadable_delta(error, self.delta, self.shown) from error


KIND = DeltaSource


def base_of(table: DeltaTable) -> str:
    """Where a table is: a folder's path as the disk has it, or a URL with the key as the store has it."""
    return unquote(str(table.table_uri)).rstrip("/").removeprefix("file://")


def vacuumed(table: DeltaTable, path: str, error: Exception) -> bool:
    """Whether a file is missing as it should be: the newest version doesn't need it. Else the table is damaged."""
    missing = isinstance(error, FileNotFoundError) or "not found" in str(error).lower()
    return missing and path not in {unquote(one) for one in pl.DataFrame(table.get_add_actions())["path"]}


def part_of(base: str, path: str, values: Mapping[str, Any], schema: pl.Schema) -> Table:
    """One file of a Delta table, with all of the table's columns."""
    place = path if "://" in path or path.startswith("/") else f"{base}/{path}"
    frame = pl.scan_parquet(place, hive_partitioning=False, glob=False)
    there = frame.collect_schema()
    columns = [
        value_of(values[name], dtype).alias(name)
        if name in values
        else (pl.col(name) if name in there else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in schema.items()
    ]
    return Table(frame.select(columns), path, None, columnar=True)


def value_of(value: Any, dtype: pl.DataType) -> pl.Expr:
    """A partition's value, which the log writes as text; an empty one is none."""
    if value == "":
        return pl.lit(None).cast(dtype)
    if not isinstance(value, str) or dtype == pl.String:
        return pl.lit(value).cast(dtype)
    if dtype == pl.Boolean:
        return pl.lit(value == "true")
    if dtype == pl.Date:
        return pl.lit(value).str.to_date()
    if isinstance(dtype, pl.Datetime):
        return pl.lit(value).str.to_datetime(time_unit="us", time_zone=dtype.time_zone).cast(dtype)
    return pl.lit(value).cast(dtype)
