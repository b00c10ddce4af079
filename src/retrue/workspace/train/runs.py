"""Training runs as the store has them: a challenger, what it was trained on, what it showed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import polars as pl

from retrue.core.state import Floats
from retrue.errors import RefusedError
from retrue.refine.promote import Gate
from retrue.refine.train import score
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.names import find
from retrue.workspace.prove.proof import Proof
from retrue.workspace.stored import StoredModel, run_of
from retrue.workspace.train.artefacts import load
from retrue.workspace.train.carrying import fetch
from retrue.workspace.train.standing import standing

PROVEN, LEARNED = "proven.joblib", "learned.parquet"
"""Of a run that was fitted again, with the holdout: the model that is proven, and what the challenger learned from."""
ROLLED_BACK = "rolled_back"
"""In the body of a run: when the version that it became was rolled back; it isn't there while that is the champion."""
UNTRAINED = ("queued", "training", "failed")
"""States of a run without a challenger."""


@dataclass(frozen=True)
class StoredRun:
    """A model's training run in a store; `Run` is one, with a method for each thing that is done to it."""

    model: StoredModel
    id: str
    status: str
    body: Mapping[str, Any]
    gate: Gate = field(default_factory=Gate)

    @classmethod
    def of(cls, run: StoredRun) -> Self:
        """The same run."""
        return cls(run.model, run.id, run.status, run.body, run.gate)

    @classmethod
    def all(cls, model: StoredModel) -> list[Self]:
        """The model's runs, latest first."""
        return [cls(model, row.id, row.status, row.body, Gate(**row.body.get("gate", {}))) for row in standing(model)]

    @classmethod
    def find(cls, model: StoredModel, id: str) -> Self:
        """One run by its id, the start of it, or "latest".

        Raises:
            StoreError: there is none, or several.
        """
        return find(cls.all(model), id, "run", model.name, "train a challenger first: retrain")

    @classmethod
    def of_version(cls, model: StoredModel, version: str) -> Self | None:
        """The run that a version came from; None for one that was registered without."""
        run = run_of(model, version)
        return None if run is None else cls.find(model, run)

    @classmethod
    def trained(cls, model: StoredModel, version: str) -> Self | None:
        """The run that a version came from, if its trained model is here."""
        found = cls.of_version(model, version)
        return found if found is not None and found.artefact.exists() else None

    @property
    def folder(self) -> Path:
        """Where its artefact and its holdout are, on this machine."""
        return fetch(self.model, self.id)

    @property
    def manifest(self) -> dict[str, Any]:
        """The parts of its training set with rows, share and digest; seed, horizon, code version."""
        return dict(self.body["manifest"])

    @property
    def artefact(self) -> Path:
        """Where its trained model is."""
        return self.folder / "model.joblib"

    @property
    def challenger(self) -> Any:
        """The trained model: the one that is tried, promoted and served."""
        return load(self.artefact)

    @property
    def proven(self) -> Any:
        """The trained model that hasn't seen the holdout: the challenger, or its twin where that was fitted again."""
        twin = self.folder / PROVEN
        return load(twin) if twin.exists() else self.challenger

    @property
    def learned(self) -> pl.DataFrame:
        """The rows that the challenger has learned from."""
        again = self.folder / LEARNED
        return pl.read_parquet(again if again.exists() else self.folder / "training.parquet")

    def predict(self, table: Any) -> Floats:
        """Score rows with the challenger: float64[rows], or [rows, classes] of a multiclass model."""
        from retrue.tables import read

        schema = self.model.schema
        return score(self.challenger, read(table).collect(), self.body["features"], schema.positive, schema.classes)

    @property
    def error(self) -> str | None:
        """Why it failed; None where it didn't."""
        found = self.body.get("error")
        return None if found is None else str(found)

    @property
    def log(self) -> tuple[str, ...]:
        """What the training printed, line by line."""
        path = self.folder / "train.log"
        return tuple(path.read_text(errors="replace").splitlines()) if path.exists() else ()

    def refuse_untrained(self) -> None:
        """Raise RefusedError where there is no challenger to compare."""
        status = self.find(self.model, self.id).status
        if status in UNTRAINED:
            hint = "wait for the service" if status != "failed" else f"retrue logs --run {self.id}"
            raise RefusedError([f"run {self.id} is {status}"], what="there is nothing to prove", hint=hint)
        if self.gone is not None:
            raise RefusedError([self.gone], what="there is nothing to prove", hint="retrain")

    @property
    def kept(self) -> dict[str, Any]:
        """What the catalog says of this run now: another process may have gone on with it."""
        return dict(self.find(self.model, self.id).body)

    @property
    def gone(self) -> str | None:
        """That its rows and its model went by age, in words; None while they are here."""
        at = self.kept.get("gone")
        return None if at is None else f"what run {self.id} was trained on, and its model, went by age on {at[:10]}"

    @property
    def rolled_back(self) -> bool:
        """Whether the version that it became was rolled back, and may be promoted again."""
        return ROLLED_BACK in self.kept

    @property
    def passed_over(self) -> str | None:
        """Why it may not be promoted whatever it shows: it was, it is gone, or another is champion; else None."""
        if "version" in self.kept and not self.rolled_back:
            return f"it is version {self.kept['version']} already"
        if self.body["champion"] != self.model.version:
            return f"version {self.model.version} has taken over from version {self.body['champion']}, its champion"
        return self.gone

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"id": self.id, "model": self.model.name, "status": self.status, **dict(self.body)}


def save(model: StoredModel, run: StoredRun) -> None:
    """Keep a run in the catalog."""
    at = clock.micros(clock.now())
    with model.store.catalog.write() as tx:
        before = tx.get(rows.RunRow, id=run.id)
        tx.put(rows.RunRow(run.id, model.name, run.status, before.created if before else at, at, dict(run.body)))
        if before is None or before.status != run.status:
            audit(tx, f"run {run.status}", model.name, {"run": run.id})


def keep_proof(run: StoredRun, proof: Proof) -> None:
    """Keep what a run shows, unless somebody promoted it on an earlier proof."""
    at = clock.micros(clock.now())
    with run.model.store.catalog.write() as tx:
        row = tx.get(rows.RunRow, id=run.id)
        if row is None or "version" in row.body:
            return
        status = "proven" if proof.passed else "refused"
        kept = {**proof.to_dict(), "at": clock.moment(at).isoformat()}
        tx.put(replace(row, status=status, updated=at, body={**row.body, "proof": kept}))
        if row.status != status:
            audit(tx, f"run {status}", run.model.name, {"run": run.id})
