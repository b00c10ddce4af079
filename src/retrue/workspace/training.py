"""Training runs: retrain on a mix, prove on later events that neither model has seen, promote or refuse.

mix (matured labels) ──fit──> challenger ─┐
later matured events: champion's scores ──┴─ prove ── gate ── promote | RefusedError
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from retrue.core.outcome_grid import BinaryGrid, OutcomeGrid
from retrue.core.state import Floats
from retrue.core.values import number_rows, text_rows
from retrue.errors import RefusedError, SchemaError, StoreError
from retrue.refine.collect import Collected
from retrue.refine.mix import Mix
from retrue.refine.promote import Gate
from retrue.refine.train import score, train
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.options import seconds
from retrue.workspace.promotion import promote, prove_run
from retrue.workspace.proof import Proof
from retrue.workspace.references import write_table, write_whole

if TYPE_CHECKING:
    from retrue.workspace.model import Model

MATURE = 0.99
"""Labels count as matured once so large a share of the known delays has passed, or of a window's events has one."""


@dataclass(frozen=True)
class Matured:
    """Logged events whose labels have had time to come.

    Attributes:
        events: from `start`, before `cut` for training and from `cut` for the proof, all before `end`.
        cut: where training ends and the holdout begins.
        end: labels of later events may still come.
    """

    events: pl.DataFrame
    cut: datetime
    end: datetime
    time: str
    label: str

    def part(self, *, after_cut: bool) -> pl.DataFrame:
        """One side of the cut, labelled or not."""
        late = pl.col(self.time) >= self.cut
        return self.events.filter(late if after_cut else ~late)


@dataclass(frozen=True)
class _Frame:
    """A part of a mix, cut down to what may be trained on."""

    name: str
    frame: pl.DataFrame


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
        return self.model.store.folder / "runs" / self.model.name / self.id

    @property
    def manifest(self) -> dict[str, Any]:
        """The parts of its training set with rows, share and digest; seed, horizon, code version."""
        return dict(self.body["manifest"])

    @property
    def challenger(self) -> Any:
        """The trained model."""
        return load(self.folder / "model.joblib")

    def predict(self, table: Any) -> Floats:
        """Score rows with the challenger: float64[rows]."""
        from retrue.tables import read

        return score(self.challenger, read(table).collect(), self.body["features"], self.model.schema.positive)

    def prove(self) -> Proof:
        """Compare champion and challenger on later events that neither has learned from."""
        proof, kept = prove_run(self), self.kept
        status = "promoted" if "version" in kept else "proven" if proof.passed else "refused"
        save(self.model, replace(self, status=status, body={**kept, "proof": proof.to_dict()}))
        return proof

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

    def promote(self) -> str:
        """Make the challenger the champion; gives its version.

        Raises:
            RefusedError: the gate doesn't pass, with the reasons; or the champion that it was trained against has
                been replaced, perhaps by this very run.
        """
        what, late = f"run {self.id} is not promoted", self.passed_over
        if late is not None:
            raise RefusedError([late], what=what, hint="retrain, to be compared with the champion of today")
        proof = self.prove()
        if not proof.passed:
            raise RefusedError(proof.reasons, what=what)
        version = promote(self)
        save(self.model, replace(self, status="promoted", body={**self.kept, "version": version}))
        return version

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"id": self.id, "model": self.model.name, "status": self.status, **dict(self.body)}


