"""Text: categories, dates, numbers in disguise, keys, or words that somebody wrote?"""

from __future__ import annotations


import polars as pl

from retrue.schema.column import Kind
from retrue.schema.numbers import KEY_WORDS, MANY
from retrue.schema.values import TRUTH, Sample

DATE: Final = r"^\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})([T ].*)?$"
"""What a date must look like before parsing is tried: year first or last, with separators."""
UUID: Final = r"(?i)^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$"
NEARLY: Final = 0.95
"""A column is of a type when this share of its values is."""
SOME: Final = 30
"""With fewer values nothing can be said about uniqueness."""


def text_kind(sample: Sample) -> tuple[Kind, str]:
    """The kind of a text column with values, and the reason."""
    if sample.dtype != pl.String:
        return Kind.CATEGORICAL, f"stored as categories, {sample.distinct:,} of them in {sample.in_rows}"
    return truth_kind(sample) or date_kind(sample) or figures_kind(sample) or words_kind(sample)


def truth_kind(sample: Sample) -> tuple[Kind, str] | None:
    """BOOLEAN for a pair such as yes and no."""
    if sample.distinct != 2:
        return None
    pair = sample.values.unique().sort().to_list()
    if frozenset(text.strip().lower() for text in pair) not in TRUTH:
        return None
    return Kind.BOOLEAN, f"only {pair[0]!r} and {pair[1]!r}"


def date_kind(sample: Sample) -> tuple[Kind, str] | None:
    """DATETIME for text that parses as dates."""
    if not sample.n or share(sample.values.str.contains(DATE)) < NEARLY:
        return None
    try:
        parsed = sample.values.str.to_datetime(time_unit="us", strict=False)
    except pl.exceptions.PolarsError:
        return None
    if parsed.null_count() > (1 - NEARLY) * sample.n:
        return None
    return Kind.DATETIME, f"text that reads as dates, such as {sample.values[0]!r}"


def figures_kind(sample: Sample) -> tuple[Kind, str] | None:
    """NUMERIC for text that reads as numbers and is no code."""
    parsed = sample.values.str.strip_chars().cast(pl.Float64, strict=False)
    read = sample.n - parsed.null_count()
    if not read or read < NEARLY * sample.n or bool(sample.values.str.contains(r"^\s*[-+]?0\d").any()):
        return None
    figures = parsed.drop_nulls()
    if bool((figures == figures.round()).all()) and (sample.distinct <= MANY or sample.share > NEARLY):
        return None
    odd = sample.values.filter(parsed.is_null())
    but = f"; {len(odd):,} of {sample.n:,} don't, such as {odd[0]!r}" if len(odd) else ""
    return Kind.NUMERIC, f"text that reads as numbers{but}; {sample.override}"


def words_kind(sample: Sample) -> tuple[Kind, str]:
    """TEXT, ID or CATEGORICAL, by how often texts recur, and by their words."""
    found = f"{sample.distinct:,} distinct texts in {sample.in_rows}"
    if share(sample.values.str.contains(UUID)) >= NEARLY:
        return Kind.ID, "UUIDs"
    spaces = sample.values.str.count_matches(r"\S\s+\S").mean()
    length = sample.values.str.len_chars().mean()
    gaps, long = (float(x) if isinstance(x, int | float) else 0.0 for x in (spaces, length))
    recurring = sample.distinct <= MANY and sample.share <= 0.5
    if (gaps >= 3 or (gaps >= 1 and long > 40)) and not recurring:
        return Kind.TEXT, f"{found}, {long:.0f} characters and {gaps + 1:.0f} words on average: text"
    if sample.n >= SOME and sample.share >= 0.9:
        if gaps >= 1:
            return Kind.TEXT, f"{found}, of several words: text; {sample.override}"
        return Kind.ID, f"{found}, without spaces: an id; {sample.override}"
    if sample.distinct > MANY and sample.words and sample.words[-1] in KEY_WORDS:
        return Kind.ID, f"{found}, and a name that tells a key; {sample.override}"
    if sample.distinct > MANY:
        return Kind.CATEGORICAL, f"{found}: categories, the {MANY} most frequent kept by name; {sample.override}"
    return Kind.CATEGORICAL, found


def share(flags: pl.Series) -> float:
    """The share of true values; 0 without any."""
    return float(flags.sum()) / len(flags) if len(flags) else 0.0
