"""A small world: scores that foretell labels, until in some cities they no longer do. Days are counted from `START`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import polars as pl
import pytest

import retrue as rt

Fill: TypeAlias = Callable[[rt.Workspace], object]
Begin: TypeAlias = Callable[[Fill], rt.Workspace]

START = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
A_DAY = 300
DAYS = 14
"""Days of the reference."""


def day(number: float) -> datetime:
    """The beginning of a day."""
    return START + timedelta(days=number)


def events(first: int, days: int, *, turned: tuple[str, ...] = (), shift: float = 0.0) -> pl.DataFrame:
    """Make labelled events, the same ones for the same days.

    Args:
        first: the day they begin at.
        days: how many days.
        turned: cities where the label is the opposite of what the score foretells.
        shift: how far x moves.
    """
    rows = np.arange(first * A_DAY, (first + days) * A_DAY)
    rng = np.random.default_rng(first)
    x, city = rng.normal(size=rows.size), rng.choice(["JFK", "LGA", "EWR"], rows.size, p=[0.5, 0.3, 0.2])
    score = 1 / (1 + np.exp(-3 * x))
    truth = np.where(np.isin(city, turned), 1 - score, score)
    return pl.DataFrame(
        {
            "id": [f"e{row}" for row in rows],
            "at": [START + timedelta(seconds=86_400 * int(row) / A_DAY) for row in rows],
            "x": x + shift,
            "city": city,
            "p": score,
            "y": (rng.random(rows.size) < truth).astype(int),
        }
    )


def registered(store: rt.Workspace, table: Any = None, *, name: str = "flights", **options: Any) -> rt.Model:
    """Register the model on the first two weeks, with windows of a day; without estimates, which take a second each."""
    roles = {
        "id": "id",
        "time": "at",
        "label": "y",
        "score": "p",
        "slices": ["city"],
        "window": "1d",
        "estimate": "off",
    }
    return store.register(name, events(0, DAYS) if table is None else table, **{**roles, **options})


def live(model: rt.Model, table: pl.DataFrame, *, delay: float = 0.5) -> None:
    """Log events and, later by some days, their labels, as of those times."""
    last = table["at"].max()
    assert isinstance(last, datetime)
    model.log(table.drop("y"), at=last)
    model.label(table.select("id", "y"), at=last + timedelta(days=delay))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "store"


@pytest.fixture
def store(folder: Path) -> Iterator[rt.Workspace]:
    """An empty store."""
    with rt.open(folder) as opened:
        yield opened


_FILLED: dict[Fill, Path] = {}
"""Stores that a function filled, by that function."""


@pytest.fixture
def begin(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begin]:
    """Open a copy of the store that a function fills, which it does once for all tests of this process."""
    with ExitStack() as opened:

        def begun(fill: Fill) -> rt.Workspace:
            if fill not in _FILLED:
                filled = tmp_path_factory.mktemp("filled") / "store"
                with rt.open(filled) as store:
                    fill(store)
                _FILLED[fill] = filled
            return opened.enter_context(rt.open(shutil.copytree(_FILLED[fill], folder)))

        yield begun
