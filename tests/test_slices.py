"""`Slice`: made, named, combined, checked against columns, and applied to rows."""

from __future__ import annotations

import dataclasses
import functools
import pickle
import subprocess
import sys
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.errors import SliceError
from retrue.slices import Slice, Value

FRAME = pl.DataFrame(
    {
        "precip": [0.0, 0.2, None, 0.5, float("nan")],
        "origin": ["JFK", "JFK", "LGA", None, "EWR"],
        "late": [True, False, None, True, False],
    }
)


# Its text


def test_the_text_is_canonical_and_knows_its_columns() -> None:
    """However it was written, one text; columns are those it reads."""
    found = Slice.parse("precip>.1 and not(origin = 'JFK')")
    assert found.sql == found.to_sql() == str(found) == "precip > 0.1 AND NOT origin = 'JFK'"
    assert found.columns == {"precip", "origin"}


def test_the_slice_of_all_rows_reads_no_column() -> None:
    """`TRUE` holds for every row, also in a frame without rows or columns."""
    assert Slice.all().sql == "TRUE"
    assert Slice.all().columns == frozenset()
    assert Slice.all().mask(FRAME).to_list() == [True] * 5
    assert Slice.all().mask(FRAME.clear()).to_list() == []
    assert Slice.all().mask(pl.DataFrame()).to_list() == []


@pytest.mark.parametrize("wrong", ["x > 1", pl.col("x") > 1, None])
def test_what_is_no_predicate_is_refused_with_the_way_to_make_one(wrong: object) -> None:
    with pytest.raises(SliceError, match=r"a slice made of .*Hint: Slice\.of takes SQL text or a Polars expression"):
        Slice(wrong)  # type: ignore[arg-type]


def test_a_name_is_how_it_is_shown() -> None:
    """`named` changes the name and nothing else."""
    rain = Slice.parse("precip > 0.1").named("rain")
    assert (str(rain), rain.name, rain.sql) == ("rain", "rain", "precip > 0.1")
    assert rain.named(None).name is None
    with pytest.raises(SliceError, match="an empty slice name"):
        rain.named(" ")


def test_equal_means_the_same_text_and_the_same_name() -> None:
    """Two names are two lines of a report; `sql` tells whether they choose alike."""
    one, other = Slice.parse("x > 1", name="a"), Slice.parse("x>1", name="b")
    assert one != other
    assert one.sql == other.sql
    assert one == Slice.parse("(x > 1)", name="a")
    assert len({one, other, Slice.parse("x>1", name="a")}) == 2
    assert one != "x > 1"
    assert Slice.parse("x = 1") != Slice.parse("x = 1.0") != Slice.parse("x = TRUE")


def test_a_slice_is_a_value() -> None:
    """It can't be changed, and survives pickling, for other processes."""
    rain = Slice.parse("precip > 0.1", name="rain")
    with pytest.raises(dataclasses.FrozenInstanceError):
        rain.name = "sun"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(rain)) == rain  # noqa: S301 - made one line above


# Combined


def test_operators_put_parentheses_where_they_must_be() -> None:
    """`&`, `|` and `~` are AND, OR and NOT; the names of the parts are dropped."""
    a, b, c = (Slice.parse(f"{name} > 1", name=name) for name in "abc")
    assert ((a | b) & c).sql == "(a > 1 OR b > 1) AND c > 1"
    assert (a & b | c).sql == "a > 1 AND b > 1 OR c > 1"
    assert (~(a & b)).sql == "NOT (a > 1 AND b > 1)"
    assert (~~a).sql == "a > 1"
    assert (a & b & c).name is None
    assert (Slice.all() & a).sql == (a & Slice.all()).sql == "a > 1"


def test_not_leaves_unknown_rows_out() -> None:
    """A row whose precipitation isn't known is neither in "it rained" nor in its NOT, as in SQL."""
    rain = Slice.parse("precip > 0.1")
    assert rain.mask(FRAME).to_list() == [False, True, False, True, False]
    assert (~rain).mask(FRAME).to_list() == [True, False, False, False, False]


three = st.lists(st.tuples(*[st.sampled_from([True, False, None])] * 2), max_size=9)


