"""A function as a condition: what goes wrong in it is told by its name, file and line."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import polars as pl
import pytest

from retrue.errors import SliceError
from retrue.slices import Slice

TABLE = pl.DataFrame({"x": [1, 2, 3]})


def says(form: Callable[[list[bool | None]], Any], table: pl.DataFrame) -> Any:
    return form([True, None, False])


def fails(table: pl.DataFrame) -> pl.Series:
    limit = "two"
    return inner(table, limit)


def inner(table: pl.DataFrame, limit: str) -> pl.Series:
    raise ValueError(f"oops: {limit}\n{table}")


def test_a_function_says_which_rows_in_any_form_of_booleans() -> None:
    """Also among other conditions; no answer is no."""
    for form in (list, pl.Series, iter):
        assert Slice.of(partial(says, form)).mask(TABLE).to_list() == [True, False, False]
    both = Slice.of(lambda table: (table["x"] > 1).to_numpy()) & Slice.parse("x < 3")
    assert both.mask(TABLE).to_list() == [False, True, False]
    assert Slice.of(lambda table: [None] * table.height).mask(TABLE).sum() == 0


def test_a_function_that_raises_is_named_with_its_line_and_nothing_of_polars() -> None:
    with pytest.raises(SliceError) as caught:
        Slice.of(fails).mask(TABLE)
    line = inner.__code__.co_firstlineno + 1
    where = f"in function 'fails' (test_called.py, line {line})"
    assert str(caught.value) == f"ValueError: oops: two {where}: expected a Boolean for each row"
    with pytest.raises(SliceError, match=r"^ValueError: oops: two in function 'fails' .* a Boolean for each row$"):
        TABLE.lazy().filter(Slice.of(fails).expr).collect()


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda _: [1, 2, 3], "3 values of type Int64 from function '<lambda>'"),
        (lambda _: [True], "1 of 3 values from function '<lambda>'"),
        (lambda _: True, "a value of type bool from function '<lambda>'"),
        (lambda table: table["y"] > 1, "ColumnNotFoundError: "),
        (max, "3 values of type Int64 from function 'max': "),
    ],
)
def test_a_function_that_gives_no_boolean_for_each_row_is_told_so(
    function: Callable[[pl.DataFrame], Any], said: str
) -> None:
    with pytest.raises(SliceError, match=r"expected a Boolean for each row$") as caught:
        Slice.of(function).mask(TABLE)
    assert str(caught.value).startswith(said)
