"""What the tests of the client share: a model in a store, and a server that can be told to be ill."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl
import pytest

import retrue as rt

T = TypeVar("T")
START = datetime(2026, 1, 5, tzinfo=UTC)
ROLES: dict[str, Any] = {"id": "id", "time": "at", "label": "y", "score": "p", "window": "1d", "estimate": "off"}
RULES = ["missing(x) <= 0.02"]


def reference(rows: int = 400) -> pl.DataFrame:
    """Rows of a day, with scores and labels."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=rows)
    return pl.DataFrame(
        {
            "id": [f"r{i}" for i in range(rows)],
            "at": [START + timedelta(seconds=200 * i) for i in range(rows)],
            "x": x,
            "city": rng.choice(["JFK", "LGA"], rows),
            "p": 1 / (1 + np.exp(-x)),
            "y": (rng.random(rows) < 0.5).astype(int),
        }
    )


def live() -> pl.DataFrame:
    """Two days of events; on the second, half of x is missing."""
    first = reference().with_columns(pl.col("at") + timedelta(days=1), id="d1-" + pl.col("id"))
    second = reference().with_columns(
        pl.col("at") + timedelta(days=2), id="d2-" + pl.col("id"), x=pl.when(pl.int_range(pl.len()) % 2 == 0).then("x")
    )
    return pl.concat([first, second])


def make(folder: Path) -> Path:
    """A store with the model `flights`."""
    with rt.open(folder) as store:
        store.register("flights", reference(), **ROLES)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the model `flights`, for all tests of a module: each looks for ids of its own."""
    return make(tmp_path_factory.mktemp("client") / "store")


def in_a_loop(steps: Coroutine[Any, Any, T]) -> T:
    """Run it in a thread with a loop of its own: a browser that other tests of the process have open keeps ours."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, steps).result()


def logged(folder: Path, *ids: str) -> pl.DataFrame:
    """The logged events, in order of id; perhaps only those whose id begins so."""
    with rt.open(folder) as store:
        found = store.model("flights").events().collect().sort("id")
    return found.filter(pl.any_horizontal(pl.col("id").str.starts_with(one) for one in ids)) if ids else found
