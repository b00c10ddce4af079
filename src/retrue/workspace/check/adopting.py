"""Adopting: what a backtest proposed becomes how the registered model is watched, from the next check on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from retrue.errors import ConfigError
from retrue.judge.rules import Rule
from retrue.store import rows
from retrue.workspace import groups
from retrue.workspace.acting import audit
from retrue.workspace.check.backtest import proposed, unkept
from retrue.workspace.options import Options
from retrue.workspace.stored import StoredModel


def adopt(model: StoredModel, proposal: Mapping[str, Any]) -> Options:
    """Watch a model as proposed, and write that down; windows that were judged stay as they were.

    Slices that its rules are about and that nobody watched yet are counted from the lake first.

    Raises:
        ConfigError: nothing is proposed, or what a backtest can't replay, or a budget other than the group's.
        MetricError, SliceError: a rule doesn't parse, or names what isn't there.
    """
    if not proposal:
        raise ConfigError("nothing to adopt", where=f"model {model.name!r}", expected="rules, or another budget")
    groups.with_budget(model.store, model.name, {"group": model.options.group, **proposal})
    options = proposed(model.options, proposal)
    reference = model.reference.load()
    parsed = [Rule.parse(text, reference.grids.columns) for text in options.rules]
    fresh = unkept(model, reference, parsed)
    if fresh:
        model.store.set_slices(model.name, [*model.store.slices(model.name), *fresh])
    with model.store.catalog.write() as tx:
        row = tx.get(rows.Model, name=model.name)
        if row is not None:
            tx.put(replace(row, settings=options.to_dict()))
        said = {name: value for name, value in options.to_dict().items() if name in proposal}
        audit(tx, "adopted", model.name, said)
    vars(model).pop("options", None)  # it was read before
    return options
