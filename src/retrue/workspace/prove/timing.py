"""How long champion and challenger take for an answer on this machine, asked in turns."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import polars as pl

from retrue.refine.prove import Pace, pace
from retrue.workspace.train.runs import StoredRun

TURNS, BATCHES = 25, 5
"""How often each is asked about one row, and about a batch."""
BATCH = 1_000
LONG = 2.0
"""Seconds after which no further turn begins."""

Ask = Callable[[pl.DataFrame], Any]


def measure(run: StoredRun, champion: StoredRun | None, asks: tuple[Ask | None, Ask], rows: pl.DataFrame) -> Pace:
    """Measure both on the same rows.

    Args:
        run: the challenger's.
        champion: the run that the champion came from; None where its artefact isn't here.
        asks: both as functions of rows; None for a champion that isn't here.
        rows: what they are asked about.
    """
    batch = rows.head(BATCH)
    single = in_turns(asks, [rows[i : i + 1] for i in range(min(TURNS, rows.height))])
    many = in_turns(asks, [batch] * BATCHES)
    sizes = None if champion is None else size(champion), size(run)
    return pace(single, many, batch=batch.height, sizes=sizes)


def in_turns(asks: tuple[Ask | None, Ask], tables: list[pl.DataFrame]) -> tuple[list[float], list[float]]:
    """Seconds of each for each table, one after the other, who begins changing; both were asked once before."""
    found: tuple[list[float], list[float]] = ([], [])
    asked = [(side, ask) for side, ask in enumerate(asks) if ask is not None]
    for _, ask in asked:
        ask(tables[0])
    began = perf_counter()
    for turn, table in enumerate(tables):
        for side, ask in asked if turn % 2 else reversed(asked):
            start = perf_counter()
            ask(table)
            found[side].append(perf_counter() - start)
        if perf_counter() - began > LONG:
            break
    return found


def size(run: StoredRun) -> int:
    """Bytes of a run's trained model."""
    return (run.folder / "model.joblib").stat().st_size
