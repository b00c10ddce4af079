"""Personal data at the door: columns that are dropped, hashed or made coarse before anything else sees them.

    privacy = { email = "drop", user = "hash", age = "bucket 10", born = "day" }

    drop         the column isn't taken at all
    hash         its text, hashed with the store's key: the same value is the same text, so that ids still join
    bucket N     numbers become the lower end of their range of width N; what is no number becomes null
    day          times become the start of their day, in the model's time zone; what is no time becomes null

No raw value reaches the disk: not the spool, not the quarantine, not the reference that is kept. Names are compared
without case, so that `Email` is not let in where `email` is not.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NewType

import polars as pl

from retrue.core.times import utc
from retrue.errors import ConfigError, SchemaError
from retrue.schema import Schema
from retrue.store.ids import text_id
from retrue.store.plain import plain_types

Masked = NewType("Masked", pl.DataFrame)
"""A frame that holds no raw value of a column that shall not be kept."""

EXPECTED = 'how a column is kept: "drop", "hash", "bucket WIDTH" or "day"'
_BUCKET = re.compile(r"bucket (\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)", re.ASCII)


@dataclass(frozen=True)
class Privacy:
    """What becomes of some columns of a model.

    Args:
        rules: how each of these columns is kept.
        timezone: in which days begin, and naive times are.
        key: gives the store's secret; asked only where something is hashed.

    Raises:
        ConfigError: a rule that isn't understood.

    >>> Privacy({"age": "bucket 10", "name": "drop"}).mask(pl.DataFrame({"age": [47], "name": ["Ann"]})).to_dicts()
    [{'age': 40.0}]
    """

    rules: Mapping[str, str] = field(default_factory=dict)
    timezone: str = "UTC"
    key: Callable[[], bytes] = field(default=lambda: b"", repr=False)

    def __post_init__(self) -> None:
        for column, rule in self.rules.items():
            if rule not in ("drop", "hash", "day") and not width(rule):
                raise ConfigError(f"{column} = {rule!r}", where="privacy", expected=EXPECTED)

    def __bool__(self) -> bool:
        return bool(self.rules)

    def rule(self, column: str) -> str | None:
        """How a column is kept; None: as it comes."""
        low = column.lower()
        return next((rule for name, rule in self.rules.items() if name.lower() == low), None)

    def mask(self, frame: pl.DataFrame) -> Masked:
        """Give a frame without raw values of these columns."""
        kept = {name: rule for name in frame.columns if (rule := self.rule(name)) is not None}
        coarse = [self._coarse(frame[name], rule) for name, rule in kept.items() if rule != "drop"]
        dropped = [name for name, rule in kept.items() if rule == "drop"]
        return Masked(frame.drop(dropped).with_columns(coarse))

    def _coarse(self, series: pl.Series, rule: str) -> pl.Series:
        if rule == "hash":
            return self.hashed(as_text(series))
        if rule == "day":
            return in_days(series, self.timezone)
        return in_buckets(series, width(rule))

    def hashed(self, texts: pl.Series) -> pl.Series:
        """Each text's keyed hash (BLAKE2b, 16 bytes, hexadecimal); null stays null."""
        known = texts.drop_nulls().unique().to_list()
        key = self.key() if known else b""
        told = [hashlib.blake2b(text.encode(), key=key, digest_size=16).hexdigest() for text in known]
        return texts.replace_strict(known, told, default=None, return_dtype=pl.String)

    def check(self, schema: Schema) -> None:
        """Raise SchemaError where a role can't be kept so.

        An id may be hashed and a time made a day; the version and what performance is counted from stay as they are.
        """
        scores = [schema.score] if isinstance(schema.score, str) else list((schema.score or {}).values())
        outcome = [schema.version, schema.label, schema.prediction, schema.weight, schema.value, schema.latency]
        allowed = {schema.id: "hash", schema.time: "day"} | dict.fromkeys([*outcome, *scores], "")
        for column in schema.columns:
            rule = self.rule(column.name)
            if rule is None:
                continue
            where, said = "privacy", f"{column.name} = {rule!r}"
            if rule == "drop" or allowed.get(column.name, rule) != rule:
                may = allowed.get(column.name)
                expected = f'"{may}" for this role' if may else "a column that has no such role"
                raise SchemaError(said, where=where, expected=expected, hint="the model needs it as it is")
            if rule == "hash" and column.dtype != "String":
                hint = "leave the schema out, or give it the type String"
                raise SchemaError(f"{said}, which is {column.dtype} in the schema", where=where, hint=hint)


def width(rule: str) -> float:
    """The width of a bucket; 0 where the rule is none.

    >>> width("bucket 0.5"), width("bucket 0"), width("bucket")
    (0.5, 0.0, 0.0)
    """
    found = _BUCKET.fullmatch(rule)
    length = float(found[1]) if found else 0.0
    return length if math.isfinite(length) else 0.0


def as_text(series: pl.Series) -> pl.Series:
    """A column's values as text, ids as the lake has them."""
    plain = plain_types(series.to_frame(), {})
    name, dtype = series.name, plain[series.name].dtype
    if dtype.is_nested():
        return plain.select(pl.when(pl.col(name).is_not_null()).then(pl.struct(name).struct.json_encode()).alias(name))[
            name
        ]
    return plain.select(text_id(name, dtype).alias(name))[name]


def in_buckets(series: pl.Series, wide: float) -> pl.Series:
    """The lower end of each number's range."""
    plain = plain_types(series.to_frame(), {})[series.name]
    if plain.dtype.is_nested() or isinstance(plain.dtype, pl.Binary) or plain.dtype.is_temporal():
        return pl.Series(series.name, [None] * len(series), dtype=pl.Float64)
    return (plain.cast(pl.Float64, strict=False) / wide).floor() * wide


def in_days(series: pl.Series, timezone: str) -> pl.Series:
    """The start of each time's day."""
    name = series.name
    times = series.to_frame().select(utc(name, series.dtype, timezone))[name]
    return times.dt.convert_time_zone(timezone).dt.truncate("1d").dt.convert_time_zone("UTC")
