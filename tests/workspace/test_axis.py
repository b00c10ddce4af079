"""What stands on a model's time axis: what people marked of it or of all models, and where a new version begins."""

from __future__ import annotations

from datetime import timedelta

from tests.workspace.conftest import day, events, registered

import retrue as rt
from retrue.workspace.axis import read_markers


def told(store: rt.Workspace, days: float = 10.0) -> list[tuple[float, str]]:
    """What stands on the axis of the flights, and on which day."""
    since = day(4).timestamp()
    found = read_markers(store.model("flights"), since, since + days * 86_400)
    return [((one.time - day(0)) / timedelta(days=1), one.name) for one in found]


def test_the_axis_has_markers_and_new_versions(store: rt.Workspace) -> None:
    """A deployment that was marked within a window's length says it already; other models' markers aren't here."""
    model = registered(store, events(0, 4))
    model.log(events(4, 2).drop("y"), at=day(6))
    model.set_reference("2", model.reference.load(), events(0, 4), stage="champion")
    model.log(events(6, 1).drop("y"), at=day(7))
    registered(store, events(0, 4), name="other")
    store.add_marker("a strike", at=day(5), model="other")
    store.add_marker("Epiphany", kind="holiday", at=day(-9), until=day(4.5))
    store.add_marker("new feed", at=day(12), model="flights")
    assert told(store) == [(-9.0, "holiday: Epiphany"), (6.0, "version 2 begins"), (12.0, "new feed")]
    assert [name for _, name in told(store, days=1.5)] == ["holiday: Epiphany"]
    store.add_marker("version 2", kind="deployment", at=day(6.1), model="flights")
    assert [name for _, name in told(store)] == ["holiday: Epiphany", "version 2", "new feed"]
