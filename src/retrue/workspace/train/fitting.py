"""Fit a run that is queued: in a process of its own, heard line by line; what came of it is kept with the run.

queued ──> training ──> trained            the model, the holdout with its scores
               └──────> failed             why, the last lines; champion and collected rows stay as they are
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from retrue.core.state import Floats
from retrue.errors import RefusedError, StoreError, TrainingError
from retrue.refine.train.desk import FIT, HOLDOUT, Desk, Report
from retrue.refine.train.runner import Outcome
from retrue.refine.train.trainer import Trainer
from retrue.store import rows
from retrue.store.locks import try_locked
from retrue.store.odd import OUTSIDE, are_probabilities
from retrue.workspace import clock
from retrue.workspace.prove.sides import CHALLENGER
from retrue.workspace.references import write_table
from retrue.workspace.train.carrying import send
from retrue.workspace.train.desks import fit_desks
from retrue.workspace.train.rebuilding import pin
from retrue.workspace.train.refitting import refit, sentence
from retrue.workspace.train.runs import StoredRun, save

if TYPE_CHECKING:
    from retrue.store.catalog import Catalog

MOST = 10_000
"""Lines of a run that are kept in the catalog; its `train.log` has all."""
LONGEST = 2_000
"""Characters of a line that are kept."""
RESUMABLE = ("queued", "training", "failed")


def fit_run(run: StoredRun, trainer: Trainer) -> StoredRun:
    """Train what a run says; gives the run as it is then.

    Raises:
        TrainingError: it failed; the run says why, too.
        RefusedError: it is being trained already.
    """
    with try_locked(run.folder / "lock") as mine:
        if not mine:
            raise RefusedError([f"run {run.id} is being trained already"], what="not trained twice")
        limits = {"seconds": trainer.seconds, "memory": trainer.memory}
        said = {"kind": trainer.kind, "status": "training", "limits": limits, "isolated": trainer.isolated}
        run = kept(run, "training", trainer=said, error=None)
        try:
            outcome = heard(run, trainer)
        except BaseException as error:
            failed(run, f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
            raise
        return ended(run, outcome, trainer)


def resume(run: StoredRun) -> StoredRun:
    """Train a run that was queued, cut off or failed, on the same rows; a checkpoint is gone on from.

    Raises:
        RefusedError: it was trained, or is being trained.
        StoreError: what was to be fitted isn't there any more.
        TrainingError: it failed again.
    """
    now = StoredRun.find(run.model, run.id)
    if now.status not in RESUMABLE:
        raise RefusedError([f"run {run.id} is {now.status}"], what="there is nothing to resume", hint="retrain")
    if not (run.folder / FIT).exists():
        hint = "call retrain again; one with isolated=False is never kept"
        raise StoreError("what was to be fitted isn't kept", where=str(run.folder), hint=hint)
    limits = dict(now.body.get("trainer", {}).get("limits", {}))
    return fit_run(now, replace(Trainer.of(Desk(run.folder).fit()), **limits))


def heard(run: StoredRun, trainer: Trainer) -> Outcome:
    """Train, and write down what it says."""
    ears = Ears(run)
    try:
        return fit_desks([run.folder], trainer, ears.hear)
    finally:
        ears.write()


def ended(run: StoredRun, outcome: Outcome, trainer: Trainer) -> StoredRun:
    """Keep what came of a training, after the same was fitted on all matured labels where that was asked for.

    Raises:
        TrainingError: it failed.
    """
    if outcome.error is not None:
        failed(run, outcome.error, seconds=outcome.seconds, memory=outcome.memory, tail=outcome.tail)
        where = f"run {run.id} of {run.model.name!r}"
        raise TrainingError(f"training failed: {outcome.error}", where=where, hint=f"retrue logs --run {run.id}")
    report, desk = outcome.report or Report(None), Desk(run.folder)
    scores = desk.scores()
    kind = pl.Float64 if scores.ndim == 1 else pl.Array(pl.Float64, scores.shape[1])
    write_table(run.folder / HOLDOUT, desk.holdout().with_columns(pl.Series(CHALLENGER, scores, kind)))
    told = {"seconds": outcome.seconds, "memory": outcome.memory, "libraries": report.libraries}
    said = {**run.body["trainer"], **told, "status": "trained", "classes": list(report.classes)}
    log(run.model.store.catalog, run, [f"trained in {outcome.seconds:.1f} s"])
    strange = improbable(run, scores)
    if strange is not None:
        log(run.model.store.catalog, run, [strange], level="warning")
    again = refitted(run, trainer, scores)
    pin(run)
    (run.folder / FIT).unlink(missing_ok=True)  # there is nothing to resume, and a notebook's rows may be in it
    send(run.model, run.id)
    return kept(run, "trained", trainer=said, refit=again)


def improbable(run: StoredRun, scores: Floats) -> str | None:
    """That scores of the holdout are no probabilities where the champion's are, in words; None where they may be."""
    grids = run.model.store.grids(run.model.name)
    outside = int(((scores < 0) | (scores > 1)).reshape(len(scores), -1).any(axis=1).sum())
    if not outside or grids is None or not are_probabilities(grids.outcome):
        return None
    return (
        f"{outside:,} of {len(scores):,} scores of the holdout are no probabilities, as the champion's are: {OUTSIDE}"
    )


