"""A store behind a server: the same scenario through `rt.open` and `rt.connect` gives the same."""

from __future__ import annotations

import inspect
import time as time_of_client
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from tests.client.conftest import ROLES, RULES, START, live, make, reference
from tests.client.served import serving

import retrue as rt
from retrue.client.connect import RemoteWorkspace, check_version
from retrue.client.http import Connection, UnreachableError
from retrue.client.remote import HERE, RemoteIncident, RemoteModel
from retrue.workspace.incident import ModelIncident


def timeless(explained: dict[str, Any]) -> dict[str, Any]:
    """An explanation without the moments at which labels came, which no two stores share."""
    return {**explained, "examples": [{**row, "_label_at": None} for row in explained["examples"]]}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Two stores with the same history: one open, one behind a server."""
    root = tmp_path_factory.mktemp("stores")
    rt.open(root / "far").close()
    with rt.open(root / "near") as near, serving(root / "far") as url, rt.connect(url) as far:
        found: dict[str, Any] = {"near": near, "far": far, "url": url}
        for store in (near, far):
            model = store.register("flights", reference(), **ROLES, rules=RULES)
            found[f"{type(store).__name__} log"] = model.log(live().drop("y"), key="two days")
            found[f"{type(store).__name__} again"] = model.log(live().drop("y"), key="two days")
            found[f"{type(store).__name__} label"] = model.label(live().select("id", "y"))
            found[f"{type(store).__name__} check"] = model.check(START + timedelta(days=3))
        yield found


def both(stores: dict[str, Any], ask: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Ask the model in both stores."""
    return ask(stores["near"].model("flights")), ask(stores["far"].model("flights"))


def test_rows_are_received_and_repeats_are_not_taken_twice(stores: dict[str, Any]) -> None:
    near, far = stores["Workspace log"], stores["RemoteWorkspace log"]
    assert (near.accepted, near.quarantined) == (far.accepted, far.quarantined) == (800, 0)
    assert stores["RemoteWorkspace label"].accepted == 800
    near, far = both(stores, lambda model: model.events().collect().height)
    assert near == far == 800


def test_verdicts_are_the_same_objects(stores: dict[str, Any]) -> None:
    assert stores["Workspace check"] == stores["RemoteWorkspace check"]
    assert any(verdict.alarm for verdict in stores["RemoteWorkspace check"])


ASKED: dict[str, Callable[[Any], Any]] = {
    "schema": lambda model: model.schema,
    "options": lambda model: model.options,
    "version": lambda model: model.version,
    "versions": lambda model: [(one.version, one.stage) for one in model.versions()],
    "incidents": lambda model: [one.incident for one in model.incidents()],
    "backtest": lambda model: model.backtest(["missing(x) <= 0.9"], now=START + timedelta(days=3)),
    "incident": lambda model: model.incident(model.incidents()[0].id).incident,
    "explain": lambda model: timeless(model.incidents()[0].explain().to_dict()),
    "explained": lambda model: str(model.incidents()[0].explain()).partition("_label_at")[0],
}
FRAMES: dict[str, Callable[[Any], pl.DataFrame]] = {
    "events": lambda model: model.events().collect().drop("_label_at"),
    "since": lambda model: model.events(START + timedelta(days=2), version="1").collect().drop("_label_at"),
    "performance": lambda model: model.performance(),
    "figures": lambda model: model.figures("x"),
    "quarantine": lambda model: model.quarantine(),
    "outliers": lambda model: model.outliers(START + timedelta(days=2)),
}


@pytest.mark.parametrize("name", ASKED)
def test_answers_are_the_same(stores: dict[str, Any], name: str) -> None:
    near, far = both(stores, ASKED[name])
    assert near == far


@pytest.mark.parametrize("name", FRAMES)
def test_tables_are_the_same(stores: dict[str, Any], name: str) -> None:
    near, far = both(stores, FRAMES[name])
    assert near.columns == far.columns
    assert near.schema == far.schema
    assert near.sort(pl.all()).equals(far.sort(pl.all()))


