"""System signals: how the service that runs a model is doing, as a model of its own beside it, `NAME-system`.

A record of a process and its machine (CPU, memory, disk, network, GPU, requests, errors, latency) is an event with a
time and numbers, which is all that a model needs. So nothing new is built for it: records go through the same spool,
lake and profiles, are judged by rules in windows of five minutes, open incidents, and show wherever models do. Rules
alone judge it: a window holds fewer records than learned tests ask for, and the reference is only the first record,
which says what is read. It is known by its columns: a model of somebody's own that is called `NAME-system` is never
written to. To learn from a week of records, register `NAME-system` with them before anything is logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from retrue.errors import SchemaError, TableError
from retrue.schema import Schema
from retrue.tables import read
from retrue.workspace.entering import register
from retrue.workspace.receiving import Received, receive
from retrue.workspace.stored import StoredModel

SUFFIX = "-system"
TIME = "at"
NAMES = ("host", "pid")
NUMBERS = (
    "cpu_percent", "memory_percent", "disk_percent", "disk_mb_per_s", "network_mb_per_s", "process_cpu_percent",
    "process_memory_mb", "process_threads", "gpu_percent", "gpu_memory_percent", "requests_per_s", "errors_percent",
    "latency_p50_ms", "latency_p99_ms",
)  # fmt: skip
"""What a record may hold, in the units that its names say."""
RULES = (
    "mean(cpu_percent) <= 95",
    "max(memory_percent) <= 95",
    "max(disk_percent) <= 95",
    "mean(gpu_memory_percent) <= 98",
    "mean(errors_percent) <= 5",
)
"""What must hold until somebody says otherwise with `adopt`."""
WINDOW = "5m"


def signals(model: StoredModel, records: Any, *, key: str | None = None) -> Received:
    """Log records of a process and its machine; the first ones register the model that they are kept in.

    Args:
        model: the model that the service runs.
        records: a table, a list of dicts or one dict: `at`, and what else of `NAMES` and `NUMBERS` is known.
        key: as in `Model.log`.

    Raises:
        TableError: no rows, or a record without a time.
        SchemaError: records of records, or a model of another kind has the name.
    """
    if holds_signals(model):
        raise SchemaError(f"{model.name!r} holds system signals itself", expected="the model that the service runs")
    frame = plain(records)
    kept = home(model, frame)
    return receive(kept, "events", frame, version=kept.version, key=key, at=None)


def home(model: StoredModel, frame: pl.DataFrame) -> StoredModel:
    """The model that holds the records; registered with these where there is none."""
    store, name = model.store, model.name + SUFFIX
    if any(row.name == name for row in store.models()):
        return companion(StoredModel(store, name))
    kinds = {**dict.fromkeys(NAMES, "categorical"), **dict.fromkeys(NUMBERS, "numeric")}
    try:
        return register(
            store, name, frame.head(1), time=TIME, features=[*NAMES, *NUMBERS], kinds=kinds, window=WINDOW,
            rules=list(RULES), timezone="UTC",
        )  # fmt: skip
    except SchemaError:  # another process was first
        return companion(StoredModel(store, name))


def companion(found: StoredModel) -> StoredModel:
    """A model that holds system signals.

    Raises:
        SchemaError: it is somebody's own: who may send signals of a model may not send rows to another.
    """
    if not holds_signals(found):
        hint = f"register that model by another name, or watch with signals=None: {found.name!r} is left as it is"
        raise SchemaError(f"{found.name!r} is a model of its own and holds no system signals", hint=hint)
    return found


def holds_signals(model: StoredModel) -> bool:
    """Whether a model is a companion: by its name, and by having no column that isn't one of a record."""
    return are_signals(model.name, model.schema)


def are_signals(name: str, schema: Schema) -> bool:
    """Whether a model of such a name and schema is a companion."""
    columns = {column.name for column in schema.columns}
    return name.endswith(SUFFIX) and columns <= {TIME, *NAMES, *NUMBERS}


def plain(records: Any) -> pl.DataFrame:
    """Records with every column there is, of its type; what one doesn't say is null."""
    table = read([records] if isinstance(records, Mapping) else records)
    given = table.collect(table.check(table.dtypes))
    if not given.height or TIME not in given.columns:
        raise TableError(
            "no records", where="signals", expected=f"rows with {TIME!r}, and {', '.join(NUMBERS[:3])} ..."
        )
    types = {**dict.fromkeys(NAMES, pl.String), **dict.fromkeys(NUMBERS, pl.Float64)}
    return given.select(
        TIME,
        *(
            pl.col(name).cast(kind, strict=False) if name in given.columns else pl.lit(None, kind).alias(name)
            for name, kind in types.items()
        ),
    )
