"""Models of a group share one alarm budget."""

from __future__ import annotations

from typing import Any

import pytest
from tests.workspace.conftest import DAYS, events

import retrue as rt
from retrue.workspace.check.judged import judge_of

ROLES: dict[str, Any] = {"id": "id", "time": "at", "label": "y", "score": "p", "window": "1d"}


def test_each_model_has_an_equal_share_counted_when_it_is_judged(store: rt.Workspace) -> None:
    one = store.register("one", events(0, DAYS), **ROLES, alarm_budget="1 per 30d", group="g")
    assert judge_of(one, one.reference.load()).settings.budget.alarms == 1
    store.register("two", events(0, DAYS), **ROLES, group="g", longer=["7d"])
    store.register("alone", events(0, DAYS), **ROLES)
    assert judge_of(one, one.reference.load()).settings.budget.alarms == 1 / 2
    assert store.model("two").settings().budget.alarms == 1 / 4, "two lengths of windows"
    assert store.model("alone").settings().budget.alarms == 1


def test_who_says_no_budget_has_that_of_the_group(store: rt.Workspace) -> None:
    store.register("one", events(0, DAYS), **ROLES, alarm_budget="3 per week", group="g")
    assert store.register("two", events(0, DAYS), **ROLES, group="g").options.alarm_budget == "3 per week"
    assert store.register("three", events(0, DAYS), **ROLES, group="g", alarm_budget="3 per 7d").sharing == 3


def test_a_group_has_one_budget(store: rt.Workspace) -> None:
    store.register("one", events(0, DAYS), **ROLES, group="g")
    with pytest.raises(rt.ConfigError, match=r"'2 per 30d' in group 'g'.*expected '1 per 30d', which 'one' has"):
        store.register("two", events(0, DAYS), **ROLES, group="g", alarm_budget="2 per 30d")
    assert [model.name for model in store.models()] == ["one"]
