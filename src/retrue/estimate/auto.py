"""The estimator of classifiers: several experts, and the blend of them that is right most often.

    window ─┬─ cbpe            calibrated score                          right if P(y | score) stays
            ├─ outcome model   boosted correction from the features      right if P(y | x) stays, where it learned
            ├─ pape, m-cbpe    calibration weighted by density ratio     the same, where the reference has such rows
            └─ importance      the reference's own labels, weighted      the same, noisier

`auto` is the mean of the outcome model and PAPE, which err in different ways; with a record of matured windows each
counts by how it did. What the experts can't know is told: rows without neighbours in the reference, base rates that
moved, and estimates that labels have refuted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from retrue.core.outcome_grid import BinaryGrid, MulticlassGrid, OutcomeGrid
from retrue.errors import ProfileError
from retrue.estimate import caution
from retrue.estimate.estimate import Estimate, refuse
from retrue.estimate.estimator import Estimator, Refusing, asked
from retrue.estimate.events import look
from retrue.estimate.learned import Learned, learn
from retrue.estimate.question import Question
from retrue.estimate.record import Matured
from retrue.schema import Schema, Task
from retrue.tables import read

METHODS = ("auto", "cbpe", "m-cbpe", "pape", "outcome model", "importance")
"""What `estimate` can be asked for."""


@dataclass(frozen=True, eq=False)
class Classifier(Estimator):
    """The estimator of a classifier.

    Attributes:
        task: binary or multiclass.
        learned: what was learned of the reference.
        by_time: whether a window's rows are told from the reference's in blocks of time, so that what the rows of one
            hour share (its weather, its prices) doesn't make them unlike all others.
    """

    task: Task
    learned: Learned
    by_time: bool = False

    def estimate(
        self,
        window: Any,
        *,
        method: str = "auto",
        metrics: Sequence[str] | None = None,
        past: Sequence[Matured] = (),
    ) -> Estimate:
        names = asked(method, METHODS, metrics, self.task)
        question = self.ask(read(window).collect(), names)
        reason = caution.no_question(question.frame.height, question.events, self.learned.grid)
        beyond = float(question.beyond.mean()) if reason is None else 0.0
        if beyond > caution.MOST:  # told at once, before classifiers are trained
            reason = caution.unlike_anything(beyond, question.events.n)
        if reason is None and question.apart > caution.MOST:
            reason = caution.unlike_anything(question.apart, question.events.n)
        if reason is not None:
            return refuse(method, reason, names, question.events.n)
        return question.blended(past) if method == "auto" else question.by_one(method, past)

    def ask(self, frame: pl.DataFrame, names: Sequence[str]) -> Question:
        """Ask about the rows of a window."""
        return Question(self.learned, frame, look(self.learned.grid, frame), tuple(names), self.by_time)


def classifier(frame: pl.DataFrame, schema: Schema, grid: OutcomeGrid) -> Estimator:
    """Learn the estimator of a classifier; one that refuses, with the reason, where the reference allows none.

    Raises:
        ProfileError: the grid isn't a classifier's.
    """
    if not isinstance(grid, BinaryGrid | MulticlassGrid) or schema.task is None:
        raise ProfileError("this grid doesn't count classes", where="estimate", expected="a binary or multiclass grid")
    found = learn(frame, schema, grid)
    return Refusing(found, schema.task) if isinstance(found, str) else Classifier(schema.task, found)
