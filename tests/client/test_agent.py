"""The agent: a process and its machine become a model beside the one that they serve, which rules judge."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.client.conftest import make

import retrue as rt
from retrue.adapters.system import UNITS, Gauges
from retrue.client.agent import Agent
from retrue.client.load import Load
from retrue.workspace.signals import NUMBERS


def test_what_is_read_of_a_machine_is_what_is_kept() -> None:
    read = Gauges().read()
    assert set(UNITS) == set(read) - {"host", "pid"}
    assert set(UNITS) <= set(NUMBERS)
    assert 0 <= read["memory_percent"] <= 100
    assert read["process_memory_mb"] > 1


def test_rates_are_since_the_reading_before() -> None:
    gauges = Gauges()
    assert gauges.read()["network_mb_per_s"] is None
    time.sleep(0.01)
    rate = gauges.read()["network_mb_per_s"]
    assert rate is None or rate >= 0


def test_requests_errors_and_latency_are_those_since_the_last_record() -> None:
    load = Load()
    for number in range(100):
        load.count(number * 1_000_000, failed=number < 10)
    load.began -= 10
    found = load.sample()
    assert found is not None
    assert found["requests_per_s"] == pytest.approx(10, rel=0.05)
    assert (found["errors_percent"], found["latency_p50_ms"], found["latency_p99_ms"]) == (10.0, 50.0, 99.0)
    again = load.sample()
    assert again is not None
    assert (again["requests_per_s"], again["errors_percent"], again["latency_p99_ms"]) == (0.0, None, None)


def test_records_are_judged_by_rules_and_show_up_in_check(tmp_path: Path) -> None:
    """A window of five minutes with a mean of 99 % against `mean(cpu_percent) <= 95`."""
    start = datetime(2026, 3, 2, 12, tzinfo=UTC)
    with rt.open(make(tmp_path / "store")) as store:
        model = store.model("flights")
        for number in range(10):
            record = {"at": start + timedelta(seconds=30 * number), "host": "a", "cpu_percent": 99.0}
            assert model.signals({**record, "errors_percent": 0.0}, key=f"{number}").accepted == 1
        system = store.model("flights-system")
        verdicts = system.check(start + timedelta(hours=1))
        assert {str(one.kind) for one in verdicts if one.alarm and one.column == "cpu_percent"} == {"broken"}
        assert system.incidents()[0].columns == ("cpu_percent",)
        with pytest.raises(rt.SchemaError, match="holds system signals itself"):
            system.signals({"at": start})
        with pytest.raises(rt.TableError, match="no records"):
            model.signals({"cpu_percent": 1.0})


def test_signals_never_reach_a_model_of_somebodys_own(tmp_path: Path) -> None:
    """One that happens to be called so keeps its rows for itself, and may have signals of its own."""
    with rt.open(make(tmp_path / "store")) as store:
        reference = pl.DataFrame({"id": ["a", "b"], "x": [1.0, 2.0]})
        theirs = store.register("flights-system", reference, id="id", estimate="off")
        with pytest.raises(rt.SchemaError, match="is a model of its own and holds no system signals"):
            store.model("flights").signals({"at": datetime(2026, 3, 2, tzinfo=UTC), "cpu_percent": 1.0})
        assert theirs.events().collect().height == 0
        assert theirs.signals({"at": datetime(2026, 3, 2, tzinfo=UTC), "cpu_percent": 1.0}).accepted == 1
        assert [model.name for model in store.models()] == ["flights", "flights-system", "flights-system-system"]


def test_an_interval_and_a_process_are_checked(tmp_path: Path) -> None:
    with pytest.raises(rt.ConfigError, match="interval"):
        Agent("flights", tmp_path, interval=0.1)
    with pytest.raises(rt.ConfigError, match="no process"):
        Agent("flights", tmp_path, pid=2**22 + 1)


@pytest.mark.slow
def test_the_command_records_a_process_until_it_ends(tmp_path: Path) -> None:
    """Of a process that sleeps: its memory is told, and the agent ends with it."""
    folder = make(tmp_path / "store")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(8)"]) as sleeper:
        command = ["agent", "flights", "--store", folder, "--pid", sleeper.pid, "--interval", "1s"]
        ran = subprocess.run(
            [sys.executable, "-m", "retrue", *map(str, command), "--overflow", str(tmp_path / "over"), "--json"],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    with rt.open(folder) as store:
        found = store.model("flights-system").events().collect()
    assert set(found["pid"]) == {str(sleeper.pid)}
    assert found["process_memory_mb"].null_count() == 0
    assert json.loads(ran.stdout) == {"sent": found.height, "waiting": 0}
