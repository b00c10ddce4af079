"""Notifications, from an incident to a web hook: once each, with everything in them, whatever dies in between."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.receivers import Hook, hook
from tests.jobs.conftest import MINUTE, events, floor, register, runner, wait_until

import retrue as rt
from retrue.jobs import channels, outbox
from retrue.jobs.news import is_news
from retrue.jobs.notify import Outbox, find_deliveries, notify
from retrue.jobs.registry import Task
from retrue.store import rows
from retrue.workspace import clock


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose model got other values of x in the last three minutes, and was checked."""
    folder = tmp_path_factory.mktemp("troubled") / "store"
    with rt.open(folder) as store:
        model, now = register(store), datetime.now(UTC)
        first = floor(now) - 13 * MINUTE
        model.log(events(first, 9), at=now)
        model.log(events(first + 9 * MINUTE, 3, shift=1.2, seed=1), at=now)
        model.check(now)
        assert [(one.columns, str(one.kind)) for one in model.incidents(live=True)] == [(("x",), "drifting")]
    return folder


@pytest.fixture
def folder(troubled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in a folder without settings."""
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(troubled, tmp_path / "store")


@pytest.fixture
def web() -> Iterator[Hook]:
    """A web hook."""
    with hook() as made:
        yield made


@pytest.fixture
def told(store: rt.Workspace, web: Hook) -> Hook:
    """A web hook that hears of everything."""
    channels.keep(store, channels.Channel(name="ops", url=web.url))
    return web


def run(store: rt.Workspace, now: datetime | None = None) -> str:
    """One run of the job."""
    return notify(Task(store, None, now or clock.now()))


def deliveries(store: rt.Workspace) -> list[tuple[str, str]]:
    """Event and status of all messages, oldest first."""
    return [(row.event, row.status) for row in reversed(find_deliveries(store.store.catalog).rows)]


def test_an_incident_is_told_once_and_its_end_once(store: rt.Workspace, told: Hook) -> None:
    Path("retrue.toml").write_text('[server]\nurl = "https://retrue.example.org"\n', encoding="utf-8")
    incident = store.model("flights").incidents()[0]
    assert run(store) == "messages: 1 new, 1 sent"
    assert run(store) == "nothing to tell"
    incident.resolve()
    assert run(store) == "messages: 1 new, 1 sent"
    assert run(store) == "nothing to tell"
    first, last = told.got
    assert first["title"] == f"flights: {incident.kind}, {incident.severity}"
    for part in (incident.sentence, "Since: ", "Shape: ", "Cost: ", "Rows: ", first["key"]):
        assert part in first["message"]
    assert f"https://retrue.example.org/models/flights/incidents/{incident.id}\n" in first["message"]
    assert [[a["mimetype"] for a in one["attachments"]] for one in (first, last)] == [["image/png"]] * 2
    assert last["title"] == f"flights: over: {incident.kind}"
    assert (last["type"], first["incident"]) == ("success", last["incident"])
    assert first["key"] != last["key"]
    assert deliveries(store) == [("opened", "sent"), ("resolved", "sent")]


def test_what_nobody_takes_is_tried_again_later_and_later(
    store: rt.Workspace, told: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    told.status, tries = 503, []
    for minute in range(16):
        now = begun + timedelta(minutes=minute / 2)
        if "tried again" in run(store, now):
            tries.append(minute / 2)
    assert tries == [0, 0.5, 1.5, 3.5, 7.5]  # 30 s, then twice as long each time
    (row,) = find_deliveries(store.store.catalog).rows
    assert (row.status, row.tries, len(row.body["log"])) == ("waiting", 5, 5)
    assert "geheimnis" not in str(row)
    told.status, now = 200, begun + timedelta(minutes=16)
    assert run(store, now) == "messages: 1 sent"
    with store.store.catalog.write() as tx:
        tx.put(replace(row, body={**row.body, "begun": 0}))
    told.status, now = 503, begun + timedelta(hours=1)
    assert run(store, now) == "messages: 1 failed"


def test_quiet_hours_hold_messages_and_what_is_over_by_then_is_told_as_over(store: rt.Workspace, web: Hook) -> None:
    now = clock.now()
    hours = {"from": f"{now - timedelta(hours=1):%H:%M}", "until": f"{now + timedelta(hours=1):%H:%M}"}
    channels.keep(store, channels.Channel(name="ops", url=web.url, quiet=channels.Quiet.model_validate(hours)))
    assert run(store, now) == "messages: 1 new"
    store.model("flights").incidents()[0].resolve()
    assert run(store, now) == "messages: 1 new"
    assert web.got == []
    channels.keep(store, channels.Channel(name="ops", url=web.url))
    assert run(store, now + timedelta(hours=2)) == "messages: 1 dropped, 1 sent"
    assert [one["title"] for one in web.got] == ["flights: over: drifting"]


def test_a_channel_hears_of_what_it_asked_for(store: rt.Workspace, web: Hook) -> None:
    asked: dict[str, dict[str, Any]] = {
        "a": {"severity": "critical"},
        "b": {"models": ("loans",)},
        "c": {"kinds": ("broken",)},
    }
    for name, wanted in asked.items():
        channels.keep(store, channels.Channel.model_validate({"name": name, "url": web.url, **wanted}))
    store.model("flights").incidents()[0].acknowledge()
    assert run(store) == "nothing to tell"
    channels.keep(store, channels.Channel(name="late", url=web.url))
    assert run(store) == "nothing to tell"  # somebody is on it; and what was learned before isn't told to new channels
    store.model("flights").incidents()[0].resolve()
    assert run(store) == "nothing to tell"  # an end is told to those who heard of the beginning


def test_a_backfill_tells_nobody(store: rt.Workspace, told: Hook) -> None:
    model, past = register(store, "old"), datetime(2025, 3, 1, tzinfo=UTC)
    model.log(events(past, 9), at=clock.now())
    model.log(events(past + 9 * MINUTE, 3, shift=3.0, seed=1), at=clock.now())
    model.check()
    assert model.incidents(live=True)
    run(store)
    assert {row.model for row in find_deliveries(store.store.catalog).rows} == {"flights"}


def test_an_end_whose_beginning_nobody_heard_of_is_told_nobody(store: rt.Workspace, told: Hook) -> None:
    """The history of the last hour is logged as the model is registered; something in it came and went."""
    model, now = register(store, "young"), datetime.now(UTC)
    first = floor(now) - 40 * MINUTE
    for windows, start, shift in ((9, 0, 0.0), (3, 9, 3.0), (25, 12, 0.0)):
        model.log(events(first + start * MINUTE, windows, shift=shift, seed=start), at=now)
    model.check(now)
    assert model.incidents()
    assert not model.incidents(live=True)
    run(store)
    assert {row.model for row in find_deliveries(store.store.catalog).rows} == {"flights"}


def test_an_incident_that_later_rows_undo_is_withdrawn(store: rt.Workspace, told: Hook) -> None:
    run(store)
    with store.store.catalog.write() as tx:
        tx.remove(rows.IncidentRow, model="flights")
    assert run(store) == "messages: 1 new, 1 sent"
    assert told.got[-1]["title"] == "flights: withdrawn: drifting"
    assert run(store) == "nothing to tell"


def test_two_that_learn_at_once_write_one_message(
    store: rt.Workspace, told: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another server comes first between looking and writing: nothing is written twice."""
    model, known, now = store.model("flights"), channels.channels(store), clock.now()

    def beaten(*given: object) -> bool:
        monkeypatch.setattr("retrue.jobs.outbox.is_news", is_news)
        assert outbox.learn(model, known, now) == 1
        return True

    monkeypatch.setattr("retrue.jobs.outbox.is_news", beaten)
    assert outbox.learn(model, known, now) == 0
    assert deliveries(store) == [("opened", "waiting")]
    assert told.got == []


def test_what_a_server_died_over_is_sent_again_with_the_same_key(store: rt.Workspace, told: Hook) -> None:
    run(store)
    with store.store.catalog.write() as tx:
        row = tx.get(rows.Delivery, channel="ops")
        assert row is not None
        tx.put(replace(row, status="sending"))
    assert run(store) == "messages: 1 sent"
    assert told.got[0]["key"] == told.got[1]["key"]


def damaged(store: rt.Workspace, now: datetime) -> None:
    """Give the store a model, before the other by name, whose incident can't be read, and a message about that."""
    register(store, "airports")
    at = clock.micros(now)
    with store.store.catalog.write() as tx:
        tx.put(rows.IncidentRow("odd", "airports", "open", at, at, body={"kind": "nonsense"}))
        tx.add(rows.Delivery("odd", "airports", "ops", "opened", "sending", at - 1, at, 1, {"key": "odd-1"}))


def test_a_model_that_cannot_be_read_keeps_nothing_of_others_back(
    store: rt.Workspace, told: Hook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What fails is in the log, and tried again: a model after a minute, a message as one that wasn't taken."""
    begun = now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    damaged(store, now)
    with caplog.at_level("ERROR"):
        said = run(store, now)
    assert said == ("messages: 1 new, 1 to be tried again, 1 sent; what is new can't be told of airports: see the log")
    assert [one["title"].partition(",")[0] for one in told.got] == ["flights: drifting"]
    assert "of the incidents of airports can't be told" in caplog.text
    assert "message odd-1 can't be made" in caplog.text
    (row,) = find_deliveries(store.store.catalog, model="airports").rows
    assert (row.status, row.tries, row.due) == ("waiting", 2, clock.micros(begun + timedelta(minutes=1)))
    for later, became in ((timedelta(minutes=2), "1 to be tried again"), (timedelta(days=1, minutes=2), "1 failed")):
        now = begun + later
        assert became in run(store, now)


def test_what_could_not_be_looked_at_is_due_again_after_a_minute(store: rt.Workspace, told: Hook) -> None:
    now = clock.now()
    damaged(store, now)
    task, watch = Task(store, None, now), Outbox(store)
    notify(task)
    with store.store.catalog.write() as tx:
        tx.remove(rows.Delivery, model="airports")
        tx.put(rows.Job("j1", "notify", "done", clock.micros(now), clock.micros(now), {**task.body}))
    assert watch.due(now + timedelta(seconds=30)) == []
    assert watch.due(now + timedelta(seconds=61)) == [None]


def test_an_incident_whose_rows_cannot_be_read_keeps_no_other_back(
    store: rt.Workspace, told: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is news can't be told, so it waits; the end of another is told."""
    run(store)
    monkeypatch.setattr("retrue.jobs.outbox.is_news", lambda *_: 1 / 0)
    with store.store.catalog.write() as tx:
        tx.remove(rows.IncidentRow, model="flights")
        opened = tx.find(rows.Delivery, incident=told.got[0]["incident"], channel="")[0]
        body = {**opened.body["incident"], "id": "new", "version": store.model("flights").version}
        tx.put(rows.IncidentRow("new", "flights", "open", opened.due, opened.due, body=body))
    assert "1 sent; what is new can't be told of flights" in run(store)
    assert told.got[-1]["title"] == "flights: withdrawn: drifting"


def test_a_channel_of_the_file_is_taken_and_checked(store: rt.Workspace, web: Hook) -> None:
    file = Path("retrue.toml")
    file.write_text(f'[[channels]]\nname = "file"\nurl = "{web.url}"\nseverity = "low"\n', encoding="utf-8")
    assert run(store) == "messages: 1 new, 1 sent"
    file.write_text(f'[[channels]]\nname = "file"\nurl = "{web.url}"\nseverity = "bad"\n', encoding="utf-8")
    with pytest.raises(rt.ConfigError, match="expected low, medium, high, critical"):
        run(store)
    file.write_text('[[channels]]\nname = "file"\nurl = "geheimnis"\n', encoding="utf-8")
    with pytest.raises(rt.ConfigError) as error:
        run(store)
    assert "geheimnis" not in str(error.value)
    with store.store.catalog.read() as tx:
        assert "geheimnis" not in str(tx.find(rows.Audit))


@pytest.mark.slow
def test_two_servers_tell_it_once_though_one_is_killed(folder: Path, store: rt.Workspace, told: Hook) -> None:
    """Both see the incident; one is killed as soon as anybody has written what is to be sent."""
    with runner(folder) as first, runner(folder):
        wait_until(lambda: deliveries(store))
        os.kill(first.pid, signal.SIGKILL)
        first.wait(5)
        wait_until(lambda: deliveries(store) == [("opened", "sent")])
    assert len({one["key"] for one in told.got}) == 1
    assert len(told.got) <= 2  # twice only where it was killed between sending and noting that
