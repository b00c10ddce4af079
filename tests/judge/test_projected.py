"""Projected columns are judged like any other, in words of their own; one that failed is not comparable."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest

import retrue as rt
from retrue.core.project import REGISTRY
from retrue.report.words import headline

RNG = np.random.default_rng(4)
KNOWN, NEW = ([f"{first}{i}" for i in range(60)] for first in "ab")


@pytest.fixture(autouse=True)
def own() -> Iterator[None]:
    """What a test registers is gone after it."""
    before = dict(REGISTRY)
    yield
    for name in REGISTRY.keys() - before.keys():
        del REGISTRY[name]


def texts(rows: int, share: float) -> list[str]:
    """Texts of eight words, some of them new."""
    return [" ".join(RNG.choice(NEW if RNG.random() < share else KNOWN) for _ in range(8)) for _ in range(rows)]


def test_new_words_are_told_in_words() -> None:
    reference = {"comment": texts(600, 0.02)}
    report = rt.compare(reference, {"comment": texts(400, 0.4)}, kinds={"comment": "text"})
    reason = report.columns["comment.new_words"].verdict.reason
    assert "% of words were never seen; normally " in reason
    assert report.exit_status == 1


def test_texts_that_did_not_change_raise_nothing() -> None:
    report = rt.compare({"comment": texts(600, 0.0)}, {"comment": texts(400, 0.0)}, kinds={"comment": "text"})
    assert report.exit_status == 0
    assert len(report.columns) >= 15


def test_one_that_raises_is_not_comparable_and_costs_nothing_else() -> None:
    @rt.projection("odd", rt.Kind.TEXT)
    def odd(series: pl.Series) -> pl.Series:
        """Fails on what it doesn't know."""
        if len(series) < 500:
            raise KeyError("lexicon")
        return series.str.len_chars()

    report = rt.compare({"comment": texts(600, 0.0)}, {"comment": texts(400, 0.0)}, kinds={"comment": "text"})
    verdict = report.columns["comment.odd"].verdict
    assert (verdict.kind, verdict.reason) == ("not_comparable", "the projection 'odd' failed: KeyError: 'lexicon'")
    assert report.columns["comment.words"].verdict.kind == "true"
    said = "nothing is known of comment.odd, for the projection 'odd' failed: KeyError: 'lexicon'."
    assert said in headline(report).replace("Nothing", "nothing")
    again = rt.compare({"comment": texts(400, 0.0)}, {"comment": texts(600, 0.0)}, kinds={"comment": "text"})
    assert again.columns["comment.odd"].verdict.reason.endswith("KeyError: 'lexicon' on the reference")


def test_vectors_of_another_length_are_broken_data() -> None:
    reference = {"v": RNG.normal(size=(300, 6)).tolist()}
    report = rt.compare(reference, {"v": RNG.normal(size=(300, 9)).tolist()})
    assert report.columns["v.dimension"].verdict.kind == "broken"
    assert report.columns["v.dimension"].verdict.reason.startswith("9 numbers on average; normally 6")
    assert report.columns["v.pc1"].verdict.reason.startswith("NaN rose from 0 % to 100 %")
