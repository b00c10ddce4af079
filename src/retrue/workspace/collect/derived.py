"""Derived columns: what slices may ask of events beyond what was logged; worked out here when one asks for them.

    slice "entropy_rank > 0.95" --names--> COLUMNS --the version's reference--> the events with that column

A column of the same name that the events have of their own stays. What can't be told of a row is null, which no
comparison finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np
import polars as pl

from retrue.core.outcome_grid import OutcomeGrid, score_rows
from retrue.core.reference import Reference
from retrue.core.state import Floats
from retrue.core.values import text_rows
from retrue.errors import MetricError, RetrueError, SliceError
from retrue.estimate import per_row
from retrue.explain import novel
from retrue.explain.places import thinned
from retrue.explain.standing import OUTLIER_SCORE
from retrue.slices import Slice
from retrue.store.files import AnyPath, stamp
from retrue.workspace.check.estimating import estimator_of
from retrue.workspace.explain.outliers import standings
from retrue.workspace.stored import StoredModel

T = TypeVar("T")
RANK = "_rank"
"""What the name of a column ends with that says where its value stands in the reference."""


@dataclass(frozen=True)
class Facts:
    """What derived columns are worked out from: a version of a model, and its reference.

    Args:
        model: the model.
        version: its version.
    """

    model: StoredModel
    version: str

    @cached_property
    def reference(self) -> Reference:
        """What was learned of the reference."""
        return self.model.reference_of(self.version).load()

    @property
    def rows(self) -> pl.DataFrame:
        """The reference's rows, thinned where they are many."""
        return thinned(self.model.reference_of(self.version).frame)

    @property
    def path(self) -> AnyPath:
        """Where they are."""
        return self.model.reference_of(self.version).path

    @property
    def outcome(self) -> OutcomeGrid | None:
        """How the model's outcomes are counted."""
        return self.reference.grids.outcome


@dataclass(frozen=True)
class Derived:
    """A derived column.

    Args:
        name: how slices name it.
        says: what it is, with its formula; a row of the docs' table.
        compute: float64[rows] of events; NaN where it can't be told.
        ranked: whether there is a column of its ranks too.
    """

    name: str
    says: str
    compute: Callable[[Facts, pl.DataFrame], Floats]
    ranked: bool = False


def outlier_score(facts: Facts, events: pl.DataFrame) -> Floats:
    """Share of the reference's rows that are less odd."""
    return standings(facts.model, facts.version).score(events)


def confidence(facts: Facts, events: pl.DataFrame) -> Floats:
    """The greatest probability."""
    return per_row.confidence(facts.outcome, events)


def entropy(facts: Facts, events: pl.DataFrame) -> Floats:
    """Entropy of the probabilities, in bits."""
    return per_row.entropy(facts.outcome, events)


def expected_loss(facts: Facts, events: pl.DataFrame) -> Floats:
    """How wrong the model is expected to be."""
    return per_row.expected_loss(estimator_of(facts.reference, facts.path), events)


def benefit(facts: Facts, events: pl.DataFrame) -> Floats:
    """What a label is expected to tell: the expected loss, times what the event is worth where the model says so."""
    loss, value = expected_loss(facts, events), facts.reference.schema.value
    return loss if value is None else loss * np.abs(score_rows(events, value))


def out_of_range(facts: Facts, events: pl.DataFrame) -> Floats:
    """Columns with a number beyond the reference."""
    return novel.beyond(standings(facts.model, facts.version).outliers.places, events, numeric=True)


def unseen_categories(facts: Facts, events: pl.DataFrame) -> Floats:
    """Columns with a category that the reference lacks."""
    return novel.beyond(standings(facts.model, facts.version).outliers.places, events, numeric=False)


def new_cluster(facts: Facts, events: pl.DataFrame) -> Floats:
    """How many events are near one that has no like in the reference."""
    return learned(facts, "clusters", partial(clusters, facts)).sizes(events)


def disagreement(facts: Facts, events: pl.DataFrame) -> Floats:
    """How far other versions are from this one, on the events that they were logged for as well."""
    model = facts.model
    layout = model.store.layout(model.name)
    key, time, version = layout.id_column, layout.time_column, layout.version_column
    found = np.full(events.height, np.nan)
    if not events.height or not {key, time} <= set(events.columns) or events[time].null_count() == events.height:
        return found
    since, until = events[time].min(), events[time].max()
    end = until + timedelta(microseconds=1)  # type: ignore[operator]
    beside = model.store.events(model.name, since, end, sample="kept").collect()  # type: ignore[arg-type]
    if version not in beside.columns:
        return found
    own = events.select(text_rows(events[key]).alias(key)).with_row_index("\0row")
    others = beside.filter(pl.col(version) != facts.version)
    for one in others.partition_by(version):
        both = own.join(one.unique(key, keep="last"), on=key, how="inner")
        rows = both["\0row"].to_numpy()
        found[rows] = np.fmax(found[rows], apart(facts.outcome, events[rows], both))
    return found