def test_collections_are_the_same(stores: dict[str, Any]) -> None:
    near, far = both(stores, lambda model: model.collect("x > 1", budget=5))
    assert (near.name, near.slice, near.matched) == (far.name, far.slice, far.matched)
    assert near.rows["id"].to_list() == far.rows["id"].to_list()
    assert [one.name for one in stores["far"].model("flights").collections()] == [far.name]


def test_signals_are_watched_and_collected_alike(stores: dict[str, Any]) -> None:
    def watched(model: Any) -> tuple[Any, ...]:
        model.watch_signal(rt.Slice.parse("x > 1", name="large"), policy="5 per day")
        model.watch_signal(rt.signals.low_confidence(), policy="10 %")
        told = [one.to_dict() for one in model.watched_signals()]
        gained = model.collect_new()
        collected = next(one for one in model.collections() if one.name == "large")
        model.unwatch_signal("low confidence")
        left = [one.name for one in model.watched_signals()]
        return told, gained, collected.policy, collected.rows["id"].to_list(), left

    near, far = both(stores, watched)
    assert near == far
    assert far[-1] == ["large"]
    model = stores["far"].model("flights")
    with pytest.raises(rt.RefusedError, match="code is never sent"):
        model.watch_signal(lambda table: table["x"] > 1)
    with pytest.raises(rt.RetrueError, match="no signal 'gone'"):
        model.unwatch_signal("gone")
    with pytest.raises(rt.RetrueError, match="unknown column 'xx'"):
        model.watch_signal("xx > 1")
    with pytest.raises(rt.RetrueError, match="is no policy"):
        model.collect("x > 1", policy="often")
    model.unwatch_signal("large")


def test_people_label_alike(stores: dict[str, Any]) -> None:
    """Rows without a label are asked about, answered one by one and from a file, and agreed on."""
    late = live().head(6).with_columns(pl.format("late-{}", "id").alias("id"))
    found = []
    for where in ("near", "far"):
        model = stores[where].model("flights")
        model.log(late.drop("y"))
        queue = model.labelling
        made = queue.make("id LIKE 'late-%'", most=4)
        first = queue.next()
        assert first is not None
        answered = queue.answer(first.id, 1)
        assert [one.label for one in answered.answers] == ["1"]
        second = queue.next(after=queue.tasks("open")[0].id)
        assert second is not None
        taken = queue.take(f"task,label\n{second.id},0\n")
        left = [one.event for one in queue.tasks("open")]
        assert queue.task(second.id).label == "0"
        assert queue.tasks(most=1) == queue.tasks()[:1]
        found.append(
            (made, first.row, second.event, taken, left, queue.export("csv"), queue.progress().to_dict()["tasks"])
        )
    assert found[0] == found[1]
    assert found[1][-1] == {"open": 2, "disputed": 0, "agreed": 2, "known": 0}
    with pytest.raises(rt.RefusedError, match="code is never sent"):
        stores["far"].model("flights").labelling.make(rt.Slice.of(lambda table: table["x"] > 0))


def test_what_is_said_of_an_incident_is_kept(stores: dict[str, Any]) -> None:
    model = stores["far"].model("flights")
    model.incidents()[0].acknowledge()
    assert model.incidents()[0].state == "acknowledged"
    model.incidents()[0].mark(real=False, note="a test")
    assert model.incidents()[0].incident.note == "a test"
    model.incidents()[0].snooze(START + timedelta(days=30))
    assert model.incidents()[0].state == "snoozed"
    model.incidents()[0].resolve(START + timedelta(days=3))
    assert model.incidents(live=True) == []


