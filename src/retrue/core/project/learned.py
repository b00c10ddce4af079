"""What a projection learned of one reference column, and projecting safely: one that raises costs only itself.

reference column ──learn──> Learned (plain arrays, stored with the grids)
batch ──apply──> {name: values}          a failure is a column of its own type, that every grid counts as unreadable
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from retrue.core.project.registry import REGISTRY, Family
from retrue.core.state import Fields, Floats, Ints
from retrue.errors import ProfileError
from retrue.schema import Kind

PROJECTION = "the projection"
"""How the reason begins why a column couldn't be projected."""
FAILED = pl.Struct({"projection_failed": pl.String})
"""The type of a column that couldn't be projected: each row holds the reason, and no grid can read it."""
LONGEST = 300
"""Characters kept of a reason."""


@dataclass(frozen=True, eq=False)
class Learned:
    """What the projections of one family learned of one reference column.

    Attributes:
        family: the family's name.
        version: of the form of `fields`.
        fields: what was learned: flat arrays and lists of texts.
        failed: why nothing could be learned, or "".
    """

    family: str
    version: int = 1
    fields: Fields = field(default_factory=dict)
    failed: str = ""

    def to_fields(self) -> dict[str, Ints | Floats | list[str]]:
        """Everything as named arrays."""
        own = {f"learned/{name}": value for name, value in self.fields.items()}
        return {"family": [self.family, self.failed], "version": np.array([self.version]), **own}

    @classmethod
    def from_fields(cls, fields: Fields) -> Learned:
        """Rebuild what `to_fields` wrote."""
        own = {name.removeprefix("learned/"): v for name, v in fields.items() if name.startswith("learned/")}
        family, failed = map(str, fields["family"])
        return cls(family, int(np.asarray(fields["version"])[0]), own, failed)


def learn(family: Family, series: pl.Series, kind: Kind) -> Learned:
    """Learn from a reference column; where that fails, the reason is what is learned."""
    if family.learn is None:
        return Learned(family.name, family.version)
    try:
        fields = {name: flat(name, value) for name, value in family.learn(series, kind).items()}
    except Exception as error:  # noqa: BLE001 - a projection may be a user's, and may fail in any way
        return Learned(family.name, family.version, failed=told(error))
    return Learned(family.name, family.version, fields)


def flat(name: str, value: object) -> Ints | Floats | list[str]:
    """Bring what a projection learned into the form that is stored.

    Raises:
        ProfileError: it has another form.
    """
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return list(value)
    array = np.asarray(value)
    if array.ndim != 1 or array.dtype.kind not in "biuf":
        expected = "one-dimensional arrays of numbers, or lists of texts"
        raise ProfileError(f"what was learned as {name!r} can't be stored", expected=expected)
    return array.astype(np.float64) if array.dtype.kind == "f" else array.astype(np.int64)


def apply(learned: Learned, wanted: Collection[str], series: pl.Series) -> dict[str, pl.Series]:
    """Project a batch of a column.

    Args:
        learned: what the family learned of the reference.
        wanted: which of its projections.
        series: the batch.

    Returns:
        By projection, as many values as there are rows; of type `FAILED` where it can't be computed. What the family
        doesn't have for this column (a third component of vectors of two numbers) is left out.
    """
    known = {name: REGISTRY[name] for name in wanted if name in REGISTRY}
    missing = {name: failed(name, len(series), UNREGISTERED) for name in wanted if name not in REGISTRY}
    if not known:
        return missing
    family = next(iter(known.values())).family
    reason, values = learned.failed, {}
    if learned.version > family.version:
        reason = f"it was learned by a newer version (form {learned.version}): upgrade Retrue"
    if not reason:
        try:
            values = dict(family.compute(series, learned.fields))
        except Exception as error:  # noqa: BLE001 - a projection may be a user's, and may fail in any way
            reason = told(error)
    given = [name for name in known if reason or name in values]
    return {name: settled(name, values.get(name), series, reason) for name in given} | missing


def unlearned(name: str) -> Learned:
    """What a projection knows that learned nothing; its family's name tells that it is unknown where it is."""
    return Learned(REGISTRY[name].family.name if name in REGISTRY else name)


UNREGISTERED = "it isn't registered in this process: import the module that registers it"


def settled(name: str, values: Any, series: pl.Series, reason: str) -> pl.Series:
    """Bring a projection's values into form: numbers or categories, one for each row, null where the row is null."""
    if reason or values is None:
        return failed(name, len(series), reason or "it gave no values")
    try:
        found = values if isinstance(values, pl.Series) else pl.Series(values)
        if len(found) != len(series):
            return failed(name, len(series), f"it gave {len(found):,} values for {len(series):,} rows")
        found = found.cast(pl.String if REGISTRY[name].categorical else pl.Float64)
    except Exception as error:  # noqa: BLE001 - the values may be anything
        return failed(name, len(series), told(error))
    return masked(found, series).alias(name)


def masked(values: pl.Series, series: pl.Series) -> pl.Series:
    """The values, null where `series` is."""
    if not series.null_count():
        return values
    return pl.select(pl.when(series.is_not_null()).then(values)).to_series()


def told(error: Exception) -> str:
    """An exception in a line; our own say what was wrong without their type."""
    text = str(error) if isinstance(error, ProfileError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:LONGEST]


def failed(name: str, rows: int, reason: str) -> pl.Series:
    """A column that couldn't be projected."""
    said = {"projection_failed": f"{PROJECTION} {name!r} failed: {reason}"}
    return pl.Series(name, [said], dtype=FAILED).new_from_index(0, rows)


def reason_of(series: pl.Series) -> str | None:
    """Why a column couldn't be projected; None where it could, or has no rows."""
    if series.dtype != FAILED or not len(series):
        return None
    return str(series.struct.field("projection_failed")[0])
