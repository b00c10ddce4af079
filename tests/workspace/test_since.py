"""Since when the model does worse: the level that its metric is on, from all windows that were judged."""

from __future__ import annotations

from tests.workspace.conftest import day, events, live, registered

import retrue as rt


def test_a_degraded_model_is_worse_since_its_level_changed(store: rt.Workspace) -> None:
    """One city turns on day 20, the others on day 24: the first alarm's level began on day 20."""
    model = registered(store)
    for number in range(14, 28):
        turned = ("EWR", "LGA", "JFK") if number >= 24 else ("LGA",) if number >= 20 else ()
        live(model, events(number, 1, turned=turned))
    model.check(now=day(28.6))
    (incident,) = [one for one in model.incidents() if one.kind == "degraded"]
    assert incident.explain().since == day(20).isoformat()
