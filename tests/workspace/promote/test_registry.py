"""MLflow follows the catalog: a real server, down and up again; sent twice, there once; the alias goes back too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from tests.workspace.conftest import day, events, live, registered
from tests.workspace.promote.conftest import free_port

import retrue as rt
from retrue.jobs.mlflow import Untold, tell
from retrue.jobs.registry import KINDS, Task
from retrue.workspace.promote import registry
from retrue.workspace.promote.registry import REGISTERED, WAITING, follow, state_of

CODES = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["city"]), remainder="passthrough")
LEARNER = rt.Trainer(make_pipeline(CODES, LogisticRegression()), isolated=False)


def better(store: rt.Workspace) -> Any:
    """A run that passes the gate."""
    model = registered(store, maturity="1d")
    live(model, events(14, 10, turned=("JFK", "LGA", "EWR")))
    return model.retrain(LEARNER, mix=rt.Mix({model.logged(): 1.0}), holdout="3d", now=day(25))


def test_without_an_address_nothing_is_to_be_told(store: rt.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(registry.URI, raising=False)
    run = better(store)
    run.promote()
    assert "registry" not in run.kept
    assert state_of(store.model("flights").run(run.id)) is None
    assert follow(run.model) == []


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning", "ignore::UserWarning"
)
def test_mlflow_follows_the_catalog(store: rt.Workspace, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Down: promoted all the same, told why, tried again later. Up: run, version and alias; twice is once; and back."""
    import mlflow
    from mlflow import MlflowClient

    monkeypatch.setenv(registry.URI, f"http://anna:secret@127.0.0.1:{free_port()}")
    run = better(store)
    model = run.model
    assert run.promote() == "2"
    said = model.run(run.id).body["registry"]
    assert (said["state"], said["tries"], model.version) == (WAITING, 1, "2")
    assert "MLflow didn't take it" in said["error"]
    assert "secret" not in str(said)
    assert str(state_of(model.run(run.id))).startswith("Not yet in MLflow: MLflow didn't take it")
    now = datetime.now(UTC)
    assert KINDS["mlflow"].pool == "outside"
    assert list(Untold(store).due(now)) == ["flights"]  # the runner waits, as for any job that failed

    monkeypatch.setenv(registry.URI, server)
    with store.store.locks.try_hold("mlflow-flights"), pytest.raises(rt.RetrueError, match="MLflow didn't take it"):
        tell(Task(store, "flights", now))  # another process is at it
    assert tell(Task(store, "flights", now)) == "1 run told"
    assert list(Untold(store).due(now)) == []
    said = model.run(run.id).body["registry"]
    assert (said["state"], said["name"], said["version"]) == (REGISTERED, "flights", "1")
    assert state_of(model.run(run.id)) == "In MLflow: flights, version 1."

    there = MlflowClient(server, server)
    found = there.get_model_version_by_alias("flights", "champion")
    assert (found.version, found.run_id, found.tags["retrue.run"]) == ("1", said["run"], run.id)
    told = there.get_run(said["run"])
    proof = model.run(run.id).body["proof"]
    assert told.info.status == "FINISHED"
    assert told.data.metrics["holdout.roc_auc"] == pytest.approx(proof["contests"][0]["challenger"])
    assert told.data.params["rows"] == str(run.manifest["rows"])
    assert told.inputs is not None
    dataset = told.inputs.dataset_inputs[0].dataset
    assert (dataset.name, dataset.digest) == (f"flights, run {run.id}", run.manifest["digest"])
    assert {one.path for one in there.list_artifacts(said["run"])} == {"model", "manifest.json", "proof.json"}

    rows = events(24, 1).select("x", "city")
    loaded = mlflow.pyfunc.load_model("models:/flights@champion")
    assert loaded.predict(rows.to_pandas()).tolist() == run.predict(rows).tolist()

    with store.store.catalog.write() as tx:  # as if it had died before it was noted
        registry.mark(tx, run.id)
    follow(model)
    assert len(there.search_model_versions("name = 'flights'")) == 1
    assert len(there.search_runs([there.get_experiment_by_name("retrue").experiment_id])) == 1  # type: ignore[union-attr]

    assert model.rollback() == "1"  # which was never trained here
    assert there.get_registered_model("flights").aliases == {}
    assert model.run(run.id).body["registry"]["state"] == REGISTERED
