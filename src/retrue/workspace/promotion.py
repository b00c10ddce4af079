"""From a trained challenger to the champion: the proof on its holdout, the gate, the new reference, the way back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from retrue.core.grids import Grids
from retrue.core.outcome_grid import THRESHOLD, BinaryGrid, score_rows
from retrue.core.reference import Reference
from retrue.core.scores import score_bins
from retrue.core.state import Bools, Floats
from retrue.engine import local
from retrue.engine.slices import MOST, with_slices
from retrue.errors import RefusedError, SchemaError
from retrue.refine.prove import Duel, prove
from retrue.refine.train import score
from retrue.schema import Schema
from retrue.slices import Slice
from retrue.store import rows
from retrue.tables import read
from retrue.workspace import clock, notes
from retrue.workspace.acting import audit
from retrue.workspace.checking import judge_of
from retrue.workspace.derived import with_derived
from retrue.workspace.incidents import close_incidents, revive_incidents
from retrue.workspace.proof import Proof

if TYPE_CHECKING:
    from retrue.workspace.model import Model
    from retrue.workspace.training import Run

OUTGROWN = 0.02
"""The share of a column outside the grid from which a new reference gets grids of its own."""
PLACES = 24
"""Most slices that the challenger is compared in."""


def prove_run(run: Run) -> Proof:
    """Compare on the holdout that the run kept."""
    model, schema = run.model, run.model.schema
    reference = model.reference_of(run.body["champion"]).load()
    table = pl.read_parquet(run.folder / "holdout.parquet")
    layout = model.store.layout(model.name)
    labels, task = truth(reference, table, schema.label or layout.label_column)
    duel = Duel(labels, champion_scores(reference, table), score_rows(table, "_challenger"))
    known = np.isfinite(duel.label) & np.isfinite(duel.champion) & np.isfinite(duel.challenger)
    places = {"holdout": np.ones(int(known.sum()), np.bool_)}
    for name, mask in masks(run, table).items():
        places[name] = mask[known]
    contests = prove(duel.on(known), task, places)
    coverage = float(np.isfinite(labels).mean()) if labels.size else 0.0
    time = table[layout.time_column]
    ends = (str(time.min()), str(time.max()))
    return Proof(tuple(contests), coverage, tuple(run.gate.reasons(contests, coverage)), ends)


def champion_scores(reference: Reference, table: pl.DataFrame) -> Floats:
    """What the champion said: its score, or its prediction as a number; NaN where it said nothing."""
    schema, grid = reference.schema, reference.grids.outcome
    if isinstance(schema.score, str) or not isinstance(grid, BinaryGrid):
        return score_rows(table, schema.score if isinstance(schema.score, str) else schema.prediction)
    said = grid.predicted(table)
    return np.where(said == 2, np.nan, said).astype(np.float64)


def truth(reference: Reference, table: pl.DataFrame, label: str) -> tuple[Floats, str]:
    """Labels as numbers, NaN where unknown, and the task to compare by."""
    grid = reference.grids.outcome
    if isinstance(grid, BinaryGrid):
        coded = grid.truth(table[label])
        return np.where(coded == 2, np.nan, coded).astype(np.float64), "binary"
    if grid is not None and grid.task == "regression":
        return score_rows(table, label), "regression"
    raise SchemaError("champion and challenger can be compared for binary and regression models", where="prove")


def masks(run: Run, table: pl.DataFrame) -> dict[str, Bools]:
    """The rows of the run's edge cases, of the watched slices and of the incidents' slices."""
    model = run.model
    with model.store.catalog.read() as tx:
        watched = {row.name: row.sql for row in tx.find(rows.NamedSlice, model=model.name)}
    wanted = {**{f"edge cases: {name}": sql for name, sql in run.body["slices"].items()}, **watched}
    parts, found = {name: Slice.parse(sql) for name, sql in list(wanted.items())[:PLACES]}, {}
    table = with_derived(model, table, parts.values(), run.body["champion"])
    for name, part in parts.items():
        if part.columns <= set(table.columns):
            found[name] = part.mask(table).to_numpy()
    return found


def promote(run: Run) -> str:
    """Make a proven challenger the champion, with a reference of its own; gives its version.

    The reference is counted on the line's grids, so that the new version's windows can be compared with the old one's.
    Where it has outgrown them, all versions are counted anew, from the lake, on grids that fit it.
    """
    model = run.model
    version = str(1 + max((int(row.version) for row in model.versions() if row.version.isdigit()), default=0))
    before = model.reference_of(run.body["champion"]).load()
    learned, table = reference_of_run(run, before.grids)
    if outgrown(learned):
        schema = before.schema
        late = [schema.label] if schema.label is not None else []
        learned, _ = reference_of_run(run, local.fit_grids(read(table), schema, before.grids.extras, late))
    model.set_reference(version, learned, table, stage="champion")
    with model.store.catalog.write() as tx:
        row = tx.get(rows.Version, model=model.name, version=version)
        if row is not None:
            tx.put(replace(row, body={**row.body, "run": run.id, "before": run.body["champion"]}))
        audit(tx, "promoted", model.name, {"version": version, "run": run.id})
        tx.add(notes.marker_of(notes.DEPLOYMENT, f"version {version} promoted", clock.now(), model=model.name))
    close_incidents(model, run.body["champion"])
    if learned.grids.digest != before.grids.digest:
        regrid(model, version, learned.grids)
    return version


def outgrown(reference: Reference) -> bool:
    """Whether much of some column lies outside its grid, where all values share one bin."""
    columns = reference.profile.columns.values()
    return any(column.out_of_range > OUTGROWN * column.n for column in columns)


def regrid(model: Model, newest: str, grids: Grids) -> None:
    """Count the references of all other versions on the grids of the newest; their windows were counted already."""
    for row in model.versions():
        if row.version == newest:
            continue
        run = row.body.get("run")
        if run is not None:
            learned, _ = reference_of_run(model.run(str(run)), grids)
        else:
            table = read(model.reference_of(row.version).frame)
            learned = local.learn_reference(table, model.schema, grids, window=model.options.window)
        model.store.set_reference(model.name, row.version, learned)


def reference_of_run(run: Run, grids: Grids) -> tuple[Reference, pl.DataFrame]:
    """What a run's model is compared with once it is in production, and its rows.

    Inputs: all that it was trained and proven on. Performance: the holdout alone, because a model always does well on
    what it has learned.
    """
    schema, label = run.model.schema, run.model.store.layout(run.model.name).label_column
    holdout = pl.read_parquet(run.folder / "holdout.parquet")
    trained = pl.read_parquet(run.folder / "training.parquet")
    proven = spoken(holdout, score_rows(holdout, "_challenger"), schema, grids, holdout[label])
    proven = proven.select(name for name in proven.columns if name in schema.named)
    scores = score(run.challenger, trained, run.body["features"], schema.positive)
    own = spoken(trained, scores, schema, grids, holdout[label])
    both = pl.concat([own, proven], how="diagonal_relaxed")
    profile = replace(grids.count(both), outcome=grids.count_rows(proven).outcome)
    past = local.reference_windows(read(proven), grids, schema, run.model.options.window)
    by_bin = score_bins(grids, both, schema.value)
    learned = Reference(schema, grids, profile, by_bin, tuple(past.values()), tuple(past))
    return replace(learned, slices=slices_of_run(run, learned, both, proven)), both


def slices_of_run(run: Run, learned: Reference, both: pl.DataFrame, proven: pl.DataFrame) -> dict[str, Reference]:
    """The same for each slice that is judged by itself: inputs of all rows, performance of the holdout alone."""
    least, window = run.model.settings().min_rows, run.model.options.window
    whole = with_slices(learned, read(both), least, most=MOST).slices
    held = with_slices(learned, read(proven), least, window=window, most=MOST).slices
    return {
        sql: replace(part, profile=replace(part.profile, outcome=held[sql].profile.outcome), windows=held[sql].windows)
        for sql, part in whole.items()
        if sql in held
    }


def spoken(frame: pl.DataFrame, scores: Floats, schema: Schema, grids: Grids, labels: pl.Series) -> pl.DataFrame:
    """Rows with the challenger's score and prediction in place of the champion's."""
    if isinstance(schema.score, str):
        frame = frame.with_columns(pl.Series(schema.score, scores))
    if schema.prediction is None:
        return frame
    if not isinstance(grids.outcome, BinaryGrid):
        return frame.with_columns(pl.Series(schema.prediction, scores))
    return frame.with_columns(named(scores >= THRESHOLD, labels, grids.outcome).alias(schema.prediction))


def named(positive: Bools, labels: pl.Series, grid: BinaryGrid) -> pl.Series:
    """Predictions in the words of the labels."""
    known = labels.drop_nulls().unique(maintain_order=True)
    codes = grid.truth(known)
    words = [next(iter(known.filter(pl.Series(codes == code))), None) for code in (0, 1)]
    return pl.Series([words[int(yes)] for yes in positive], dtype=labels.dtype)


def rollback(model: Model) -> str:
    """Make the version before the champion the champion again."""
    champion = model.version
    row = next((row for row in model.versions() if row.version == champion), None)
    earlier = None if row is None else row.body.get("before")
    if row is None or earlier is None:
        raise RefusedError(
            [f"version {champion} of {model.name!r} was not promoted from another"], what="nothing to roll back to"
        )
    with model.store.catalog.write() as tx:
        tx.put(replace(row, stage="retired"))
        old = tx.get(rows.Version, model=model.name, version=str(earlier))
        if old is not None:
            tx.put(replace(old, stage="champion"))
        audit(tx, "rolled back", model.name, {"from": champion, "to": earlier})
        told = f"rolled back from version {champion} to {earlier}"
        tx.add(notes.marker_of(notes.DEPLOYMENT, told, clock.now(), model=model.name))
    close_incidents(model, champion)
    revive_incidents(model, str(earlier), judge_of(model, model.reference_of(str(earlier)).load()))
    return str(earlier)
