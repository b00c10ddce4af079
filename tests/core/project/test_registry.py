"""The registry of projections: which there are, which a column gets, and how users add theirs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest

from retrue.core.grids import Grids, learn_column
from retrue.core.project.registry import REGISTRY, chosen, of_kind, projection
from retrue.core.state import Fields
from retrue.errors import ProfileError, SchemaError
from retrue.schema import Column, Kind

TEXT = pl.Series("t", ["so good!", "no!!", None, "what?"] * 10)


def column(kind: Kind, *projections: str) -> Column:
    """A column that names its projections, where there are any."""
    return Column("t", kind, "String", "", projections or None)


@pytest.fixture
def own() -> Iterator[None]:
    """What a test registers is gone after it."""
    before = dict(REGISTRY)
    yield
    for name in REGISTRY.keys() - before.keys():
        del REGISTRY[name]


def test_every_projection_says_what_it_is() -> None:
    for one in REGISTRY.values():
        assert one.description.endswith(".")
        assert one.kinds


def test_heavy_projections_have_to_be_asked_for() -> None:
    usual = {one.name for kind in Kind for one in of_kind(kind)}
    assert set(REGISTRY) - usual >= {"density", "autoencoder_error", "random1"}


def test_a_column_gets_what_it_names_or_the_usual_ones_of_its_kind() -> None:
    assert [one.name for one in chosen(column(Kind.TEXT, "words", "density", "words"))] == ["words", "density"]
    assert chosen(column(Kind.EMBEDDING)) == of_kind(Kind.EMBEDDING)
    assert chosen(column(Kind.NUMERIC)) == []


def test_an_unknown_projection_or_one_of_another_kind_is_refused() -> None:
    with pytest.raises(SchemaError, match=r"unknown projection 'wrods'.*Hint: did you mean 'words'"):
        chosen(column(Kind.TEXT, "wrods"))
    with pytest.raises(SchemaError, match="projection 'brightness' is for image columns, and this one is text"):
        chosen(column(Kind.TEXT, "brightness"))
    with pytest.raises(SchemaError, match="a numeric column has no projections"):
        learn_column(Column("x", Kind.NUMERIC, "Float64", "", ("words",)), pl.Series("x", [1.0, 2.0]))


@pytest.mark.usefixtures("own")
def test_a_users_projection_is_used_for_its_kinds() -> None:
    @projection("shouting", Kind.TEXT, says="exclamation marks on average")
    def shouting(series: pl.Series) -> pl.Series:
        """Number of exclamation marks."""
        return series.str.count_matches("!")

    assert REGISTRY["shouting"].description == "Number of exclamation marks."
    assert "shouting" in {one.name for one in of_kind(Kind.TEXT)}
    assert shouting(pl.Series(["no!!"])).to_list() == [2]
    found = {source.name: profile for source, profile in learn_column(column(Kind.TEXT), TEXT).items()}
    assert (found["t.shouting"].moments.max, found["t.shouting"].special_count("null")) == (2.0, 10)
    with pytest.raises(ProfileError, match="two projections are called 'shouting'"):
        projection("shouting", Kind.TEXT)(shouting)


@pytest.mark.usefixtures("own")
def test_a_users_projection_may_learn_from_the_reference_and_is_stored_with_it() -> None:
    def learn(series: pl.Series) -> Fields:
        return {"longest": np.array([series.str.len_chars().max()]), "known": series.drop_nulls().to_list()}

    @projection("length_share", Kind.TEXT, fit=learn, share=True)
    def length_share(series: pl.Series, learned: Fields) -> pl.Series:
        """Length, as a share of the longest text of the reference."""
        return series.str.len_chars() / int(np.asarray(learned["longest"])[0])

    learned = learn_column(column(Kind.TEXT, "length_share"), TEXT)
    grids = Grids({s.name: p.grid for s, p in learned.items()}, {s.name: s for s in learned})
    again = Grids.from_bytes(grids.to_bytes())
    window = pl.DataFrame({"t": ["12345678", "1234", None]})
    assert again.digest == grids.digest
    assert next(again.each(window))[1].to_list() == [1.0, 0.5, None]


@pytest.mark.usefixtures("own")
def test_categories_may_be_projected_and_any_column_looked_at_besides_itself() -> None:
    @projection("first", Kind.CATEGORICAL, categorical=True, default=False)
    def first(series: pl.Series) -> pl.Series:
        """First letter."""
        return series.str.head(1)

    series = pl.Series("t", ["ab", "ac", "b"])
    assert [source.name for source in learn_column(column(Kind.CATEGORICAL), series)] == ["t"]
    found = learn_column(column(Kind.CATEGORICAL, "first"), series)
    assert [(source.name, profile.grid.labels[:2]) for source, profile in found.items()] == [
        ("t", ["ab", "ac"]),
        ("t.first", ["a", "b"]),
    ]
