"""What changed between tables is named: added, removed, renamed, retyped."""

from __future__ import annotations

import polars as pl
import pytest

from retrue.schema import Change, Schema
from retrue.tables import read

REFERENCE = pl.DataFrame(
    {
        "id": [f"e{i}" for i in range(40)],
        "income": [float(i) + 0.5 for i in range(40)],
        "city": ["Ulm", "Bonn"] * 20,
        "visits": range(40),
        "day": ["2024-01-01", "2024-01-02"] * 20,
        "late": [True, False] * 20,
    }
)


def found(window: pl.DataFrame) -> dict[str, str]:
    """The kind of each change by column."""
    schema = Schema.infer(REFERENCE, id="id", label="late", feedback=["clicked"])
    return {change.column: change.kind for change in schema.check_table(read(window).dtypes)}


def test_the_same_table_has_not_changed() -> None:
    assert found(REFERENCE) == {}


def test_labels_and_feedback_may_be_missing_and_may_come() -> None:
    assert found(REFERENCE.drop("late")) == {}


def test_a_column_that_is_gone_and_one_that_is_new_are_named() -> None:
    window = REFERENCE.drop("city").with_columns(altitude=1.5)
    assert found(window) == {"city": "removed", "altitude": "added"}


def test_a_column_with_a_similar_name_and_type_is_renamed() -> None:
    """Not where the type differs, and each name is used once, the most similar first."""
    schema = Schema.infer(REFERENCE)
    window = REFERENCE.rename({"income": "incomes"}).with_columns(income_eur=1.5)
    assert schema.check_table(read(window).dtypes) == (
        Change("renamed", "incomes", "'income' is now called 'incomes'"),
        Change("added", "income_eur", "'income_eur' (Float64) is new"),
    )
    assert found(REFERENCE.drop("income").with_columns(incomes=pl.lit("x"))) == {
        "income": "removed",
        "incomes": "added",
    }


@pytest.mark.parametrize(
    ("name", "dtype", "kind"),
    [
        ("visits", pl.Int8, None),
        ("visits", pl.Float64, None),
        ("visits", pl.Decimal(10, 2), None),
        ("visits", pl.String, "retyped"),
        ("income", pl.String, "retyped"),
        ("city", pl.Categorical, None),
        ("day", pl.Date, None),
        ("late", pl.Int8, None),
        ("late", pl.Float64, None),
        ("visits", pl.Boolean, "retyped"),
    ],
)
def test_only_a_type_that_changes_what_values_mean_is_a_change(name: str, dtype: pl.DataType, kind: str | None) -> None:
    """Wider numbers, text as categories, yes and no as 1 and 0, and dates that were text aren't."""
    cast = pl.col(name).str.to_date() if dtype == pl.Date else pl.col(name).cast(dtype)
    assert found(REFERENCE.with_columns(cast)).get(name) == kind


def test_a_column_that_is_null_throughout_has_no_type_to_change() -> None:
    assert found(REFERENCE.with_columns(city=None)) == {}


def test_dtypes_may_be_given_as_text() -> None:
    schema = Schema.infer({"x": [1.5]})
    assert [change.detail for change in schema.check_table({"x": "String"})] == ["'x' was Float64 and is now String"]