def refitted(run: StoredRun, trainer: Trainer, proven: Floats) -> Mapping[str, Any] | None:
    """Fit once more, on all matured labels; what came of it, or None where nobody asked for it."""
    if run.body.get("refit") is None:
        return None
    ears = Ears(run)
    try:
        found = refit(run, trainer, proven, ears.hear)
    finally:
        ears.write()
    level = "info" if found["why"] is None else "warning"
    log(run.model.store.catalog, run, [sentence(found)], level=level)
    return found


def failed(run: StoredRun, why: str, **facts: Any) -> StoredRun:
    """Note that a training failed, and why."""
    log(run.model.store.catalog, run, [f"training failed: {why}"], level="error")
    tail = list(facts.pop("tail", ()))
    return kept(run, "failed", error=why, tail=tail, trainer={**run.body["trainer"], **facts, "status": "failed"})


def kept(run: StoredRun, status: str, **facts: Any) -> StoredRun:
    """Keep a run with another status and other facts; None takes one away."""
    body = {name: value for name, value in {**run.body, **facts}.items() if value is not None}
    changed = replace(run, status=status, body=body)
    save(run.model, changed)
    return changed


@dataclass(eq=False)
class Ears:
    """Writes what a training says to the catalog, once a second, and so much at most."""

    run: StoredRun
    waiting: list[tuple[int, str]] = field(default_factory=list)
    heard: int = 0
    written: float = field(default_factory=time.monotonic)
    clock: Callable[[], float] = time.monotonic

    def hear(self, lines: Sequence[str]) -> None:
        """Take some lines."""
        at = clock.micros(clock.now())
        for line in lines:
            self.heard += 1
            if self.heard <= MOST and line.strip():
                self.waiting.append((at, line))
            elif self.heard == MOST + 1:
                self.waiting.append((at, f"... {MOST:,} lines are kept; all are in {self.run.folder / 'train.log'}"))
        if self.clock() - self.written >= 1:
            self.write()

    def write(self) -> None:
        """Write what waits."""
        self.written = self.clock()
        if self.waiting:
            log(
                self.run.model.store.catalog,
                self.run,
                [line for _, line in self.waiting],
                [at for at, _ in self.waiting],
            )
        self.waiting = []


def log(catalog: Catalog, run: StoredRun, lines: Sequence[str], at: Sequence[int] = (), *, level: str = "info") -> None:
    """Keep lines of a run in the log: with model, the version it is to follow, run and time."""
    from retrue.jobs.journal import current

    job, now = current.get(), clock.micros(clock.now())
    with catalog.write() as tx:
        for line, when in zip(lines, at or [now] * len(lines), strict=True):
            said = None if job is None else job.id
            tx.add(rows.Log(when, level, line[:LONGEST], said, run.model.name, str(run.body["champion"]), run.id))
