"""A model whose events and labels are elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import retrue as rt
from retrue.workspace import pulling

START = datetime(2024, 5, 1, tzinfo=UTC)


def rows(first: int, last: int) -> pl.DataFrame:
    """Events number `first` to `last`, the last one left out, one a minute."""
    numbers = range(first, last)
    return pl.DataFrame(
        {
            "id": [f"e{n}" for n in numbers],
            "at": [START + timedelta(minutes=n) for n in numbers],
            "x": [float(n % 7) for n in numbers],
            "p": [(n % 10) / 10 for n in numbers],
        },
        schema={"id": pl.String, "at": pl.Datetime("us", "UTC"), "x": pl.Float64, "p": pl.Float64},
    )


def labels(first: int, last: int) -> pl.DataFrame:
    """The truth about the same events."""
    return pl.DataFrame({"id": [f"e{n}" for n in range(first, last)], "y": [n % 2 for n in range(first, last)]})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[rt.Workspace]:
    """An empty store."""
    with rt.open(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def model(store: rt.Workspace) -> rt.Model:
    """A model without sources so far."""
    return register(store)


def register(store: rt.Workspace, name: str = "m", **options: Any) -> rt.Model:
    """A model; `id=None` leaves it without one."""
    reference = rows(-2_000, 0).with_columns(y=pl.int_range(pl.len()) % 2)
    given: dict[str, Any] = {"id": "id", "time": "at", "score": "p", "label": "y", "window": "1d", **options}
    given = {key: value for key, value in given.items() if value is not None}
    return store.register(name, reference if "id" in given else reference.drop("id"), **given)


def ids(model: rt.Model) -> list[str]:
    """The ids of the events that the store has, sorted by number."""
    return sorted(model.events().collect()["id"].to_list(), key=lambda one: int(one[1:]))


def expected(first: int, last: int) -> list[str]:
    """The ids of events `first` to `last`."""
    return [f"e{n}" for n in range(first, last)]


def taken(model: rt.Model, kind: str = "events") -> int:
    """Pull once; how many rows were taken."""
    return pulling.pull(model, kind, model.sources()[kind]).accepted
