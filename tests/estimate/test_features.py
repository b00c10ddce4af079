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


def test_numbers_far_beyond_the_range_are_told_and_what_is_no_number_is_nan() -> None:
    """Of 1 to 100 the outermost 20 span 20: down to -19 and up to 120 is no news."""
    known = [*map(float, range(1, 101)), float("inf"), None]
    coder = Coder.fit(pl.Series("x", known), Kind.NUMERIC)
    codes = coder.codes(pl.DataFrame({"x": [-25.0, -15.0, 5.0, 119.0, 121.0, float("-inf"), None]}))
    assert coder.beyond(codes).tolist() == [True, False, False, False, True, False, False]
    assert np.isnan(codes[5:]).all()


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


def test_times_are_no_features() -> None:
    frame = pl.DataFrame({"at": pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 1, 9), eager=True)})
    schema = Schema.infer(frame.with_columns(x=pl.Series(range(9)) * 1.5, y=pl.Series([0, 1, 1] * 3)), label="y")
    assert [coder.name for coder in Features.fit(frame.with_columns(x=pl.lit(0.5)), schema).coders] == ["x"]


def test_of_many_features_no_more_than_a_few_rows_lie_beyond_by_chance() -> None:
    """40 columns, half of them with heavy tails, 400 reference rows: some row is always the outermost of one."""
    rng = np.random.default_rng(1)

    def rows(n: int) -> pl.DataFrame:
        columns = {f"n{i}": rng.normal(size=n) for i in range(20)} | {f"l{i}": rng.lognormal(size=n) for i in range(20)}
        return pl.DataFrame(columns)

    reference = rows(400)
    fitted = Features.fit(reference, Schema.infer(reference))
    assert len(fitted.coders) == 40
    assert fitted.beyond(fitted.codes(rows(2_000))).mean() < 0.02
