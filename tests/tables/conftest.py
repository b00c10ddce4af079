"""The same events in every form that a table can come in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any

import deltalake
import duckdb
import narwhals as nw
import polars as pl
import pytest
from arro3.core import Table

# These ship no types, so they come in as Any.
pd: Any = import_module("pandas")
ds: Any = import_module("pyarrow.dataset")

ROWS = 1_000
EVENTS = pl.DataFrame(
    {
        "id": range(ROWS),
        "amount": [None if i % 7 == 0 else i / 4 for i in range(ROWS)],
        "origin": [None if i % 11 == 0 else ("JFK", "LGA", "Zürich")[i % 3] for i in range(ROWS)],
        "paid": [i % 5 == 0 for i in range(ROWS)],
    }
)
"""Integers, floats with nulls, text with nulls, booleans: what every form can hold."""


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder, and says nothing."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def website(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Serve a folder over http; gives the folder and its address."""
    folder = tmp_path_factory.mktemp("website")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def as_pandas(frame: pl.DataFrame) -> Any:
    """A pandas frame of NumPy arrays and objects, as most are."""
    return pd.DataFrame({name: frame[name].to_list() for name in frame.columns})


def as_pandas_arrow(frame: pl.DataFrame) -> Any:
    """A pandas frame that holds Arrow arrays."""
    return frame.to_arrow().to_pandas(types_mapper=pd.ArrowDtype)


def as_duckdb(frame: pl.DataFrame) -> Any:
    """A DuckDB relation over a table of its own connection."""
    connection = duckdb.connect()
    connection.register("arrow", frame.to_arrow())
    connection.execute("CREATE TABLE events AS SELECT * FROM arrow")
    return connection.table("events")


def as_dataset(frame: pl.DataFrame) -> Any:
    """A pyarrow dataset in memory."""
    return ds.dataset(frame.to_arrow())


def as_capsule(frame: pl.DataFrame) -> Any:
    """A frame that only has the Arrow PyCapsule interface."""
    return Table.from_arrow(frame)


def as_narwhals(frame: pl.DataFrame) -> Any:
    """A narwhals frame over a lazy one."""
    return nw.from_native(frame.lazy())


def as_glob(frame: pl.DataFrame, folder: Path) -> str:
    """A pattern of three Parquet files."""
    for part in range(3):
        frame.slice(part * 400, 400).write_parquet(folder / f"part-{part}.parquet")
    return str(folder / "part-*.parquet")


def as_csv_list(frame: pl.DataFrame, folder: Path) -> list[Path]:
    """Two CSV files, the second before the first by name."""
    frame.head(600).write_csv(folder / "b.csv")
    frame.slice(600).write_csv(folder / "a.csv")
    return [folder / "b.csv", folder / "a.csv"]


def as_delta(frame: pl.DataFrame, folder: Path) -> str:
    """The folder of a Delta table."""
    deltalake.write_deltalake(folder / "delta", frame)
    return str(folder / "delta")


def as_file(frame: pl.DataFrame, folder: Path, name: str) -> Path:
    """One file in the format that its name tells."""
    path = folder / name
    if ".parquet" in name:
        frame.write_parquet(path, row_group_size=300)
    elif ".csv" in name:
        frame.write_csv(path, compression="gzip" if name.endswith(".gz") else "uncompressed")
    else:
        frame.write_ndjson(path, compression="gzip" if name.endswith(".gz") else "uncompressed")
    return path


FRAMES: dict[str, Callable[[pl.DataFrame], Any]] = {
    "polars": lambda frame: frame,
    "lazy": lambda frame: frame.lazy(),
    "dict": lambda frame: frame.to_dict(as_series=False),
    "dict of arrays": lambda frame: {name: frame[name].to_arrow() for name in frame.columns},
    "rows": lambda frame: frame.to_dicts(),
    "pandas": as_pandas,
    "pandas-pyarrow": as_pandas_arrow,
    "pyarrow": lambda frame: frame.to_arrow(),
    "stream": lambda frame: frame.to_arrow().to_reader(max_chunksize=128),
    "dataset": as_dataset,
    "duckdb": as_duckdb,
    "capsule": as_capsule,
    "narwhals": as_narwhals,
}
FILES: dict[str, Callable[[pl.DataFrame, Path], Any]] = {
    "parquet": partial(as_file, name="events.parquet"),
    "glob": as_glob,
    "csv": lambda frame, folder: str(as_file(frame, folder, "events.csv")),
    "csv.gz": partial(as_file, name="events.csv.gz"),
    "csv list": as_csv_list,
    "ndjson": partial(as_file, name="events.ndjson"),
    "jsonl.gz": partial(as_file, name="events.jsonl.gz"),
    "delta": as_delta,
}
URLS = {"http parquet": "events.parquet", "http csv": "events.csv.gz"}


@pytest.fixture(params=[*FRAMES, *FILES, *URLS])
def source(request: pytest.FixtureRequest, tmp_path: Path, website: tuple[Path, str]) -> Any:
    """EVENTS, in each form that `read` takes."""
    form: str = request.param
    if form in FRAMES:
        return FRAMES[form](EVENTS)
    if form in FILES:
        return FILES[form](EVENTS, tmp_path)
    as_file(EVENTS, website[0], URLS[form])
    return f"{website[1]}/{URLS[form]}?token=a/b"
