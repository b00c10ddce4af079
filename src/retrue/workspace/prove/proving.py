"""Prove: both models on the run's holdout, its slices and golden sets, beside baselines, and what the gate says.

holdout ── contests, baselines, calibration, rules ──┐
golden sets ── contests ─────────────────────────────┼── gate ── Proof
recent events without labels ── estimates (told) ────┤
both artefacts ── pace ──────────────────────────────┘
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from retrue.core.reference import Reference
from retrue.core.state import Bools, Floats
from retrue.refine.promote import Evidence
from retrue.refine.prove import Calibration, Contest, Pace, Past, baselines, beside, calibrate, prove
from retrue.refine.prove.duels import METRICS
from retrue.slices import Slice
from retrue.store import rows
from retrue.version import VERSION
from retrue.workspace.check.incidents import load_incidents
from retrue.workspace.collect.derived import with_derived
from retrue.workspace.prove import golden, suite
from retrue.workspace.prove.proof import Proof
from retrue.workspace.prove.sides import Sides, predictor, sides, truth
from retrue.workspace.prove.timing import measure
from retrue.workspace.stored import StoredModel
from retrue.workspace.train.runs import StoredRun

PLACES = 24
"""Most slices that the challenger is compared in."""
INCIDENTS = 8
"""Most incidents whose slices are looked at, the last ones."""
BEFORE = "the version before"
"""The baseline of the version that the champion took over from: yesterday's model, asked about today's rows."""


def prove_run(run: StoredRun) -> Proof:
    """Compare on the holdout that the run kept, and on all else that can tell."""
    model, made_of = run.model, basis_of(run)
    reference = model.reference_of(run.body["champion"]).load()
    table = pl.read_parquet(run.folder / "holdout.parquet")
    both = sides(run, reference, table)
    known = both.duel.known
    duel, places = both.duel.on(known), {"holdout": np.ones(int(known.sum()), np.bool_)}
    found = masks(run, table)
    places |= {name: mask[known] for name, mask in found.told.items()}
    untold = [unasked(name, both.task, why) for name, why in found.untold.items()]
    contests = [*prove(duel, both.task, places), *untold, *golden.contests(run, reference)]
    coverage = float(np.isfinite(both.duel.label).mean()) if table.height else 0.0
    calibrations = calibrated(both, known)
    rivals = beside(duel, both.task, {name: said[known] for name, said in rivals_of(run, both).items()})
    rules = suite.judged(run, reference, table, both.duel.challenger)
    faults = tuple(golden.leaks(run))
    paced = pace_of(run, table)
    evidence = Evidence(rivals, calibrations, paced, suite.broken(rules, reference), faults)
    time = table[model.store.layout(model.name).time_column]
    estimates, recent = suite.estimates(run, reference, table, both.duel.challenger)
    return Proof(
        tuple(contests), coverage, tuple(run.gate.reasons(contests, coverage, evidence)),
        (str(time.min()), str(time.max())), tuple(rivals), calibrations, paced, rules, estimates, recent, faults,
        made_of, run.body.get("early"),
    )  # fmt: skip


def calibrated(both: Sides, known: Bools) -> tuple[Calibration | None, Calibration | None]:
    """The calibration of both."""
    duel = both.duel.on(known)
    first, second = (calibrate(duel.label, scores, both.task) for scores in (duel.champion, duel.challenger))
    return first, second


@dataclass(frozen=True)
class Masks:
    """Slices of the holdout: bool[rows] of each, and why others can't be compared."""

    told: Mapping[str, Bools]
    untold: Mapping[str, str]


def unasked(where: str, task: str, why: str) -> Contest:
    """A slice that nothing is compared in, with the reason."""
    main = next(iter(METRICS[task]))
    return Contest(where, main, METRICS[task][main].higher_is_better, None, None, None, None, 0, why)


