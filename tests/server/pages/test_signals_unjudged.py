"""A signal whose share can't be judged isn't told as calm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.workspace.conftest import day, events, live, registered

import retrue as rt
from retrue.server.pages.ranges import Lately, range_of
from retrue.server.pages.signal_figures import Line, lines_of
from retrue.server.pages.signals import sentence_of


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[rt.Workspace]:
    """An empty store."""
    with rt.open(tmp_path / "store") as found:
        yield found


def seen(model: rt.Model) -> tuple[Line, ...]:
    """The signals as the page shows them."""
    with model.store.catalog.read() as tx:
        span = range_of(tx.connection, model, Lately(90))
    return lines_of(model, span)


def test_a_share_that_can_t_be_judged_is_not_told_as_usual(opened: rt.Workspace) -> None:
    """It has its share and its reason, and the title counts it by itself."""
    model = registered(opened)
    model.watch_signal("x > -1000", name="all")
    live(model, events(14, 2))
    model.check(day(16))
    (line,) = lines = seen(model)
    assert (line.share, line.state.word, line.state.group, line.risen) == ("100 %", "can't be judged", "untold", False)
    assert line.reason == "all: 100 %, 100 % in the reference; nearly all rows meet it, so that it can't rise"
    assert sentence_of("flights", lines) == "1 signal of flights is watched; none can be judged"
    model.watch_signal("x > 1.5", name="large")
    live(model, events(16, 1))
    model.check(day(17))
    said = sentence_of("flights", seen(model))
    assert said == "2 signals of flights are watched; 1 can't be judged, no other is met more often than usual"
