"""Verify: logged inputs are replayed through the trained model; is what is served what was tested?

A score that differs says that the service runs another model, or gives the same one other inputs: a feature that is
worked out differently, in another unit, or after it was logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from retrue.core.outcome_grid import THRESHOLD, BinaryGrid
from retrue.core.reference import Reference
from retrue.core.state import Bools, Floats
from retrue.errors import RefusedError
from retrue.judge.words import percent
from retrue.workspace.prove.sides import one_hot, predictor, recorded
from retrue.workspace.stored import StoredModel
from retrue.workspace.train.runs import StoredRun

TOLERANCE = 1e-6
"""Scores differ where they are farther apart than this, or than this share of what was logged."""
NAMED = 100
"""Rows that differ are named, the farthest apart first, so many at most."""
DIFFERING = {"id": pl.String, "time": pl.String, **dict.fromkeys(("logged", "replayed", "distance"), pl.Float64)}
"""Their columns, as they are sent."""


@dataclass(frozen=True, eq=False)
class Verified:
    """What replaying logged inputs showed.

    Attributes:
        version: whose.
        compared: events whose logged score was compared.
        equal: how many of them the trained model scores the same.
        largest: the greatest distance of two scores; None of nothing.
        unsaid: events without a logged score.
        differing: those that differ: `id`, `time`, `logged`, `replayed`, `distance`, the farthest apart first.
    """

    version: str
    compared: int
    equal: int
    largest: float | None
    unsaid: int
    differing: pl.DataFrame

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Verified:
        """What `to_dict` gave; times stay texts."""
        told = {name: said[name] for name in ("version", "compared", "equal", "largest", "unsaid")}
        return cls(**told, differing=pl.DataFrame(said["differing"], schema=DIFFERING))

    @property
    def same(self) -> bool:
        """Whether what is served is what was tested, as far as can be told."""
        return self.compared > 0 and self.equal == self.compared

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        if not self.compared:
            return f"Nothing to compare: no event of version {self.version} has a logged score."
        if self.same:
            return f"What is served is what was tested: all {self.compared:,} logged scores are the trained model's."
        left = self.compared - self.equal
        return (
            f"What is served is not what was tested: {left:,} of {self.compared:,} logged scores "
            f"({percent(left / self.compared)}) aren't the trained model's, the farthest by {self.largest:.2g}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "version": self.version,
            "same": self.same,
            "compared": self.compared,
            "equal": self.equal,
            "largest": self.largest,
            "unsaid": self.unsaid,
            "differing": self.differing.with_columns(pl.col("time").cast(pl.String)).to_dicts(),
            "sentence": self.sentence,
        }


def verify(
    model: StoredModel, version: str, since: datetime | None, until: datetime | None, tolerance: float = TOLERANCE
) -> Verified:
    """Replay a version's logged inputs; see `Model.verify`."""
    run = StoredRun.trained(model, version)
    if run is None:
        raise RefusedError([f"the trained model of version {version} isn't here"], what="nothing to replay through")
    reference = model.reference_of(version).load()
    events = model.events(since, until, version=version).collect()
    found = replayed(run, reference, events, tolerance)
    known, apart, distance = found.known, found.apart, found.distance
    return Verified(
        version, int(known.sum()), int((known & ~apart).sum()),
        float(np.nanmax(distance[known])) if known.any() else None, int((~known).sum()),
        farthest(model, events, found.logged, found.replayed, distance, np.flatnonzero(apart)),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Replayed:
    """Logged scores beside those of a trained model.

    Attributes:
        logged, replayed: float64[rows, classes].
        known: bool[rows], whether a score was logged; apart: whether it isn't the model's.
        distance: float64[rows], how far both are apart.
    """

    logged: Floats
    replayed: Floats
    known: Bools
    apart: Bools
    distance: Floats


def replayed(run: StoredRun, reference: Reference, events: pl.DataFrame, tolerance: float = TOLERANCE) -> Replayed:
    """Ask a run's model about logged inputs."""
    logged = in_columns(recorded(reference, events))
    said = logged if not events.height else in_columns(as_logged(reference, predictor(run)(events)))
    known = np.asarray(np.isfinite(logged).all(axis=1), np.bool_)
    distance = np.abs(said - logged).max(axis=1)
    allowed = tolerance * np.maximum(np.abs(np.nan_to_num(logged)).max(axis=1), 1.0)
    return Replayed(logged, said, known, known & ~(distance <= allowed), distance)


def in_columns(scores: Floats) -> Floats:
    """float64[rows, 1], or one column for each class."""
    return scores[:, None] if scores.ndim == 1 else scores


def as_logged(reference: Reference, scores: Floats) -> Floats:
    """The trained model's scores as they are logged: as decisions where only those are."""
    grid = reference.grids.outcome
    if reference.schema.scores or reference.schema.prediction is None:
        return scores
    if isinstance(grid, BinaryGrid):
        return np.asarray(scores >= THRESHOLD, np.float64)
    return scores if scores.ndim == 1 else one_hot(scores.argmax(axis=1), scores.shape[1])


def farthest(
    model: StoredModel,
    events: pl.DataFrame,
    logged: Floats,
    replayed: Floats,
    distance: Floats,
    apart: np.ndarray[Any, Any],
) -> pl.DataFrame:
    """The events that differ, the farthest apart first; of several classes the scores that are farthest apart."""
    layout = model.store.layout(model.name)
    order = apart[np.argsort(-np.nan_to_num(distance[apart], nan=np.inf), kind="stable")][:NAMED]
    worst = np.abs(np.nan_to_num(replayed - logged, nan=np.inf))[order].argmax(axis=1)
    some = events[order.tolist()]
    return pl.DataFrame(
        {
            "id": some[layout.id_column].cast(pl.String),
            "time": some[layout.time_column],
            "logged": logged[order, worst],
            "replayed": replayed[order, worst],
            "distance": distance[order],
        }
    )
