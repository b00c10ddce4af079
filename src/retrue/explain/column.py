"""A coded column: what a bin is, and which slice the rows of some bins are.

A column is coded to at most 64 bins, of window and reference alike. Null has a bin of its own. What no predicate can
name goes to the last bin, which no condition takes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from retrue.slices import Slice

BINS = 64
NOWHERE = BINS - 1
"""The bin that no condition can take."""

Codes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CodedColumn(ABC):
    """How one column was coded. Abstract; `RangeColumn` and `SetColumn` are the two there are.

    Args:
        name: the column.
        null: the bin of nulls; None where there are none.
    """

    ordered: ClassVar[bool]
    """Whether conditions are ranges (else sets)."""

    name: str
    null: int | None

    @property
    @abstractmethod
    def bins(self) -> int:
        """Bins with values of their own: they come first."""

    @property
    @abstractmethod
    def choices(self) -> int:
        """Bins that a condition can take: those, and null, and others; they come before all that it can't take."""

    @abstractmethod
    def named(self, mask: Mask) -> Slice:
        """Give the slice of the rows in the marked bins, [BINS], not null alone."""

    def predicate(self, mask: Mask) -> Slice:
        """Give the slice of the rows in the marked bins, [BINS]; with a short name where its text is long."""
        if self.null is not None and np.flatnonzero(mask).tolist() == [self.null]:
            return Slice.equals(self.name, None)
        return self.named(mask)


def with_nulls(codes: npt.NDArray[Any], series: pl.Series, null: int | None) -> Codes:
    """Give codes as bytes, with nulls in their bin."""
    out = codes.astype(np.uint8)
    if null is not None and series.null_count():
        out[series.is_null().to_numpy()] = null
    return out
