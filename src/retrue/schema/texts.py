"""Text: categories, dates, numbers in disguise, keys, or words that somebody wrote?"""

from __future__ import annotations

from typing import Final

import polars as pl

from retrue.schema.column import Kind
from retrue.schema.names import names_key
from retrue.schema.numbers import MANY, REPEATS, whole
from retrue.schema.values import Sample

TRUTH: Final = (frozenset({"true", "false"}), frozenset({"yes", "no"}), frozenset({"y", "n"}), frozenset({"t", "f"}))
"""Pairs of texts that mean true and false, in lower case."""
DATE: Final = r"^\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})([T ].*)?$"
"""What a date must look like before parsing is tried: year first or last, with separators."""
YEAR_LAST: Final = r"^\s*\d{1,2}[-/.]"
UUID: Final = r"(?i)^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$"
LEADING_ZERO: Final = r"^[-+]?0\d"
NEARLY: Final = 0.95
"""A column is of a type when this share of its values is."""
GLANCE: Final = 1_000
"""Values to look at before all are."""


def text_kind(sample: Sample) -> tuple[Kind, str]:
    """The kind of a text column with values, and the reason."""
    if sample.dtype != pl.String:
        return truth_kind(sample) or (Kind.CATEGORICAL, f"stored as categories, {found(sample)}")
    return truth_kind(sample) or date_kind(sample) or figures_kind(sample) or words_kind(sample)


def truth_kind(sample: Sample) -> tuple[Kind, str] | None:
    """BOOLEAN for a pair such as yes and no."""
    if sample.distinct != 2:
        return None
    pair = sorted(sample.values.cast(pl.String).unique().to_list())
    if frozenset(text.strip().lower() for text in pair) not in TRUTH:
        return None
    return Kind.BOOLEAN, f"only {pair[0]!r} and {pair[1]!r}"


def date_kind(sample: Sample) -> tuple[Kind, str] | None:
    """DATETIME for text that parses as dates."""
    if not mostly(sample.values, DATE) or parsed_share(sample.values) < NEARLY:
        return None
    order = ", day first" if mostly(sample.values, YEAR_LAST) else ""
    return Kind.DATETIME, f"text that reads as dates{order}, such as {sample.values[0]!r}"


def parsed_share(values: pl.Series) -> float:
    """The share of texts that parse as dates."""
    try:
        parsed = values.str.to_datetime(time_unit="us", strict=False)
    except pl.exceptions.PolarsError:
        return 0.0
    return 1 - parsed.null_count() / max(len(values), 1)


def figures_kind(sample: Sample) -> tuple[Kind, str] | None:
    """NUMERIC for text that reads as numbers and is no code; codes have leading zeros, or are few or all different."""
    if not figures(glance(sample.values)) or not figures(sample.values):
        return None
    parsed = sample.values.cast(pl.Float64, strict=False)
    if bool(sample.values.str.contains(LEADING_ZERO).any()):
        return None
    if whole(parsed.drop_nulls()) and (sample.distinct <= MANY or sample.share > NEARLY):
        return None
    odd = sample.values.filter(parsed.is_null())
    but = f"; {len(odd):,} of {sample.n:,} don't, such as {odd[0]!r}" if len(odd) else ""
    return Kind.NUMERIC, f"text that reads as numbers{but}; {sample.override}"


def figures(values: pl.Series) -> bool:
    """Tell whether nearly all texts read as numbers."""
    lost = values.cast(pl.Float64, strict=False).null_count()
    return len(values) > 0 and lost <= (1 - NEARLY) * len(values)


def words_kind(sample: Sample) -> tuple[Kind, str]:
    """TEXT, ID or CATEGORICAL, by how often texts recur, and by their words."""
    if mostly(sample.values, UUID):
        return Kind.ID, f"UUIDs, {found(sample)}"
    gaps, length = average(sample.values.str.count_matches(r"\S\s+\S")), average(sample.values.str.len_chars())
    different = sample.n >= REPEATS and sample.share >= 0.9
    written = gaps >= 3 or (gaps >= 1 and length > 40) or (different and gaps >= 1)
    if written and (sample.distinct > MANY or sample.share > 0.5):
        return Kind.TEXT, f"{found(sample)}, {gaps + 1:.0f} words on average: text; {sample.override}"
    if different:
        return Kind.ID, f"{found(sample)}{almost_dates(sample)}: an id; {sample.override}"
    if sample.distinct > MANY and names_key(sample.name):
        return Kind.ID, f"{found(sample)}, and a name that tells a key; {sample.override}"
    if sample.distinct > MANY:
        kept = f"the {MANY} most frequent kept by name"
        return Kind.CATEGORICAL, f"{found(sample)}{almost_dates(sample)}: categories, {kept}; {sample.override}"
    return Kind.CATEGORICAL, found(sample) + almost_dates(sample)


def almost_dates(sample: Sample) -> str:
    """What to do about text that looks like dates and can't be read as such."""
    if not mostly(sample.values, DATE):
        return ""
    return f", such as {sample.values[0]!r}, that look like dates but don't read as year or day first: parse them first"


def found(sample: Sample) -> str:
    """What was found, in words."""
    return f"{sample.distinct:,} distinct texts in {sample.in_rows}"


def mostly(values: pl.Series, pattern: str) -> bool:
    """Tell whether nearly all texts match a pattern; a glance rules most columns out."""
    return all(average(some.str.contains(pattern)) >= NEARLY for some in (glance(values), values))


def glance(values: pl.Series) -> pl.Series:
    """Some of the values, evenly over all."""
    return values.gather_every(max(len(values) // GLANCE, 1))


def average(values: pl.Series) -> float:
    """The mean of numbers or truth values; 0 without any."""
    mean = values.mean()
    return float(mean) if isinstance(mean, int | float) else 0.0
