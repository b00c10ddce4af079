"""Since when the model does worse: the level that its metric is on, from all windows that were judged."""

from __future__ import annotations

from dataclasses import replace

from tests.workspace.conftest import day, events, live, registered

import retrue as rt
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.workspace.explain.course import course_of
from retrue.workspace.explain.explaining import began


def test_a_degraded_model_is_worse_since_its_level_changed(store: rt.Workspace) -> None:
    """One city turns on day 20, the others on day 24: the first alarm's level began on day 20."""
    model = registered(store)
    for number in range(14, 28):
        turned = ("EWR", "LGA", "JFK") if number >= 24 else ("LGA",) if number >= 20 else ()
        live(model, events(number, 1, turned=turned))
    model.check(now=day(28.6))
    (incident,) = [one for one in model.incidents() if one.kind == "degraded"]
    assert incident.explain().since == day(20).isoformat()
    window = model.span(int(day(22).timestamp()))
    other = Verdict(VerdictKind.DRIFTING, "moved", metric="tv", column="city", window=window)
    worst = next(verdict for verdict in incident.verdicts if verdict.kind is VerdictKind.DEGRADED and not verdict.slice)
    told = replace(incident.incident, since=window[0], verdicts=(other, replace(worst, window=window)))
    assert began(model, told, "1") == day(20).isoformat(), "the worst alarm is asked, not the first"
    broken = replace(other, kind=VerdictKind.BROKEN, metric="missing", column="x")
    course = course_of(model, replace(told, verdicts=(other, broken)), "1", ())
    assert course is not None
    assert course.column == "x"
