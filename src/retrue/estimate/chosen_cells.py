"""Groups of a multiclass model's rows, by predicted class and its score's bin, as an expected confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retrue.core.outcome import MulticlassOutcome
from retrue.core.state import Bools, Counts, Floats, Ints, Sums
from retrue.estimate.expected import TOTAL, whole


@dataclass(frozen=True, eq=False)
class ChosenCells:
    """Groups of rows that have the same predicted class and the same bin of its score.

    Attributes:
        classes: the C class names.
        cuts: float64[m] of every class's score.
        predicted: int64[g], the predicted class, 0 to C - 1.
        bins: int64[g], the bin of its score.
        weight: float64[g], how many rows each stands for.
        instead: float64[C + 1, C + 1], label x prediction: what is right where a prediction is wrong; columns sum to 1.
    """

    classes: tuple[str, ...]
    cuts: Floats
    predicted: Ints
    bins: Ints
    weight: Floats
    instead: Floats

    @classmethod
    def of(cls, window: MulticlassOutcome, chosen: Counts, reference: MulticlassOutcome) -> ChosenCells:
        """The groups of a window that hold rows; mistakes are spread as the reference's are."""
        rows = chosen[:-1, :-1].sum(axis=2)
        predicted, bins = np.nonzero(rows)
        weight = rows[predicted, bins].astype(np.float64)
        return cls(window.classes, window.cuts, predicted, bins, weight, mistakes(reference))

    @cached_property
    def counts(self) -> Floats:
        """float64[g]: how many of all counts each is."""
        return self.weight * (TOTAL / float(self.weight.sum()))

    def expect(self, chance: Floats) -> MulticlassOutcome:
        """The expected outcome, in `TOTAL` counts: its confusion matrix alone.

        Args:
            chance: float64[g], P(the predicted class is right).
        """
        c = len(self.classes)
        right = np.bincount(self.predicted, self.counts * chance, c + 1)
        wrong = np.bincount(self.predicted, self.counts * (1 - chance), c + 1)
        matrix = np.diag(right) + self.instead * wrong
        rest = np.zeros((c, self.cuts.size + 1, 2), np.int64)
        return MulticlassOutcome(self.classes, self.cuts, whole(matrix), rest, {"log_loss": Sums()}, np.zeros(2, int))

    def truth(self, chance: Floats, *, right: bool) -> Floats:
        """Chances that make every prediction right, or wrong."""
        return np.full_like(chance, float(right))


def mistakes(reference: MulticlassOutcome) -> Floats:
    """float64[C + 1, C + 1]: the shares of labels among the wrong predictions of each class.

    Where a class was never predicted wrong, they are the shares of the other labels altogether.
    """
    wrong = reference.matrix.astype(np.float64)
    labels = np.repeat(wrong.sum(axis=1, keepdims=True) + 1e-9, wrong.shape[1], axis=1)
    for table in (wrong, labels):
        np.fill_diagonal(table, 0.0)
    never: Bools = wrong.sum(axis=0) == 0
    wrong[:, never] = labels[:, never]
    found: Floats = wrong / wrong.sum(axis=0)
    return found
