"""How outcomes are counted: the score, error and class grids that a reference fixes, one class for each task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import polars as pl

from retrue.core.chosen import count_chosen
from retrue.core.column import ColumnProfile, prefixed, within
from retrue.core.count import bin_amounts, count_numbers
from retrue.core.grid import Grid, NumericGrid, quantile_cuts
from retrue.core.losses import binary_losses, own_loss, pack_worth, regression_losses, unpack_worth, worth_sums
from retrue.core.outcome import BinaryOutcome, MulticlassOutcome, Outcome, RegressionOutcome
from retrue.core.spellings import spellings
from retrue.core.state import Bools, Counts, Fields, Floats, Ints, Moments, Sums
from retrue.core.values import number_rows, text_rows
from retrue.core.weighing import amount, only, weigh, weigh_scores
from retrue.core.weighted import OUTCOMES, WeightedOutcome
from retrue.errors import ProfileError

SCORE_RESOLUTION = 512
"""Quantile bins of a score; the hundredths are added, so that usual thresholds are exact."""
PROBABILITIES = 0.95
"""Scores are probabilities where so large a share lies in [0, 1]: a rounding error is no other scale."""
THRESHOLD = 0.5
"""The score from which an event counts as predicted positive, where no prediction column says so."""
PLAIN = pl.col("t").str.strip_chars().str.to_lowercase()
"""A label's text as it is compared."""

REGISTRY: dict[str, type[OutcomeGrid]] = {}
"""Every outcome grid by task."""


class OutcomeGrid(ABC):
    """Counts the outcomes of one task. Concrete subclasses are frozen dataclasses that name their `task`."""

    task: ClassVar[str]
    label: str | None
    """The column of the truth."""
    score_metric: ClassVar[str]
    """The metric that is the mean of `event_scores`."""
    higher_is_better: ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        REGISTRY[cls.task] = cls

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns that `count` reads."""

    @abstractmethod
    def count(self, frame: pl.DataFrame, weights: Floats | None = None) -> Outcome:
        """Count the outcomes of one batch; a column that isn't there counts as all null.

        Args:
            frame: the events.
            weights: float64[rows], what each counts for; None: one.
        """

    def weigh(self, frame: pl.DataFrame, weights: Floats) -> WeightedOutcome:
        """Count the outcomes of one batch, each row as its weight says (float64[rows], all above 0)."""
        squares, events = self.count(frame, weights * weights), self.count(frame)
        return OUTCOMES[self.task].of(
            self.count(frame, weights),
            np.array([squares.labelled, squares.unlabelled], np.float64),
            np.array([events.labelled, events.unlabelled], np.int64),
        )

    def counts_label(self, series: pl.Series) -> Bools:
        """bool[rows]: whether `count` takes the row for labelled, by its label."""
        return series.is_not_null().to_numpy()

    @property
    def odd_labels(self) -> str:
        """What labels are that are there and don't count, in words."""
        return "labels that can't be read"

    @abstractmethod
    def event_scores(self, frame: pl.DataFrame) -> Floats:
        """float64[rows]: how well each event was predicted, NaN where unknown; its mean is `score_metric`."""

    @abstractmethod
    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        """The grid as named arrays."""

    @classmethod
    @abstractmethod
    def from_own_fields(cls, fields: Fields) -> OutcomeGrid:
        """Rebuild the grid from `fields()`."""

    def all_fields(self) -> dict[str, Ints | Floats | list[str]]:
        """`fields()` with the task's name."""
        return {"task": [self.task], **self.fields()}

    @staticmethod
    def from_fields(fields: Fields) -> OutcomeGrid:
        """Rebuild the grid that `all_fields()` wrote."""
        return REGISTRY[str(fields["task"][0])].from_own_fields(fields)

    def empty(self) -> Outcome:
        """The outcome of no rows."""
        return self.count(pl.DataFrame())


def column(frame: pl.DataFrame, name: str | None) -> pl.Series:
    """The column, or as many nulls where there is none."""
    if name is not None and name in frame.columns:
        return frame[name]
    return pl.Series(name or "", [None], dtype=pl.Null).new_from_index(0, frame.height)


def score_rows(frame: pl.DataFrame, name: str | None) -> Floats:
    """float64[rows]: the scores, NaN where there is none."""
    return number_rows(column(frame, name)).to_numpy()  # nulls become NaN


