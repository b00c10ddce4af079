"""Performance without labels: how far each estimate is from what the labels then said, over chunks in file order.

    python -m benchmarks estimate [--quick] [--sets census,car_loan] [--no-peer]

Five public data sets come with NannyML's wheel (its environment is made on demand). Where a set has no time, the order
of its file stands for one. The *floor* is what an oracle that knows every P(y | x) would show, from label noise alone:
labels drawn from the outcome model, against that model. Figures are mean absolute errors of ROC AUC / accuracy / F1.
"""

# mypy: disable-error-code="import-not-found,import-untyped"

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from benchmarks.process import machine, run, verdict
from benchmarks.venvs import NANNYML, QUIET, SCRIPTS

from retrue.estimate import caution
from retrue.estimate.auto import Classifier
from retrue.estimate.cbpe import cbpe
from retrue.estimate.estimate import Estimate
from retrue.estimate.expected import read_values
from retrue.estimate.fitting import fit
from retrue.estimate.question import Question
from retrue.estimate.record import Matured
from retrue.schema import Schema

EXPERTS = ("cbpe", "m-cbpe", "pape", "outcome model", "importance")
DELAY = 2
"""Chunks after which labels are known, for the estimate that has a record."""
DRAWS = 20
"""Labels drawn for the floor."""
RATIO, WORST = 1.15, 0.015
QUICK = 4
"""With --quick, one chunk of so many."""


class Chunks(NamedTuple):
    """A task on one data set: reference, analysis with its labels, the chunk of each of its rows, the roles."""

    reference: pl.DataFrame
    analysis: pl.DataFrame
    chunk: np.ndarray[Any, np.dtype[np.int64]]
    roles: Mapping[str, Any]
    metrics: tuple[str, str, str] = ("roc_auc", "accuracy", "f1")


def folder() -> Path:
    """Where NannyML's wheel keeps its data."""
    root = Path(NANNYML.python()).parent.parent
    return next(root.glob("lib/python*/site-packages/nannyml/datasets/data"))


def opened(name: str) -> pl.DataFrame:
    """One of its tables."""
    path = folder() / name
    return pl.read_parquet(path) if path.suffix == ".pq" else pl.read_csv(path, infer_schema_length=None)


