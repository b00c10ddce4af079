"""All the grids of a model together: fitted by kind, stored, named by a digest."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrue.core.extra import RowRule
from retrue.core.grid import COARSE, CategoricalGrid, Grid, NumericGrid
from retrue.core.grids import Grids, Source, fit_outcome, learn_column
from retrue.core.outcome_grid import BinaryGrid, MulticlassGrid, RegressionGrid
from retrue.core.project import of_kind
from retrue.core.ranking import RankingGrid
from retrue.schema import Column, Kind, Schema

FRAME = pl.DataFrame({"x/y": [1.0, 2.0, None], "city": ["a", "b", "a"], "comment": ["one", "two words", None]})
COLUMNS: dict[str, Grid] = {
    "x/y": NumericGrid.fit(FRAME["x/y"]),
    "city": CategoricalGrid.fit(FRAME["city"]),
    "comment.words": NumericGrid(np.array([1.0, 2.0])),
}
SOURCES = {"x/y": Source("x/y"), "city": Source("city"), "comment.words": Source("comment", "words")}
OUTCOME = BinaryGrid("label", "score", None, "1", np.array([0.5]))
GRIDS = Grids(COLUMNS, SOURCES, OUTCOME, (RowRule("a", "<=", "b"),))


@pytest.mark.parametrize(
    ("kind", "series", "expected"),
    [
        (Kind.NUMERIC, pl.Series("c", [1, 2]), {"c": NumericGrid}),
        (Kind.DATETIME, pl.Series("c", ["2020-01-01"]), {"c": NumericGrid}),
        (Kind.CATEGORICAL, pl.Series("c", [1, 2]), {"c": CategoricalGrid}),
        (Kind.BOOLEAN, pl.Series("c", [True]), {"c": CategoricalGrid}),
        (Kind.CONSTANT, pl.Series("c", [7, 7]), {"c": NumericGrid}),
        (Kind.CONSTANT, pl.Series("c", ["x"]), {"c": CategoricalGrid}),
        (Kind.EMPTY, pl.Series("c", [None]), {"c": CategoricalGrid}),
        (Kind.ID, pl.Series("c", ["u1"]), {}),
    ],
)
def test_a_column_gets_the_grid_of_its_kind(kind: Kind, series: pl.Series, expected: dict[str, type]) -> None:
    fitted = learn_column(Column("c", kind, str(series.dtype), ""), series)
    assert {source.name: type(profile.grid) for source, profile in fitted.items()} == expected


@pytest.mark.parametrize(
    ("kind", "series"),
    [
        (Kind.TEXT, pl.Series("c", ["a b"])),
        (Kind.EMBEDDING, pl.Series("c", [[3.0, 4.0]])),
        (Kind.IMAGE, pl.Series("c", [b"\x00" * 16])),
    ],
)
def test_a_column_of_large_values_gets_a_grid_for_each_usual_projection(kind: Kind, series: pl.Series) -> None:
    fitted = learn_column(Column("c", kind, str(series.dtype), ""), series)
    assert {source.projection for source in fitted} == {one.name for one in of_kind(kind)}
    assert {type(profile.grid) for source, profile in fitted.items() if source.projection != "cluster"} == {NumericGrid}


def test_dates_are_counted_in_time() -> None:
    fitted = learn_column(Column("c", Kind.DATETIME, "String", ""), pl.Series("c", ["2020-01-01", "2020-01-03"]))
    grid = fitted[Source("c")].grid
    assert grid.count(pl.Series(["2020-01-02T10:00:00Z", "2020-02-01"])).out_of_range == 1


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ({"label": "y", "score": "p"}, BinaryGrid),
        ({"label": "name", "prediction": "said"}, MulticlassGrid),
        ({"label": "v", "prediction": "w"}, RegressionGrid),
        ({"label": "liked", "prediction": "shown", "task": "ranking"}, RankingGrid),
        ({"label": "y"}, type(None)),
        ({}, type(None)),
    ],
)
def test_a_task_gets_its_outcome(roles: dict[str, str], expected: type) -> None:
    """No outcome without anything that was predicted."""
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "y": rng.integers(0, 2, 60),
            "p": rng.uniform(size=60),
            "name": rng.choice(["a", "b", "c"], 60),
            "said": rng.choice(["a", "b", "c"], 60),
            "v": rng.normal(size=60),
            "w": rng.normal(size=60),
            "liked": [["a"]] * 60,
            "shown": [["a", "b"]] * 60,
        }
    )
    schema = Schema.infer(frame, **roles)  # type: ignore[arg-type]
    assert isinstance(fit_outcome(schema, frame), expected)


def test_grids_survive_bytes_with_their_digest() -> None:
    again = Grids.from_bytes(GRIDS.to_bytes())
    assert again.digest == GRIDS.digest
    assert again.count(FRAME).agrees(GRIDS.count(FRAME))
    bare = Grids({}, {})
    assert Grids.from_bytes(bare.to_bytes()).digest == bare.digest


def test_the_digest_tells_any_difference() -> None:
    others = [
        Grids(COLUMNS, SOURCES, OUTCOME),
        Grids(COLUMNS, SOURCES, None, GRIDS.extras),
        Grids(COLUMNS, SOURCES | {"city": Source("town")}, OUTCOME, GRIDS.extras),
        Grids(COLUMNS, SOURCES, BinaryGrid("label", "score", None, "1", np.array([0.4])), GRIDS.extras),
        Grids(COLUMNS | {"city": CategoricalGrid(("a",))}, SOURCES, OUTCOME, GRIDS.extras),
    ]
    assert len({grids.digest for grids in [GRIDS, *others]}) == 6


def test_it_knows_what_it_reads() -> None:
    assert GRIDS.reads == {"x/y", "city", "comment", "label", "score", "a", "b"}
    assert GRIDS.reads_together == ("label", "score", "a", "b")


def test_a_batch_is_counted_column_by_column_or_at_once() -> None:
    parts = [GRIDS.count_columns(n, FRAME.select(GRIDS.sources[n[0]].column)) for n in GRIDS.together]
    assert GRIDS.assemble(FRAME.height, GRIDS.in_order(parts), GRIDS.count_rows(FRAME)).agrees(GRIDS.count(FRAME))


def test_a_column_that_is_not_there_is_all_null() -> None:
    found = GRIDS.count(FRAME.select("city")).columns
    assert [found[name].special_count("null") for name in found] == [3, 0, 3]


def test_a_projection_is_counted_under_its_own_name() -> None:
    words = GRIDS.count(FRAME).columns["comment.words"]
    assert (words.n, words.moments.max, words.special_count("null")) == (2, 2.0, 1)


def test_coarse_grids_are_small_and_keep_the_rest() -> None:
    fine = Grids({"x": NumericGrid.fit(pl.Series(np.arange(9_000.0)))}, {"x": Source("x")}, OUTCOME, GRIDS.extras)
    assert fine.coarse.columns["x"].bins <= COARSE
    assert (fine.coarse.outcome, fine.coarse.extras) == (OUTCOME, GRIDS.extras)
