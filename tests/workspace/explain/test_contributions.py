"""A given model's predictions are parted among its features, for example rows and for the reference."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from tests.workspace.conftest import day, events, live, registered
from tests.workspace.train.test_training import LEARNER

import retrue as rt


def by_x(table: pl.DataFrame) -> pl.Series:
    """A model that sees x alone."""
    return 3 * table["x"]


@pytest.fixture
def slipped(store: rt.Workspace) -> rt.Model:
    """A model whose x moved for two days."""
    model = registered(store)
    live(model, events(14, 2, shift=1.0))
    model.check(now=day(16.9))
    return model


def test_example_rows_are_told_with_what_each_feature_added(slipped: rt.Model) -> None:
    """Of a linear model: the weight times the distance from the reference's mean."""
    found = slipped.incidents()[0].explain(predict=by_x)
    told = found.contributions
    assert told is not None
    assert told.predictions == pytest.approx(3 * found.examples["x"].to_numpy())
    assert told.values[:, told.features.index("x")] == pytest.approx(told.predictions - told.base)
    assert not told.values[:, told.features.index("city")].any()
    assert "Row 1: predicted " in str(found)
    assert json.loads(found.to_json())["contributions"]["rows"][0]["contributions"]["city"] == 0
    assert "Row 1: predicted " in found.to_html()


def test_without_a_model_nothing_is_said_of_predictions(slipped: rt.Model) -> None:
    found = slipped.incidents()[0].explain()
    assert found.contributions is None
    assert all(feature.importance is None for feature in found.features)
    assert "predicted" not in str(found)


def test_surprise_is_weighted_by_what_matters_to_the_model(slipped: rt.Model) -> None:
    matters = {one.column: one.importance for one in slipped.incidents()[0].explain(predict=by_x).features}
    assert matters["x"] == pytest.approx(3 * np.sqrt(2 / np.pi), rel=0.25)  # mean |3 (x - mean)| of a standard normal
    assert all(importance == 0 for column, importance in matters.items() if column not in ("x", "city"))


def test_the_importance_of_a_trained_classifier_is_in_its_probability(store: rt.Workspace) -> None:
    """The label follows x and knows nothing of the city."""
    model, table = registered(store), events(0, 14)
    trained = LEARNER.fit.fit(table.select("x", "city"), table["y"].to_numpy())
    importance = model.importance(trained)
    assert list(importance) == ["x", "city"]
    assert 0.2 < importance["x"] < 0.5
    assert importance["city"] < 0.1 * importance["x"]


def test_a_model_that_cant_predict_says_why(slipped: rt.Model) -> None:
    def broken(table: pl.DataFrame) -> pl.Series:
        return table["height"]

    with pytest.raises(rt.TableError, match=r"the model can't predict: ColumnNotFoundError.*expected a function of"):
        slipped.importance(broken)
    with pytest.raises(rt.RetrueError, match="predictions"):
        slipped.importance(lambda _: ["far"])
    with pytest.raises(rt.TableError, match="the model can't predict"):
        slipped.importance("model.pkl")
