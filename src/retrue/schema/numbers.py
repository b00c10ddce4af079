"""Numbers: measurements, counts, codes, switches or keys?

The data can't always tell a code from a count, so names help: `payment_type` is a code, `passenger_count` is a count. Either
choice keeps every value of a column with few values in a bin of its own; what changes is whether order and distance count.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from retrue.schema.column import Kind
from retrue.schema.values import Sample, falling

FEW: Final = 20
"""Whole numbers with more distinct values than this are measurements, unless their name says otherwise."""
MANY: Final = 512
"""A grid keeps this many categories by name."""
REPEATS: Final = 20
"""Categories occur this often, on average."""

CODE_WORDS: Final = frozenset(
    "id ids code codes type types class category kind status state flag zone zip zipcode postcode postal group cluster "
    "segment channel region area dept department branch vendor gender sex race".split()
)
"""Last words of names whose whole numbers are codes: no order, no distance."""
KEY_WORDS: Final = frozenset("id ids uuid guid key hash token".split())
"""Last words of names that tell rows or people apart."""
ORDER_WORDS: Final = frozenset(
    "count counts number num n qty quantity total sum amount age ages days hours minutes seconds weeks months years nights "
    "size length width height score rating ratings stars rank level grade price cost fee income salary year lag delay "
    "duration distance temperature visits clicks sales points steps tenure".split()
)
"""Words of names whose whole numbers are ordered: counts, amounts, ratings."""


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
    named = bool(sample.words) and sample.words[-1] in KEY_WORDS
    if named and sample.distinct > MANY:
        return Kind.ID, f"{sample.distinct:,} distinct whole numbers in {sample.in_rows}, and a name that tells a key"
    if sample.share == 1 and counts_up(sample):
        return Kind.ID, f"counts up row by row; {sample.override}"
    return None


def counts_up(sample: Sample) -> bool:
    """Tell whether values rise from row to row by one, as row numbers do."""
    values = sample.values
    if len(values) < sample.rows or not values.is_sorted():
        return False
    span = int(values[-1]) - int(values[0]) + 1
    # A strided sample leaves out the last stride.
    return span <= sample.total and span >= sample.total - 2 * sample.total / sample.rows


def code_kind(sample: Sample) -> tuple[Kind, str] | None:
    """CATEGORICAL, where whole numbers are codes; None where they are ordered."""
    repeated = sample.n >= REPEATS * sample.distinct
    coded = bool(sample.words) and sample.words[-1] in CODE_WORDS
    found = f"{sample.distinct:,} distinct whole numbers in {sample.in_rows}"
    if coded and sample.distinct <= MANY and sample.n >= 2 * sample.distinct:
        return Kind.CATEGORICAL, f"{found}, and a name that tells a code: categories; {sample.override}"
    if sample.distinct > FEW or not repeated or ORDER_WORDS & set(sample.words) or looks_counted(sample):
        return None
    return Kind.CATEGORICAL, f"{found}: categories; {sample.override}"


def looks_counted(sample: Sample) -> bool:
    """Tell whether values are spread like counts of something: from 0 on, each rarer than the one before."""
    if sample.distinct < 4 or sample.values.min() != 0:
        return False
    counts = [n for _, n in sample.counts]
    return falling(counts) or falling(counts[1:])


def ordered_reason(sample: Sample) -> str:
    """Why whole numbers are taken as ordered."""
    found = f"{sample.distinct:,} distinct whole numbers in {sample.in_rows}"
    if sample.distinct > FEW or sample.n < REPEATS * sample.distinct:
        return found
    if ORDER_WORDS & set(sample.words):
        return f"{found}, and a name that tells an amount; {sample.override}"
    return f"{found}, from 0 on, each rarer than the one before: counts; {sample.override}"
