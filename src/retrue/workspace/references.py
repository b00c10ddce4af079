"""The rows that a version was trained on, beside what the catalog keeps of them; and files written whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from retrue.core.reference import Reference
from retrue.errors import SchemaError, StoreError
from retrue.store.durable import sync_file, sync_folder
from retrue.store.files import AnyPath, Remote, as_parquet, read_table
from retrue.store.store import Store

VERSION = re.compile(r"\w[^/\\\x00-\x1f\x7f]{0,99}")
"""A version names a file, and comes from strangers: it leads to no other folder."""


@dataclass(frozen=True, eq=False)
class VersionReference:
    """A version's reference. It is a part of a `Mix`: `rt.Mix({model.reference: 0.5, edge: 0.5})`."""

    store: Store
    model: str
    version: str

    @property
    def name(self) -> str:
        """What a manifest calls it."""
        return f"reference of version {self.version}"

    @property
    def path(self) -> AnyPath:
        """Where its rows are.

        Raises:
            SchemaError: a version that can't name a file.
        """
        if not VERSION.fullmatch(self.version):
            expected = "letters, digits and what isn't a slash, at most 100, with a letter or digit first"
            raise SchemaError(f"{self.version!r} can't name a version with a reference", expected=expected)
        return self.store.root / "references" / self.model / f"{self.version}.parquet"

    @cached_property
    def frame(self) -> pl.DataFrame:
        """The rows.

        Raises:
            StoreError: they are gone.
        """
        if not self.path.exists():
            raise StoreError("the reference's rows are gone", where=str(self.path), hint="register the reference again")
        return read_table(self.path)

    def load(self) -> Reference:
        """What was learned from them.

        Raises:
            StoreError: it is gone.
        """
        found = self.store.reference(self.model, self.version)
        if found is None:
            raise StoreError(
                f"version {self.version!r} has no reference",
                where=f"model {self.model!r}",
                hint="register the model with the table it was trained on",
            )
        return found

    def save(self, reference: Reference, rows: pl.DataFrame) -> None:
        """Keep both: the rows first, so that what the catalog names is there."""
        write_table(self.path, rows)
        self.store.set_reference(self.model, self.version, reference)


def write_table(path: AnyPath, rows: pl.DataFrame) -> None:
    """Write rows as Parquet, all of them or none."""
    if isinstance(path, Remote):
        path.write_bytes(as_parquet(rows, compression="zstd"))
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    rows.write_parquet(partial, compression="zstd")
    settle(partial, path)


def write_whole(path: AnyPath, data: bytes) -> None:
    """Write a file so that a reader, or a power cut, sees all of it or none."""
    if isinstance(path, Remote):
        path.write_bytes(data)
        return
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    settle(partial, path)


def settle(partial: Path, path: Path) -> None:
    """Put a finished file in its place, durably."""
    sync_file(partial)
    partial.replace(path)
    sync_folder(path.parent)
