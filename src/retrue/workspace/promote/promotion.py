"""From a proven challenger to the champion: the new reference, one transaction that switches, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from retrue.core.grids import Grids
from retrue.core.reference import Reference
from retrue.core.scores import score_bins
from retrue.engine import local
from retrue.engine.slices import MOST, with_slices
from retrue.errors import ConfigError, RefusedError
from retrue.store import rows
from retrue.store.catalog import Transaction
from retrue.tables import read
from retrue.workspace import clock, notes
from retrue.workspace.acting import audit
from retrue.workspace.check.incidents import close_incidents, regroup, reopen_incidents
from retrue.workspace.check.judged import judge_of
from retrue.workspace.promote import registry
from retrue.workspace.promote.datasets import Dataset, counted, with_sets
from retrue.workspace.promote.tried import end_trials, name_of, tried_by
from retrue.workspace.prove.sides import challenger_scores, predictor, spoken
from retrue.workspace.references import write_table
from retrue.workspace.saying import say
from retrue.workspace.stored import StoredModel
from retrue.workspace.train.runs import ROLLED_BACK, StoredRun

NOBODY = ("", "-", "anonymous", "nobody", "user", "unknown", "none", "null", "somebody", "local", "root")
"""Names that name no person."""
OUTGROWN = 0.02
"""The share of a column outside the grid from which a new reference gets grids of its own."""


@dataclass(frozen=True)
class Override:
    """Somebody who promotes what the gate refuses, and why."""

    who: str
    note: str

    @classmethod
    def of(cls, who: str | None, note: str | None) -> Override | None:
        """Read who overrides and why; None where nobody does.

        Raises:
            ConfigError: somebody without a name, or without a reason.
        """
        if who is None and note is None:
            return None
        name, why = (who or "").strip(), (note or "").strip()
        if name.lower() in NOBODY:
            raise ConfigError("the gate is overridden by nobody", expected="the name of who answers for it")
        if not why:
            raise ConfigError("the gate is overridden without a note", expected="why, for those who ask later")
        return cls(name, why)


def promote(run: StoredRun, override: Override | None = None, now: datetime | None = None) -> str:
    """Make a challenger the champion, with a reference of its own; gives its version.

    The reference is counted on the line's grids, so that the new version's windows can be compared with the old one's.
    Where it has outgrown them, all versions are counted anew, from the lake, on grids that fit it; a model that keeps
    a sample can't be, and stays on the grids that it has.

    Files come first; then one transaction retires the old champion, ends its incidents, names the new one, and keeps
    all that is said of it: there is no moment at which there are two, or none. What other registries are told comes
    after.
    """
    model = run.model
    with model.store.promoting(model.name):
        before = model.reference_of(run.body["champion"]).load()
        version, at = name_of(run, before), clock.aware(now or clock.now())
        learned, table = reference_of_run(run, before.grids)
        if outgrown(learned) and model.store.keeping(model.name):
            say(model, "promotion", "much of a column lies outside its grid, which stays: only a sample is kept")
        elif outgrown(learned):
            schema = before.schema
            late = [schema.label] if schema.label is not None else []
            learned, _ = reference_of_run(run, local.fit_grids(read(table), schema, before.grids.extras, late))
        others = {} if learned.grids.digest == before.grids.digest else regridded(model, learned.grids)
        body = with_sets({"run": run.id, "before": run.body["champion"]}, sets_of_run(run, version, learned.grids))
        if override is not None:
            body["override"] = asdict(override)
        tried = tried_by(model, version, at)
        if tried is not None:
            body["tried_until"] = tried.isoformat()
        write_table(model.reference_of(version).path, table)
        model.store.set_reference(
            model.name, version, learned, others=others, also=lambda tx: crown(tx, run, version, body, override, at)
        )
    return version


def crown(
    tx: Transaction, run: StoredRun, version: str, body: Mapping[str, Any], override: Override | None,
    moment: datetime,
) -> None:  # fmt: skip
    """Make it the champion in the catalog at a moment, with everything that is said of it; of a replay, the replay's.

    Raises:
        RefusedError: another run was promoted meanwhile, or this one was rolled back to.
    """
    model, at = run.model, clock.micros(clock.now())
    facts = {"version": version, "run": run.id}
    if override is not None:
        facts |= {"override": override.who, "note": override.note}
    dethrone(tx, model, str(run.body["champion"]), f"run {run.id}")
    if tx.get(rows.Version, model=model.name, version=version) is not None:
        raise RefusedError([f"version {version} was made meanwhile"], what=f"run {run.id} is not promoted")
    tx.put(rows.Version(model.name, version, "champion", at, {**body, "at": moment.isoformat()}))
    close_incidents(tx, model, str(run.body["champion"]))
    tried = datetime.fromisoformat(body["tried_until"]) if "tried_until" in body else moment
    end_trials(tx, model, str(run.body["champion"]), version, moment, tried)
    kept = tx.get(rows.RunRow, id=run.id)
    if kept is not None:
        told = {**kept.body, "version": version}
        tx.put(replace(kept, status="promoted", updated=at, body=told))
        registry.mark(tx, run.id)
    audit(tx, "promoted", model.name, facts)
    tx.add(notes.marker_of(notes.DEPLOYMENT, f"version {version} promoted", moment, model=model.name))


def dethrone(tx: Transaction, model: StoredModel, champion: str, what: str) -> None:
    """Retire the champion.

    Raises:
        RefusedError: another version is.
    """
    for old in tx.find(rows.Version, model=model.name, stage="champion"):
        if old.version != champion:
            raise RefusedError(
                [f"version {old.version} has become the champion meanwhile"], what=f"{what}: nothing done"
            )
        tx.put(replace(old, stage="retired"))


def sets_of_run(run: StoredRun, version: str, grids: Grids) -> list[Dataset]:
    """What is kept of the rows that it was trained and tested on, with what it says of them."""
    training, test = said_of_run(run, grids)
    return [counted(run.model, part, frame, version, grids) for part, frame in (("training", training), ("test", test))]


def outgrown(reference: Reference) -> bool:
    """Whether much of some column lies outside its grid, where all values share one bin."""
    columns = reference.profile.columns.values()
    return any(column.out_of_range > OUTGROWN * column.n for column in columns)


def regridded(model: StoredModel, grids: Grids) -> dict[str, Reference]:
    """The references of all versions that there are, on other grids."""
    found = {}
    for row in model.versions():
        run = row.body.get("run")
        if run is not None:
            found[row.version], _ = reference_of_run(StoredRun.find(model, str(run)), grids)
        else:
            table = read(model.reference_of(row.version).frame)
            found[row.version] = local.learn_reference(table, model.schema, grids, window=model.options.window)
    return found


def reference_of_run(run: StoredRun, grids: Grids) -> tuple[Reference, pl.DataFrame]:
    """What a run's model is compared with once it is in production, and its rows.

    Inputs: all that it was trained and proven on. Performance: the holdout alone, because a model always does well on
    what it has learned.
    """
    own, proven = said_of_run(run, grids)
    schema = run.model.schema
    both = pl.concat([own, proven], how="diagonal_relaxed")
    profile = replace(grids.count(both), outcome=grids.count_rows(proven).outcome)
    past = local.reference_windows(read(proven), grids, schema, run.model.options.window)
    by_bin = score_bins(grids, both, schema.value)
    learned = Reference(schema, grids, profile, by_bin, tuple(past.values()), tuple(past))
    return replace(learned, slices=slices_of_run(run, learned, both, proven)), both


def said_of_run(run: StoredRun, grids: Grids) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that it was trained on, and those of the holdout, with its own scores and predictions."""
    schema, label = run.model.schema, run.model.store.layout(run.model.name).label_column
    holdout = pl.read_parquet(run.folder / "holdout.parquet")
    trained = pl.read_parquet(run.folder / "training.parquet").drop("_weight", strict=False)
    proven = spoken(holdout, challenger_scores(run, holdout, grids.outcome), schema, grids, holdout[label])
    own = spoken(trained, predictor(run)(trained), schema, grids, holdout[label])
    return own, proven.select(name for name in proven.columns if name in schema.named)


