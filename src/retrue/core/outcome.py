"""What predictions, scores and labels look like together: counts by label, per-event sums. They add up like columns.

Each task has a state (`BinaryOutcome`, `MulticlassOutcome`, `RegressionOutcome`, `RankingOutcome`); the grids that
count them are in `retrue.core.outcome_grid`. Rows without a label are counted too: coverage is part of the outcome.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from retrue.core.column import ColumnProfile, prefixed, within
from retrue.core.state import Counts, Fields, Floats, Ints, Moments, State, Sums, added, counted, same
from retrue.errors import ProfileError


class Outcome(State):
    """Abstract: the outcome of a set of events for one task."""

    task: ClassVar[str]
    labelled: float
    """Rows whose label is known; whole, unless weighted."""
    unlabelled: float
    """Rows whose label isn't known (yet)."""

    @property
    def coverage(self) -> float | None:
        """Share of rows whose label is known, None without rows."""
        rows = self.labelled + self.unlabelled
        return self.labelled / rows if rows else None

    @abstractmethod
    def scaled(self, factor: float) -> Outcome:
        """The same events, each counted `factor` times."""

    def without_labels(self) -> Outcome | None:
        """The same events as if no label were known yet; None where nothing would be left to read."""
        return None


@dataclass(frozen=True, eq=False)
class BinaryOutcome(Outcome):
    """Binary classification.

    Attributes:
        cuts: float64[m] of the score; 0, 0.01 ... 1 are among them, so counts at those thresholds are exact.
        counts: int64[m + 2, 3]: score bin x (label 0, label 1, no label); the last row is events without a score.
        score_sums: float64[m + 2, 3]: the sum of the scores in each of these cells.
        matrix: int64[2, 2]: label x prediction of labelled events that have a prediction.
        losses: per-event `log_loss` and `brier` of labelled events that have a score in [0, 1].
        waiting: int64[2]: events without a label, by prediction.
    """

    state: ClassVar[str] = "binary"
    task: ClassVar[str] = "binary"
    cuts: Floats
    counts: Counts
    score_sums: Floats
    matrix: Counts
    losses: Mapping[str, Sums]
    waiting: Counts = field(default_factory=lambda: np.zeros(2, np.int64))

    def __add__(self, other: Self) -> Self:
        same_cuts(self.cuts, other.cuts)
        return type(self)(
            self.cuts,
            self.counts + other.counts,
            self.score_sums + other.score_sums,
            self.matrix + other.matrix,
            {k: v + other.losses[k] for k, v in self.losses.items()},
            self.waiting + other.waiting,
        )

    def subtract(self, other: Self) -> Self:
        same_cuts(self.cuts, other.cuts)
        return type(self)(
            self.cuts,
            self.counts - other.counts,
            self.score_sums - other.score_sums,
            self.matrix - other.matrix,
            {k: v.subtract(other.losses[k]) for k, v in self.losses.items()},
            self.waiting - other.waiting,
        )

    def scaled(self, factor: float) -> BinaryOutcome:
        counts, sums, matrix = self.counts * factor, self.score_sums * factor, self.matrix * factor
        losses = scaled_sums(self.losses, factor)
        return BinaryOutcome(self.cuts, counts, sums, matrix, losses, self.waiting * factor)

    @property
    def labelled(self) -> float:  # type: ignore[override]
        return added(self.counts[:, :2])

    @property
    def unlabelled(self) -> float:  # type: ignore[override]
        return added(self.counts[:, 2])

    def without_labels(self) -> BinaryOutcome:
        nothing = np.zeros_like(self.counts[:, 0])
        counts = np.column_stack([nothing, nothing, self.counts.sum(axis=1)])
        sums = np.column_stack([nothing * 0.0, nothing * 0.0, self.score_sums.sum(axis=1)])
        predicted = self.waiting + self.matrix.sum(axis=0)
        losses = {name: Sums() for name in self.losses}
        return BinaryOutcome(self.cuts, counts, sums, np.zeros((2, 2), counts.dtype), losses, predicted)

    @property
    def scored(self) -> Counts:
        """int64[m + 1, 2]: labelled events that have a score, by score bin and label."""
        return self.counts[:-1, :2]

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {
            "cuts": self.cuts,
            "counts": self.counts.ravel(),
            "score_sums": self.score_sums.ravel(),
            "matrix": self.matrix.ravel(),
            "waiting": self.waiting,
            **pack_sums(self.losses),
        }

    @classmethod
    def from_fields(cls, fields: Fields) -> Self:
        cuts = np.asarray(fields["cuts"], np.float64)
        shape = (cuts.size + 2, 3)
        return cls(
            cuts,
            counted(fields["counts"]).reshape(shape),
            np.asarray(fields["score_sums"], np.float64).reshape(shape),
            counted(fields["matrix"]).reshape(2, 2),
            unpack_sums(fields),
            counted(fields["waiting"] if "waiting" in fields else np.zeros(2, np.int64)),
        )