def score_cuts(scores: Floats) -> Floats:
    """Cuts for scores: quantiles, and the hundredths where they are probabilities: nearly all lie in [0, 1]."""
    finite = np.sort(scores[np.isfinite(scores)]) + 0.0
    cuts = quantile_cuts(finite, SCORE_RESOLUTION)
    inside = finite.searchsorted(1.0, side="right") - finite.searchsorted(0.0)
    if inside < PROBABILITIES * finite.size:
        return cuts
    return np.unique(np.concatenate([cuts, np.arange(101) / 100, [np.nextafter(1.0, 2.0)]]))


@dataclass(frozen=True, eq=False)
class BinaryGrid(OutcomeGrid):
    """Binary outcomes.

    Attributes:
        label: the column of the truth. score: that of the probability. prediction: that of the decision.
        positive: the label's text that counts as 1.
        cuts: float64[m] of the score.
        negative: the text that counts as 0, any other than `positive` where it is None. What is neither is no label.
        worth: float64[2, 2], what each prediction of each label is worth; None where nobody said.
    """

    task: ClassVar[str] = "binary"
    score_metric: ClassVar[str] = "accuracy"
    label: str | None
    score: str | None
    prediction: str | None
    positive: str
    cuts: Floats
    negative: str | None = None
    worth: Floats | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(c for c in (self.label, self.score, self.prediction) if c is not None)

    def truth(self, series: pl.Series) -> Ints:
        """int64[rows]: 1 where the text is `positive`, 0 where it is `negative`, 2 where it is neither or null."""
        if series.null_count() == len(series):
            return np.full(len(series), 2)
        # In one go: this is asked of each window of each slice, where each step costs more than its rows.
        text = text_rows(series).alias("t").to_frame().lazy()
        return text.select(PLAIN).select(self.code).collect()["t"].to_numpy()

    @cached_property
    def code(self) -> pl.Expr:
        """What `truth` makes of the plain texts `t`."""
        negative = pl.lit(value=True) if self.negative is None else pl.col("t").is_in(spellings(self.negative))
        coded = (
            pl.when(pl.col("t").is_in(spellings(self.positive))).then(1)
            .when(pl.col("t").is_not_null() & negative).then(0)
            .otherwise(2)
        )  # fmt: skip
        return coded.cast(pl.Int64).alias("t")

    def counts_label(self, series: pl.Series) -> Bools:
        return self.truth(series) < 2

    @property
    def odd_labels(self) -> str:
        return f"labels of neither class, expected {self.negative!r} or {self.positive!r}"

    def predicted(self, frame: pl.DataFrame) -> Ints:
        """int64[rows]: 1, 0, or 2 where there is no prediction."""
        if self.prediction is not None and self.prediction in frame.columns:
            return self.truth(frame[self.prediction])
        scores = score_rows(frame, self.score)
        return np.where(np.isnan(scores), 2, (scores >= THRESHOLD).astype(np.int64))

    def count(self, frame: pl.DataFrame, weights: Floats | None = None) -> BinaryOutcome:
        label, scores = self.truth(column(frame, self.label)), score_rows(frame, self.score)
        of_label = [label == value for value in (0, 1, 2)]
        parts = [count_scores(scores[rows], self.cuts, only(weights, rows)) for rows in of_label]
        counts, sums = (np.column_stack(both) for both in zip(*parts, strict=True))
        known = np.flatnonzero(label < 2)
        by_label = label_predictions(label, self.predicted(frame), weights)
        matrix, waiting = by_label[:2], by_label[2]
        losses = binary_losses(label[known], scores[known], only(weights, known)) | worth_sums(matrix, self.worth)
        return BinaryOutcome(self.cuts, counts, sums, matrix, losses, waiting)

    def event_scores(self, frame: pl.DataFrame) -> Floats:
        label, predicted = self.truth(column(frame, self.label)), self.predicted(frame)
        return np.where((label < 2) & (predicted < 2), (label == predicted).astype(np.float64), np.nan)

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        named = roles(self.label, self.score, self.prediction, self.positive, self.negative)
        return {"columns": named, "cuts": self.cuts, **pack_worth(self.worth)}

    @classmethod
    def from_own_fields(cls, fields: Fields) -> BinaryGrid:
        label, score, prediction, positive, negative = unroles(fields["columns"])
        cuts = np.asarray(fields["cuts"], np.float64)
        return cls(label, score, prediction, positive or "1", cuts, negative, unpack_worth(fields))