def test_comments_and_markers_are_kept(stores: dict[str, Any]) -> None:
    far = stores["far"]
    incident = far.model("flights").incidents()[0]
    made = incident.comment("looked at it")
    assert incident.comments() == (made,)
    assert made.text == "looked at it"
    marker = far.add_marker("version 2", model="flights", kind="deployment", at=START)
    assert far.markers("flights") == (marker,)
    far.remove_marker(marker.number)
    assert far.markers() == ()
    with pytest.raises(rt.StoreError, match="no marker"):
        far.remove_marker(marker.number)


def test_rules_are_adopted(stores: dict[str, Any]) -> None:
    model = stores["far"].model("flights")
    model.adopt([*RULES, "mean(x) <= 3"])
    assert model.options.rules == (*RULES, "mean(x) <= 3")


WRONG: dict[str, Callable[[Any], Any]] = {
    "no such incident": lambda model: model.incident("zzz"),
    "no such column": lambda model: model.figures("xx"),
    "a rule that doesn't parse": lambda model: model.backtest(["missing(x) <="]),
    "a slice that doesn't parse": lambda model: model.collect("x >"),
    "no such metric": lambda model: model.performance("aucc"),
    "nothing to go back to": lambda model: model.rollback(),
    "labels without ids": lambda model: model.label({"y": [1]}),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_are_of_the_same_class_with_the_same_words(stores: dict[str, Any], name: str) -> None:
    raised = []
    for where in ("near", "far"):
        with pytest.raises(rt.RetrueError) as caught:
            WRONG[name](stores[where].model("flights"))
        raised.append(caught.value)
    assert (type(raised[0]), str(raised[0])) == (type(raised[1]), str(raised[1]))


def test_an_unknown_model_is_an_error_of_the_same_class(stores: dict[str, Any]) -> None:
    for where in ("near", "far"):
        with pytest.raises(rt.SchemaError, match="flihgts"):
            stores[where].model("flihgts")


@pytest.mark.parametrize(
    ("remote", "local"), [(RemoteWorkspace, rt.Workspace), (RemoteModel, rt.Model), (RemoteIncident, ModelIncident)]
)
def test_every_public_name_is_there_or_on_the_list_with_a_reason(remote: type, local: type) -> None:
    own = {rt.Workspace: {"folder", "store", "note", "address"}, ModelIncident: {"find"}}.get(
        local, set()
    )  # the store's own
    names = {name for name, _ in inspect.getmembers(local) if not name.startswith("_")} | {*local.__annotations__}
    have = {name for name, _ in inspect.getmembers(remote) if not name.startswith("_")} | {*remote.__annotations__}
    assert sorted(names - have - set(HERE) - own) == []


def test_jobs_logs_and_the_audit_log_are_read_from_afar(stores: dict[str, Any]) -> None:
    far = stores["far"]
    assert far.jobs().total == 0
    line = far.logs(version="1", job="check", text="judged").rows[0]
    assert (line.model, line.version, "windows judged" in line.text) == ("flights", "1", True)
    assert far.logs(version="9").total == far.jobs(run="9").total == 0
    entries = far.audit("flights")
    assert "registered" in {entry.action for entry in entries}
    assert far.verify_audit().whole
    with pytest.raises(rt.ConfigError):
        far.jobs(status="resting")


def test_rows_that_were_set_aside_are_let_in_again(stores: dict[str, Any]) -> None:
    """A row without a time is set aside; mended, it is taken, near and far."""
    near, far = both(stores, lambda model: model.log([{"id": "q1", "at": None, "x": 1.0, "city": "JFK", "p": 0.5}]))
    assert near.quarantined == far.quarantined == 1
    for where in ("near", "far"):
        model = stores[where].model("flights")
        number = model.quarantine()["number"].to_list()[-1]
        mended = {"id": "q1", "at": "2026-01-07T12:00:00Z", "x": 1.0, "city": "JFK", "p": 0.5}
        assert model.replay({number: mended}).accepted == 1
        assert model.quarantine().height == 0


def test_ids_are_forgotten_near_and_far(stores: dict[str, Any]) -> None:
    near, far = both(stores, lambda model: model.forget(["d1-r399"], note="a test"))
    assert near.rows == far.rows
    assert far.ids == 1


def test_what_is_done_where_the_store_is_says_so(stores: dict[str, Any]) -> None:
    with pytest.raises(rt.RefusedError, match=r"queue a registered trainer.*or retrain where the store is"):
        stores["far"].model("flights").retrain(None, mix=None)


def test_what_cannot_be_sent_is_refused(stores: dict[str, Any]) -> None:
    with pytest.raises(rt.ConfigError, match="can't be sent"):
        stores["far"].register("other", reference(), predict=lambda table: table)


def test_another_version_is_told() -> None:
    with pytest.raises(rt.ConfigError, match=r"the server is Retrue 99\.1\.0"):
        check_version("99.1.0", "http://there")


def test_nobody_there_is_told(free_port: int) -> None:
    with pytest.raises(rt.StoreError, match="no answer"):
        rt.connect(f"http://127.0.0.1:{free_port}")


@pytest.fixture
def free_port(monkeypatch: pytest.MonkeyPatch) -> int:
    """A port that nobody listens on, and no patience."""
    import socket

    monkeypatch.setattr(time_of_client, "sleep", lambda _: None)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def answering(*answers: httpx.Response) -> tuple[Connection, list[httpx.Request]]:
    """A connection to something that gives these answers, and what it was asked."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answers[min(len(asked), len(answers)) - 1]

    return Connection("http://there", transport=httpx.MockTransport(answer)), asked


def test_what_is_safe_to_repeat_is_repeated_after_the_time_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time_of_client, "sleep", slept.append)
    busy = httpx.Response(429, headers={"Retry-After": "3"}, json={"error": {"type": "RetrueError", "what": "busy"}})
    connection, asked = answering(busy, httpx.Response(200, json={"accepted": 1}))
    assert connection.send_frame("/x", b"rows", key="k") == {"accepted": 1}
    assert slept == [3.0]
    assert [one.headers["Idempotency-Key"] for one in asked] == ["k", "k"]


def test_what_may_do_harm_twice_is_not_repeated() -> None:
    connection, asked = answering(httpx.Response(503, json={"error": {"type": "StoreError", "what": "away"}}))
    with pytest.raises(UnreachableError, match="away"):
        connection.post("/x", {})
    assert len(asked) == 1


def test_large_bodies_are_compressed() -> None:
    connection, asked = answering(httpx.Response(200, json={}))
    connection.send_frame("/x", b"0" * 1_000_000, key="k")
    assert asked[0].headers["Content-Encoding"] == "gzip"
    assert len(asked[0].content) < 10_000


def test_an_answer_of_something_else_is_an_error() -> None:
    connection, _ = answering(httpx.Response(404, text="<h1>nginx</h1>"))
    with pytest.raises(rt.RetrueError, match="status 404"):
        connection.get("/models")


@pytest.mark.slow
def test_watched_calls_reach_a_server_that_was_away_once(tmp_path: Path, free_port: int) -> None:
    """The server starts after the calls, is stopped, and comes back: every call is there once."""
    folder = make(tmp_path / "store")
    predict = rt.watch(
        lambda features: 0.5,
        to=f"http://127.0.0.1:{free_port}",
        model="flights",
        overflow=tmp_path / "over",
        signals=None,
    )
    for number in range(50):
        predict({"id": f"w{number}", "x": 1.0, "city": "JFK"})
    predict.watch.flush(1)
    assert predict.watch.stats().sent == 0
    with serving(folder, free_port):
        assert predict.watch.flush(20)
    for number in range(50, 100):
        predict({"id": f"w{number}", "x": 1.0, "city": "JFK"})
    predict.watch.flush(1)
    with serving(folder, free_port):
        assert predict.watch.flush(20)
    predict.watch.close()
    assert predict.watch.stats().sent == 100
    with rt.open(folder) as store:
        assert store.model("flights").events().collect()["id"].n_unique() == 100
