"""Caution: why there is no estimate, or why it is less sure than it looks, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from retrue.core.outcome_grid import BinaryGrid
from retrue.core.state import Floats
from retrue.estimate.calibrate import expits, logits
from retrue.estimate.events import ClassifierGrid, Events
from retrue.estimate.expected import Cells, ClassCells, logit, read_values
from retrue.estimate.shift import LabelShift
from retrue.metrics.performance.basis import counted

LEAST = 0.01
"""Up to this share of rows without neighbours in the reference nothing is said."""
MOST = 0.2
"""Beyond this share there is no estimate."""
ROWS = 30
"""Rows with a score that a window needs."""
LABELS = 200
"""Labelled reference rows that an estimate needs."""
OF_EACH = 20
"""Labels of the rarer class (of each class that occurs) that an estimate needs."""


def no_question(rows: int, events: Events, grid: ClassifierGrid) -> str | None:
    """Why a window has nothing to estimate from, None where it has."""
    if rows == 0:
        return "the window has no rows"
    if events.n == 0:
        return f"none of the {rows:,} rows has {score_words(grid)}"
    if events.n < ROWS:
        return f"the window has {counted(events.n, 'row')} with a score, needs {ROWS}"
    return constant(events.scores, "window")


def constant(scores: Floats, where: str) -> str | None:
    """Scores that are all the same tell nothing; None where they aren't."""
    return f"all scores of the {where} are {scores[0, 0]:g}" if np.ptp(scores, axis=0).max() == 0 else None


def score_words(grid: ClassifierGrid) -> str:
    """What a row needs, in words."""
    if isinstance(grid, BinaryGrid):
        return f"a score in {grid.score!r}" if grid.score else "a score: the schema names none"
    missing = [name for name in grid.classes if name not in grid.scores]
    return f"a score for class {missing[0]!r}: the schema names none" if missing else "a score for each class"


def unusable(events: Events, grid: ClassifierGrid) -> str | None:
    """Why the reference allows no estimate, None where it does."""
    if events.n < LABELS:
        return f"the reference has {events.n:,} rows with a label and {score_words(grid)}, needs {LABELS}"
    if (reason := constant(events.scores, "reference")) is not None:
        return reason
    of_each = np.append(events.label.sum(axis=0), events.n - events.label.sum(axis=0).sum())
    names = [grid.positive, grid.negative or "the other class"] if isinstance(grid, BinaryGrid) else [*grid.classes]
    held = of_each[: len(names)]
    if isinstance(grid, BinaryGrid) or (held > 0).sum() < 2:
        least = int(held.argmin())
        if held[least] < OF_EACH:
            return f"the reference has {int(held[least]):,} labels of {names[least]!r}, needs {OF_EACH}"
    return None


def share_words(alone: float, rows: int) -> str:
    """A share of rows, in words."""
    return f"{100 * alone:{'.0f' if alone > 0.1 else '.2g'}} % of {rows:,} rows"


def unlike_anything(alone: float, rows: int) -> str:
    """Too many rows lie where the reference has none."""
    return f"{share_words(alone, rows)} lie where the reference has no rows: nothing is known of the model there"


def some_unlike(alone: float, rows: int, held: str = "whatever happens there") -> str:
    """Some rows lie where the reference has none; what intervals hold of them."""
    return f"{share_words(alone, rows)} lie where the reference has no rows: intervals hold {held}"


def rates_moved(shift: LabelShift) -> str:
    """The scores moved as a moved base rate would move them."""
    ends = f"{100 * shift.interval[0]:.3g} to {100 * shift.interval[1]:.3g} %"
    return (
        f"the scores moved as they would if the base rate had gone from {100 * shift.before:.3g} % to"
        f" {100 * shift.base_rate:.3g} % ({ends}): intervals hold that too"
    )


def with_base_rate(
    cells: Cells | ClassCells, chance: Floats, shift: LabelShift, names: Sequence[str]
) -> dict[str, list[float]]:
    """Every metric if the base rate is what label shift says (Saerens, Latinne and Decaestecker 2002, equation 4)."""
    moved = expits(logits(chance) + logit(shift.base_rate) - logit(shift.before))
    return {name: [value] for name, value in read_values(cells.expect(moved), names).items()}


def past_misses(stretch: Mapping[str, float]) -> list[str]:
    """Past intervals were too narrow."""
    worst = max(stretch, key=lambda name: stretch[name], default=None)
    if worst is None or stretch[worst] < 1.5:
        return []
    return [f"past intervals of {worst} should have been {stretch[worst]:.2g} times as wide: so is this one"]


def left_out(rows: int, of: int, what: str = "score") -> list[str]:
    """Rows without a score, or a prediction."""
    return [f"{rows:,} of {of:,} rows have no {what} and are left out"] if rows > LEAST * of else []
