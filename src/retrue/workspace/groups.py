"""Groups: models of one store that share one alarm budget, in equal parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retrue.errors import ConfigError
from retrue.judge.budget import Budget
from retrue.store import rows
from retrue.store.store import Store
from retrue.workspace.options import Options


def members(store: Store, group: str | None) -> list[rows.Model]:
    """The models of a group, by name; none of no group."""
    found = [] if group is None else [row for row in store.models() if row.settings.get("group") == group]
    return sorted(found, key=lambda row: row.name)


def sharing(store: Store, options: Options) -> int:
    """How many models share the alarm budget of the model with these options, itself included."""
    return max(len(members(store, options.group)), 1)


def with_budget(store: Store, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was said about a model that is registered, with its group's budget where it said none.

    Raises:
        ConfigError: it said another budget than its group has.
    """
    others = [row for row in members(store, given.get("group")) if row.name != name]
    if not others:
        return dict(given)
    own, other = str(others[0].settings["alarm_budget"]), others[0].name
    said = given.get("alarm_budget")
    if said is not None and Budget.parse(str(said)) != Budget.parse(own):
        raise ConfigError(
            f"an alarm budget of {str(said)!r} in group {given['group']!r}",
            where=f"model {name!r}",
            expected=f"{own!r}, which {other!r} has, for a group shares one budget",
            hint="leave the budget out, or name another group",
        )
    return {**given, "alarm_budget": own}
