"""What a version came from is recorded when it is registered: both tables, on one grid, whole or not at all."""

from __future__ import annotations

import polars as pl
import pytest
from sklearn.metrics import roc_auc_score
from tests.workspace.conftest import events, registered

import retrue as rt


def test_a_registration_records_training_and_validation_data(store: rt.Workspace) -> None:
    """The metrics are scikit-learn's, on the rows that were given."""
    held = events(20, 2)
    model = registered(store, name="both", validation=held)
    found = model.datasets()
    assert list(found) == ["training", "validation"]
    one = found["validation"]
    assert (one.rows, one.labelled) == (held.height, held.height)
    assert one.metrics["roc_auc"] == pytest.approx(roc_auc_score(held["y"], held["p"]), abs=2e-3)
    assert one.profile(model).rows == held.height
    assert registered(store, name="without").datasets() == {}


def test_validation_data_that_do_not_fit_leave_no_half_model(store: rt.Workspace) -> None:
    with pytest.raises(rt.SchemaError, match="column 'x' is missing in the validation data"):
        registered(store, name="half", validation=events(20, 2).drop("x"))
    assert "half" not in [model.name for model in store.models()]
    assert registered(store, name="half", validation=events(20, 2)).datasets().keys() == {"training", "validation"}


def test_private_columns_of_validation_data_are_masked(store: rt.Workspace) -> None:
    table = events(0, 14).with_columns(mail=pl.lit("a@b.c"))
    model = registered(store, table, name="private", validation=table, privacy={"mail": "drop"})
    assert model.datasets()["validation"].rows == table.height