def retrain(
    model: Model, fit: Any, *, mix: Mix, holdout: str | float, seed: int, gate: Gate, now: datetime | None
) -> Run:
    """Train a challenger and keep it with the holdout it is to be proven on."""
    at = clock.aware(now or clock.now())
    schema = model.schema
    if schema.label is None or schema.time is None or not isinstance(schema.score or schema.prediction, str):
        raise SchemaError("retraining needs a label, a time and one score", where=f"model {model.name!r}")
    matured = matured_events(model, at, holdout)
    seen = [*schema.features, schema.label]
    # Ids stay with the training rows: once promoted they are a reference, whose rows must not be taken twice.
    mixed = trainable(mix, model, matured).build([*([schema.id] if schema.id else []), *seen], key=schema.id)
    rng_state = np.random.get_state()  # noqa: NPY002 - the user's fit may use the global generator
    np.random.seed(seed)  # noqa: NPY002
    try:
        challenger = train(fit, mixed.table.select(seen), mixed.weights, list(schema.features), schema.label)
    finally:
        np.random.set_state(rng_state)  # noqa: NPY002
    ahead = matured.part(after_cut=True)
    scored = ahead.with_columns(pl.Series("_challenger", score(challenger, ahead, schema.features, schema.positive)))
    body = {
        "manifest": {
            **mixed.manifest,
            "seed": seed,
            "cut": matured.cut.isoformat(),
            "matured": matured.end.isoformat(),
        },
        "features": list(schema.features),
        "champion": model.version,
        "slices": edge_slices(mix),
        "gate": asdict(gate),
    }
    run = Run(model, uuid.uuid4().hex[:8], "trained", body, gate)
    keep_files(run, challenger, scored, mixed.table)
    save(model, run)
    return run


def matured_events(model: Model, at: datetime, holdout: str | float) -> Matured:
    """The champion's events whose labels have matured, cut into training and holdout.

    Raises:
        RefusedError: there are none.
    """
    schema, version = model.schema, model.version
    layout = model.store.layout(model.name)
    time, label = layout.time_column, layout.label_column
    events = model.events(None, at, version=version).collect()
    if not events.height or events[label].null_count() == events.height:
        raise RefusedError(["no logged event has a label yet"], what="nothing to learn from")
    end = at - timedelta(seconds=horizon(model, events, time, label))
    if model.options.maturity is None:
        end = max(end, labelled_until(model))
    ripe = events.filter(pl.col(time) < end).sort(time)
    if not ripe.height:
        raise RefusedError(
            [f"no label has matured: they take {at - end} to come"],
            what="nothing to learn from",
            hint="say how long labels take: register with maturity=, or give label(..., at=) when they came",
        )
    first, last = ripe[time][0], ripe[time][-1]
    if isinstance(holdout, str):
        cut = last - timedelta(seconds=seconds(holdout))
    else:
        cut = ripe[time][min(int(ripe.height * (1 - holdout)), ripe.height - 1)]
    if cut <= first:
        raise RefusedError(
            [f"the holdout ({holdout}) takes all of the log since {first}"], what="nothing to learn from"
        )
    known = [name for name in ripe.columns if name in schema.named or name in (time, label, "_h", "_label_at")]
    return Matured(ripe.select(known), cut, end, time, label)


def labelled_until(model: Model) -> datetime:
    """The end of the last window before which every window is labelled: nothing more is to come, whatever delays say.

    Old events that are logged with their labels have delays of years, which tell nothing.
    """
    until = datetime.fromtimestamp(0, UTC)
    windows = [one for one in model.store.windows(model.name) if one.version == model.version]
    for one in sorted(windows, key=lambda window: window.start):
        if one.labelled < MATURE * one.events:  # the last few may all be of one class
            break
        until = datetime.fromisoformat(model.span(one.start)[1])
    return until.astimezone(UTC)


def horizon(model: Model, events: pl.DataFrame, time: str, label: str) -> float:
    """Seconds from an event until its label can be trusted to be final, told or learned from the delays so far."""
    if model.options.maturity is not None:
        return model.options.maturity
    known = events.filter(pl.col(label).is_not_null() & pl.col("_label_at").is_not_null())
    delays = number_rows((known["_label_at"] - known[time]).alias("delay")).drop_nulls()
    return max(float(delays.quantile(MATURE) or 0.0), 0.0) if len(delays) else 0.0


def trainable(mix: Mix, model: Model, matured: Matured) -> Mix:
    """The same mix without what may not be trained on: rows without a label, and logged rows from the cut on."""
    schema, grids = model.schema, model.store.grids(model.name)
    outcome = None if grids is None else grids.outcome
    parts: list[tuple[Any, float]] = []
    for part, share in mix.parts:
        frame = part.frame
        if "_label_at" in frame.columns:  # logged rows: take the labels as they are known now
            frame = relabelled(frame, matured, schema.id)
        if schema.id is not None and schema.id in frame.columns:
            frame = unproven(frame.with_columns(text_rows(frame[schema.id])), matured, schema.id)
        frame = learnable(frame, str(schema.label), outcome, schema.classes)
        parts.append((_Frame(part.name, frame), share))
    return Mix(parts)


