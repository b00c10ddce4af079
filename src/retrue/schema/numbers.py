"""Numbers: measurements, counts, codes, switches or keys?

The data can't always tell a code from a count, so names help: `payment_type` is a code, `passenger_count` is a count.
Either choice keeps each value of a column with few values in a bin of its own; what changes is whether order and
distance count.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import polars as pl

from retrue.schema.column import Kind
from retrue.schema.names import names_amount, names_code, names_key
from retrue.schema.values import Sample

FEW: Final = 20
"""Whole numbers with more distinct values than this are measurements, unless their name says otherwise."""
MANY: Final = 512
"""A grid keeps this many categories by name."""
REPEATS: Final = 20
"""Categories occur this often, on average."""


def number_kind(sample: Sample) -> tuple[Kind, str]:
    """The kind of a numeric column with values, and the reason."""
    if sample.dtype.is_decimal():
        return Kind.NUMERIC, "decimal numbers"
    if not whole(sample.values):
        return Kind.NUMERIC, "numbers with fractions"
    if sample.distinct == 2 and sample.values.min() == 0 and sample.values.max() == 1:
        return Kind.BOOLEAN, "only 0 and 1"
    return key_kind(sample) or code_kind(sample) or (Kind.NUMERIC, ordered_reason(sample))


def whole(values: pl.Series) -> bool:
    """Tell whether all values are finite whole numbers."""
    if values.dtype.is_integer():
        return True
    return bool((values.is_finite() & (values == values.round())).all())


def key_kind(sample: Sample) -> tuple[Kind, str] | None:
    """ID, where whole numbers tell rows or people apart; None where they don't."""
    if sample.n < REPEATS or sample.distinct <= FEW:
        return None
    if names_key(sample.name) and sample.distinct > MANY:
        return Kind.ID, f"{found(sample)}, and a name that tells a key; {sample.override}"
    if sample.distinct == sample.n and counts_up(sample):
        return Kind.ID, f"counts up from row to row; {sample.override}"
    return None


def counts_up(sample: Sample) -> bool:
    """Tell whether values rise from row to row by one, as row numbers do."""
    values = sample.values
    if len(values) < sample.rows or not values.is_sorted():
        return False
    span = int(values[-1]) - int(values[0]) + 1
    # A strided sample leaves out the rows after its last one.
    return sample.total - 2 * sample.total / sample.rows <= span <= sample.total


def code_kind(sample: Sample) -> tuple[Kind, str] | None:
    """CATEGORICAL, where whole numbers are codes; None where they are ordered."""
    if names_code(sample.name) and sample.distinct <= MANY and sample.n >= 2 * sample.distinct:
        return Kind.CATEGORICAL, f"{found(sample)}, and a name that tells a code: categories; {sample.override}"
    if not few(sample) or names_amount(sample.name) or looks_counted(sample):
        return None
    return Kind.CATEGORICAL, f"{found(sample)}: categories; {sample.override}"


def few(sample: Sample) -> bool:
    """Tell whether values are few and each comes again and again."""
    return sample.distinct <= FEW and sample.n >= REPEATS * sample.distinct


def looks_counted(sample: Sample) -> bool:
    """Tell whether values are spread like counts of something.

    Counts start at 0 and get rarer, or have a long tail with gaps; codes do neither.
    """
    if sample.distinct < 4 or sample.values.min() != 0:
        return False
    values, counts = zip(*sample.counts, strict=True)
    gaps = sum(after - before > 1 for before, after in pairwise(values))
    return falling(counts) or falling(counts[1:]) or (gaps >= 3 and sum(counts[:3]) >= 0.9 * sample.n)


def falling(counts: tuple[int, ...]) -> bool:
    """Tell whether each count is smaller than the one before, chance aside.

    >>> falling((900, 80, 15, 1, 2)), falling((100, 95, 110, 104))
    (True, False)
    """
    return all(after <= before + 2 * before**0.5 for before, after in pairwise(counts)) and counts[-1] < counts[0] / 2


def ordered_reason(sample: Sample) -> str:
    """Why whole numbers are taken as ordered."""
    if not few(sample):
        return found(sample)
    if names_amount(sample.name):
        return f"{found(sample)}, and a name that tells order; {sample.override}"
    return f"{found(sample)}, from 0 on, and the greater the rarer: counts; {sample.override}"


def found(sample: Sample) -> str:
    """What was found, in words."""
    return f"{sample.distinct:,} distinct whole numbers in {sample.in_rows}"
