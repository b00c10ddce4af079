"""Two columns share a cause where the same rows are odd in both."""

import numpy as np
import polars as pl
import pytest

from retrue.explain.coding import code
from retrue.explain.shared import causes_of, shared_rows

BOTH = frozenset({frozenset("xc")})
ASKED = frozenset("xc")
N = 4_000


def frame(seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame({"x": rng.normal(size=N), "c": rng.choice(["a", "b", "d"], N)})


def odd(table: pl.DataFrame, first: np.ndarray, second: np.ndarray) -> pl.DataFrame:
    """Move x where `first` says so, and c where `second` does."""
    return table.with_columns(
        x=pl.when(pl.Series(first)).then(pl.col("x") * 0.1 + 2.0).otherwise("x"),
        c=pl.when(pl.Series(second)).then(pl.lit("d")).otherwise("c"),
    )


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_one_cause_is_found_and_two_are_told_apart(share: float) -> None:
    """A fifth of the rows, or most of them, are odd: together, or each column by itself."""
    rng = np.random.default_rng(5)
    rows, others = rng.random(N) < share, rng.random(N) < share
    reference, window = frame(1), frame(2)
    assert shared_rows(code(odd(window, rows, rows), reference), ASKED) == BOTH
    assert shared_rows(code(odd(window, rows, others), reference), ASKED) == frozenset()


def test_columns_that_are_all_missing_are_one_cause() -> None:
    """A join that fails: no row is left to tell them apart."""
    gone = frame(2).with_columns(x=pl.lit(None, pl.Float64), c=pl.lit(None, pl.String))
    assert shared_rows(code(gone, frame(1)), ASKED) == BOTH


def test_rows_that_miss_both_are_one_cause_whatever_else_moved() -> None:
    """A weather station falls silent for 3 % of the rows, in a season that moved x and c, each by itself."""
    rng = np.random.default_rng(8)
    gone, other = rng.random(N) < 0.03, rng.random(N) < 0.03
    window = odd(frame(2), rng.random(N) < 0.8, rng.random(N) < 0.5)

    def without(x: np.ndarray, c: np.ndarray) -> pl.DataFrame:
        gaps = [pl.when(pl.Series(~rows)).then(name).alias(name) for name, rows in (("x", x), ("c", c))]
        return window.with_columns(gaps)

    assert shared_rows(code(without(gone, gone), frame(1)), ASKED) == BOTH
    assert shared_rows(code(without(gone, other), frame(1)), ASKED) == frozenset()


def test_without_a_change_nothing_is_shared() -> None:
    assert shared_rows(code(frame(2), frame(1)), ASKED) == frozenset()


def test_nothing_to_compare_is_no_error() -> None:
    assert shared_rows(code(frame(1).clear(), frame(1)), ASKED) == frozenset()
    assert shared_rows(code(frame(1).select("x"), frame(1).select("x")), ASKED) == frozenset()


def test_a_third_column_explains_both() -> None:
    """A new kind of household: schooling and age move with it, each loosely, and neither explains the other."""

    def households(seed: int, share: float) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        student = rng.random(N) < share
        young, school = rng.random(N) < np.where(student, 0.7, 0.2), rng.random(N) < np.where(student, 0.6, 0.1)
        return pl.DataFrame(
            {"c": np.where(young, "young", "old"), "x": school.astype(str), "kind": student.astype(str)}
        )

    coded = code(households(2, 0.7), households(1, 0.1))
    assert shared_rows(coded, ASKED) == BOTH
    assert shared_rows(coded.only(ASKED), ASKED) == frozenset()


@pytest.mark.parametrize("share", [0.2, 0.95])
def test_a_column_whose_odd_rows_turn_two_others_is_behind_them(share: float) -> None:
    """Odd rows have y for -x; x and y by themselves stay as they were, and so does c where the odd rows are others."""
    rng = np.random.default_rng(3)
    x, odd_rows, others = rng.normal(size=N), rng.random(N) < share, rng.random(N) < share

    def table(turned: np.ndarray, moved: np.ndarray) -> pl.DataFrame:
        y = np.where(turned, -x, x) + rng.normal(size=N) / 2
        return pl.DataFrame({"x": x, "y": y, "c": np.where(moved, "d", rng.choice(["a", "b"], N))})

    reference, nowhere = table(rng.random(N) < 0, rng.random(N) < 0), frozenset[str]()
    pair, asked = frozenset("xy"), frozenset("c")
    assert causes_of(code(table(odd_rows, odd_rows), reference), pair, asked) == asked
    assert causes_of(code(table(odd_rows, others), reference), pair, asked) == nowhere
    assert causes_of(code(table(odd_rows, odd_rows), reference), pair, nowhere) == nowhere
    assert causes_of(code(table(odd_rows, odd_rows), reference), frozenset("xz"), asked) == nowhere