@dataclass(frozen=True, eq=False)
class MulticlassOutcome(Outcome):
    """Multiclass classification with C known classes.

    Attributes:
        classes: the C class names, as text.
        cuts: float64[m] of every class's score.
        matrix: int64[C + 1, C + 1]: label x prediction of labelled events; the last row and column: any other class.
        one_vs_rest: int64[C, m + 1, 2]: for each class its score's bin x (label is another, label is this class).
        losses: per-event `log_loss` of labelled events that have a score for their class.
        missing: int64[2]: labelled events without a prediction, and events without a label.
        chosen: int64[C + 1, k + 2, 3]: predicted class (last: any other) x its own score's bin (last: no score) x
            (label is another, label is it, no label); None where an older version counted. See `retrue.core.chosen`.
    """

    state: ClassVar[str] = "multiclass"
    task: ClassVar[str] = "multiclass"
    classes: tuple[str, ...]
    cuts: Floats
    matrix: Counts
    one_vs_rest: Counts
    losses: Mapping[str, Sums]
    missing: Counts
    chosen: Counts | None = None

    def __add__(self, other: Self) -> Self:
        self.check(other)
        return type(self)(
            self.classes,
            self.cuts,
            self.matrix + other.matrix,
            self.one_vs_rest + other.one_vs_rest,
            {k: v + other.losses[k] for k, v in self.losses.items()},
            self.missing + other.missing,
            None if self.chosen is None or other.chosen is None else self.chosen + other.chosen,
        )

    def subtract(self, other: Self) -> Self:
        self.check(other)
        return type(self)(
            self.classes,
            self.cuts,
            self.matrix - other.matrix,
            self.one_vs_rest - other.one_vs_rest,
            {k: v.subtract(other.losses[k]) for k, v in self.losses.items()},
            self.missing - other.missing,
            None if self.chosen is None or other.chosen is None else self.chosen - other.chosen,
        )

    def scaled(self, factor: float) -> MulticlassOutcome:
        matrix, rest, missing = self.matrix * factor, self.one_vs_rest * factor, self.missing * factor
        chosen = None if self.chosen is None else self.chosen * factor
        losses = scaled_sums(self.losses, factor)
        return MulticlassOutcome(self.classes, self.cuts, matrix, rest, losses, missing, chosen)

    def check(self, other: MulticlassOutcome) -> None:
        """Raise ProfileError unless both know the same classes on the same cuts."""
        same_cuts(self.cuts, other.cuts)
        if self.classes != other.classes:
            raise ProfileError(
                "outcomes of different classes don't add up",
                expected=f"{', '.join(self.classes)}, got {', '.join(other.classes)}",
                hint="count both with the reference's classes",
            )

    @property
    def labelled(self) -> float:  # type: ignore[override]
        return added(self.matrix) + added(self.missing[0])

    @property
    def unlabelled(self) -> float:  # type: ignore[override]
        return added(self.missing[1])

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {
            "classes": list(self.classes),
            "cuts": self.cuts,
            "matrix": self.matrix.ravel(),
            "one_vs_rest": self.one_vs_rest.ravel(),
            "missing": self.missing,
            **({} if self.chosen is None else {"chosen": self.chosen.ravel()}),
            **pack_sums(self.losses),
        }

    @classmethod
    def from_fields(cls, fields: Fields) -> Self:
        classes = tuple(map(str, fields["classes"]))
        cuts = np.asarray(fields["cuts"], np.float64)
        c = len(classes)
        return cls(
            classes,
            cuts,
            counted(fields["matrix"]).reshape(c + 1, c + 1),
            counted(fields["one_vs_rest"]).reshape(c, cuts.size + 1, 2),
            unpack_sums(fields),
            counted(fields["missing"]),
            counted(fields["chosen"]).reshape(c + 1, -1, 3) if "chosen" in fields else None,
        )


