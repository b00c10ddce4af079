"""DLE: performance of a regression without labels, from the expected losses of its rows.

    reference rows ──learn──> E|e|, E e^2, E e, E|e|/|y| given features and prediction (e = prediction - label)
    window rows ──> expected losses ──> an expected outcome ──registered metrics──> values with intervals

Direct loss estimation: where P(label | features, prediction) stays what it was, the mean of the rows' expected losses
is the expected metric, however the inputs moved. Quantiles of the error can't be told from means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from retrue.core.outcome_grid import OutcomeGrid, RegressionGrid, score_rows
from retrue.core.state import Bools, Floats, Ints
from retrue.errors import ProfileError
from retrue.estimate import caution
from retrue.estimate.answer import Answer, Belief, Widening, ask, blend
from retrue.estimate.calibrate import split
from retrue.estimate.estimate import Estimate, refuse
from retrue.estimate.estimator import Estimator, Refusing, asked
from retrue.estimate.expected import Reading, read_values
from retrue.estimate.features import Features
from retrue.estimate.loss_cells import BIAS, LOSSES, MAE, NONZERO, LossCells, losses_of
from retrue.estimate.loss_model import LEARNED, LossModel, learn_loss, one_thread
from retrue.estimate.record import Matured, stretch, withhold
from retrue.estimate.unlike import Unlike
from retrue.metrics.performance.basis import counted
from retrue.schema import Schema, Task
from retrue.tables import read

METHODS = ("auto", "dle")
"""What `estimate` can be asked for; `auto` is `dle`."""
WORST = 0.99
"""Rows unlike the reference may be as wrong as the worst hundredth of it."""
SEED = 20_122
MEANS_ONLY = "expected losses tell means, not how errors are distributed"


@dataclass(frozen=True, eq=False)
class LearnedLosses:
    """The reference as estimates need it.

    Attributes:
        grid: how outcomes are counted.
        features: how features, and the prediction (last), are coded.
        unlike: what makes a row unlike any of the reference.
        codes: float64[n, d], the coded rows that were learned from.
        losses: float64[n, 5], their losses (`LOSSES`).
        own: float64[n, 5], their expected losses, cross-fitted.
        models: one for each loss.
        noise: float64[5], the variance of each loss over the square of its expectation.
        rows: labelled reference rows that have a prediction.
    """

    grid: RegressionGrid
    features: Features
    unlike: Unlike
    codes: Floats
    losses: Floats
    own: Floats
    models: tuple[LossModel, ...]
    noise: Floats
    rows: int

    def believe(self, codes: Floats) -> Belief:
        """The expected losses of coded rows: float64[n, 5], and without each fold."""
        with one_thread():
            return Belief.of(np.stack([model.each(codes) for model in self.models], axis=-1))

    @property
    def explained(self) -> float:
        """The share of the variance of |e| that the cross-fitted expectation explains, at least 0."""
        size = self.losses[:, MAE]
        left = float(((size - self.own[:, MAE]) ** 2).mean())
        return max(1 - left / float(size.var()), 0.0) if size.var() > 0 else 0.0

    @property
    def how(self) -> str:
        """What was learned, in words."""
        seen = len(self.features.coders) - 1
        inputs = f"{counted(seen, 'feature')} and the prediction" if seen else "the prediction alone"
        if not self.models[MAE].trees:
            return f"DLE: the mean losses of {self.rows:,} reference rows, too few or too even to learn more from"
        n = self.codes.shape[0]
        of = f"{n:,}" if n == self.rows else f"{n:,} of {self.rows:,}"
        return (
            f"DLE: boosted trees expect each row's losses from {inputs}, cross-fitted on {of} reference rows"
            f" ({100 * self.explained:.0f} % of absolute errors explained)"
        )


@dataclass(frozen=True, eq=False)
class Regressor(Estimator):
    """The estimator of a regression.

    Attributes:
        learned: what was learned of the reference.
    """

    learned: LearnedLosses

    def estimate(
        self,
        window: Any,
        *,
        method: str = "auto",
        metrics: Sequence[str] | None = None,
        past: Sequence[Matured] = (),
    ) -> Estimate:
        names = asked(method, METHODS, metrics, Task.REGRESSION)
        frame = read(window).collect()
        prediction = score_rows(frame, self.learned.grid.prediction)
        usable = np.isfinite(prediction)
        reason = no_question(prediction, usable, self.learned.grid)
        if reason is not None:
            return refuse(method, reason, names, int(usable.sum()))
        codes = self.learned.features.codes(frame)[usable]
        alone = self.learned.unlike.rows(codes)
        if alone.mean() > caution.MOST:
            said = caution.unlike_anything(float(alone.mean()), alone.size) + self.learned.unlike.words(codes)
            return refuse(method, said, names, alone.size)
        return self.answer(method, names, prediction[usable], codes, alone, frame.height, past)

    def answer(
        self, method: str, names: Sequence[str], prediction: Floats, codes: Floats, alone: Bools, rows: int,
        past: Sequence[Matured],
    ) -> Estimate:  # fmt: skip
        """The estimate of rows that allow one."""
        learned = self.learned
        belief = learned.believe(codes)
        cells = LossCells(learned.grid, prediction, learned.noise)
        answers = ask(cells, belief, names, prediction.size)
        wider = {name: stretch(past, name) for name in names}
        bounds: dict[str, list[float]] = {}
        warnings = []
        if alone.mean() > caution.LEAST:
            bounds = extremes(cells, belief.chance, alone, learned.losses, names)
            held = "errors there from none to those of the reference's worst hundredth"
            warnings.append(caution.some_unlike(float(alone.mean()), alone.size, held) + learned.unlike.words(codes))
        warnings += [*caution.past_misses(wider), *caution.left_out(rows - prediction.size, rows, "prediction")]
        widening = Widening(bounds, wider)
        found = {name: blend(name, [told(answers[name])], [1.0], widening) for name in names}
        values = {name: one.reading.value for name, one in answers.items() if one.reading.value is not None}
        said = Estimate(
            method, learned.how, prediction.size, found, tuple(warnings), experts={"dle": values}, stretched=wider
        )
        return withhold(said, past)


def told(answer: Answer) -> Answer:
    """The answer, with the reason where a metric needs more than means."""
    return answer if answer.reading.value is not None else Answer(Reading(None, note=MEANS_ONLY))


def extremes(
    cells: LossCells, expected: Floats, alone: Bools, losses: Floats, names: Sequence[str]
) -> dict[str, list[float]]:
    """Every metric if the rows marked `alone` had no error, or the reference's worst, to either side."""
    worst = np.quantile(np.abs(losses), WORST, axis=0)
    found: dict[str, list[float]] = {name: [] for name in names}
    for factor, sign in ((0.0, 1.0), (1.0, 1.0), (1.0, -1.0)):
        there = worst * factor
        there[BIAS] *= sign
        there[NONZERO] = 1.0
        for name, value in read_values(cells.expect(np.where(alone[:, None], there, expected)), names).items():
            found[name].append(value)
    return found


