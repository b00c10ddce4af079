"""Keeping a sample: all events are counted, and the lake keeps the whole row of only some of them.

    event ── its id's number < share, or a slice that is always kept? ──┬── whole row        `_content` is null
             (the number follows from the id alone)                     └── narrow row       its features are null

The narrow row has what is needed later of every event: id, time, version, what was predicted, and the columns that
slices read. So repeats are found, labels join and performance is counted as if everything were kept. `_probability`
says how probable it was that the row is kept whole; `_content` is a hash of what was left out, so that a repeat that
differs is still told from one that is equal.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import polars as pl

from retrue.core.hashing import GOLDEN, UInts, hash64, mix, numbers
from retrue.core.state import Bools
from retrue.errors import ConfigError, SliceError, nearest
from retrue.schema import Schema
from retrue.slices import Slice
from retrue.store.door import as_json
from retrue.store.layout import LENT, SYSTEM, Layout

PROBABILITY, CONTENT = "_probability", "_content"
Sample: TypeAlias = Literal["even", "kept", "all"]
SAMPLES = get_args(Sample)
EXPECTED = 'a share such as "5 %", or {share = "5 %", always = ["amount > 1000"], columns = ["region"]}'
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*", re.ASCII)


@dataclass(frozen=True)
class Keep:
    """Which rows of a model are kept whole, and what is kept of the others.

    Args:
        share: of the ids, above 0 and at most 1.
        always: slices whose events are kept whole besides, as SQL; they can't read the label, which comes later.
        columns: what is kept of every event.

    >>> Keep.of("5 %").share
    0.05
    """

    share: float = 1.0
    always: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.share < 1

    @classmethod
    def of(cls, given: str | float | Mapping[str, Any] | None) -> Keep:
        """Read what a user gave, or what `to_dict` wrote.

        Raises:
            ConfigError: it isn't understood, or keeps nothing.
        """
        if given is None or given == {}:
            return cls()
        said: Mapping[str, Any] = given if isinstance(given, Mapping) else {"share": given}
        odd = sorted(set(said) - set(cls.__dataclass_fields__))
        if odd:
            raise ConfigError(f"unknown {odd[0]!r}", where="keep", expected=EXPECTED, hint=nearest(odd[0], _NAMES))
        return cls(_share(said.get("share")), _texts(said, "always"), _texts(said, "columns"))

    def to_dict(self) -> dict[str, Any]:
        """Plain values; none where everything is kept."""
        return {"share": self.share, "always": list(self.always), "columns": list(self.columns)} if self else {}

    def fitted(self, schema: Schema, layout: Layout) -> Keep:
        """The same for a model: what is kept of every event includes all that the schema says beside features.

        Raises:
            SliceError: a slice that is always kept reads the label, or what isn't there.
            ConfigError: a column that isn't there.
        """
        if not self:
            return self
        known = {column.name for column in schema.columns}
        for name in self.columns:
            if name not in known:
                raise ConfigError(f"unknown column {name!r}", where="keep", hint=nearest(name, known))
        for part in self.slices:
            part.check(sorted(known | {*layout.roles}))
            refuse_label(part, layout)
        told = [*layout.roles, *(c.name for c in schema.columns if c.name not in schema.features), *schema.slices]
        chosen = dict.fromkeys([*told, *self.columns])
        return Keep(self.share, self.always, tuple(name for name in chosen if name != layout.label))

    @property
    def slices(self) -> tuple[Slice, ...]:
        """The slices whose events are always kept whole."""
        return tuple(Slice.parse(sql) for sql in self.always)

    def widest(self, columns: Collection[str]) -> Sample:
        """The most rows that these columns can be read of: every event where it has them, else the even sample."""
        return "all" if not self or {*columns} <= {*self.columns} else "even"

    def even(self) -> pl.Expr:
        """Which rows of the lake are kept with the same probability: no weights are needed among these."""
        return (pl.col("_h").reinterpret(signed=False).cast(pl.Float64) + 0.5) / 2.0**64 < self.share

    def thinned(self, events: pl.DataFrame, layout: Layout, needed: Collection[str] | None) -> pl.DataFrame:
        """Events as the lake keeps them, whole rows first.

        Args:
            events: rows of one segment, whole, with `_h`.
            layout: the model's roles.
            needed: columns that counting needs later of every event; None: they aren't counted yet, and all are kept.
        """
        even = numbers(events["_h"]) < self.share
        always = self._always(events, layout)
        whole = np.ones(len(events), np.bool_) if needed is None else even | always
        chance = np.where(always, 1.0, self.share) if needed is not None else np.ones(len(events))
        kept = {*SYSTEM, *layout.roles, *self.columns, *(needed or ())}
        wide = [name for name in events.columns if name not in kept]
        mask = pl.Series("whole", whole)
        left_out = content(events.filter(~mask), layout)
        hashes = pl.DataFrame({"_n": events["_n"].filter(~mask), CONTENT: left_out})
        rows = events.with_columns(pl.when(mask).then(pl.col(wide)), pl.Series(PROBABILITY, chance, pl.Float64()))
        rows = rows.join(hashes, on="_n", how="left", maintain_order="left")
        return pl.concat([rows.filter(mask), rows.filter(~mask)])  # nulls side by side take no room

    def _always(self, events: pl.DataFrame, layout: Layout) -> Bools:
        found = np.zeros(len(events), np.bool_)
        for part in self.slices:
            lacking = [
                pl.lit(None, dtype=layout.wanted_type(name)).alias(name) for name in part.columns - {*events.columns}
            ]
            found |= part.mask(events.with_columns(lacking)).to_numpy()
        return found


def sampled(events: pl.LazyFrame, layout: Layout, sample: Sample) -> pl.LazyFrame:
    """Rows of the lake as they are asked for (see `Reader.labelled`); `_probability` is there for "kept" alone.

    Raises:
        ConfigError: an unknown sample.
    """
    if sample not in SAMPLES:
        raise ConfigError(f"unknown sample {sample!r}", expected=", ".join(SAMPLES), hint=nearest(sample, SAMPLES))
    keep, names = Keep.of(layout.keep), events.collect_schema().names()
    if not keep or CONTENT not in names:
        return events.drop(PROBABILITY, strict=False)
    if sample == "all":
        there = {*SYSTEM, *LENT, *layout.roles, layout.label_column, *keep.columns} - {PROBABILITY}
        return events.select([name for name in names if name in there])
    if sample == "even":
        return events.filter(keep.even()).drop(PROBABILITY)
    return events.filter(pl.col(CONTENT).is_null()).with_columns(pl.col(PROBABILITY).fill_null(1.0))


_NAMES = tuple(Keep.__dataclass_fields__)


def _share(given: object) -> float:
    found = _SHARE.fullmatch(given) if isinstance(given, str) else None
    if found is None and (isinstance(given, bool) or not isinstance(given, int | float)):
        raise ConfigError(f"{given!r} is no share", where="keep", expected=EXPECTED)
    share = float(found[1]) / 100 if found else float(given)  # type: ignore[arg-type]
    if not 0 < share <= 1:
        raise ConfigError(f"a share of {100 * share:g} %", where="keep", expected="more than 0, at most 100 %")
    return share


def _texts(said: Mapping[str, Any], name: str) -> tuple[str, ...]:
    given = said.get(name) or ()
    texts: Sequence[Any] = (given,) if isinstance(given, str) else given
    if not isinstance(texts, list | tuple) or not all(isinstance(one, str) for one in texts):
        raise ConfigError(f"{name} = {given!r}", where="keep", expected=EXPECTED)
    return tuple(texts)


def refuse_label(part: Slice, layout: Layout) -> None:
    """Refuse a slice that reads the label: what all of its events look like is known only where all rows are kept.

    Raises:
        SliceError: it does.
    """
    if layout.label is not None and layout.label in part.columns:
        hint = "the label comes later, when the features of most events aren't there any more"
        raise SliceError(f"slice {str(part)!r} reads the label", where="a model that keeps a sample", hint=hint)


def content(events: pl.DataFrame, layout: Layout) -> pl.Series:
    """Hash what each event says, in whatever columns: Int64. Nulls, and the order of columns, make no difference.

    >>> layout = Layout(id="k", time="t", version="v")
    >>> a, b = pl.DataFrame({"x": [-0.0], "y": ["a"]}), pl.DataFrame({"y": ["a"], "z": [None], "x": [0.0]})
    >>> content(a, layout).equals(content(b, layout)), content(a, layout).equals(content(b.drop("x"), layout))
    (True, False)
    """
    sums = np.zeros(len(events), np.uint64)
    unsaid = {*SYSTEM, layout.id_column, layout.version_column} | (set() if layout.timed else {layout.time_column})
    for name in events.columns:
        if name in unsaid or events[name].null_count() == len(events):
            continue
        salt = hash64(pl.Series([name])).to_numpy().view(np.uint64)[0]
        own = mix(_bits(events[name]) * GOLDEN + salt)
        sums += np.where(events[name].is_null().to_numpy(), np.uint64(0), own)
    return pl.Series(CONTENT, sums.view(np.int64))


def _bits(values: pl.Series) -> UInts:
    """uint64[n]: equal values of a column have equal bits; those of nulls mean nothing."""
    dtype = values.dtype
    if dtype.is_float():
        known = values.cast(pl.Float64).fill_null(0.0).fill_nan(float("nan")).to_numpy() + 0.0
        return np.where(np.isnan(known), np.nan, known).view(np.uint64)
    if dtype.is_integer() or dtype.is_temporal() or dtype == pl.Boolean():
        return values.to_physical().cast(pl.Int64).fill_null(0).to_numpy().view(np.uint64)
    text = values if dtype == pl.String() else as_json(values.to_frame())
    return hash64(text.fill_null("")).to_numpy().view(np.uint64)
