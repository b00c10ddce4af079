"""`retrue performance`: how a model did, window by window."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Call


def test_it_shows_the_metric_that_judges_the_model_first(call: Call, store: Path) -> None:
    said = call("performance", "loans", "--store", store)
    assert said.status == 0
    assert said.out.startswith("loans, version 1: ROC AUC ")
    assert "accuracy" in call("performance", "loans", "--metric", "accuracy", "--store", store).out.splitlines()[0]


def test_json_is_the_table_of_python(call: Call, store: Path) -> None:
    import retrue as rt

    found = json.loads(call("performance", "loans", "--metric", "roc_auc", "--json", "--store", store).out)
    with rt.open(store) as workspace:
        assert found == workspace.model("loans").performance("roc_auc").to_dicts()
    assert {row["metric"] for row in found} == {"roc_auc"}


def test_an_unknown_metric_names_the_nearest(call: Call, store: Path) -> None:
    said = call("performance", "loans", "--metric", "roc_acu", "--store", store)
    assert said.status == 2
    assert "roc_auc" in said.err
