"""Projections: text and vectors become numbers, row by row."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from retrue.core import project
from retrue.core.project import projection
from retrue.errors import ProfileError
from retrue.schema import Kind


@pytest.mark.parametrize(
    ("name", "series", "numbers"),
    [
        ("characters", pl.Series(["", "abc", "\U0001f600", None]), [0.0, 3.0, 1.0, None]),
        ("words", pl.Series(["", "  one  ", "two\nwords", None]), [0.0, 1.0, 2.0, None]),
        ("norm", pl.Series([[3.0, 4.0], [0.0, 0.0], None]), [5.0, 0.0, None]),
        ("norm", pl.Series([[3, 4]], dtype=pl.Array(pl.Int64, 2)), [5.0]),
        ("norm", pl.Series(["no vector"]), [None]),
    ],
)
def test_each_row_becomes_a_number_and_nulls_stay(name: str, series: pl.Series, numbers: list[Any]) -> None:
    assert project.REGISTRY[name].compute(series).to_list() == numbers


def test_every_projection_says_what_it_is_and_takes_no_rows() -> None:
    for one in project.REGISTRY.values():
        assert one.description
        for dtype in (pl.String(), pl.List(pl.Float64())):
            assert len(one.compute(pl.Series([], dtype=dtype))) == 0


def test_a_users_projection_is_used_for_its_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "REGISTRY", dict(project.REGISTRY))

    @projection("shouting", Kind.TEXT)
    def shouting(series: pl.Series) -> pl.Series:
        """Number of exclamation marks."""
        return series.str.count_matches("!").cast(pl.Float64)

    assert "shouting" in {one.name for one in project.of_kind(Kind.TEXT)}
    assert shouting(pl.Series(["no!!"])).to_list() == [2.0]
    with pytest.raises(ProfileError, match="two projections are called 'shouting'"):
        projection("shouting", Kind.TEXT)(shouting)
