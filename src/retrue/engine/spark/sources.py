"""What Spark reads: its own DataFrames, Parquet, Delta without a jar, Iceberg by the plan that pyiceberg makes."""

from __future__ import annotations

import json
import os
import socket
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from retrue.engine.spark import counting  # noqa: F401 - registers how Spark's tables are counted
from retrue.engine.spark.table import SparkTable, telling
from retrue.errors import RetrueError, TableError, first_line
from retrue.tables import Table
from retrue.tables.files import PARQUET, SCHEME, delta_table, expanded, format_of, in_hive, located, without_secrets
from retrue.tables.frames import kind_of
from retrue.tables.source import is_location
from retrue.tables.source import read as read_here

CONNECT_PORT = 15002
"""Where a Spark Connect server listens unless its address says otherwise."""
REACHED_WITHIN = 10.0
"""Seconds that it may take to answer."""


def read(source: Any, *, name: str | None = None) -> Table:
    """Make a table of what Spark reads; a frame in this process's memory stays here.

    Args:
        source: a Spark DataFrame; a path, glob, list of paths or URL of Parquet; a Delta folder, URL or `DeltaTable`;
            a pyiceberg `Table`; or a frame that `retrue.tables.read` takes, which is counted here.
        name: what messages call it.

    Raises:
        TableError: there is no such table, or Spark can't read it as it is.
        RetrueError: PySpark isn't installed.
    """
    if isinstance(source, Table):
        return source
    library = type(source).__module__.partition(".")[0]
    if library == "pyspark":
        return SparkTable.of(source, name or kind_of(source))
    if library == "pyiceberg":
        return from_iceberg(source, name or ".".join(source.name()))
    if library == "deltalake":
        return from_delta(source, name or source.table_uri)
    return from_location(source, name) if is_location(source) else read_here(source, name=name)


