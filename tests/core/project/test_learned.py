"""Projecting safely: whatever a projection does, only its own column pays, and the reason is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
import pytest

from retrue.core.column import ColumnProfile
from retrue.core.cube import cube
from retrue.core.grids import Grids, Source, learn_column
from retrue.core.project import Learned, apply, learn, reason_of
from retrue.core.project.registry import REGISTRY, Family, Projection, projection
from retrue.core.weighted import Weighing
from retrue.schema import Column, Kind

TEXT = pl.Series("t", ["a b", "c", None, "d e f"] * 6)
REASON = "the projection 'odd' failed: ValueError: no such text"


@pytest.fixture(autouse=True)
def own() -> Iterator[None]:
    """What a test registers is gone after it."""
    before = dict(REGISTRY)
    yield
    for name in REGISTRY.keys() - before.keys():
        del REGISTRY[name]


def odd(window_fails: Callable[[pl.Series], bool], *, categorical: bool = False) -> None:
    """Register a projection that fails on some batches."""

    @projection("odd", Kind.TEXT, categorical=categorical)
    def compute(series: pl.Series) -> pl.Series:
        """Fails sometimes."""
        if window_fails(series):
            raise ValueError("no such text")
        return series.str.len_chars()


def grids_of(series: pl.Series, *names: str) -> tuple[Grids, dict[str, ColumnProfile]]:
    """Grids of a text column and its own profile."""
    found = learn_column(Column(series.name, Kind.TEXT, "String", "", names), series)
    grids = Grids({s.name: p.grid for s, p in found.items()}, {s.name: s for s in found})
    return grids, {source.name: profile for source, profile in found.items()}


def test_one_that_raises_on_the_reference_is_told_and_the_others_count() -> None:
    odd(lambda _: True)
    grids, reference = grids_of(TEXT, "odd", "words")
    assert dict(reference["t.odd"].names.counts) == {REASON: 24}
    assert reference["t.odd"].special_count("mismatch") == 24
    assert reference["t.words"].n == 18
    assert grids.count(pl.DataFrame({"t": TEXT})).columns["t.odd"].agrees(reference["t.odd"])


@pytest.mark.parametrize("categorical", [False, True])
def test_one_that_raises_on_a_window_is_told_however_it_is_counted(categorical: bool) -> None:
    """By column, in a cube with slices, and weighted."""
    odd(lambda series: "z" in series, categorical=categorical)
    grids, _ = grids_of(TEXT, "odd", "words")
    frame = pl.DataFrame({"t": ["z", None, "y"], "w": [2.0, 1.0, 1.0]})
    whole = grids.count(frame).columns["t.odd"]
    assert dict(whole.names.counts) == {REASON: 3}
    (_, every), (_, some) = cube(grids, frame, np.zeros(3, np.int64), {"s": np.array([True, True, False])}).items()
    assert every.columns["t.odd"].agrees(whole)
    assert dict(some.columns["t.odd"].names.counts) == {REASON: 2}
    heavy = Grids(grids.columns, grids.sources, None, (Weighing("w"),)).count(frame).columns["t.odd"]
    assert list(heavy.names.counts) == [REASON]
    assert heavy.n == 0
    assert [len(grids.columns[name].codes(values)) for name, values in grids.each(frame)] == [3, 3]


@pytest.mark.parametrize(
    ("gives", "reason"),
    [
        (pl.Series([1.0]), "it gave 1 values for 24 rows"),
        (None, "it gave no values"),
        (pl.Series(["x"] * 24), "InvalidOperationError"),
        (7, "TypeError"),
    ],
)
def test_values_that_are_none_fail(gives: Any, reason: str) -> None:
    projection("odd", Kind.TEXT)(lambda _: gives)
    assert reason in str(reason_of(apply(Learned("odd"), ["odd"], TEXT)["odd"]))


def test_arrays_and_booleans_are_values_and_nulls_stay_null() -> None:
    gives: Any = lambda series: np.arange(len(series)) > 1  # noqa: E731 - no series, as users may write it
    projection("odd", Kind.TEXT)(gives)
    assert apply(Learned("odd"), ["odd"], pl.Series(["a", None, "b"]))["odd"].to_list() == [0.0, None, 1.0]


def test_what_cannot_be_stored_is_not_learned() -> None:
    family = Family("odd", frozenset({Kind.TEXT}), lambda _s, _f: {}, lambda _s, _k: {"matrix": np.zeros((2, 2))})
    learned = learn(family, TEXT, Kind.TEXT)
    assert "what was learned as 'matrix' can't be stored" in learned.failed


def test_one_that_is_not_registered_or_was_learned_by_a_newer_version_is_told() -> None:
    values = Source("t", "sentiment").of(TEXT)
    assert "isn't registered in this process: import the module" in str(reason_of(values))
    family = Family("odd", frozenset({Kind.TEXT}), lambda series, _f: {"odd": series.str.len_chars()})
    REGISTRY["odd"] = Projection("odd", family, "")
    assert "newer version (form 2)" in str(reason_of(apply(Learned("odd", 2), ["odd"], TEXT)["odd"]))


def test_what_was_learned_survives_its_fields() -> None:
    learned = Learned("odd", 3, {"a": np.array([1.5]), "b": ["x", ""]}, "why")
    again = Learned.from_fields(learned.to_fields())
    assert (again.family, again.version, again.failed, again.fields["b"]) == ("odd", 3, "why", ["x", ""])
    assert np.asarray(again.fields["a"]).tolist() == [1.5]


def test_grids_tell_what_was_learned_apart_and_keep_it_once() -> None:
    one, two = grids_of(TEXT, "oov_share", "new_words")[0], grids_of(TEXT.head(3), "oov_share", "new_words")[0]
    assert len(one.learned) == 1
    assert one.together == (("t.oov_share", "t.new_words"),)
    mixed = Grids(one.columns, two.sources)
    assert one.digest != mixed.digest
    assert Grids.from_bytes(mixed.to_bytes()).digest == mixed.digest