def count_scores(scores: Floats, cuts: Floats, weights: Floats | None = None) -> tuple[Counts, Floats]:
    """[m + 2] and float64[m + 2]: how many scores each bin holds, and their sum; last where there is none."""
    if weights is not None:
        return weigh_scores(scores, cuts, weights)
    found = count_numbers(scores, cuts)
    counts = np.append(found.counts, found.nan)
    counts[0] += found.minus
    counts[-2] += found.plus
    return counts, np.append(found.sums, 0.0)


def label_predictions(label: Ints, predicted: Ints, weights: Floats | None = None) -> Counts:
    """[3, 2]: label (0, 1, not known) x prediction, where there is one."""
    told = predicted < 2
    return bin_amounts(label[told] * 2 + predicted[told], 6, only(weights, told)).reshape(3, 2)


@dataclass(frozen=True, eq=False)
class MulticlassGrid(OutcomeGrid):
    """Multiclass outcomes: `scores` maps a class to its score's column and may be empty; `worth` as in `BinaryGrid`."""

    task: ClassVar[str] = "multiclass"
    score_metric: ClassVar[str] = "accuracy"
    label: str | None
    prediction: str | None
    scores: Mapping[str, str]
    classes: tuple[str, ...]
    cuts: Floats
    worth: Floats | None = None

    def __post_init__(self) -> None:
        if not self.classes:
            raise ProfileError("a multiclass outcome without classes", hint="name the classes, or the scores' classes")

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(c for c in (self.label, self.prediction, *self.scores.values()) if c is not None)

    def index(self, series: pl.Series) -> Ints:
        """int64[rows]: the class, C for any other, C + 1 where null."""
        text = text_rows(series)
        codes = text.cast(pl.Enum(self.classes), strict=False).to_physical().cast(pl.Int64).fill_null(len(self.classes))
        found = codes.to_numpy().copy()
        found[text.is_null().to_numpy()] = len(self.classes) + 1
        return found

    def counts_label(self, series: pl.Series) -> Bools:
        return self.index(series) <= len(self.classes)

    def probabilities(self, frame: pl.DataFrame) -> Floats:
        """float64[rows, C]: the score of each class, NaN where there is none."""
        return np.column_stack([score_rows(frame, self.scores.get(c)) for c in self.classes])

    def predicted(self, frame: pl.DataFrame, probabilities: Floats) -> Ints:
        """int64[rows]: the predicted class, the most probable one where no column says so."""
        if self.prediction is not None and self.prediction in frame.columns:
            return self.index(frame[self.prediction])
        known = ~np.isnan(probabilities).all(axis=1)
        best = np.nan_to_num(probabilities, nan=-np.inf).argmax(axis=1)
        return np.where(known, best, len(self.classes) + 1).astype(np.int64)

    def count(self, frame: pl.DataFrame, weights: Floats | None = None) -> MulticlassOutcome:
        c = len(self.classes)
        label, probabilities = self.index(column(frame, self.label)), self.probabilities(frame)
        predicted = self.predicted(frame, probabilities)
        labelled, both = label <= c, (label <= c) & (predicted <= c)
        matrix = bin_amounts(label[both] * (c + 1) + predicted[both], (c + 1) ** 2, only(weights, both))
        missing = np.array([amount(labelled & (predicted > c), weights), amount(~labelled, weights)])
        rest: Counts = np.stack([self.against_rest(label, probabilities[:, i], i, weights) for i in range(c)])
        rows, losses = own_loss(label, probabilities)
        square = matrix.reshape(c + 1, c + 1)
        chosen = count_chosen(label, predicted, probabilities, self.cuts, weights)
        sums = {"log_loss": Sums.of(losses, only(weights, rows)), **worth_sums(square[:c, :c], self.worth)}
        return MulticlassOutcome(self.classes, self.cuts, square, rest, sums, missing, chosen)

    def against_rest(self, label: Ints, scores: Floats, which: int, weights: Floats | None) -> Counts:
        """[m + 1, 2]: the score bins of one class by whether the label is that class."""
        valid = (label <= len(self.classes)) & ~np.isnan(scores)
        bins = np.searchsorted(self.cuts, scores[valid], side="right")
        cell = bins * 2 + (label[valid] == which)
        return bin_amounts(cell, (self.cuts.size + 1) * 2, only(weights, valid)).reshape(-1, 2)

    def event_scores(self, frame: pl.DataFrame) -> Floats:
        label = self.index(column(frame, self.label))
        predicted = self.predicted(frame, self.probabilities(frame))
        known = (label <= len(self.classes)) & (predicted <= len(self.classes))
        return np.where(known, (label == predicted).astype(np.float64), np.nan)

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {
            "columns": roles(self.label, self.prediction),
            "classes": list(self.classes),
            "score_classes": list(self.scores),
            "score_columns": list(self.scores.values()),
            "cuts": self.cuts,
            **pack_worth(self.worth),
        }

    @classmethod
    def from_own_fields(cls, fields: Fields) -> MulticlassGrid:
        label, prediction = unroles(fields["columns"])
        scores = dict(zip(map(str, fields["score_classes"]), map(str, fields["score_columns"]), strict=True))
        cuts = np.asarray(fields["cuts"], np.float64)
        return cls(label, prediction, scores, tuple(map(str, fields["classes"])), cuts, unpack_worth(fields))