def masks(run: StoredRun, table: pl.DataFrame) -> Masks:
    """The rows of the run's edge cases, of the incidents' slices and of the watched slices."""
    wanted = wanted_slices(run)
    parts, told = {name: Slice.parse(sql) for name, sql in list(wanted.items())[:PLACES]}, {}
    untold = dict.fromkeys(list(wanted)[PLACES:], f"not compared: {PLACES} slices are the most")
    table = with_derived(run.model, table, parts.values(), run.body["champion"])
    for name, part in parts.items():
        lacking = sorted(part.columns - set(table.columns))
        if lacking:
            untold[name] = f"not compared: the holdout has no column {lacking[0]!r}"
        else:
            told[name] = part.mask(table).to_numpy()
    return Masks(told, untold)


def wanted_slices(run: StoredRun) -> dict[str, str]:
    """The slices of the run's edge cases, of the incidents, and those that are watched, by what they are called."""
    with run.model.store.catalog.read() as tx:
        watched = {row.name: row.sql for row in tx.find(rows.NamedSlice, model=run.model.name)}
    return {f"edge cases: {name}": sql for name, sql in run.body["slices"].items()} | guilty(run.model) | watched


def basis_of(run: StoredRun) -> str:
    """A digest of all that its gate looks at: while it is the same, a proof holds, and only its timing could differ.

    Holdout and trained model never change; golden sets, slices, rules, the champion and Retrue's version may.
    """
    whole = [
        VERSION, run.id, run.body["champion"], repr(run.gate), golden.marks(run.model), wanted_slices(run),
        run.model.options.rules,
    ]  # fmt: skip
    return hashlib.blake2b(json.dumps(whole).encode(), digest_size=16).hexdigest()


def holds(run: StoredRun, proof: Mapping[str, Any] | None) -> bool:
    """Whether a kept proof is of what is there now."""
    return proof is not None and proof.get("basis") == basis_of(run)


def guilty(model: StoredModel) -> dict[str, str]:
    """The slices of the last incidents that were no false alarms, each slice once."""
    found: dict[str, str] = {}
    for one in reversed(load_incidents(model)):
        if one.cause is not None and one.real is not False and one.cause.slice not in found.values():
            found[f"incident {one.id}: {one.cause.slice}"] = one.cause.slice
    return dict(list(found.items())[:INCIDENTS])


def rivals_of(run: StoredRun, both: Sides) -> dict[str, Floats]:
    """What baselines say of the holdout: simple ones, and the version that the champion took over from."""
    model = run.model
    layout = model.store.layout(model.name)
    time, label = layout.time_column, layout.label_column
    columns = [layout.id_column, time, label, "_label_at"]
    until: Any = both.table[time].max()
    logged = model.events(None, until, sample="all").select(columns).collect().unique(columns[:2])  # whoever scored it
    reference = model.reference_of(run.body["champion"]).load()
    past = keep_known(Past(epoch(logged[time]), epoch(logged["_label_at"]), coded(reference, logged, label)))
    trained = coded(reference, pl.read_parquet(run.folder / "training.parquet"), str(model.schema.label))
    found = baselines(trained[np.isfinite(trained)], past, epoch(both.table[time]), both.classes)
    earlier = run_before(model, run.body["champion"])
    return found if earlier is None else {**found, BEFORE: predictor(earlier)(both.table)}


def keep_known(past: Past) -> Past:
    """The events whose label is known."""
    known = np.isfinite(past.label) & np.isfinite(past.known)
    return Past(past.time[known], past.known[known], past.label[known])


def coded(reference: Reference, table: pl.DataFrame, label: str) -> Floats:
    """Labels as numbers."""
    return truth(reference.grids.outcome, table, label)[0]


def epoch(times: pl.Series) -> Floats:
    """Seconds since 1970, NaN where there is none."""
    return np.asarray(times.dt.epoch("us").cast(pl.Float64).fill_null(float("nan")).to_numpy() / 1e6, np.float64)


def run_before(model: StoredModel, version: str) -> StoredRun | None:
    """The run of the version that this one took over from."""
    row = next((row for row in model.versions() if row.version == version), None)
    before = None if row is None else row.body.get("before")
    return None if before is None else StoredRun.trained(model, str(before))


def pace_of(run: StoredRun, table: pl.DataFrame) -> Pace | None:
    """How long both take; None without rows."""
    if not table.height:
        return None
    champion = StoredRun.trained(run.model, run.body["champion"])
    return measure(run, champion, (None if champion is None else predictor(champion), predictor(run)), table)