@given(three)
def test_logic_is_three_valued(pairs: list[tuple[bool | None, bool | None]]) -> None:
    """Kleene's tables: AND is the smaller and OR the larger of false < unknown < true."""
    frame = pl.DataFrame(pairs, schema={"a": pl.Boolean, "b": pl.Boolean}, orient="row")
    order = {False: 0, None: 1, True: 2}
    both = [min(pair, key=order.__getitem__) is True for pair in pairs]
    either = [max(pair, key=order.__getitem__) is True for pair in pairs]
    a, b = Slice.parse("a"), Slice.parse("b")
    assert (a & b).mask(frame).to_list() == both
    assert (a | b).mask(frame).to_list() == either
    assert (~(~a | ~b)).mask(frame).to_list() == both


def test_what_can_be_combined_can_be_stored() -> None:
    """Combining checks the same bounds as reading does, so no slice prints what can't be read back."""
    deep = Slice.parse("x > 1")
    while "NOT (NOT (NOT (NOT (NOT (" not in str(deep):
        deep = ~(deep & Slice.parse("y > 1"))
        assert Slice.parse(deep.to_sql()) == deep
    with pytest.raises(SliceError, match="nests too deeply"):
        functools.reduce(lambda inner, outer: ~(inner & outer), [deep] * 30)
    wide = Slice.parse(" OR ".join(f"x = {i}" for i in range(800)))
    with pytest.raises(SliceError, match=r"a slice of 1\d,\d{3} characters"):
        _ = wide | wide


# Polars expressions


def test_a_polars_expression_is_a_slice_that_cannot_be_stored() -> None:
    """It works in process, alone and combined, and says why it has no text."""
    wet = Slice.of(pl.col("precip") > 0.1, name="wet")
    assert wet.sql is None
    assert wet.columns == {"precip"}
    assert wet.mask(FRAME).to_list() == [False, True, False, True, True]  # Polars' own NaN, larger than any number
    both = wet & Slice.parse("origin = 'JFK' OR origin IS NULL")
    assert both.sql is None
    assert both.columns == {"precip", "origin"}
    assert both.mask(FRAME).to_list() == [False, True, False, True, False]
    with pytest.raises(SliceError, match=r"can't be stored.*Hint: write the predicate as SQL text"):
        both.to_sql()


def test_polars_expressions_are_equal_by_what_they_compute() -> None:
    """Not by identity; and never equal to a text."""
    assert Slice.of(pl.col("x") > 1) == Slice.of(pl.col("x") > 1)
    assert Slice.of(pl.col("x") > 1) != Slice.of(pl.col("x") > 2)
    assert Slice.of(pl.col("x") > 1) != Slice.parse("x > 1")
    assert hash(Slice.of(pl.col("x") > 1)) == hash(Slice.of(pl.col("x") > 1))


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (pl.col("precip") + 1, "an expression of dtype Float64"),
        (pl.col("origin") > 1, "Polars says"),
        (pl.col("rain") > 1, "unknown column 'rain'"),
        (pl.col("late").filter(pl.col("late")), "2 values for 5 rows"),
        (pl.all().is_null(), "Polars says"),
    ],
)
def test_an_expression_that_is_no_predicate_is_an_error(expr: pl.Expr, message: str) -> None:
    """It must give one boolean for each row."""
    with pytest.raises(SliceError, match=message):
        Slice.of(expr).mask(FRAME)


def test_of_takes_text_slices_and_expressions() -> None:
    """A slice passes through, with another name if one is given."""
    rain = Slice.parse("precip > 0.1", name="rain")
    assert Slice.of(rain) is rain
    assert Slice.of(rain, name="wet").name == "wet"
    assert Slice.of("precip > 0.1", name="rain") == rain


@pytest.mark.parametrize("source", [None, 1, b"x > 1", ["x > 1"]])
def test_anything_else_is_no_slice(source: object) -> None:
    """The error says what came and what a slice looks like."""
    with pytest.raises(SliceError, match=f"a slice of type {type(source).__name__}: expected SQL text"):
        Slice.of(source)  # type: ignore[arg-type]


