"""MLflow follows the catalog: a promotion and a way back are noted in the run, and sent until they have arrived.

    promote ── one transaction: champion, run.body["registry"] = waiting ── follow: send ──> registered
                                                                               └── MLflow down: waiting, tried again

The catalog is the truth. MLflow being down refuses no promotion and leaves nothing half done: what is to be sent stands
in the same transaction as the promotion, and what arrives twice is there once. The alias `champion` is set to what the
catalog says *when it is sent*, so that a late message never takes a newer one back.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from retrue.adapters import mlflow
from retrue.adapters.mlflow import Promoted, Target
from retrue.config import load
from retrue.errors import RetrueError
from retrue.refine.train import pyfunc
from retrue.refine.train.pyfunc import SCORING
from retrue.store import rows
from retrue.store.catalog import Transaction
from retrue.version import VERSION
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.stored import StoredModel, run_of
from retrue.workspace.train.refitting import sentence
from retrue.workspace.train.runs import StoredRun

WAITING, REGISTERED = "waiting", "registered"
URI = "MLFLOW_TRACKING_URI"


def target_of(model: str) -> Target | None:
    """Where a model is registered: as `[mlflow]` of retrue.toml says, else at `MLFLOW_TRACKING_URI`; None: nowhere."""
    said = load().mlflow
    uri = said.tracking_uri or os.environ.get(URI, "").strip()
    return Target(uri, said.experiment, said.registered_model.replace("{model}", model)) if uri else None


def mark(tx: Transaction, run: object) -> None:
    """Note, in the transaction that changes the champion, that MLflow has yet to be told of a run."""
    row = None if run is None else tx.get(rows.RunRow, id=str(run))
    if row is not None and target_of(row.model) is not None:
        asked = clock.micros(clock.now())  # so that who is telling it just now sees that there is more to tell
        told = {**row.body.get("registry", {}), "state": WAITING, "tries": 0, "asked": asked, "error": None}
        tx.put(replace(row, body={**row.body, "registry": told}))


def waiting(model: StoredModel) -> list[StoredRun]:
    """The runs that MLflow has yet to be told of, oldest first."""
    return [run for run in reversed(StoredRun.all(model)) if run.body.get("registry", {}).get("state") == WAITING]


def follow(model: StoredModel) -> list[StoredRun]:
    """Tell MLflow all that it has yet to be told; gives the runs that it was told of, or not, with what came of it.

    Nothing is raised where MLflow is down: the run says so, and the service tries it again (job `mlflow`). One at a
    time tells: two that looked at once would make everything twice.
    """
    target = target_of(model.name)
    if target is None:
        return []
    with model.store.locks.try_hold(f"mlflow-{model.name}") as mine:
        return [send(model, target, run) for run in waiting(model)] if mine else []


def send(model: StoredModel, target: Target, run: StoredRun) -> StoredRun:
    """Tell MLflow of a run and of who is the champion now, and note what came of it."""
    before = run.body["registry"]
    try:
        found = mlflow.publish(target, promoted(run))
        noted: dict[str, Any] = {"state": REGISTERED, "run": found.run, "version": found.version, "error": None}
        mlflow.point(target, champion(model, run.id, found.version))
    except RetrueError as error:
        noted = {**before, "state": WAITING, "tries": int(before.get("tries", 0)) + 1, "error": str(error)}
    noted |= {"uri": target.shown, "name": target.name}
    return note(model, run.id, before, noted)


def note(model: StoredModel, run: str, before: Mapping[str, Any], noted: dict[str, Any]) -> StoredRun:
    """Keep what came of it, unless there is more to tell by now."""
    with model.store.catalog.write() as tx:
        row = tx.get(rows.RunRow, id=run)
        if row is not None and row.body.get("registry") == before:
            tx.put(replace(row, body={**row.body, "registry": noted}))
            if noted["state"] == REGISTERED:
                facts = {"run": run, "name": noted["name"], "version": noted["version"]}
                audit(tx, "registered in MLflow", model.name, facts)
    return StoredRun.find(model, run)


def champion(model: StoredModel, run: str, version: str) -> str | None:
    """The number that the champion has in MLflow; None where it isn't there: it was registered without a run."""
    own = run_of(model, model.version)
    if own == run:
        return version
    kept = None if own is None else StoredRun.find(model, own).body.get("registry", {}).get("version")
    return None if kept is None else str(kept)


def promoted(run: StoredRun) -> Promoted:
    """What is told of a run."""
    manifest, proof, again = run.manifest, run.body.get("proof", {}), run.body.get("refit")
    params: dict[str, Any] = {
        "model": run.model.name,
        "champion": run.body["champion"],
        "features": ", ".join(run.body["features"]),
        "rows": manifest["rows"],
        "retrue": VERSION,
        **{f"mix.{part['part']}": f"{part['share']:.4g}" for part in manifest["parts"]},
        **{name: manifest[name] for name in ("seed", "cut", "matured") if name in manifest},
        **{f"trainer.{name}": value for name, value in run.body.get("trainer", {}).items()},
        **({} if again is None else {"refit": sentence(again)}),
    }
    return Promoted(
        run=run.id,
        version=str(run.body.get("version", "")),
        params=params,
        metrics=metrics_of(proof),
        dataset=(f"{run.model.name}, run {run.id}", str(manifest["digest"])),
        artefact=run.folder / "model.joblib",
        documents={"manifest.json": manifest, "proof.json": proof, f"{mlflow.FOLDER}/{SCORING}": asked_with(run)},
        loader=pyfunc.__name__,
        libraries={**run.body.get("trainer", {}).get("libraries", {}), "retrue": VERSION},
    )


def asked_with(run: StoredRun) -> dict[str, Any]:
    """How its trained model is asked."""
    schema = run.model.schema
    return {"features": run.body["features"], "positive": schema.positive, "classes": list(schema.classes)}


def metrics_of(proof: Mapping[str, Any]) -> dict[str, float]:
    """What the challenger showed on the holdout, and the champion beside it."""
    found: dict[str, float] = {}
    for one in proof.get("contests", ()):
        if one["where"] == "holdout" and one["challenger"] is not None:
            found[f"holdout.{one['metric']}"] = float(one["challenger"])
            found[f"holdout.champion.{one['metric']}"] = float(one["champion"])
    return found


def state_of(run: StoredRun) -> str | None:
    """Where MLflow stands with a run, in a sentence; None where it isn't to know of it."""
    said = run.body.get("registry")
    if not said:
        return None
    if said["state"] == REGISTERED:
        return f"In MLflow: {said['name']}, version {said['version']}."
    why = f": {said['error']}" if said.get("error") else ""
    return f"Not yet in MLflow{why} (tried {said.get('tries', 0)} times; the service tries again)"
