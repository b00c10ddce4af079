"""One model in a few facts, as lists of models show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrue.workspace.model import Model


def facts(model: Model) -> dict[str, Any]:
    """One model as the list shows it."""
    windows, live = model.store.windows(model.name), model.incidents(live=True)
    return {
        "model": model.name,
        "version": model.version,
        "events": sum(window.events for window in windows),
        "labelled": sum(window.labelled for window in windows),
        "open_incidents": len(live),
        "severity": max((one.severity for one in live), default=None),
        "alarm_budget": model.options.alarm_budget,
        "group": model.options.group,
    }


def described(model: Model) -> dict[str, Any]:
    """One model as `register` understood it: its schema, and how it is watched."""
    return {
        "model": model.name,
        "version": model.version,
        "schema": model.schema.to_dict(),
        "options": model.options.to_dict(),
    }
