"""Regression without labels: how far DLE's estimates are from what the labels then said, ours and NannyML's.

    python -m benchmarks regression [--sets car_price,bikes] [--no-peer]

car_price comes with NannyML's wheel (its environment is made on demand), in chunks in file order. bikes (Capital
Bikeshare, hourly) is read where it lies beside the repository, in `shared/data` (or $RETRUE_SHARED): a model learned on
each third day, a reference of another third, months of the last third; and, as "bikes, next year", all three parts cut
so that the model and the reference are of 2011 and the months of 2012, when demand had grown: concept drift, which no
estimate without labels can know. The *floor* is what an oracle that knows every expected loss would show, from label
noise alone: the mean absolute deviation of the sampling error that goes with the expected losses.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import pi, sqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from benchmarks.estimate import by_size, opened
from benchmarks.process import ROOT, machine, run
from benchmarks.venvs import NANNYML, QUIET, SCRIPTS

from retrue.core.outcome_grid import score_rows
from retrue.estimate.answer import ask
from retrue.estimate.dle import Regressor
from retrue.estimate.expected import Scale, read_values
from retrue.estimate.fitting import fit
from retrue.estimate.loss_cells import LossCells
from retrue.schema import Schema

METRICS = ("mae", "rmse", "mape")
PEER, OURS = "NannyML DLE", "dle"
SHARED = Path(os.environ.get("RETRUE_SHARED", ROOT.parent / "shared"))


class Chunks(NamedTuple):
    """A task on one data set: reference, analysis with its labels, the chunk of each of its rows; `y` and `yhat`."""

    reference: pl.DataFrame
    analysis: pl.DataFrame
    chunk: np.ndarray[Any, np.dtype[np.int64]]

    @property
    def schema(self) -> Schema:
        """What both look like: all other columns are features."""
        features = [name for name in self.reference.columns if name not in ("y", "yhat")]
        return Schema.infer(self.reference, label="y", prediction="yhat", features=features)


def car_price() -> Chunks:
    """What a used car sells for (synthetic); halfway the cars become other ones."""
    reference, analysis, target = (
        opened(f"regression_synthetic_{name}.csv") for name in ("reference", "analysis", "analysis_targets")
    )
    joined = analysis.join(target, on="id", maintain_order="left")
    named = {"y_true": "y", "y_pred": "yhat"}
    tables = [table.drop("id", "timestamp").rename(named) for table in (reference, joined)]
    return Chunks(tables[0], tables[1].select(tables[0].columns), by_size(joined.height, 5_000))


def bikes(*, next_year: bool = False) -> Chunks | None:
    """How many bikes are rented in an hour; None where the data isn't there."""
    path = SHARED / "data" / "bike_sharing_dc" / "data.parquet"
    if not path.exists():
        return None
    from sklearn.ensemble import HistGradientBoostingRegressor

    table = pl.read_parquet(path)
    day, month = (
        table["event_time"].dt.ordinal_day(),
        table["event_time"].dt.year() * 12 + table["event_time"].dt.month(),
    )
    table = table.drop("event_time", "casual", "registered").rename({"count": "y"})
    third = (day % 3).to_numpy()
    first = (table["year"] == 0).to_numpy()
    learn, before, after = (
        (first & (third == 0), first & (third > 0), ~first) if next_year else (third == 0, third == 1, third == 2)
    )
    inputs = [name for name in table.columns if name != "y" and not (next_year and name == "year")]
    model = HistGradientBoostingRegressor(max_iter=100, random_state=0)
    model.fit(table.filter(learn).select(inputs).to_numpy(), table.filter(learn)["y"].to_numpy())
    said = table.select(*inputs, "y").with_columns(yhat=model.predict(table.select(inputs).to_numpy()))
    months = month.filter(pl.Series(after)).rank("dense").cast(pl.Int64).to_numpy() - 1
    return Chunks(said.filter(before), said.filter(after), months)


SETS: Mapping[str, Callable[[], Chunks | None]] = {
    "car_price": car_price,
    "bikes": bikes,
    "bikes, next year": lambda: bikes(next_year=True),
}


@dataclass
class Errors:
    """Estimated minus realised of each chunk and metric, by method, and what else is told.

    Attributes:
        by_method: for each method a list of rows, one number for each metric.
        covered: whether an interval held what came, for each chunk and metric.
        learning: CPU seconds to learn the reference. seconds: of each chunk.
        peer: CPU seconds of NannyML: to learn, and for all chunks.
    """

    by_method: dict[str, list[list[float]]] = field(default_factory=dict)
    covered: list[bool] = field(default_factory=list)
    learning: float = 0.0
    seconds: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)
    refused: int = 0

    def add(self, method: str, said: Mapping[str, float], real: Mapping[str, float]) -> None:
        """Note the errors of one chunk."""
        self.by_method.setdefault(method, []).append([said.get(name, np.nan) - real[name] for name in METRICS])

    def mean(self, method: str) -> Any:
        """Mean absolute error of each metric."""
        return np.nanmean(np.abs(self.by_method[method]), axis=0)


