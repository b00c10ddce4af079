"""`retrue doctor` finds each thing that may be wrong, with the fix; what ails a model's tables is in test_stores.py."""

from __future__ import annotations

import json
import re
import shutil
import socket
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
from tests.cli.conftest import Call
from tests.conftest import needed

import retrue as rt
from retrue.cli import doctor_sources
from retrue.cli.doctor import clock_ailments
from retrue.jobs import registry
from retrue.jobs.records import find_jobs
from retrue.jobs.registry import kinds
from retrue.jobs.runner import Runner
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


def test_a_service_that_would_let_everybody_in_on_a_store_named_elsewhere(
    call: Call, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(store, "[server]\nhost = '0.0.0.0'\n")
    (found,) = problems(call, store)
    assert "without a token lets everybody in" in found
    monkeypatch.setenv("RETRUE_STORE", str(store))
    assert "without a token lets everybody in" in call("doctor").out
    call("token", "create", "admin", "--role", "admin", "--store", store)
    assert problems(call, store) == []


RULES = """
[models.loans]
rules = ["missing(incme) <= 0.02", "missing(income) <= 0.02", "mean(income) >> 3", "roc_auc[regoin = 'south'] >= 0.6"]
slices = ["regoin"]
watch = ["agee"]
[models.lons]
rules = ["missing(income) <= 0.02"]
[retention.models.laons]
events = "9w"
"""


def test_rules_slices_and_tables_that_suit_no_model(call: Call, store: Path) -> None:
    settings(store, RULES)
    found = problems(call, store)
    assert [one.partition(": ")[0] for one in found] == [
        "[retention.models] of retrue.toml",
        *["[models.loans] of retrue.toml"] * 5,
        "[models.lons] of retrue.toml",
    ]
    ages, first, second, third, roles, watched, table = found
    assert "no model 'laons'. Hint: did you mean 'loans'?" in ages
    assert "unknown column 'incme' in rule 'missing(incme) <= 0.02'. Hint: did you mean 'income'?" in first
    assert "a rule that doesn't parse: 'mean(income) >> 3'" in second
    assert "unknown column 'regoin' in slice" in third
    assert "unknown column 'regoin' in role slices" in roles
    assert "'agee' is no feature in watch" in watched
    assert "the store has no model 'lons'. Hint: did you mean 'loans'? Otherwise: retrue register lons" in table


def test_rules_are_read_before_there_is_a_store(call: Call, tmp_path: Path) -> None:
    (tmp_path / "retrue.toml").write_text('[models.m]\nrules = ["missng(x) <= 0.1"]\n', encoding="utf-8")
    none, rule = problems(call, tmp_path / "nothing")
    assert none.startswith("no store here in ")
    assert "unknown metric 'missng'" in rule


SOURCES = """
[models.loans.sources.{kind}]
{said}
"""
NEWER = 'database = "sqlite:///{folder}/db"\nrising = "seen"\n'


@pytest.mark.parametrize(
    ("said", "problem", "fix"),
    [
        ('files = "exports/*.parquet"', "no such folder in ", "is it mounted?"),
        ('files = "here/*.parqet"', "no file matches in ", "`**` crosses folders"),
        ('files = "here/*.parquet"\ncolumns = { income = "incom" }', "no column 'incom' in ", "did you mean"),
        ('delta = "lake/loans"', "a Delta table that can't be read: ", "correct the description"),
        ('sql = "SELECT 1 AS seen"\nrising = "seen"\ndatabase = "sqlite:///${NO_VAR}"', "no NO_VAR", "set NO_VAR"),
        ('sql = "SELECT 1"\nrising = "a"\ndatabase = "snowflake://u@h/d"', "no driver for", "snowflake-sqlalchemy"),
        ('sql = "SELECT 1 AS seen"\ndatabase = "sqlite:///{folder}/db"', "no column to read on by", "name it: rising"),
        ('sql = "TABLE t"\n' + NEWER, "the database says: ", "correct the description"),
        ('sql = "SELECT 1 AS a"\n' + NEWER, "no column 'seen' in the query", "correct the description"),
        ('sql = "SELECT 1 AS seen"\nform = "t"', "no key 'database' (1 more) in ", "expected it, as it has no default"),
    ],
)  # fmt: skip
def test_a_source_that_cant_be_opened(call: Call, store: Path, said: str, problem: str, fix: str) -> None:
    (store.parent / "here").mkdir()
    pl.DataFrame({"income": [1.0]}).write_parquet(store.parent / "here" / "a.parquet")
    text = SOURCES.replace("{kind}", "events").replace("{said}", said).replace("{folder}", str(store.parent))
    settings(store, text)
    (found,) = problems(call, store)
    assert found.startswith("[models.loans.sources.events] of retrue.toml: ")
    assert problem in found
    assert fix in found


def test_a_kafka_broker_that_is_down(call: Call, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed("confluent_kafka")
    monkeypatch.setattr(doctor_sources, "SECONDS", 1.0)
    settings(store, SOURCES.format(kind="events", said='kafka = "127.0.0.1:1"\ntopic = "t"'))
    (found,) = problems(call, store)
    assert "Kafka says: " in found
    assert "in topic 't' at 127.0.0.1:1. Hint: " in found


def test_a_source_that_says_nothing_keeps_nobody_waiting(
    call: Call, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is written: the store goes on with its own sources."""
    monkeypatch.setattr(doctor_sources, "SECONDS", 1.0)
    monkeypatch.setenv("NOBODY_SAYS", "geheim")
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes connections, and never says a word
        port = mute.getsockname()[1]
        url = f"postgresql://me:${{NOBODY_SAYS}}@127.0.0.1:{port}/db"
        settings(store, SOURCES.format(kind="labels", said=f'sql = "SELECT 1 AS a"\nrising = "a"\ndatabase = "{url}"'))
        (found,) = problems(call, store)
    assert "no answer within 1 seconds. Hint: is it up" in found
    with rt.open(store) as workspace:
        assert workspace.model("loans").sources() == {}


def test_sources_that_can_be_opened(call: Call, store: Path) -> None:
    """Those of the store, and those of the file, whose paths begin where it stands; no row is taken from any."""
    folder = store.parent
    frame = pl.DataFrame({"loan_id": ["a"], "seen": [1]})
    (folder / "here").mkdir()
    frame.write_parquet(folder / "here" / "a.parquet")
    frame.write_delta(folder / "lake")
    with sqlite3.connect(folder / "db") as db:
        db.execute("create table t (seen integer)")
    db.close()
    with rt.open(store) as workspace:
        sql = {"sql": "SELECT * FROM t;", "database": f"sqlite:///{folder}/db", "rising": "seen"}
        workspace.model("loans").set_sources(feedback=sql)
    said = [SOURCES.format(kind="events", said='files = "here"'), SOURCES.format(kind="labels", said='delta = "lake"')]
    settings(store, "".join(said))
    assert problems(call, store) == []
    (folder / "db").unlink()
    (found,) = problems(call, store)
    assert found.startswith("model loans: the source of feedback: the database says: ")


CHANNELS = """
[[channels]]
name = "bad"
url = "slack://bad-secret"
[[channels]]
name = "odd"
url = "nosuchscheme://hidden-secret"
[[channels]]
url = "json://example.org"
[[channels]]
name = "fine"
url = "json://127.0.0.1:PORT/hook"
models = ["loans", "lones"]
"""


def test_channels_that_would_reach_nobody(call: Call, store: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as heard:
        settings(store, CHANNELS.replace("PORT", str(heard.getsockname()[1])))
        bad, odd, nameless, fine = problems(call, store)
    unheard, _ = problems(call, store)[3:]
    assert bad.startswith("[[channels]] 'bad' of retrue.toml: a channel's URL (slack) that Apprise doesn't understand")
    assert odd.startswith("[[channels]] 'odd' of retrue.toml: a channel's URL (nosuchscheme)")
    assert nameless.startswith("[[channels]] 'number 3' of retrue.toml: no key 'name' in ")
    assert fine == "[[channels]] 'fine' of retrue.toml: no model 'lones'. Hint: did you mean 'loans'?"
    assert "secret" not in bad + odd
    assert unheard.startswith("[[channels]] 'fine' of retrue.toml: 127.0.0.1:")
    assert "doesn't answer ([Errno 111] Connection refused). Hint: start it, or correct the channel's URL" in unheard


def test_jobs_whose_last_run_failed(call: Call, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs of the service's own job, without the rest that a failure is given."""
    monkeypatch.setattr(registry, "FIRST_RETRY", 0.0)
    with rt.open(store) as workspace:
        workspace.model("loans").set_sources(events={"files": str(store.parent / "gone"), "every": "0s"})
        for _ in range(2):
            turn(workspace, "pull-events")
        assert [job.body["failures"] for job in find_jobs(workspace.store.catalog, kind="pull-events").rows] == [2, 1]
    source, failed = problems(call, store)
    assert source.startswith("model loans: the source of events: no such folder")
    said = (
        r"model loans: pull-events failed 2 times in a row, last at .* UTC: no such folder in .* See: retrue logs --job"
    )
    assert re.match(said, failed)
    with rt.open(store) as workspace:
        workspace.model("loans").set_sources(events=None)
    assert problems(call, store) == [], "a source that is gone needs no pull"


def turn(workspace: rt.Workspace, kind: str) -> None:
    """Let the service's runner do what is due of one kind."""
    runner = Runner(workspace, [one for one in kinds() if one.name == kind])
    runner.turn()
    for run in runner.running.values():
        run.thread.join()