@dataclass(frozen=True, eq=False)
class RegressionGrid(OutcomeGrid):
    """Regression outcomes: errors are prediction - label, counted on the grid of the reference's errors."""

    task: ClassVar[str] = "regression"
    score_metric: ClassVar[str] = "mae"
    higher_is_better: ClassVar[bool] = False
    label: str | None
    prediction: str | None
    errors: NumericGrid

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(c for c in (self.label, self.prediction) if c is not None)

    def count(self, frame: pl.DataFrame, weights: Floats | None = None) -> RegressionOutcome:
        label, predicted = score_rows(frame, self.label), score_rows(frame, self.prediction)
        labelled, both = np.isfinite(label), np.isfinite(label) & np.isfinite(predicted)
        y = label[both]
        with np.errstate(over="ignore"):
            error = predicted[both] - y
            losses = regression_losses(y, error, only(weights, both))
        missing = amount(labelled & ~both, weights), amount(~labelled, weights)
        return RegressionOutcome(
            self.profile(error, only(weights, both)), Moments.of(y, only(weights, both)), losses, *missing
        )

    def counts_label(self, series: pl.Series) -> Bools:
        found: Bools = np.isfinite(number_rows(series).fill_null(float("nan")).to_numpy())
        return found

    def profile(self, error: Floats, weights: Floats | None) -> ColumnProfile:
        """The errors on their grid."""
        series = pl.Series(error)
        return self.errors.count(series) if weights is None else weigh(self.errors, series, weights).weights

    def event_scores(self, frame: pl.DataFrame) -> Floats:
        return np.abs(score_rows(frame, self.prediction) - score_rows(frame, self.label))

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {"columns": roles(self.label, self.prediction), **prefixed("errors", self.errors.fields())}

    @classmethod
    def from_own_fields(cls, fields: Fields) -> RegressionGrid:
        label, prediction = unroles(fields["columns"])
        errors = Grid.from_fields(within("errors", fields))
        if not isinstance(errors, NumericGrid):
            raise ProfileError("an error grid must be numeric", expected="cuts", hint="the bytes are damaged")
        return cls(label, prediction, errors)


def error_grid(prediction: Floats, label: Floats) -> NumericGrid:
    """Fit the error grid; without labels, on the spread of the predictions around their median."""
    errors = prediction - label
    errors = errors[np.isfinite(errors)]
    if errors.size == 0:
        finite = prediction[np.isfinite(prediction)]
        spread = finite - np.median(finite) if finite.size else finite
        errors = np.concatenate([spread, -spread])
    return NumericGrid.fit(pl.Series(errors))


def roles(*names: str | None) -> list[str]:
    """Write optional names as texts."""
    return [name or "" for name in names]


def unroles(names: object) -> list[str | None]:
    """Read what `roles` wrote."""
    return [str(name) or None for name in names] if isinstance(names, list) else []
