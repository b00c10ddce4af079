"""Slices may ask for what isn't logged; what can't be told says why, and costs no other column."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.workspace.conftest import day, events, live, registered

import retrue as rt
from retrue.refine.signals import BUILT_IN
from retrue.slices import Slice
from retrue.workspace.collect.derived import COLUMNS, derive, is_derived, with_derived


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> rt.Model:
    model = registered(rt.open(tmp_path_factory.mktemp("derived") / "store"))
    live(model, events(14, 2))
    return model


def asked(model: rt.Model, table: pl.DataFrame, *names: str) -> pl.DataFrame:
    found, failed = derive(model, table, names)
    assert not failed
    return found.select(names)


def test_every_built_in_signal_asks_for_columns_that_there_are(model: rt.Model) -> None:
    for function in BUILT_IN:
        signal = function()
        assert all(map(is_derived, signal.columns))
        assert rt.signals.named(str(signal)) == signal
        mask = signal.mask(with_derived(model, events(20, 1), [signal]))
        assert mask.sum() < 0.2 * mask.len(), signal


def test_ranks_say_where_a_value_stands_in_the_reference(model: rt.Model) -> None:
    """By definition a share q of the reference's own rows has a rank below q."""
    own = asked(model, model.reference.frame, "entropy_rank", "confidence_rank", "expected_loss_rank")
    for name in ("entropy_rank", "expected_loss_rank"):
        assert (own[name] > 0.95).mean() == pytest.approx(0.05, abs=0.005)
    assert (own["confidence_rank"] <= 0.05).mean() == pytest.approx(0.05, abs=0.005)


def test_confidence_is_of_the_score_and_ranks_are_of_the_reference(model: rt.Model) -> None:
    table = pl.DataFrame({"p": [0.5, 0.99, None]})
    found = asked(model, table, "confidence", "confidence_rank")
    assert found["confidence"].to_list() == [0.5, 0.99, None]
    assert found["confidence_rank"][0] < 0.01
    assert found["confidence_rank"][2] is None


def test_values_beyond_the_reference_are_counted(model: rt.Model) -> None:
    table = pl.DataFrame({"x": [0.0, 99.0], "city": ["JFK", "Oz"], "p": [0.5, 0.5]})
    found = asked(model, table, "out_of_range", "unseen_categories")
    assert found.rows() == [(0.0, 0.0), (1.0, 1.0)]


def test_disagreement_is_with_another_version_that_logged_the_same_id(store: rt.Workspace) -> None:
    model, table = registered(store), events(14, 1)
    live(model, table)
    shadow = table.drop("y").head(100).with_columns(p=pl.col("p") + 0.25).filter(pl.col("p") <= 1)
    model.log(shadow, version="2")
    found = model.collect(rt.signals.disagreement(above=0.2))
    assert set(found.rows["id"]) == set(shadow["id"])
    assert model.collect(rt.signals.disagreement(above=0.3)).matched == 0


def test_a_column_of_the_same_name_stays(model: rt.Model) -> None:
    table = pl.DataFrame({"p": [0.5], "entropy": [7.0]})
    assert with_derived(model, table, [Slice.parse("entropy > 1")])["entropy"].to_list() == [7.0]


def test_a_regression_has_an_expected_loss_and_no_confidence(store: rt.Workspace) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    table = pl.DataFrame({"id": range(600), "at": [day(i / 60) for i in range(600)], "x": x, "f": x})
    table = table.with_columns(y=table["x"] + pl.Series(rng.normal(size=600)))
    model = store.register("amounts", table, id="id", time="at", label="y", prediction="f", task="regression")
    model.log(table.drop("y").with_columns(pl.col("id") + 1_000))
    frame, failed = derive(model, model.events().collect(), ["confidence", "expected_loss"])
    assert list(failed) == ["confidence"]
    assert frame["expected_loss"].null_count() == 0
    with pytest.raises(rt.SliceError, match=r"confidence_rank can't be told.*no probabilities"):
        model.collect(rt.signals.low_confidence())
    assert 0 < model.collect(rt.signals.high_expected_loss()).matched < 200


def gases(store: rt.Workspace) -> rt.Model:
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], 900)
    label = [["a", "b", "c"][rng.choice(3, p=row)] for row in p]
    scores = {name: p[:, at] for at, name in enumerate(("pa", "pb", "pc"))}
    table = pl.DataFrame(
        {"id": range(900), "at": [day(i / 60) for i in range(900)], "x": p[:, 0], **scores, "y": label}
    )
    named = {"a": "pa", "b": "pb", "c": "pc"}
    model = store.register("gases", table, id="id", time="at", label="y", score=named, features=["x"])
    model.log(table.drop("y"))
    return model


def test_several_classes_have_confidence_and_entropy(store: rt.Workspace) -> None:
    model = gases(store)
    for signal in (rt.signals.low_confidence(), rt.signals.high_entropy()):
        assert model.collect(signal).matched in (44, 45)  # 5 % of the reference's 900


@pytest.mark.slow
def test_several_classes_have_an_expected_loss(store: rt.Workspace) -> None:
    assert gases(store).collect(rt.signals.high_expected_loss()).matched == pytest.approx(45, abs=1)


def test_every_derived_column_is_in_the_docs() -> None:
    from pathlib import Path

    text = (Path(__file__).parents[3] / "docs" / "collecting.md").read_text()
    for name, one in COLUMNS.items():
        assert f"| `{name}` | {one.says} |" in text