def session() -> Any:
    """The Spark session of this process; where there is none, one as Spark's own settings say (`SPARK_REMOTE` ...).

    Raises:
        RetrueError: PySpark isn't installed, or no session can be had.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise RetrueError("engine='spark' needs PySpark", hint='pip install "retrue[spark]"') from error
    # It says so to everybody who has pandas 3; Retrue speaks Arrow with it, and no pandas.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    # Workers of a local master are started by this name, and "python3" may be another Python without Retrue.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if SparkSession.getActiveSession() is None:
        refuse_nobody(os.environ.get("SPARK_REMOTE", ""))
    try:
        return SparkSession.getActiveSession() or SparkSession.builder.appName("retrue").getOrCreate()
    except (PySparkException, ImportError, OSError) as error:
        hint = "Java 17 or later for a session of its own, or SPARK_REMOTE=sc://HOST for a Spark Connect server"
        raise RetrueError(f"no Spark session: {first_line(error).rstrip('.')}", hint=hint) from error


def refuse_nobody(remote: str) -> None:
    """Say at once where no Spark Connect server listens: Spark itself asks for ten minutes, in silence.

    Args:
        remote: its address, `sc://HOST[:PORT]/...`; anything else is Spark's to say.

    Raises:
        RetrueError: the port is closed.
    """
    address = urlsplit(remote)
    if address.scheme != "sc" or not address.hostname:
        return
    where = f"{address.hostname}:{address.port or CONNECT_PORT}"
    try:
        socket.create_connection((address.hostname, address.port or CONNECT_PORT), REACHED_WITHIN).close()
    except ConnectionRefusedError as error:
        hint = "check SPARK_REMOTE, and that the Spark Connect server runs"
        raise RetrueError(f"no Spark session: nobody listens at {where}", hint=hint) from error
    except OSError:  # a name that only a proxy knows, a slow network: Spark may still get through
        return


def from_location(source: Any, name: str | None) -> SparkTable:
    """Read Parquet files or one Delta table."""
    parts = [located(part) for part in source] if isinstance(source, list | tuple) else [located(source)]
    shown = without_secrets(parts[0]) if SCHEME.match(parts[0]) else Path(parts[0]).name or parts[0]
    name = name or (shown if len(parts) == 1 else f"{shown} and {len(parts) - 1} more")
    if len(parts) == 1 and (Path(parts[0]) / "_delta_log").is_dir():
        return from_delta(delta_table(parts[0], name), name)
    if len(parts) == 1 and SCHEME.match(parts[0]) and "." not in parts[0].rstrip("/").rsplit("/", 1)[-1]:
        return from_delta(delta_table(parts[0], name), name)
    paths = [path for part in parts for path in ([part] if SCHEME.match(part) else expanded(part))]
    for path in paths:
        if format_of(path, name) is not PARQUET:
            raise TableError(
                f"engine='spark' doesn't read {format_of(path, name).name}", where=name, expected="Parquet or Delta",
                hint="read it with spark.read, and give the DataFrame",
            )  # fmt: skip
    return from_parquet(paths, name)


def from_parquet(paths: Sequence[str], name: str) -> SparkTable:
    """Read Parquet files; columns that a file lacks are null in its rows, folders such as `day=2024-05-01` columns."""
    reader = session().read.option("mergeSchema", "true")
    if in_hive(paths):
        reader = reader.option("basePath", paths[0].partition("=")[0].rpartition("/")[0])
    with telling(name):
        return SparkTable.of(reader.parquet(*paths), name)


def from_delta(table: Any, name: str) -> SparkTable:
    """Read the files of one version of a Delta table, as its log names them.

    Raises:
        TableError: its files don't say all: it has deletion vectors, or columns under other names.
    """
    from pyspark.sql.types import StructType

    features = set(table.protocol().reader_features or ())
    refuse_delta(features, table.metadata().configuration, name)
    schema = StructType.fromJson(json.loads(table.schema().to_json()))
    files = [plain_path(uri) for uri in table.file_uris()]
    spark = session()
    with telling(name):
        # The log's own types: Spark would guess those of partition columns, and a file may be older than a column.
        reader = spark.read.schema(schema).option("basePath", plain_path(table.table_uri))
        return SparkTable.of(reader.parquet(*files) if files else spark.createDataFrame([], schema), name)


def refuse_delta(features: set[str], settings: dict[str, str], name: str) -> None:
    """Raise TableError for a table whose Parquet files alone would be read wrongly."""
    if "deletionVectors" in features:
        raise TableError(
            "a Delta table with deletion vectors: its files hold rows that are deleted", where=name,
            hint="purge them (REORG TABLE ... APPLY (PURGE)) and turn them off, or give spark.read.format('delta')",
        )  # fmt: skip
    if settings.get("delta.columnMapping.mode", "none") != "none":
        raise TableError(
            "a Delta table with column mapping: its files have other names for its columns", where=name,
            hint="give the DataFrame that spark.read.format('delta') makes of it",
        )  # fmt: skip


def plain_path(uri: str) -> str:
    """A file's place as Spark takes it: without `file://`, slash doubled nowhere."""
    return unquote(uri.removeprefix("file://")).rstrip("/") if uri.startswith("file://") else uri.rstrip("/")


def from_iceberg(table: Any, name: str) -> SparkTable:
    """Read the data files that pyiceberg plans a scan of.

    Raises:
        TableError: its files don't say all: rows are deleted apart from them, or a column had another name.
    """
    tasks = list(table.scan().plan_files())
    if any(task.delete_files for task in tasks):
        raise TableError(
            "an Iceberg table with delete files: its data files hold rows that are deleted", where=name,
            hint="rewrite them (CALL system.rewrite_data_files), or give spark.table(...)",
        )  # fmt: skip
    names: dict[int, set[str]] = {}
    for schema in table.schemas().values():
        for field in schema.fields:
            names.setdefault(field.field_id, set()).add(field.name)
    if any(len(own) > 1 for own in names.values()):
        raise TableError(
            "an Iceberg table with a renamed column: older files have its old name", where=name,
            hint="rewrite its data files, or give spark.table(...)",
        )  # fmt: skip
    return from_parquet([plain_path(task.file.file_path) for task in tasks], name)