def apart(grid: OutcomeGrid | None, own: pl.DataFrame, other: pl.DataFrame) -> Floats:
    """float64[rows]: total variation of the probabilities, else the difference of the predictions (1 of two texts).

    Raises:
        MetricError: the model has neither.
    """
    if grid is None:
        raise MetricError("the model has no score and no prediction to disagree about", where="disagreement")
    try:
        ours, theirs = per_row.probabilities(grid, own), per_row.probabilities(grid, other)
        return np.asarray(np.abs(ours - theirs).sum(axis=1) / 2)
    except MetricError:
        name = str(getattr(grid, "prediction", None) or getattr(grid, "score", None))
    if grid.task == "regression":
        return np.abs(score_rows(own, name) - score_rows(other, name))
    differ = text_rows(own[name]) != text_rows(other[name])
    return differ.cast(pl.Float64).fill_null(float("nan")).to_numpy()


COLUMNS: Mapping[str, Derived] = {
    one.name: one
    for one in (
        Derived(OUTLIER_SCORE, "share of the reference's rows that are less odd, by robust distance", outlier_score),
        Derived(
            "confidence", "the greatest probability: max(p, 1 - p), or max over the classes", confidence, ranked=True
        ),
        Derived("entropy", "entropy of the probabilities, -sum p log2 p, in bits", entropy, ranked=True),
        Derived(
            "expected_loss",
            "chance that the prediction is wrong, by score and features; of a regression the expected absolute error",
            expected_loss,
            ranked=True,
        ),
        Derived("benefit", "expected_loss, times |value| where events have a value", benefit, ranked=True),
        Derived("out_of_range", "how many features have a number below or above all of the reference's", out_of_range),
        Derived(
            "unseen_categories", "how many features have a category that the reference never had", unseen_categories
        ),
        Derived(
            "new_cluster",
            "0 for an event with neighbours in the reference, else how many such events are near it, itself included,"
            " among those looked at together",
            new_cluster,
        ),
        Derived(
            "disagreement",
            "total variation between the probabilities of this version and of another that logged the same id; of a"
            " regression the difference of the predictions",
            disagreement,
        ),
    )
}
"""Every derived column by its name; a ranked one has `NAME_rank` beside it."""


NAMES = tuple(name for one in COLUMNS.values() for name in (one.name, *([one.name + RANK] if one.ranked else [])))
"""What slices call derived columns, those of ranks too."""


def is_derived(name: str) -> bool:
    """Whether a name is that of a derived column.

    >>> is_derived("entropy"), is_derived("entropy_rank"), is_derived("outlier_score_rank")
    (True, True, False)
    """
    return name in NAMES


def derive(
    model: StoredModel, events: pl.DataFrame, names: Iterable[str], version: str | None = None
) -> tuple[pl.DataFrame, dict[str, RetrueError]]:
    """The events with those of the named columns that are derived; and of each that can't be worked out, why."""
    facts, failed = Facts(model, version or model.version), dict[str, RetrueError]()
    made: list[pl.Series] = []
    for name in sorted(set(names) - set(events.columns)):
        if not is_derived(name):
            continue
        try:
            made.append(pl.Series(name, value_of(facts, events, name), pl.Float64()).fill_nan(None))
        except RetrueError as error:
            failed[name] = error
    return events.with_columns(made), failed


def with_derived(
    model: StoredModel,
    events: pl.DataFrame,
    slices: Iterable[Slice],
    version: str | None = None,
    names: Iterable[str] = (),
) -> pl.DataFrame:
    """The events with the derived columns that slices ask for, or that are named.

    Raises:
        SliceError: one can't be worked out.
    """
    wanted = frozenset(names).union(*(one.columns for one in slices))
    found, failed = derive(model, events, wanted, version)
    for name, error in failed.items():
        raise SliceError(f"{name} can't be told: {error.what}", where=error.where, hint=error.hint) from error
    return found


def value_of(facts: Facts, events: pl.DataFrame, name: str) -> Floats:
    """float64[rows]: a derived column of events."""
    base = name.removesuffix(RANK) if name not in COLUMNS else name
    values = COLUMNS[base].compute(facts, events) if events.height else np.zeros(0)
    if base == name:
        return values
    ranks = learned(facts, base, partial(ordered, facts, base))
    if not ranks.size:
        raise MetricError(f"no row of the reference has {base}", where=name)
    lower = np.searchsorted(ranks, values, "right") if base == "confidence" else np.searchsorted(ranks, values)
    return np.where(np.isnan(values), np.nan, lower / ranks.size)


KEPT = 32
"""Things learned of references that are kept for the process."""
_kept: dict[tuple[str, int, str], Any] = {}


def learned(facts: Facts, name: str, learn: Callable[[], T]) -> T:
    """What is learned of a reference's rows: once for each process, as long as they are the same file."""
    key = (*stamp(facts.path), name)
    if key not in _kept:
        made = learn()
        while len(_kept) >= KEPT:
            _kept.pop(next(iter(_kept)))
        _kept[key] = made
    found: T = _kept[key]
    return found


def ordered(facts: Facts, name: str) -> Floats:
    """float64[k]: the values of a column on the reference's rows, ascending."""
    values = COLUMNS[name].compute(facts, facts.rows)
    return np.sort(values[np.isfinite(values)])


def clusters(facts: Facts) -> novel.Clusters:
    """What finds new clusters."""
    schema, grids = facts.reference.schema, facts.reference.grids
    counted = {source.column for source in grids.sources.values()}
    return novel.Clusters.fit(grids, facts.rows, [name for name in schema.features if name in counted] or None)
