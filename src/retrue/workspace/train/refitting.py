"""Refit: what is proven hasn't seen the holdout; what is served learns from it, too, by the same mix and settings.

training ──────────────fit──> twin, `proven.joblib` ── says of the holdout ──> proof
training and holdout ──fit──> challenger, `model.joblib` ── tried, promoted, served
                 └── on the holdout certainly worse than its twin? then the twin is the challenger
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from retrue.core.state import Floats
from retrue.errors import ConfigError, RefusedError
from retrue.judge.main_metrics import MAIN
from retrue.judge.words import metric_name, minus
from retrue.refine.mix import Mix, Mixed
from retrue.refine.prove import Duel, contest
from retrue.refine.train.desk import FIT, HOLDOUT, MODEL, ORDER, TRAINING, WEIGHT, Desk
from retrue.refine.train.work import complaint
from retrue.workspace.prove.golden import in_golden_sets
from retrue.workspace.prove.sides import truth
from retrue.workspace.references import write_table
from retrue.workspace.train.choosing import built, trainable
from retrue.workspace.train.desks import fit_desks
from retrue.workspace.train.rebuilding import manifest_of
from retrue.workspace.train.runs import LEARNED, PROVEN, StoredRun

if TYPE_CHECKING:
    from retrue.refine.train import Trainer
    from retrue.workspace.stored import StoredModel
    from retrue.workspace.train.maturity import Matured

FOLDER = "refit"
"""The desk of the second fit, in the run's folder."""


def whole(model: StoredModel, mix: Mix, matured: Matured) -> tuple[Mixed | None, dict[str, Any]]:
    """The training set of all matured labels, and what a run keeps of it; no set, where there is a reason for none."""
    everything = replace(matured, cut=matured.end)
    try:
        mixed = built(trainable(mix, model, everything).mix, model)
    except (ConfigError, RefusedError) as error:  # with the holdout's rows, others may weigh too much
        return None, {"why": str(error)}
    golden = in_golden_sets(model, mixed.table)
    if golden:
        return None, {"why": f"it would learn from {golden[0]}"}
    return mixed, {"why": None, "manifest": manifest_of(mixed, everything, mix)}


def lay_out_again(run: StoredRun, trainer: Trainer, mixed: Mixed) -> None:
    """Write what the second fit needs, beside what the first one does."""
    first, second = Desk(run.folder), Desk(run.folder / FOLDER)
    second.folder.mkdir(exist_ok=True)
    for name in (HOLDOUT, ORDER, *([FIT] if trainer.isolated else [])):
        shutil.copyfile(first.folder / name, second.folder / name)
    write_table(second.folder / TRAINING, mixed.table.with_columns(pl.Series(WEIGHT, mixed.weights)))


def refit(
    run: StoredRun, trainer: Trainer, proven: Floats, hear: Callable[[list[str]], None]
) -> Mapping[str, Any]:  # fmt: skip
    """Fit on all matured labels; gives what came of it, with `why` where the twin stays the challenger.

    Args:
        run: whose first fit has just ended.
        trainer: what fits, each time within its limits.
        proven: what the first fit says of the holdout.
        hear: is called with the lines that it prints.
    """
    said, desk = dict(run.body["refit"]), Desk(run.folder / FOLDER)
    if said["why"] is not None:
        return said
    try:
        outcome = fit_desks([desk.folder], trainer, hear)
        why = outcome.error
    except Exception as error:  # noqa: BLE001 - a trainer that isn't isolated may raise anything, and the twin stands
        why = complaint(error)
    why = why or worse(run, proven, desk.scores())
    if why is None:
        (run.folder / MODEL).replace(run.folder / PROVEN)
        (desk.folder / MODEL).replace(run.folder / MODEL)
        (desk.folder / TRAINING).replace(run.folder / LEARNED)
    shutil.rmtree(desk.folder)
    return {**said, "why": why}


def worse(run: StoredRun, proven: Floats, again: Floats) -> str | None:
    """Why a second fit isn't to be trusted; None where nothing speaks against it.

    It has learned from the holdout, so that doing well on it proves nothing; but doing worse says that it went wrong.
    """
    model = run.model
    grid = model.reference_of(run.body["champion"]).load().grids.outcome
    table = pl.read_parquet(run.folder / HOLDOUT)
    labels, task, _ = truth(grid, table, model.store.layout(model.name).label_column)
    duel = Duel(labels, proven, again)
    found = contest("holdout", MAIN[str(model.schema.task)][0], task, duel.on(duel.known))
    if found.gain is None or found.gain[1] >= 0 or found.difference is None:
        return None
    name = metric_name(found.metric)
    return minus(f"{name} on the holdout is {found.difference:+.4f} from that of the fit that hasn't seen it")


def sentence(said: Mapping[str, Any]) -> str:
    """What came of it, in words.

    >>> sentence({"why": None, "manifest": {"rows": 1_200}})
    'fitted again, on 1,200 rows with the holdout among them; what is proven is its twin that has not seen the holdout'
    >>> sentence({"why": "it ran out of memory"})
    'not fitted again with the holdout: it ran out of memory'
    """
    if said["why"] is not None:
        return f"not fitted again with the holdout: {said['why']}"
    return (
        f"fitted again, on {said['manifest']['rows']:,} rows with the holdout among them; what is proven is its twin "
        "that has not seen the holdout"
    )