def measured(chunks: Chunks, errors: Errors) -> None:
    """Estimate every chunk, and compare."""
    began = time.process_time()
    estimator = fit(chunks.reference, chunks.schema)
    errors.learning = time.process_time() - began
    assert isinstance(estimator, Regressor), estimator
    for which in range(int(chunks.chunk.max()) + 1):
        rows = chunks.analysis.filter(chunks.chunk == which)
        real = read_values(estimator.learned.grid.count(rows), METRICS)
        began = time.process_time()
        found = estimator.estimate(rows)
        errors.seconds.append(time.process_time() - began)
        errors.refused += found.refused is not None
        values = {name: found[name].value for name in METRICS}
        errors.add(OURS, {name: value for name, value in values.items() if value is not None}, real)
        errors.add("floor", noise(estimator, rows), dict.fromkeys(METRICS, 0.0))
        for name in METRICS:
            interval = found[name].interval
            if interval is not None:
                errors.covered.append(interval[0] <= real[name] <= interval[1])


def noise(estimator: Regressor, rows: pl.DataFrame) -> dict[str, float]:
    """What chance alone does: the mean absolute deviation of a normal, sqrt(2 / pi) standard errors."""
    learned = estimator.learned
    belief = learned.believe(learned.features.codes(rows))
    cells = LossCells(learned.grid, score_rows(rows, learned.grid.prediction), learned.noise)
    found = {name: answer.reading for name, answer in ask(cells, belief, METRICS, rows.height).items()}
    return {
        name: sqrt(2 / pi) * reading.error * Scale.of(name).slope(reading.value)
        for name, reading in found.items()
        if reading.value is not None
    }


def peer(chunks: Chunks, errors: Errors) -> None:
    """NannyML's DLE on the same chunks, in its own environment."""
    with tempfile.TemporaryDirectory() as made:
        reference, analysis = Path(made) / "reference.parquet", Path(made) / "analysis.parquet"
        chunks.reference.write_parquet(reference)
        chunks.analysis.with_columns(chunk=chunks.chunk).write_parquet(analysis)
        said = run(
            [NANNYML.python(), str(SCRIPTS / "run_nannyml_dle.py"), str(reference), str(analysis)], env=QUIET
        ).said
    found = json.loads(said.splitlines()[-1])
    errors.peer = found.pop("seconds")
    estimator = fit(chunks.reference.head(300), chunks.schema)
    assert isinstance(estimator, Regressor), estimator
    for which in sorted(found, key=int):
        real = read_values(estimator.learned.grid.count(chunks.analysis.filter(chunks.chunk == int(which))), METRICS)
        errors.add(PEER, dict(zip(METRICS, found[which], strict=True)), real)


def figures(errors: Errors, method: str) -> str:
    """One line of the table."""
    if method not in errors.by_method:
        return f"    {method:12} -"
    said = "  ".join(f"{name} {value:.4g}" for name, value in zip(METRICS, errors.mean(method), strict=True))
    return f"    {method:12} {said}"


def main() -> int:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=None, help="names, parted by ';'")
    parser.add_argument("--no-peer", action="store_true", help="leave NannyML's own DLE out")
    given = parser.parse_args()
    wanted = given.sets.split(";") if given.sets else list(SETS)
    if unknown := [name for name in wanted if name not in SETS]:
        parser.error(f"unknown set {unknown[0]!r}; expected {'; '.join(SETS)}")
    print(f"{machine()}\nmean absolute error of estimated metrics over chunks", flush=True)
    for name in wanted:
        chunks, errors = SETS[name](), Errors()
        if chunks is None:
            print(f"{name}: not here, left out")
            continue
        measured(chunks, errors)
        if not given.no_peer:
            peer(chunks, errors)
        print(
            f"{name}: {len(errors.seconds)} chunks, {errors.refused} refused, {errors.learning:.1f} CPU s to learn,"
            f" {np.mean(errors.seconds):.3f} each; NannyML {', '.join(f'{s:.1f}' for s in errors.peer)};"
            f" {100 * np.mean(errors.covered):.0f} % of intervals held"
        )
        print("\n".join(figures(errors, method) for method in ("floor", PEER, OURS)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