def by_size(rows: int, size: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Chunks of so many rows, the last one perhaps shorter."""
    return np.arange(rows) // size


def census(size: int) -> list[Chunks]:
    """US census, Massachusetts: is somebody employed? Chunks of `size` rows."""
    reference, analysis, target = (
        opened(f"employment_MA_{n}.pq") for n in ("reference", "analysis", "analysis_target")
    )
    roles = {"id": "id", "label": "employed", "score": "predicted_probability", "prediction": "prediction"}
    joined = analysis.join(target, on="id", maintain_order="left").drop("year")
    return [Chunks(reference.drop("year"), joined, by_size(joined.height, size), roles)]


def car_loan() -> list[Chunks]:
    """A synthetic car loan: is it repaid?"""
    reference, analysis, target = (
        opened(f"synthetic_car_loan_{n}.csv") for n in ("reference", "analysis", "analysis_target")
    )
    roles = {"id": "id", "time": "timestamp", "label": "repaid", "score": "y_pred_proba", "prediction": "y_pred"}
    joined = analysis.join(target, on="id", maintain_order="left")
    return [Chunks(reference, joined, by_size(joined.height, 5_000), roles)]


def california() -> list[Chunks]:
    """Houses in California, by month: is one worth more than the median?"""
    reference, analysis, target = (
        opened(f"california_housing_{n}.csv") for n in ("reference", "analysis", "analysis_gt")
    )
    roles = {"id": "id", "time": "timestamp", "label": "clf_target", "score": "y_pred_proba", "prediction": "y_pred"}
    joined = analysis.join(target, on="id", maintain_order="left")
    months = joined["timestamp"].str.slice(0, 7).rank("dense").cast(pl.Int64).to_numpy()
    return [Chunks(reference, joined, months - 1, roles)]


def cards() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Synthetic: which of three credit cards does somebody get?"""
    reference, analysis, target = (opened(f"mc_{n}.csv") for n in ("reference", "analysis", "analysis_gt"))
    return reference, analysis.join(target, on="id", maintain_order="left")


CARDS = ("prepaid_card", "highstreet_card", "upmarket_card")


def one_against_rest() -> list[Chunks]:
    """Each card against the other two."""
    reference, analysis = cards()
    found = []
    for card in CARDS:
        own = f"y_pred_proba_{card}"
        others = [f"y_pred_proba_{other}" for other in CARDS if other != card]
        made = [pl.col(name).eq(card).cast(pl.Int64) for name in ("y_true", "y_pred")]
        tables = [table.with_columns(made).drop(others) for table in (reference, analysis)]
        roles = {"id": "id", "time": "timestamp", "label": "y_true", "score": own, "prediction": "y_pred"}
        found.append(Chunks(tables[0], tables[1], by_size(analysis.height, 5_000), roles))
    return found


def multiclass() -> list[Chunks]:
    """All three cards at once."""
    reference, analysis = cards()
    scores = {card: f"y_pred_proba_{card}" for card in CARDS}
    roles = {"id": "id", "time": "timestamp", "label": "y_true", "score": scores, "prediction": "y_pred"}
    metrics = ("roc_auc_macro", "accuracy", "f1_macro")
    return [Chunks(reference, analysis, by_size(analysis.height, 5_000), roles, metrics)]


SETS: dict[str, Callable[[], list[Chunks]]] = {
    "census": lambda: census(5_000),
    "california": california,
    "car_loan": car_loan,
    "one vs rest": one_against_rest,
    "multiclass": multiclass,
    "census 2k": lambda: census(2_000),
}


@dataclass
class Errors:
    """Estimated minus realised of each chunk and metric by method, and what else is told.

    Attributes:
        by_method: for each method one row of three errors for each chunk (and class).
        covered: whether the blend's interval held what came, for each chunk, metric and method with an interval.
        refused: chunks of which `Estimator.estimate` says nothing; errors are counted all the same.
        told: estimates that were refused or widened, with a reason.
        seconds: CPU seconds for each chunk, and for learning the reference.
    """

    by_method: dict[str, list[list[float]]] = field(default_factory=dict)
    covered: list[bool] = field(default_factory=list)
    refused: int = 0
    told: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    learning: float = 0.0

    def add(self, method: str, said: Mapping[str, float], real: Mapping[str, float], names: Iterable[str]) -> None:
        """Note the errors of one chunk; NaN where a method says nothing."""
        row = [said.get(name, np.nan) - real[name] for name in names]
        self.by_method.setdefault(method, []).append(row)

    def mean(self, method: str) -> Any:
        """Mean absolute error of each metric; of the chunks that the method estimates."""
        found = np.abs(self.by_method[method])
        told = ~np.isnan(found)
        return np.divide(
            np.where(told, found, 0).sum(axis=0), told.sum(axis=0), out=np.full(3, np.nan), where=told.any(axis=0)
        )

    def worst(self, method: str) -> float:
        """The largest error in ROC AUC."""
        return float(np.fmax.reduce(np.abs(self.by_method[method])[:, 0]))


def measured(chunks: Chunks, step: int, errors: Errors) -> None:
    """Estimate every chunk by every method, and compare."""
    schema = Schema.infer(chunks.reference, **chunks.roles)
    began = time.process_time()
    estimator = fit(chunks.reference, schema)
    errors.learning += time.process_time() - began
    assert isinstance(estimator, Classifier), estimator
    past: list[Matured] = []
    for which in range(0, int(chunks.chunk.max()) + 1, step):
        rows = chunks.analysis.filter(chunks.chunk == which)
        realised = estimator.learned.grid.count(rows)
        real = read_values(realised, chunks.metrics)
        began = time.process_time()
        question = estimator.ask(rows, chunks.metrics)
        blended = question.blended(())
        errors.seconds.append(time.process_time() - began)
        for name, measure in blended.metrics.items():
            if measure.interval is not None:
                errors.covered.append(measure.interval[0] <= real[name] <= measure.interval[1])
        errors.refused += question.apart > caution.MOST
        errors.told += [f"chunk {which}: {warning}" for warning in blended.warnings]
        errors.add("auto", values_of(blended), real, chunks.metrics)
        by_record = question.blended(past[: max(len(past) - DELAY + 1, 0)])
        said = {
            n: weighed(by_record.experts, n, question, past[: max(len(past) - DELAY + 1, 0)]) for n in chunks.metrics
        }
        errors.add("auto, labels 2 late", said, real, chunks.metrics)
        past.append(Matured(blended, realised))
        errors.add(STORED, values_of(cbpe(realised, estimator.learned.outcome)), real, chunks.metrics)
        for method in EXPERTS:
            answers = question.answers(method)
            told = {n: a.reading.value for n, a in answers.items() if a.reading.value is not None}
            errors.add(method, told, real, chunks.metrics)
        errors.add("floor", *noise(question, chunks.metrics), chunks.metrics)


def values_of(estimate: Estimate) -> dict[str, float]:
    """The metrics that are told."""
    return {name: m.value for name, m in estimate.metrics.items() if m.value is not None}


def weighed(
    experts: Mapping[str, Mapping[str, float]], name: str, question: Question, past: Sequence[Matured]
) -> float:
    """The blend's value by its record, even where it wouldn't say it."""
    weights = question.weights(name, question.answers("cbpe"), past)
    total = sum(weights.values())
    return sum(weights[e] * experts[e][name] for e in weights) / total


def noise(question: Question, names: Sequence[str]) -> tuple[dict[str, float], dict[str, float]]:
    """What chance alone does: mean absolute deviation of drawn labels' metrics, given as an error from 0."""
    chance, rng = question.believe("outcome model").chance, np.random.default_rng(7)
    cells = question.events.cells
    middle = read_values(cells.expect(chance), names)
    off = dict.fromkeys(names, 0.0)
    for _ in range(DRAWS):
        drawn = read_values(cells.expect(draw(chance, rng)), names)
        off = {name: off[name] + abs(drawn[name] - middle[name]) / DRAWS for name in names}
    return off, dict.fromkeys(names, 0.0)


def draw(chance: Any, rng: np.random.Generator) -> Any:
    """Labels from chances."""
    if chance.ndim == 1:
        return (rng.random(chance.size) < chance).astype(np.float64)
    place = (rng.random(chance.shape[0])[:, None] > np.cumsum(chance, axis=1)).sum(axis=1)
    return np.eye(chance.shape[1])[np.minimum(place, chance.shape[1] - 1)]


def peer(chunks: Chunks, step: int, errors: Errors) -> None:
    """NannyML's CBPE on the same chunks, in its own environment."""
    schema = Schema.infer(chunks.reference, **chunks.roles)
    score = chunks.roles["score"]
    wanted = {"y": chunks.roles["label"], "yhat": chunks.roles["prediction"]}
    wanted |= {f"p_{c}": s for c, s in score.items()} if isinstance(score, dict) else {"p": score}
    columns = [pl.col(column).alias(name) for name, column in wanted.items()]
    kept = chunks.chunk % step == 0
    with tempfile.TemporaryDirectory() as made:
        reference, analysis = Path(made) / "reference.parquet", Path(made) / "analysis.parquet"
        chunks.reference.select(columns).write_parquet(reference)
        chunks.analysis.select(columns).with_columns(chunk=chunks.chunk).filter(kept).write_parquet(analysis)
        said = run(
            [NANNYML.python(), str(SCRIPTS / "run_nannyml_cbpe.py"), str(reference), str(analysis)], env=QUIET
        ).said
    found = json.loads(said.splitlines()[-1])
    grid = fit_grid(chunks, schema)
    for which in sorted(found, key=int):
        real = read_values(grid.count(chunks.analysis.filter(chunks.chunk == int(which))), chunks.metrics)
        told = dict(zip(chunks.metrics, found[which], strict=True))
        errors.add("NannyML CBPE", told, real, chunks.metrics)


def fit_grid(chunks: Chunks, schema: Schema) -> Any:
    """How outcomes are counted."""
    from retrue.core.grids import fit_outcome

    return fit_outcome(schema, chunks.reference)


STORED = "cbpe, profiles"
METHODS = ("NannyML CBPE", *EXPERTS, "auto")
SHOWN = ("floor", STORED, *METHODS, "auto, labels 2 late")


def ratios(found: Mapping[str, Errors]) -> dict[str, float]:
    """Each method's error over the least error of any method, mean over sets and metrics."""
    known = [m for m in METHODS if all(m in e.by_method for e in found.values())]
    best = {name: np.min([e.mean(m) for m in known], axis=0) for name, e in found.items()}
    return {
        m: float(np.mean([e.mean(m) / best[name] for name, e in found.items()]))
        for m in (*known, "auto, labels 2 late")
    }


def figures(errors: Errors, method: str) -> str:
    """One cell of the table."""
    if method not in errors.by_method:
        return "-"
    return "/".join("-" if np.isnan(value) else f"{value:.4f}"[1:] for value in errors.mean(method))


def main() -> int:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"one chunk of {QUICK}")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--no-peer", action="store_true", help="leave NannyML's own CBPE out")
    given = parser.parse_args()
    if unknown := [name for name in given.sets.split(",") if name not in SETS]:
        parser.error(f"unknown set {unknown[0]!r}; expected {', '.join(SETS)}")
    step = QUICK if given.quick else 1
    found: dict[str, Errors] = {}
    print(f"{machine()}\nmean absolute error of ROC AUC / accuracy / F1", flush=True)
    for name in given.sets.split(","):
        errors = found[name] = Errors()
        for chunks in SETS[name]():
            measured(chunks, step, errors)
            if not given.no_peer:
                peer(chunks, step, errors)
        covered, seconds = 100 * np.mean(errors.covered), np.mean(errors.seconds)
        print(
            f"{name}: {len(errors.seconds)} chunks, {seconds:.2f} CPU s each, {errors.learning:.0f} to learn;"
            f" {covered:.0f} % of intervals held; {len(errors.told)} warnings, {errors.refused} refused",
            flush=True,
        )
        for method in SHOWN:
            worst = f"worst AUC {errors.worst(method):.3f}" if method in errors.by_method else ""
            print(f"    {method:20} {figures(errors, method):18} {worst}", flush=True)
    told = ratios(found)
    print(f"\n{'':20} " + " ".join(f"{name:17}" for name in found) + " ratio to the best")
    for method in SHOWN:
        ratio = f"{told[method]:.2f}" if method in told else ""
        print(f"{method:20} " + " ".join(f"{figures(errors, method):17}" for errors in found.values()) + f" {ratio}")
    print(f"\nauto, mean ratio to the best of each set and metric {told['auto']:.3f}, {verdict(told['auto'], RATIO)}")
    if "census" in found:
        census_worst = found["census"].worst("auto")
        print(f"auto, worst census chunk in ROC AUC {census_worst:.4f}, {verdict(census_worst, WORST)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
