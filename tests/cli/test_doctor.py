"""`retrue doctor` finds each thing that may be wrong, with the fix; what ails a model's tables is in test_stores.py."""

from __future__ import annotations

import json
import re
import shutil
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
from tests.cli.conftest import Call

import retrue as rt
from retrue.cli.doctor import clock_ailments
from retrue.store import rows


class Usage(NamedTuple):
    """What `shutil.disk_usage` gives, in bytes."""

    total: int
    used: int
    free: int


def problems(call: Call, store: Path) -> list[str]:
    """Ask the doctor, and give what is wrong; its exit status says whether anything is."""
    said = call("doctor", "--store", store, "--json")
    found: list[str] = json.loads(said.out)["problems"]
    assert said.status == bool(found)
    return found


def settings(store: Path, text: str) -> None:
    """Write the settings where the command looks for them: the tests run in the folder of the store."""
    (store.parent / "retrue.toml").write_text(text, encoding="utf-8")


def test_settings_that_cant_be_understood_are_told_once(call: Call, store: Path) -> None:
    settings(store, "[stroe]\npath = 'store'\n")
    (found,) = problems(call, store)
    assert "did you mean 'store'?" in found


def test_a_trainer_whose_code_isnt_here(call: Call, store: Path) -> None:
    settings(store, '[trainers.nightly]\nfit = "nowhere.learn:fit"\n[trainers.here]\nfit = "json:loads"\n')
    (found,) = problems(call, store)
    assert found.startswith("trainers.nightly: no module 'nowhere.learn' here. Hint: ")


def test_an_mlflow_that_doesnt_answer(call: Call, store: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings(store, f'[mlflow]\ntracking_uri = "http://me:secret@127.0.0.1:{port}"\n')
        assert problems(call, store) == []
    (found,) = problems(call, store)
    assert "doesn't answer" in found
    assert "Hint: start it, or correct mlflow.tracking_uri" in found
    assert "secret" not in found


def test_a_service_that_would_let_everybody_in(call: Call, store: Path) -> None:
    settings(store, f"[store]\npath = '{store}'\n[server]\nhost = '0.0.0.0'\n")
    (found,) = problems(call, store)
    assert "without a token lets everybody in" in found
    assert "retrue token create" in found


def test_a_key_of_the_service_that_is_unknown(call: Call, store: Path) -> None:
    settings(store, "[server]\nprot = 80\n")
    (found,) = problems(call, store)
    assert "did you mean 'port'?" in found


def test_a_disk_that_is_nearly_full(call: Call, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - 10**8, 10**8))
    (found,) = problems(call, store)
    assert "has 100 MB left. Hint: free some, or: retrue upkeep" in found


def test_a_clock_that_is_behind_what_was_written(store: Path) -> None:
    with rt.open(store) as workspace:
        assert list(clock_ailments(workspace, datetime.now(UTC))) == []
        (found,) = clock_ailments(workspace, datetime.now(UTC) - timedelta(hours=3))
    said = r"the audit log was last written (2\.\d|3\.0) hours from now: a clock is wrong\. Hint: .*"
    assert re.fullmatch(said, found), "of a store that was made some minutes ago"


def test_work_that_nobody_took_over(call: Call, store: Path) -> None:
    ended = datetime.now(UTC) - timedelta(days=3)
    with rt.open(store) as workspace, workspace.store.catalog.write() as tx:
        tx.put(rows.Lease("check loans", "host-1", int(ended.timestamp() * 1e6)))
    (found,) = problems(call, store)
    assert found == "check loans was last done by host-1, 3 days ago, and nobody has taken it over. Hint: retrue serve"


def test_a_quarantine_that_fills(call: Call, store: Path) -> None:
    with rt.open(store) as workspace:
        model = workspace.model("loans")
        odd = dict.fromkeys(model.schema.features)
        model.log(pl.DataFrame([{**odd, model.schema.id: None, model.schema.time: datetime(2026, 2, 1)}] * 300))
    (found,) = problems(call, store)
    assert found == "model loans: 300 rows are set aside, beside 11,200 events. Hint: retrue quarantine loans"