def no_question(prediction: Floats, usable: Bools, grid: RegressionGrid) -> str | None:
    """Why a window has nothing to estimate from, None where it has."""
    rows, n = prediction.size, int(usable.sum())
    if rows == 0:
        return "the window has no rows"
    what = f"a finite prediction in {grid.prediction!r}" if grid.prediction else "a prediction: the schema names none"
    if n == 0:
        return f"none of the {rows:,} rows has {what}"
    return None if n >= caution.ROWS else f"the window has {counted(n, 'row')} with {what}, needs {caution.ROWS}"


def unusable(prediction: Floats, label: Floats) -> str | None:
    """Why the reference (its labelled rows that have a prediction) allows no estimate, None where it does."""
    if label.size < caution.LABELS:
        return f"the reference has {label.size:,} rows with a label and a prediction, needs {caution.LABELS}"
    if np.ptp(label) == 0:
        return f"all labels of the reference are {label[0]:g}"
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isfinite(losses_of(prediction, label)).all():
            return "errors of the reference are too large to be squared"
    return None


def regressor(frame: pl.DataFrame, schema: Schema, grid: OutcomeGrid) -> Estimator:
    """Learn the estimator of a regression; one that refuses, with the reason, where the reference allows none.

    Raises:
        ProfileError: the grid isn't a regression's.
    """
    if not isinstance(grid, RegressionGrid):
        raise ProfileError("this grid doesn't count errors", where="estimate", expected="a regression grid")
    label, prediction = score_rows(frame, grid.label), score_rows(frame, grid.prediction)
    known = np.flatnonzero(np.isfinite(label) & np.isfinite(prediction))
    reason = unusable(prediction[known], label[known])
    if reason is not None:
        return Refusing(reason, Task.REGRESSION)
    return Regressor(learn(frame[known], schema, grid, losses_of(prediction[known], label[known])))


def learn(frame: pl.DataFrame, schema: Schema, grid: RegressionGrid, losses: Floats) -> LearnedLosses:
    """Learn the losses (float64[n, 5]) of labelled reference rows that have a prediction."""
    features = Features.fit(frame, schema).beside(frame, grid.prediction)
    kept = thinned(frame.height)
    codes, told = features.codes(frame), losses[kept]
    unlike, codes = Unlike.fit(features, codes), codes[kept]
    folds = split(kept.size)
    with one_thread():
        pairs = [learn_loss(codes, told[:, k], folds, features.categorical) for k in range(len(LOSSES))]
    own = np.column_stack([expected for _, expected in pairs])
    models = tuple(model for model, _ in pairs)
    return LearnedLosses(grid, features, unlike, codes, told, own, models, noise_of(told, own), frame.height)


def thinned(rows: int) -> Ints:
    """int64[k]: the rows that are learned from, in order, at random and always the same."""
    if rows <= LEARNED:
        return np.arange(rows)
    return np.sort(np.random.default_rng(SEED).permutation(rows)[:LEARNED])


def noise_of(losses: Floats, own: Floats) -> Floats:
    """float64[5]: the variance of each loss around its expectation, over the square of the expectation."""
    off, size = ((losses - own) ** 2).mean(axis=0), (own**2).mean(axis=0)
    found: Floats = np.divide(off, size, out=np.zeros(size.size), where=size > 0)
    return found