# From values


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        (15, "x = 15"),
        (-0.5, "x = -0.5"),
        ("O'Hare", "x = 'O''Hare'"),
        ("", "x = ''"),
        (True, "x = TRUE"),
        (None, "x IS NULL"),
        (float("nan"), "ISNAN(x)"),
        (float("inf"), "x > 1.7976931348623157e+308"),
        (float("-inf"), "x < -1.7976931348623157e+308"),
        (date(2013, 3, 1), "x = DATE '2013-03-01'"),
        (datetime(2013, 3, 1, 10), "x = TIMESTAMP '2013-03-01 10:00:00'"),
        (datetime(2013, 3, 1, 10, tzinfo=UTC), "x = TIMESTAMPTZ '2013-03-01 10:00:00+00:00'"),
    ],
)
def test_equals_writes_any_value(value: Value, sql: str) -> None:
    """The text reads back as the same slice."""
    assert Slice.equals("x", value).sql == sql
    assert Slice.parse(sql) == Slice.equals("x", value)


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"))
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=True)
    | st.booleans()
    | st.dates(date(1000, 1, 1))
    | st.datetimes(datetime(1000, 1, 1))
    | st.none(),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
)
def test_equals_finds_the_value_that_it_was_made_of(value: Value, column: str) -> None:
    """Whatever the value and whatever the column is called, after a round trip through text."""
    frame = pl.DataFrame({column: pl.Series([value, None])})
    found = Slice.parse(Slice.equals(column, value).to_sql())
    assert found.mask(frame).to_list() == [True, value is None]


def test_isin_takes_nulls_apart() -> None:
    """SQL's IN never finds a null, so it is asked for apart; no values choose no rows."""
    assert Slice.isin("x", [1, None, 2, float("nan")]).sql == "x IN (1, 2) OR x IS NULL OR ISNAN(x)"
    assert Slice.isin("x", [None]).sql == "x IS NULL"
    assert Slice.isin("x", []).sql == "FALSE"
    assert Slice.isin("origin", ["JFK", None]).mask(FRAME).to_list() == [True, True, False, True, False]
    assert Slice.isin("origin", []).mask(FRAME).to_list() == [False] * 5


@pytest.mark.parametrize("size", [3, 30])
def test_isin_finds_the_same_in_short_and_long_lists(size: int) -> None:
    """Long lists are looked up, short ones compared one by one."""
    frame = pl.DataFrame({"n": [1, 2, 100, None], "s": ["1", "2", "100", None]})
    numbers = range(1, 2 * size, 2)
    assert Slice.isin("n", numbers).mask(frame).to_list() == [True, False, False, False]
    assert Slice.isin("s", map(str, numbers)).mask(frame).to_list() == [True, False, False, False]
    assert (~Slice.isin("s", map(str, numbers))).mask(frame).to_list() == [False, True, True, False]


def test_between_is_a_bin_of_a_grid() -> None:
    """[low, high) unless said otherwise; an infinite bound is none."""
    assert Slice.between("x", 1, 2.5).sql == "x >= 1 AND x < 2.5"
    assert Slice.between("x", 1, 2, closed="both").sql == "x >= 1 AND x <= 2"
    assert Slice.between("x", 1, 2, closed="right").sql == "x > 1 AND x <= 2"
    assert Slice.between("x", 1, 2, closed="none").sql == "x > 1 AND x < 2"
    assert Slice.between("x", float("-inf"), 2).sql == "x < 2"
    assert Slice.between("x", 1, None).sql == "x >= 1"
    assert Slice.between("x").sql == "x IS NOT NULL"
    assert Slice.between("t", date(2013, 3, 1), date(2013, 4, 1)).sql == (
        "t >= DATE '2013-03-01' AND t < DATE '2013-04-01'"
    )


def test_what_cannot_be_written_is_an_error() -> None:
    """A null byte, and types without a constant."""
    with pytest.raises(SliceError, match="a null byte"):
        Slice.equals("x", "a\0b")
    with pytest.raises(SliceError, match="a constant of type bytes: expected a number"):
        Slice.equals("x", b"a")  # type: ignore[arg-type]
    with pytest.raises(SliceError, match="a bound that is NaN"):
        Slice.between("x", float("nan"))


# On columns and rows


def test_an_unknown_column_is_named_with_the_nearest() -> None:
    """What, where, expected, and the fix."""
    with pytest.raises(SliceError) as caught:
        Slice.parse("incme > 1e6", name="rich").check(["age", "income", "day of week"])
    assert str(caught.value) == (
        "unknown column 'incme' in slice 'rich' (\"incme > 1000000.0\"): "
        "expected one of age, income, \"day of week\". Hint: did you mean 'income'?"
    )