def slices_of_run(run: StoredRun, learned: Reference, both: pl.DataFrame, proven: pl.DataFrame) -> dict[str, Reference]:
    """The same for each slice that is judged by itself: inputs of all rows, performance of the holdout alone."""
    least, window = run.model.settings().min_rows, run.model.options.window
    whole = with_slices(learned, read(both), least, most=MOST).slices
    held = with_slices(learned, read(proven), least, window=window, most=MOST).slices
    return {
        sql: replace(part, profile=replace(part.profile, outcome=held[sql].profile.outcome), windows=held[sql].windows)
        for sql, part in whole.items()
        if sql in held
    }


def rollback(model: StoredModel, now: datetime | None = None) -> str:
    """Make the version before the champion the champion again; axes are marked at a time."""
    champion = model.version
    row = next((row for row in model.versions() if row.version == champion), None)
    earlier = None if row is None else row.body.get("before")
    if row is None or earlier is None:
        raise RefusedError(
            [f"version {champion} of {model.name!r} was not promoted from another"], what="nothing to roll back to"
        )
    told = f"rolled back from version {champion} to {earlier}"
    switch(model, champion, str(earlier), "rolled back", told, now, run=row.body.get("run"))
    return str(earlier)


def come_back(run: StoredRun, now: datetime | None = None) -> str:
    """Undo a rollback: the version that a run became is the champion again, on the proof that it was promoted on."""
    version = str(run.kept["version"])
    switch(
        run.model,
        str(run.body["champion"]),
        version,
        "promoted again",
        f"version {version} promoted again",
        now,
        run=run.id,
    )
    return version


def switch(
    model: StoredModel, old: str, new: str, action: str, told: str, now: datetime | None, *, run: object
) -> None:
    """Make a version that was the champion before the champion again, in one transaction.

    Args:
        model: whose.
        old: the champion so far.
        new: the one from here on.
        action: what is done, for the audit log.
        told: the same in a clause, for the axes.
        now: when axes are marked; the present unless given.
        run: the run of the version that goes or comes back, which notes it.
    """
    at = clock.aware(now or clock.now())
    with model.store.catalog.write() as tx:
        dethrone(tx, model, old, f"from version {old} to {new}")
        row = tx.get(rows.Version, model=model.name, version=new)
        if row is None:
            raise RefusedError([f"version {new} of {model.name!r} is gone"], what="nothing to go back to")
        tx.put(replace(row, stage="champion"))
        close_incidents(tx, model, old)
        end_trials(tx, model, old, new, at, at)
        reopen_incidents(tx, model, new)
        audit(tx, action, model.name, {"from": old, "to": new})
        kept = None if run is None else tx.get(rows.RunRow, id=str(run))
        if kept is not None:
            body = {name: value for name, value in kept.body.items() if name != ROLLED_BACK}
            back = {ROLLED_BACK: at.isoformat()} if kept.body.get("version") == old else {}
            tx.put(replace(kept, updated=clock.micros(clock.now()), body={**body, **back}))
        registry.mark(tx, run)
        tx.add(notes.marker_of(notes.DEPLOYMENT, told, at, model=model.name))
    regroup(model, new, judge_of(model, model.reference_of(new).load()), fresh=())
    registry.follow(model)