def learnable(frame: pl.DataFrame, label: str, outcome: OutcomeGrid | None, classes: Sequence[str]) -> pl.DataFrame:
    """Rows whose label counts; of two classes that are texts, each is written in one way."""
    if outcome is None:
        return frame.filter(pl.col(label).is_not_null())
    known = frame.filter(pl.Series(outcome.counts_label(frame[label])))
    if not isinstance(outcome, BinaryGrid) or outcome.negative is None or known.schema[label] != pl.String():
        return known
    return known.with_columns(pl.Series(label, np.array(classes)[outcome.truth(known[label])].tolist(), pl.String()))


def unproven(frame: pl.DataFrame, matured: Matured, key: str) -> pl.DataFrame:
    """Rows whatever they came from, without those that the challenger is proven on."""
    held = text_rows(matured.part(after_cut=True)[key])
    return frame.filter(~pl.col(key).is_in(held.implode()).fill_null(value=False))


def relabelled(frame: pl.DataFrame, matured: Matured, key: str | None) -> pl.DataFrame:
    """Logged rows before the cut, with the labels that are known now."""
    before = matured.part(after_cut=False)
    if key is None:
        return frame.filter(pl.col(matured.time) < matured.cut)
    current = before.select(key, matured.label)
    return frame.drop(matured.label, strict=False).join(current, on=key, how="inner")


def edge_slices(mix: Mix) -> dict[str, str]:
    """The slices of the mix's collections by name."""
    return {part.name: part.slice for part, _ in mix.parts if isinstance(part, Collected) and part.slice}


def keep_files(run: Run, challenger: Any, holdout: pl.DataFrame, trained: pl.DataFrame) -> None:
    """Keep the artefact, the holdout with the challenger's scores, and the training rows."""
    artefact = dumped(challenger)
    run.folder.mkdir(parents=True, exist_ok=True)
    write_whole(run.folder / "model.joblib", artefact)
    write_table(run.folder / "holdout.parquet", holdout)
    write_table(run.folder / "training.parquet", trained)


def dumped(challenger: Any) -> bytes:
    """Write a trained model as bytes.

    Raises:
        SchemaError: it can't be pickled.
    """
    import io
    import pickle

    import joblib

    buffer = io.BytesIO()
    try:
        joblib.dump(challenger, buffer)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        hint = "let fit return an object of a class that a module holds, without functions made on the way"
        raise SchemaError(
            f"the trained model can't be kept: {error}", expected="one that pickle can write", hint=hint
        ) from error
    return buffer.getvalue()


def load(path: Path) -> Any:
    """Load an artefact.

    Raises:
        StoreError: it is gone, or the code that it is made of can't be imported here.
    """
    import joblib

    if not path.exists():
        raise StoreError("the trained model is gone", where=str(path), hint="retrain")
    try:
        return joblib.load(path)
    except (ImportError, AttributeError) as error:
        hint = "install the code that trained it, or start from the folder that has it"
        raise StoreError(f"the trained model can't be loaded: {error}", where=str(path), hint=hint) from error


def save(model: Model, run: Run) -> None:
    """Keep a run in the catalog."""
    at = clock.micros(clock.now())
    with model.store.catalog.write() as tx:
        before = tx.get(rows.RunRow, id=run.id)
        tx.put(rows.RunRow(run.id, model.name, run.status, before.created if before else at, at, dict(run.body)))
        if before is None or before.status != run.status:
            audit(tx, f"run {run.status}", model.name, {"run": run.id})


def runs(model: Model) -> list[Run]:
    """The model's runs, latest first."""
    with model.store.catalog.read() as tx:
        found = sorted(tx.find(rows.RunRow, model=model.name), key=lambda row: -row.created)
    return [Run(model, row.id, row.status, row.body, Gate(**row.body.get("gate", {}))) for row in found]


def find(model: Model, id: str) -> Run:
    """One run by its id, the start of it, or "latest"."""
    known = runs(model)
    found = known[:1] if id == "latest" else [run for run in known if run.id.startswith(id)]
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