def test_columns_of_the_store_are_not_offered_and_derived_ones_are() -> None:
    """Names that begin with `_` may be asked for; a derived column is offered, and named where it is the nearest."""
    part, columns = Slice.parse("entrpy_rank > 0.9"), ["id", "late", "_label_at", "_h"]
    with pytest.raises(SliceError) as caught:
        part.check(columns, ["entropy", "entropy_rank"])
    assert str(caught.value) == (
        "unknown column 'entrpy_rank' in slice \"entrpy_rank > 0.9\": expected one of id, late; or derived: entropy, "
        "entropy_rank. Hint: did you mean 'entropy_rank'?"
    )
    Slice.parse("_h > 1 AND entropy > 1").check(columns, ["entropy"])


def test_text_in_double_quotes_is_explained() -> None:
    """`origin = "JFK"` reads a column called JFK; the error says how text is written."""
    with pytest.raises(SliceError, match=r"unknown column 'JFK'.*Hint: text is written in single quotes: 'JFK'"):
        Slice.parse('origin = "JFK"').check(["origin", "precip"])


def test_the_list_of_known_columns_is_cut_short() -> None:
    """With a thousand columns the error is still one line to read."""
    with pytest.raises(SliceError) as caught:
        Slice.parse("q > 1").check(f"x{i}" for i in range(1_000))
    assert "x9, ..." in str(caught.value)
    assert len(str(caught.value)) < 200
    with pytest.raises(SliceError, match="a table with columns"):
        Slice.parse("q > 1").check([])


def test_check_accepts_known_columns() -> None:
    """Case matters, as it does for Polars."""
    Slice.parse("precip > 0.1").check(FRAME.columns)
    with pytest.raises(SliceError, match="did you mean 'precip'"):
        Slice.parse("Precip > 0.1").check(FRAME.columns)


def test_a_bound_slice_filters_lazy_frames() -> None:
    """`bind` needs the dtypes only, so nothing is read before the collect."""
    lazy = FRAME.lazy()
    kept = lazy.filter(Slice.parse("late AND precip >= 0").bind(lazy.collect_schema())).collect()
    assert kept["origin"].to_list() == ["JFK", None]


@pytest.mark.parametrize(
    "sql", ["precip > 0.1", "late", "TRUE", "FALSE", "origin LIKE 'J%' OR origin IS NULL", "1 = 1"]
)
def test_an_expression_without_dtypes_gives_the_mask(sql: str) -> None:
    """`expr` finds the dtypes when it runs."""
    found = Slice.parse(sql)
    expected = FRAME.filter(found.mask(FRAME))
    assert FRAME.filter(found.expr).equals(expected, null_equal=True)
    assert FRAME.lazy().filter(found.expr).collect().equals(expected, null_equal=True)


def test_names_that_polars_reads_as_patterns_are_names() -> None:
    """A column may be called `*` or look like a regular expression."""
    frame = pl.DataFrame({"*": [1, 2], "^a.*$": [2, 1], "ab": [5, 5]})
    found = Slice.equals("*", 1) | Slice.equals("^a.*$", 1)
    assert found.mask(frame).to_list() == [True, True]
    assert frame.filter(found.expr).height == 2


def test_masks_have_no_nulls_and_the_frames_height() -> None:
    """Also where the predicate is null for all rows, and for frames without rows."""
    mask = Slice.parse("precip > origin_delay").mask(pl.DataFrame({"precip": [1.0, 2.0], "origin_delay": [None, None]}))
    assert mask.dtype == pl.Boolean
    assert mask.to_list() == [False, False]
    assert Slice.parse("precip > 0.1").mask(FRAME.clear()).to_list() == []


def test_labels_and_predictions_are_columns_like_any() -> None:
    """A slice may say "wrong and confident" where both are known."""
    frame = pl.DataFrame({"label": [1, 0, None], "prediction": [0, 0, 1], "score": [0.1, 0.2, 0.9]})
    wrong = Slice.parse("label != prediction AND ABS(score - 0.5) > 0.3", name="confidently wrong")
    assert wrong.mask(frame).to_list() == [True, False, False]


def test_slices_are_imported_without_sqlglot() -> None:
    """It takes 0.3 s, so it is loaded when the first text is parsed."""
    code = "import sys, retrue.slices as s; s.Slice.equals('x', 1).to_sql(); print('sqlglot' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
