"""MLflow follows the catalog: a promotion and a way back are noted in the run, and sent until they have arrived.

    promote ── one transaction: champion, run.body["registry"] = waiting ── follow: send ──> registered
                                                                               └── MLflow down: waiting, tried again

The catalog is the truth. MLflow being down refuses no promotion and leaves nothing half done: what is to be sent stands
in the same transaction as the promotion, and what arrives twice is there once. The alias `champion` is set to what the
catalog says *when it is sent*, so that a late message never takes a newer one back.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from retrue.adapters import mlflow
from retrue.adapters.mlflow import Promoted, Target
from retrue.config import load
from retrue.errors import RetrueError
from retrue.store import rows
from retrue.store.catalog import Transaction
from retrue.version import VERSION
from retrue.workspace import clock
from retrue.workspace.acting import audit

if TYPE_CHECKING:
    from retrue.workspace.model import Model
    from retrue.workspace.train.training import Run

WAITING, REGISTERED = "waiting", "registered"
FIRST, LAST = 10.0, 3_600.0
"""Seconds until it is tried again, the first time and at most: each time twice as long."""
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
        told = {**row.body.get("registry", {}), "state": WAITING, "tries": 0, "due": 0, "error": None}
        tx.put(replace(row, body={**row.body, "registry": told}))


def waiting(model: Model, at: datetime | None = None) -> list[Run]:
    """The runs that MLflow has yet to be told of, oldest first; those that are due at a time, where one is given."""
    found = [run for run in reversed(model.runs()) if run.body.get("registry", {}).get("state") == WAITING]
    return [run for run in found if at is None or run.body["registry"].get("due", 0) <= clock.micros(at)]


def follow(model: Model, at: datetime | None = None) -> list[Run]:
    """Tell MLflow all that it has yet to be told; gives the runs that it was told of, or not, with what came of it.

    Nothing is raised where MLflow is down: the run says so, and it is tried again.

    Args:
        model: whose runs.
        at: only those that are due by then; all unless given.
    """
    target = target_of(model.name)
    if target is None:
        return []
    return [send(model, target, run) for run in waiting(model, at)]


def send(model: Model, target: Target, run: Run) -> Run:
    """Tell MLflow of a run and of who is the champion now, and note what came of it."""
    before = run.body["registry"]
    try:
        found = mlflow.publish(target, promoted(run))
        noted: dict[str, Any] = {"state": REGISTERED, "run": found.run, "version": found.version, "error": None}
        mlflow.point(target, champion(model, run.id, found.version))
    except RetrueError as error:
        tries = int(before.get("tries", 0)) + 1
        due = clock.micros(clock.now()) + int(min(FIRST * 2.0 ** (tries - 1), LAST) * clock.MICROS)
        noted = {**before, "state": WAITING, "tries": tries, "due": due, "error": str(error)}
    noted |= {"uri": target.shown, "name": target.name}
    return note(model, run.id, before, noted)


def note(model: Model, run: str, before: Mapping[str, Any], noted: dict[str, Any]) -> Run:
    """Keep what came of it, unless there is more to tell by now."""
    with model.store.catalog.write() as tx:
        row = tx.get(rows.RunRow, id=run)
        if row is not None and row.body.get("registry") == before:
            tx.put(replace(row, body={**row.body, "registry": noted}))
            if noted["state"] == REGISTERED:
                facts = {"run": run, "name": noted["name"], "version": noted["version"]}
                audit(tx, "registered in MLflow", model.name, facts)
    return model.run(run)


def champion(model: Model, run: str, version: str) -> str | None:
    """The number that the champion has in MLflow; None where it isn't there: it was registered without a run."""
    row = next((one for one in model.versions() if one.version == model.version), None)
    own = None if row is None else row.body.get("run")
    if own == run:
        return version
    kept = None if own is None else model.run(str(own)).body.get("registry", {}).get("version")
    return None if kept is None else str(kept)


def promoted(run: Run) -> Promoted:
    """What is told of a run."""
    manifest, proof = run.manifest, run.body.get("proof", {})
    params: dict[str, Any] = {
        "model": run.model.name,
        "champion": run.body["champion"],
        "features": ", ".join(run.body["features"]),
        "rows": manifest["rows"],
        "retrue": VERSION,
        **{f"mix.{part['part']}": f"{part['share']:.4g}" for part in manifest["parts"]},
        **{name: manifest[name] for name in ("seed", "cut", "matured") if name in manifest},
        **{f"trainer.{name}": value for name, value in run.body.get("trainer", {}).items()},
    }
    digests = hashlib.blake2b("-".join(str(one["digest"]) for one in manifest["parts"]).encode(), digest_size=8)
    return Promoted(
        run=run.id,
        version=str(run.body.get("version", "")),
        params=params,
        metrics=metrics_of(proof),
        dataset=(f"{run.model.name}, run {run.id}", digests.hexdigest()),
        artefact=run.folder / "model.joblib",
        documents={"manifest.json": manifest, "proof.json": proof},
    )


def metrics_of(proof: Mapping[str, Any]) -> dict[str, float]:
    """What the challenger showed on the holdout, and the champion beside it."""
    found: dict[str, float] = {}
    for one in proof.get("contests", ()):
        if one["where"] == "holdout" and one["challenger"] is not None:
            found[f"holdout.{one['metric']}"] = float(one["challenger"])
            found[f"holdout.champion.{one['metric']}"] = float(one["champion"])
    return found


def state_of(run: Run) -> str | None:
    """Where MLflow stands with a run, in a sentence; None where it isn't to know of it."""
    said = run.body.get("registry")
    if not said:
        return None
    if said["state"] == REGISTERED:
        return f"In MLflow: {said['name']}, version {said['version']}."
    why = f": {said['error']}" if said.get("error") else ""
    return f"Not yet in MLflow{why} (tried {said.get('tries', 0)} times; the service tries again)"
