"""Features: coded on the reference, with what is new marked."""

from __future__ import annotations

import numpy as np
import polars as pl

from retrue.estimate import features
from retrue.estimate.features import NEW, RARE, Coder, Features
from retrue.schema import Kind, Schema


def test_a_category_is_its_rank_and_new_ones_are_told() -> None:
    coder = Coder.fit(pl.Series("c", ["b", "b", "a", None]), Kind.CATEGORICAL)
    codes = coder.codes(pl.DataFrame({"c": ["a", "b", "z", None]}))
    assert codes[:3].tolist() == [1, 0, NEW]
    assert np.isnan(codes[3])
    assert coder.beyond(codes).tolist() == [False, False, True, False]


def test_rare_categories_share_a_code_and_are_not_new() -> None:
    names = [f"c{i:03d}" for i in range(features.CATEGORIES + 5)]
    coder = Coder.fit(pl.Series("c", names), Kind.CATEGORICAL)
    codes = coder.codes(pl.DataFrame({"c": [names[-1], names[0], "other"]}))
    assert codes.tolist() == [RARE, 0, NEW]


def test_numbers_beyond_the_range_are_told_and_what_is_no_number_is_nan() -> None:
    coder = Coder.fit(pl.Series("x", [1.0, 5.0, float("inf"), None]), Kind.NUMERIC)
    codes = coder.codes(pl.DataFrame({"x": [0.0, 1.0, 5.0, 6.0, float("-inf"), None]}))
    assert coder.beyond(codes).tolist() == [True, False, False, True, False, False]
    assert np.isnan(codes[4:]).all()


def test_a_feature_of_nothing_but_nulls_marks_every_number() -> None:
    coder = Coder.fit(pl.Series("x", [None, None], dtype=pl.Float64), Kind.NUMERIC)
    assert coder.beyond(coder.codes(pl.DataFrame({"x": [1.0, None]}))).tolist() == [True, False]


def test_ids_and_constants_are_left_out_and_a_lost_column_is_all_nan() -> None:
    frame = pl.DataFrame({"x": [1.5, 2.5, 3.5] * 20, "c": ["a", "b", "b"] * 20, "k": [1] * 60, "y": [0, 1, 1] * 20})
    schema = Schema.infer(frame, label="y", prediction=None)
    fitted = Features.fit(frame, schema)
    assert [coder.name for coder in fitted.coders] == ["x", "c"]
    assert fitted.categorical == [False, True]
    codes = fitted.codes(frame.drop("x"))
    assert codes.shape == (60, 2)
    assert np.isnan(codes[:, 0]).all()
