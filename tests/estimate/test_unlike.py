"""Rows unlike any of the reference are found column by column, and named."""

from __future__ import annotations

import numpy as np
import polars as pl

from retrue.estimate.features import Features
from retrue.estimate.unlike import Unlike
from retrue.schema import Schema

REFERENCE = pl.DataFrame(
    {
        "n": [(i * 37 % 500) / 7 for i in range(1_000)],
        "c": ["a", "b"] * 500,
        "sparse": [None if i % 10 == 0 else float(i % 7) for i in range(1_000)],
        "f": [float(i % 50) for i in range(1_000)],
        "y": [0.0, 1.5] * 500,
    }
)


def learned() -> tuple[Features, Unlike]:
    schema = Schema.infer(REFERENCE, label="y", prediction="f", features=["n", "c", "sparse"])
    features = Features.fit(REFERENCE, schema).beside(REFERENCE, "f")
    return features, Unlike.fit(features, features.codes(REFERENCE))


def test_values_that_the_reference_never_had_are_named_by_column() -> None:
    features, unlike = learned()
    window = pl.DataFrame({"n": [1.0, 1e6, 2.0, None], "c": ["a", "b", "new", "a"], "sparse": [1.0, None, 1.0, 1.0]})
    codes = features.codes(window.with_columns(f=pl.lit(3.0)))
    assert unlike.rows(codes).tolist() == [False, True, True, True]
    assert unlike.words(codes) == (
        " ('n' beyond its range: 25 % of 4 rows; 'n' null, as hardly any row of the reference: 25 % of 4 rows;"
        " 'c' never seen: 25 % of 4 rows)"
    )


def test_the_prediction_is_one_of_the_columns_and_nulls_may_be_usual() -> None:
    features, unlike = learned()
    window = pl.DataFrame({"n": [1.0, 1.0], "c": ["a", "a"], "sparse": [None, 2.0], "f": [4.0, 500.0]})
    codes = features.codes(window)
    assert unlike.rows(codes).tolist() == [False, True]
    assert "'f' beyond its range" in unlike.words(codes)


def test_the_reference_is_like_itself() -> None:
    features, unlike = learned()
    codes = features.codes(REFERENCE)
    assert not unlike.rows(codes).any()
    assert unlike.words(codes) == ""
    assert np.isnan(codes[:, 2]).sum() == 100
