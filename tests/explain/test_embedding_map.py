"""The map of a column of vectors: points of both sides, and the clusters that grew with examples."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

import retrue as rt
from retrue.explain.embedding_map import POINTS, EmbeddingMap, embedding_map, mapped_columns
from retrue.report.charts import embedding_map as picture_of
from retrue.report.charts.embedding_map import label_spots
from retrue.report.comparison import Comparison

CENTRES = np.random.default_rng(2).normal(size=(3, 8)) * 6


def table(seed: int, rows: int, shares: list[float]) -> pl.DataFrame:
    """Vectors around three centres, which are named."""
    rng = np.random.default_rng(seed)
    owner = rng.choice(3, rows, p=shares)
    vectors = CENTRES[owner] + rng.normal(size=(rows, 8))
    return pl.DataFrame({"key": [f"{'abc'[o]}{i}" for i, o in enumerate(owner)], "v": vectors.tolist()})


REFERENCE, WINDOW = table(0, 3_000, [0.6, 0.3, 0.1]), table(1, 1_200, [0.3, 0.3, 0.4])


@cache
def compared() -> Comparison:
    """The two tables, compared."""
    return rt.compare(REFERENCE, WINDOW, id="key")


@cache
def mapped() -> EmbeddingMap:
    """Their map."""
    return compared().maps["v"]


def test_each_side_shows_a_bounded_sample_along_the_principal_components() -> None:
    assert len(mapped().reference) == len(mapped().window) == POINTS
    assert mapped().reference.std(axis=0) == pytest.approx([1, 1], abs=0.15)


def test_the_cluster_that_grew_is_told_with_members() -> None:
    """The third centre went from 10 to 40 % of rows: all that grew are parts of it, and the others didn't."""
    grown = mapped().grown
    assert sum(one.reference for one in grown) == pytest.approx(0.1, abs=0.02)
    assert sum(one.window for one in grown) == pytest.approx(0.4, abs=0.03)
    assert all(example.startswith("key c") for one in grown for example in one.examples)
    assert sum(one.window for one in mapped().clusters) == pytest.approx(1)


def test_the_comparison_tells_it_as_data_and_on_its_page() -> None:
    found = compared().to_dict()["maps"]["v"]
    assert json.loads(json.dumps(found, allow_nan=False))["clusters"][0]["reference"] > 0.1
    assert (len(found["reference"]), found["method"]) == (POINTS, "pca")
    assert "embedding-map-grown" in compared().to_html()


def test_the_picture_names_what_grew_apart_from_each_other() -> None:
    picture = picture_of(mapped())
    assert picture.title.startswith(f"v: cluster {mapped().grown[0].name} grew from ")
    spots = sorted(label_spots(mapped()).values())
    assert all(b - a > 0.05 for a, b in pairwise(spots))
    assert picture.vega()["title"]["subtitle"].endswith("by principal components")
    assert {row.get("side") for row in picture.rows} >= {"reference", "window", "grown"}


def test_nothing_grows_without_a_change() -> None:
    calm = rt.compare(REFERENCE, table(5, 1_200, [0.6, 0.3, 0.1])).maps["v"]
    assert len(calm.grown) <= 1
    if not calm.grown:
        assert picture_of(calm).title == "v: no cluster of the reference grew"


def test_stored_references_and_columns_without_the_projections_have_no_map() -> None:
    from retrue.comparing import make_reference

    stored = make_reference(REFERENCE.select("v"))
    assert mapped_columns(stored.grids) == ["v"]
    assert rt.compare(stored, WINDOW.select("v")).maps == {}
    some = rt.compare(REFERENCE, WINDOW, projections={"v": ["norm", "pc1"]})
    assert "maps" not in some.to_dict()


def test_a_side_without_vectors_has_no_map() -> None:
    nothing = WINDOW.with_columns(v=pl.lit(None, dtype=pl.List(pl.Float64)))
    assert rt.compare(REFERENCE, nothing).maps == {}
    texts = rt.compare({"t": ["a b c"] * 60}, {"t": ["a b c"] * 60}, kinds={"t": "text"})
    assert texts.maps == {}


@pytest.mark.slow
def test_other_methods_lay_the_same_rows_out() -> None:
    from retrue.comparing import make_reference

    base = make_reference(REFERENCE.select("v"))
    sides = REFERENCE.head(150), WINDOW.head(80)
    found = embedding_map(base.grids, "v", *sides, (base.profile, base.profile), method="tsne")
    assert found is not None
    assert (found.reference.shape, found.window.shape) == ((150, 2), (80, 2))
    try:
        import umap  # noqa: F401
    except ImportError:
        with pytest.raises(rt.RetrueError, match=r"needs umap-learn. Hint: pip install .retrue\[map\]."):
            embedding_map(base.grids, "v", *sides, (base.profile, base.profile), method="umap")


def test_the_headline_counts_columns_of_the_table_not_projections() -> None:
    assert repr(compared()) == "<Comparison: The one column is out of true.>"
