"""A Kafka topic is read once, its offsets in the store; on librdkafka's mock cluster, which speaks the protocol."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import polars as pl
import pytest
from tests.conftest import needed
from tests.sources.conftest import expected, ids, register, rows, taken

import retrue as rt
from retrue.sources import SourceChangedError, kafka
from retrue.workspace.consuming import consume

needed("confluent_kafka")


@pytest.fixture(scope="module")
def cluster() -> Any:
    """A producer that brings brokers of its own (`test.mock.num.brokers`); topics have four partitions."""
    from confluent_kafka import Producer

    return Producer({"bootstrap.servers": "mock:1", "test.mock.num.brokers": 1, "log_level": 0})


@pytest.fixture
def brokers(cluster: Any) -> str:
    """Their addresses."""
    return ",".join(f"{one.host}:{one.port}" for one in cluster.list_topics(timeout=10).brokers.values())


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    """A topic of the test's own."""
    return str(request.node.originalname)


def send(cluster: Any, topic: str, *values: bytes | str | None) -> None:
    """Produce messages, partition after partition."""
    for i, value in enumerate(values):
        cluster.produce(topic, value, partition=i % 4)
    assert cluster.flush(10) == 0


def messages(first: int, last: int) -> list[bytes]:
    """Events as JSON, one a message."""
    return [json.dumps(row, default=str).encode() for row in rows(first, last).iter_rows(named=True)]


def test_messages_are_taken_once_with_their_offsets_in_the_store(
    model: rt.Model, cluster: Any, brokers: str, topic: str
) -> None:
    send(cluster, topic, *messages(0, 30))
    model.set_sources(events={"kafka": brokers, "topic": topic})
    assert taken(model) == 30
    assert taken(model) == 0
    send(cluster, topic, *messages(30, 35))
    assert taken(model) == 5
    assert ids(model) == expected(0, 35)


def test_objects_lists_lines_and_arrow_are_rows_and_a_dot_reaches_into_them(
    model: rt.Model, cluster: Any, brokers: str, topic: str
) -> None:
    arrow = io.BytesIO()
    rows(4, 6).write_ipc_stream(arrow)
    made = [json.loads(one) for one in messages(0, 4)]
    nested = {"request": {"id": made[0].pop("id")}, **made[0]}
    send(cluster, topic, json.dumps(nested), json.dumps(made[1:2]), b"\n".join(messages(2, 4)), arrow.getvalue(), None)
    model.set_sources(events={"kafka": brokers, "topic": topic})
    got = model.pull()["events"]
    assert (got.accepted, got.quarantined) == (5, 1)  # the nested one has no id
    model.set_sources(events={"kafka": brokers, "topic": topic, "columns": {"id": "request.id"}})
    model.set_sources(events={"kafka": brokers, "topic": f"{topic}-2", "columns": {"id": "request.id"}})
    send(cluster, f"{topic}-2", json.dumps(nested))
    model.pull()
    assert ids(model) == expected(0, 6)


@pytest.mark.parametrize("packed", ["json", "arrow"])
def test_what_a_dot_reached_is_no_longer_in_its_object_so_that_a_private_column_is_nowhere(
    store: rt.Workspace, cluster: Any, brokers: str, topic: str, packed: str
) -> None:
    model = register(store, privacy={"x": "drop"})
    nested = [
        {"request": {"id": one["id"], "user": {"x": one["x"]}}, "at": one["at"], "output": {"p": one["p"], "v": "a"}}
        for one in rows(0, 4).to_dicts()
    ]
    arrow = io.BytesIO()
    pl.DataFrame(nested).write_ipc_stream(arrow)
    made = [json.dumps(one, default=str) for one in nested] if packed == "json" else [arrow.getvalue()]
    send(cluster, f"{topic}-{packed}", *made)
    columns = {"id": "request.id", "x": "request.user.x", "p": "output.p"}
    model.set_sources(events={"kafka": brokers, "topic": f"{topic}-{packed}", "columns": columns})
    got = model.pull()["events"]
    assert (got.accepted, got.changes) == (4, ("'output' (Struct({'v': String})) is new",))
    kept = model.events().collect().sort("id")
    assert "request" not in str(kept.to_dicts())
    assert set(kept["output"].to_list()) == {'{"output":{"v":"a"}}'}  # a new column waits as text
    assert kept["p"].to_list() == [0.0, 0.1, 0.2, 0.3]


def test_poison_goes_into_the_quarantine_and_holds_nothing_up(
    model: rt.Model, cluster: Any, brokers: str, topic: str
) -> None:
    """No JSON, no object, no id, names that can't be told apart: whatever it is, the others come in."""
    twins = json.dumps({"id": "e90", "at": "2024-05-01T00:00:00Z", "x": 1.0, "p": 0.5, "X": 2.0})
    poison = [b"\x00\x01avro", b"7", b'{"foo": 1}', b"", b'{"id": "e91"', twins.encode()]
    good = messages(0, 10)
    send(cluster, topic, *good[:5], *poison, *good[5:])
    model.set_sources(events={"kafka": brokers, "topic": topic})
    got = model.pull()["events"]
    assert (got.accepted, got.quarantined) == (10, 5)  # the empty one is nothing
    assert ids(model) == expected(0, 10)
    aside = model.quarantine()
    assert kafka.NO_JSON in aside["reason"].to_list()
    assert taken(model) == 0