@dataclass(frozen=True, eq=False)
class RegressionOutcome(Outcome):
    """Regression.

    Attributes:
        errors: the profile of prediction - label over labelled events, on the error grid.
        labels: moments of the labels of the same events, in the label's unit.
        losses: per-event `mae` |e|, `mse` e^2, `bias` e, and `mape` |e| / |label| where the label isn't 0.
        unpredicted: labelled events without a prediction.
        waiting: events without a label.
    """

    state: ClassVar[str] = "regression"
    task: ClassVar[str] = "regression"
    errors: ColumnProfile
    labels: Moments
    losses: Mapping[str, Sums]
    unpredicted: float = 0
    waiting: float = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.errors + other.errors,
            self.labels + other.labels,
            {k: v + other.losses[k] for k, v in self.losses.items()},
            self.unpredicted + other.unpredicted,
            self.waiting + other.waiting,
        )

    def subtract(self, other: Self) -> Self:
        return type(self)(
            self.errors.subtract(other.errors),
            self.labels.subtract(other.labels),
            {k: v.subtract(other.losses[k]) for k, v in self.losses.items()},
            self.unpredicted - other.unpredicted,
            self.waiting - other.waiting,
        )

    def scaled(self, factor: float) -> RegressionOutcome:
        missing = self.unpredicted * factor, self.waiting * factor
        errors, labels = self.errors.scaled(factor), self.labels.scaled(factor)
        return RegressionOutcome(errors, labels, scaled_sums(self.losses, factor), *missing)

    @property
    def labelled(self) -> float:  # type: ignore[override]
        return self.errors.rows + self.unpredicted

    @property
    def unlabelled(self) -> float:  # type: ignore[override]
        return self.waiting

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {
            **prefixed("errors", self.errors.fields()),
            **prefixed("labels", self.labels.fields()),
            "missing": np.array([self.unpredicted, self.waiting]),
            **pack_sums(self.losses),
        }

    @classmethod
    def from_fields(cls, fields: Fields) -> Self:
        return cls(
            ColumnProfile.from_fields(within("errors", fields)),
            Moments.from_fields(within("labels", fields)),
            unpack_sums(fields),
            *counted(fields["missing"]).tolist(),
        )

    def agrees(self, other: object) -> bool:
        return (
            isinstance(other, RegressionOutcome)
            and self.errors.agrees(other.errors)
            and self.labels.agrees(other.labels)
            and same(np.array([self.unpredicted, self.waiting]), np.array([other.unpredicted, other.waiting]))
            and all(v.agrees(other.losses[k]) for k, v in self.losses.items())
        )


@dataclass(frozen=True, eq=False)
class RankingOutcome(Outcome):
    """Ranking: each event is one list of items, best first, and the items that were relevant.

    Attributes:
        k: how many items of each list count.
        losses: per-event `hit_rate`, `ndcg`, `mrr`, `map` at k, and `popularity`, the mean reference share of the
            recommended items.
        waiting: events without a label.
    """

    state: ClassVar[str] = "ranking"
    task: ClassVar[str] = "ranking"
    k: int
    losses: Mapping[str, Sums]
    waiting: float = 0

    def __add__(self, other: Self) -> Self:
        self.check(other)
        added = {name: sums + other.losses[name] for name, sums in self.losses.items()}
        return type(self)(self.k, added, self.waiting + other.waiting)

    def subtract(self, other: Self) -> Self:
        self.check(other)
        left = {name: sums.subtract(other.losses[name]) for name, sums in self.losses.items()}
        return type(self)(self.k, left, self.waiting - other.waiting)

    def scaled(self, factor: float) -> RankingOutcome:
        return RankingOutcome(self.k, scaled_sums(self.losses, factor), self.waiting * factor)

    def check(self, other: RankingOutcome) -> None:
        """Raise ProfileError unless both cut their lists at the same k."""
        if self.k != other.k:
            raise ProfileError("rankings cut at different k don't add up", expected=f"k = {self.k}, got {other.k}")

    @property
    def labelled(self) -> float:  # type: ignore[override]
        return self.losses["hit_rate"].n

    @property
    def unlabelled(self) -> float:  # type: ignore[override]
        return self.waiting

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {"k": np.array([self.k]), "missing": np.array([self.waiting]), **pack_sums(self.losses)}

    @classmethod
    def from_fields(cls, fields: Fields) -> Self:
        return cls(int(fields["k"][0]), unpack_sums(fields), counted(fields["missing"]).item())


def same_cuts(mine: Floats, theirs: Floats) -> None:
    """Raise ProfileError unless both outcomes use the same cuts."""
    if mine is not theirs and not np.array_equal(mine, theirs):
        raise ProfileError("outcomes on different score grids don't add up", hint="count both on the reference's grid")


def scaled_sums(losses: Mapping[str, Sums], factor: float) -> dict[str, Sums]:
    """Named sums, each event counted `factor` times."""
    return {name: sums.scaled(factor) for name, sums in losses.items()}


def pack_sums(losses: Mapping[str, Sums]) -> dict[str, Ints | Floats | list[str]]:
    """Write named sums as fields."""
    packed: dict[str, Ints | Floats | list[str]] = {}
    for name, sums in losses.items():
        packed |= prefixed(f"losses/{name}", sums.fields())
    return packed


def unpack_sums(fields: Fields) -> dict[str, Sums]:
    """Read what `pack_sums` wrote, in the same order."""
    losses = within("losses", fields)
    names = dict.fromkeys(key.rsplit("/", 1)[0] for key in losses)
    return {name: Sums.from_fields(within(name, losses)) for name in names}
