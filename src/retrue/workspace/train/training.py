"""Training runs: a challenger, what it was trained on, the proof, and the way to promotion or refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrue.core.state import Floats
from retrue.errors import RefusedError, StoreError
from retrue.refine.promote import Gate
from retrue.refine.train import score
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.promote import registry
from retrue.workspace.promote.promotion import Override, promote
from retrue.workspace.prove.proof import Proof
from retrue.workspace.prove.proving import prove_run
from retrue.workspace.train.artefacts import load
from retrue.workspace.train.standing import folder_of, standing

if TYPE_CHECKING:
    from retrue.workspace.model import Model
    from retrue.workspace.train.rebuilding import Rebuilt


UNTRAINED = ("queued", "training", "failed")
"""States of a run without a challenger."""


@dataclass(frozen=True)
class Run:
    """A training run: a challenger, what it was trained on, and what it showed."""

    model: Model
    id: str
    status: str
    body: Mapping[str, Any]
    gate: Gate = field(default_factory=Gate)

    @property
    def folder(self) -> Path:
        """Where its artefact and its holdout are."""
        return folder_of(self.model, self.id)

    @property
    def manifest(self) -> dict[str, Any]:
        """The parts of its training set with rows, share and digest; seed, horizon, code version."""
        return dict(self.body["manifest"])

    @property
    def challenger(self) -> Any:
        """The trained model."""
        return load(self.folder / "model.joblib")

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

    def rebuild(self) -> Rebuilt:
        """Build the set that it was trained on again, from the store; says what isn't as it was.

        Raises:
            StoreError: a part of it isn't kept in the store.
        """
        from retrue.workspace.train.rebuilding import rebuild

        return rebuild(self)

    def resume(self) -> Run:
        """Train again, on the same rows, what was queued, cut off or failed; gives the run as it is then.

        PyTorch and Keras recipes go on from their last epoch.

        Raises:
            RefusedError: it was trained, or is being trained.
            TrainingError: it failed again.
        """
        from retrue.workspace.train.fitting import resume

        return resume(self)

    def prove(self) -> Proof:
        """Compare champion and challenger on later events that neither has learned from.

        What a promoted run was promoted on stays with it, whatever it shows later.

        Raises:
            RefusedError: it isn't trained.
        """
        self.refuse_untrained()
        proof = prove_run(self)
        keep_proof(self, proof)
        return proof

    def refuse_untrained(self) -> None:
        """Raise RefusedError where there is no challenger to compare."""
        status = find(self.model, self.id).status
        if status in UNTRAINED:
            hint = "wait for the service" if status != "failed" else f"retrue logs --run {self.id}"
            raise RefusedError([f"run {self.id} is {status}"], what="there is nothing to prove", hint=hint)

    @property
    def kept(self) -> dict[str, Any]:
        """What the catalog says of this run now: another process may have gone on with it."""
        return dict(find(self.model, self.id).body)

    @property
    def passed_over(self) -> str | None:
        """Why it may not be promoted whatever it shows: it was, or another took its champion's place; else None."""
        if "version" in self.kept:
            return f"it is version {self.kept['version']} already"
        if self.body["champion"] != self.model.version:
            return f"version {self.model.version} has taken over from version {self.body['champion']}, its champion"
        return None

    def promote(self, *, override: str | None = None, note: str | None = None, now: datetime | None = None) -> str:
        """Make the challenger the champion; gives its version.

        Args:
            override: who answers for it where the gate refuses; it is in the audit log then, with the note.
            note: why.
            now: the time that axes are marked at, of a replay; the present unless given.

        Raises:
            ConfigError: an override without a name or without a note.
            RefusedError: the gate doesn't pass, with the reasons; or the champion that it was trained against has
                been replaced, perhaps by this very run.
        """
        by = Override.of(override, note)
        what, late = f"run {self.id} is not promoted", self.passed_over
        if late is not None:
            raise RefusedError([late], what=what, hint="retrain, to be compared with the champion of today")
        proof = self.prove()
        if not proof.passed and by is None:
            raise RefusedError(proof.reasons, what=what)
        version = promote(self, None if proof.passed else by, now)
        registry.follow(self.model)
        return version

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"id": self.id, "model": self.model.name, "status": self.status, **dict(self.body)}


def save(model: Model, run: Run) -> None:
    """Keep a run in the catalog."""
    at = clock.micros(clock.now())
    with model.store.catalog.write() as tx:
        before = tx.get(rows.RunRow, id=run.id)
        tx.put(rows.RunRow(run.id, model.name, run.status, before.created if before else at, at, dict(run.body)))
        if before is None or before.status != run.status:
            audit(tx, f"run {run.status}", model.name, {"run": run.id})


def keep_proof(run: Run, proof: Proof) -> None:
    """Keep what a run shows, unless somebody promoted it on an earlier proof."""
    at = clock.micros(clock.now())
    with run.model.store.catalog.write() as tx:
        row = tx.get(rows.RunRow, id=run.id)
        if row is None or "version" in row.body:
            return
        status = "proven" if proof.passed else "refused"
        tx.put(replace(row, status=status, updated=at, body={**row.body, "proof": proof.to_dict()}))
        if row.status != status:
            audit(tx, f"run {status}", run.model.name, {"run": run.id})


def runs(model: Model) -> list[Run]:
    """The model's runs, latest first."""
    return [Run(model, row.id, row.status, row.body, Gate(**row.body.get("gate", {}))) for row in standing(model)]


def find(model: Model, id: str) -> Run:
    """One run by its id, the start of it, or "latest"."""
    known = runs(model)
    found = known[:1] if id == "latest" else [run for run in known if id and run.id.startswith(id)]
    if not known:
        raise StoreError("no runs yet", where=f"model {model.name!r}", hint="train a challenger first: retrain")
    if len(found) != 1:
        listed = ", ".join(run.id for run in known[:5])
        raise StoreError(f"{len(found) or 'no'} runs begin with {id!r}", where=f"model {model.name!r}", expected=listed)
    return found[0]


def load_artefact(model: Model, version: str) -> Any:
    """The trained model behind a promoted version; None for one that was registered without."""
    row = next((row for row in model.versions() if row.version == version), None)
    run = None if row is None else row.body.get("run")
    return None if run is None else find(model, str(run)).challenger
