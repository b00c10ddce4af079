"""The same tests offline as in production: the model's rules on the holdout as the challenger would have answered it.

And what will be measured once labels come: both models' estimated performance on recent events without any.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from retrue.core.outcome_grid import MulticlassGrid
from retrue.core.reference import Reference
from retrue.core.state import Floats
from retrue.engine.slices import count_slices
from retrue.estimate.estimate import Estimate
from retrue.estimate.fitting import fit
from retrue.explain.places import thinned
from retrue.judge.rules import Rule
from retrue.judge.verdict import Verdict
from retrue.tables import read
from retrue.workspace.check.estimating import ROWS
from retrue.workspace.check.judged import judge_of
from retrue.workspace.prove.sides import scorer, spoken
from retrue.workspace.train.runs import StoredRun

RECENT = 5_000
"""Recent events that are estimated at most, spread over all of them."""
FEW = 100
"""Fewer recent events than this tell nothing."""


def as_said(run: StoredRun, reference: Reference, table: pl.DataFrame, scores: Floats) -> pl.DataFrame:
    """A table as the challenger would have logged it."""
    label = run.model.store.layout(run.model.name).label_column
    return spoken(table, scores, reference.schema, reference.grids, table[label])


def judged(run: StoredRun, reference: Reference, table: pl.DataFrame, scores: Floats) -> dict[str, Verdict]:
    """Each rule of the model by its text, judged on the holdout; those that need earlier windows can't be compared."""
    judge = judge_of(run.model, reference)
    if not judge.rules:
        return {}
    said = as_said(run, reference, table, scores)
    slices = {str(rule.slice): rule.slice for rule in judge.rules if rule.slice is not None}
    parts = count_slices(read(said), reference.grids, list(slices.values()))
    return {str(rule): judge.judge_rule(rule, parts) for rule in judge.rules}


def broken(rules: Mapping[str, Verdict], reference: Reference) -> list[str]:
    """The rules that the challenger breaks, in words; one about its inputs says nothing about it."""
    return [
        f"it breaks the rule {text}: {verdict.reason}"
        for text, verdict in rules.items()
        if verdict.alarms and about_the_model(Rule.parse(text), reference)
    ]


def about_the_model(rule: Rule, reference: Reference) -> bool:
    """Whether a rule is about what the model says, and not about what it is told."""
    schema, grid = reference.schema, reference.grids.outcome
    if rule.check().of in ("outcome", "groups"):
        return True
    own = {schema.prediction, *schema.scores, *(grid.scores.values() if isinstance(grid, MulticlassGrid) else ())}
    return rule.column is not None and rule.column in own


def estimates(
    run: StoredRun, reference: Reference, table: pl.DataFrame, scores: Floats
) -> tuple[tuple[Estimate, Estimate] | None, int]:
    """Both models' estimated performance on events after the holdout that have no label; and how many there are.

    None where there are few, or where the model was registered with `estimate="off"`.

    Both are learned from the holdout, whose rows neither model has learned from, and asked about the same events.
    """
    model, schema = run.model, reference.schema
    if model.options.estimate == "off":
        return None, 0
    since = datetime.fromisoformat(run.body["manifest"]["matured"])
    label = model.store.layout(model.name).label_column
    logged = model.events(since, version=run.body["champion"]).filter(pl.col(label).is_null()).collect()
    if logged.height < FEW:
        return None, logged.height
    recent = thinned(logged, RECENT)
    said = scorer(run, run.proven)(recent)
    known = (table, as_said(run, reference, table, scores))
    first, second = (fit(labelled(one, label), schema, reference.grids.outcome) for one in known)
    ours = as_said(run, reference, recent, said)
    names = judge_of(model, reference).estimated_metrics
    return (first.estimate(recent, metrics=names), second.estimate(ours, metrics=names)), logged.height


def labelled(table: pl.DataFrame, label: str) -> pl.DataFrame:
    """The rows with a label, spread over all of them where they are many."""
    return thinned(table.filter(pl.col(label).is_not_null()), ROWS)
