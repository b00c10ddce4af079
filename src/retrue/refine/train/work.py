"""Do what a desk asks: fit, keep the model, score the holdout, say how it went."""

from __future__ import annotations

import io
import random
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from retrue.core.state import Floats
from retrue.errors import RetrueError, SchemaError
from retrue.refine.train.desk import MODEL, SCORES, Desk, Order, Report, pickled
from retrue.refine.train.fitting import train
from retrue.refine.train.scoring import score
from retrue.refine.train.trainer import Trainer

LIBRARIES = ("numpy", "polars", "sklearn", "lightgbm", "xgboost", "torch", "keras", "tensorflow", "jax", "lightning")
"""What a model may be made of."""


def work(desk: Desk, fit: Any) -> None:
    """Fit, keep the model, score the holdout."""
    order, (table, weights) = desk.order(), desk.training()
    random.seed(order.seed)
    np.random.seed(order.seed)  # noqa: NPY002 - the user's fit may use the global generator
    seen = [*order.features, order.label]
    model = train(
        fit, table.select(seen), weights, order.features, order.label,
        task=order.task, seed=order.seed, folder=desk.folder,
    )  # fmt: skip
    scores = finite(score(model, desk.holdout(), order.features, order.positive, order.classes))
    desk.put(MODEL, pickled(model, "the trained model can't be kept"))
    buffer = io.BytesIO()
    np.save(buffer, scores)
    desk.put(SCORES, buffer.getvalue())
    desk.leave(Report(None, Trainer(fit).kind, classes_of(model, order), versions(sys.modules)))


def finite(scores: Floats) -> Floats:
    """The scores.

    Raises:
        SchemaError: some are no numbers.
    """
    rows = np.isfinite(scores.reshape(len(scores), -1)).all(axis=1)
    if not rows.all():
        raise SchemaError(
            f"the trained model gives NaN or infinite for {int((~rows).sum()):,} of {rows.size:,} rows",
            expected="a number for each",
            hint="does it meet nulls that it can't handle?",
        )
    return scores


def classes_of(model: Any, order: Order) -> tuple[str, ...]:
    """What the columns of its scores mean: of a multiclass model the schema's classes, else what it calls them."""
    found = order.classes if len(order.classes) > 2 else getattr(model, "classes_", None)
    return () if found is None else tuple(str(one) for one in found)


def versions(modules: Mapping[str, Any]) -> dict[str, str]:
    """The versions of the libraries that are loaded."""
    loaded = {name: getattr(modules[name], "__version__", None) for name in LIBRARIES if name in modules}
    return {"python": ".".join(map(str, sys.version_info[:3])), **{k: str(v) for k, v in loaded.items() if v}}


def complaint(error: BaseException) -> str:
    """What went wrong, in a line: our own words, or the exception and the user's line."""
    if isinstance(error, RetrueError):
        return str(error)
    if isinstance(error, MemoryError):
        return "it ran out of memory"
    if isinstance(error, SystemExit):
        return f"it ended the process by itself (exit status {error.code})"
    line = own_line(error.__traceback__)
    return f"{type(error).__name__}: {error}" + (f" ({line})" if line else "")


def own_line(trace: TracebackType | None) -> str | None:
    """File and line of the user's own code that failed: the last frame that is neither ours nor a library's."""
    ours = Path(__file__).parent
    frames = [
        frame
        for frame in traceback.extract_tb(trace)
        if Path(frame.filename).parent != ours
        and "site-packages" not in frame.filename
        and "/lib/python" not in frame.filename
    ]
    return f"{place(frames[-1].filename)}, line {frames[-1].lineno}" if frames else None


def place(file: str) -> str:
    """A file's name; a kernel runs a notebook's cells from files with a number for a name.

    >>> place("ours/delays.py"), place("ipykernel_41/1807676757.py")
    ('delays.py', 'a cell of the notebook')
    """
    return "a cell of the notebook" if "ipykernel_" in file else Path(file).name