def test_offsets_that_are_gone_are_told_once(model: rt.Model, cluster: Any, brokers: str, topic: str) -> None:
    send(cluster, topic, *messages(0, 8))
    model.set_sources(events={"kafka": brokers, "topic": topic})
    source = model.sources()["events"]
    with pytest.raises(SourceChangedError, match=r"the next messages of partition \d are gone; it has 0 to 2"):
        list(source.after({str(n): {"offset": 99} for n in range(4)}, ids=True))


def test_brokers_that_are_away_fail_in_words(model: rt.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "PATIENCE", 0.3)
    model.set_sources(events={"kafka": "127.0.0.1:9", "topic": "t"})
    with pytest.raises(rt.TableError, match=r"Kafka says: .* in topic 't' at 127\.0\.0\.1:9"):
        model.pull()
    model.set_sources(events={"kafka": "127.0.0.1:9", "topic": "t", "options": {"group.id": "mine"}})
    with pytest.raises(rt.TableError, match=r"the option 'group.id' .* leave it out"):
        model.pull()
    source = kafka.KafkaSource(kafka="127.0.0.1:9", topic="t")
    with source.consumer("retrue") as consumer, pytest.raises(rt.TableError, match=r"Kafka says: .* in topic 't'"):
        consumer.gone(0)  # they went just when it was to be told from where on there are messages


QUICK = {"session.timeout.ms": "6000", "heartbeat.interval.ms": "500"}
CONSUMER = """
import sys, os, signal, threading
from pathlib import Path
from collections import Counter
from retrue.sources import kafka
from retrue.store.store import Store
from retrue.workspace import Workspace
from retrue.workspace.consuming import consume
folder, step = sys.argv[1:]
kafka.MESSAGES = 5
met = Counter()
def die(now):
    met[now] += 1
    if now == step and met[now] == 3:
        os.kill(os.getpid(), signal.SIGKILL)
consume(Workspace(Store.open(Path(folder), fault=die)).model("m"), "events", threading.Event())
"""


@pytest.mark.slow
def test_consumers_share_a_topic_and_one_that_is_killed_loses_and_doubles_nothing(
    store: rt.Workspace, cluster: Any, brokers: str, topic: str
) -> None:
    """Two in one group; one dies by SIGKILL between the spool and the catalog. The events have no id."""
    model = register(store, id=None, label=None)
    made = [json.loads(one) for one in messages(0, 60)]
    send(cluster, topic, *[json.dumps({**row, "n": int(row.pop("id")[1:])}) for row in made])
    model.set_sources(events={"kafka": brokers, "topic": topic, "group": "g", "options": QUICK})
    victim = subprocess.Popen([sys.executable, "-c", CONSUMER, str(store.folder), "pull: acknowledged"])
    assert victim.wait(60) == -signal.SIGKILL
    stop, failed = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            consume(model, "events", stop)
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        until = time.monotonic() + 40
        while time.monotonic() < until and not failed and len(model.events().collect()) < 60:
            time.sleep(0.5)
        send(cluster, topic, *[json.dumps({**made[0], "n": n}) for n in range(60, 70)])
        while time.monotonic() < until and not failed and len(model.events().collect()) < 70:
            time.sleep(0.5)
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
    assert failed == []
    assert sorted(model.events().collect()["n"].to_list()) == list(range(70))


def test_consume_without_a_group_says_what_is_missing(model: rt.Model) -> None:
    model.set_sources(events={"kafka": "127.0.0.1:9", "topic": "t"})
    with pytest.raises(rt.ConfigError, match=r"no topic with a group for events in m.*kafka, topic and group"):
        consume(model, "events", threading.Event())


def test_a_topic_is_read_whole_for_a_comparison(cluster: Any, brokers: str, topic: str) -> None:
    send(cluster, topic, *messages(0, 12))
    assert rt.read_table(rt.source(kafka=brokers, topic=topic)).rows == 12


def test_a_topic_can_be_reached_without_reading_it(cluster: Any, brokers: str, topic: str) -> None:
    send(cluster, topic, *messages(0, 2))
    rt.source(kafka=brokers, topic=topic).reach(10)
    away = rt.source(kafka="127.0.0.1:1", topic=topic)
    with pytest.raises(
        rt.TableError, match=r"Kafka says: .* in topic 'test_a_topic_can_be_reached_.* at 127\.0\.0\.1:1"
    ):
        away.reach(0.5)


def test_a_value_of_the_environment_is_in_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its library quotes what it refuses, and messages are kept with the job that failed."""
    monkeypatch.setenv("NOBODY_SAYS", "geheim")
    source = rt.source(kafka="127.0.0.1:1", topic="t", options={"security.protocol": "${NOBODY_SAYS}"})
    with pytest.raises(rt.TableError, match=r'Kafka refuses its options: .*Invalid value "\*\*\*" for'):
        source.reach(0.5)
