"""Erasure: no row of an erased id can be read any more, from any version, whenever it was cut off."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
from tests.store.test_commit import fast_folder

import retrue as rt
from retrue.errors import SchemaError, StoreError
from retrue.store.store import Store
from retrue.workspace import Model, Workspace
from retrue.workspace.acting import verify

__all__ = ["fast_folder"]

T0 = datetime(2026, 3, 1, tzinfo=UTC)
PERSON = "customer-4711-of-main-street"
STEPS = (
    "rewrite: files written", "rewrite: committed", "erase: rows gone", "erase: summed up", "erase: collections gone",
    "erase: files gone",
)  # fmt: skip


class Crash(BaseException):
    """The process dies here."""


def table(first: int, last: int, secret_at: int | None = None) -> pl.DataFrame:
    ids = [PERSON if i == secret_at else f"c-{i}" for i in range(first, last)]
    count = last - first
    return pl.DataFrame(
        {
            "id": ids,
            "at": [T0 + timedelta(hours=i % 48) for i in range(count)],
            "x": [float(i % 7) for i in range(count)],
            "p": [(i % 10) / 10 for i in range(count)],
            "y": [i % 2 for i in range(count)],
        }
    )


@pytest.fixture
def model(fast_folder: Path) -> Model:
    """The secret id is in every place that has rows."""
    workspace = rt.open(fast_folder / "store")
    model = workspace.register("m", table(0, 400, secret_at=7), id="id", time="at", label="y", score="p", window="1d")
    for part in range(3):
        events = table(1000 + 100 * part, 1100 + 100 * part, secret_at=1050).drop("y")
        model.log(events)
        model.label(pl.DataFrame({"id": [PERSON, f"c-{1001 + part}"], "y": [part % 2, 1]}))
    model.log(pl.DataFrame({"id": [PERSON], "at": ["not a time"], "x": [1.0], "p": [0.5]}))
    model.feedback(pl.DataFrame({"id": [PERSON, "c-1001"], "clicks": [3, 4]}))
    model.collect("x >= 0", name="all")
    list(workspace.store.upkeep(datetime.now(UTC)))
    run = workspace.folder / "runs" / "m" / "abc"
    run.mkdir(parents=True)
    table(0, 10, secret_at=3).write_parquet(run / "training.parquet")
    model.store.append("m", "feedback", pl.DataFrame({"id": [PERSON], "clicks": [9]}))
    return model


def holding(folder: Path, text: str = PERSON) -> list[str]:
    """Every file that has a text: in its bytes, or, where it is Parquet, in its rows."""
    found = []
    for path in (path for path in folder.rglob("*") if path.is_file()):
        inside = text.encode() in path.read_bytes()
        if path.suffix == ".parquet" and "_delta_log" not in path.parts:
            rows = pl.read_parquet(path, hive_partitioning=False)
            inside |= any(rows[name].cast(pl.String).str.contains(text, literal=True).any() for name in rows.columns)
        if inside:
            found.append(path.relative_to(folder).as_posix())
    return found


def collected(store: Store) -> pl.DataFrame:
    from retrue.store import rows

    with store.catalog.read() as tx:
        (one,) = tx.find(rows.Collection, model="m")
    return pl.read_parquet(BytesIO(one.data))


def test_erased_rows_are_nowhere_on_the_disk_and_all_others_are_there(model: Model) -> None:
    folder = model.store.folder
    assert len(holding(folder)) >= 5
    assert PERSON in collected(model.store)["id"]
    windows, others = model.store.windows("m"), model.events().filter(pl.col("id") != PERSON).collect()
    erased = model.forget([PERSON], note="asked by letter")
    assert holding(folder) == []
    assert PERSON not in collected(model.store)["id"]
    assert dict(erased.rows) == {
        "events": 1, "labels": 3, "feedback": 2, "quarantine": 1, "collections": 1, "references": 1, "runs": 1,
        "tasks": 0,
    }  # fmt: skip
    assert model.events().collect().sort("id").equals(others.sort("id"))
    assert [(w.start, w.events) for w in model.store.windows("m")] == [(w.start, w.events) for w in windows]
    assert model.forget([PERSON]).rows["events"] == 0
    assert len(model.reference.frame) == 399


def test_the_audit_log_tells_of_it_without_the_id(model: Model) -> None:
    from retrue.store import rows

    model.forget([PERSON], note="asked by letter")
    with model.store.catalog.read() as tx:
        entry = tx.find(rows.Audit)[-1]
    assert (entry.action, entry.model, entry.body["ids"], entry.body["note"]) == ("forgot", "m", 1, "asked by letter")
    assert PERSON not in str(entry)
    assert len(entry.body["digest"]) == 32
    assert verify(model.store.catalog).broken is None


@pytest.mark.parametrize("step", STEPS)
def test_an_erasure_that_was_cut_off_loses_no_other_row_and_can_be_done_again(model: Model, step: str) -> None:
    folder, others = model.store.folder, model.events().filter(pl.col("id") != PERSON).collect().sort("id")

    def die(at: str) -> None:
        if at == step:
            raise Crash

    dying = Model(Store.open(folder, fault=die), "m")
    with pytest.raises(Crash):
        dying.forget([PERSON])
    again = Workspace(Store.open(folder)).model("m")
    assert again.events().filter(pl.col("id") != PERSON).collect().sort("id").equals(others)
    again.forget([PERSON])
    assert holding(folder) == []
    assert again.events().collect().sort("id").equals(others)


FORGET = """
import sys
import retrue as rt

model = rt.open(sys.argv[1]).model("m")
print("begin", flush=True)
model.forget([sys.argv[2]])
"""


@pytest.mark.slow
def test_an_erasure_killed_at_any_moment_can_be_done_again(model: Model) -> None:
    folder, chance = model.store.folder, random.Random(3)
    others = model.events().filter(pl.col("id") != PERSON).collect().sort("id")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    command = [sys.executable, "-c", FORGET, str(folder), PERSON]
    for _ in range(4):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.4))
            process.send_signal(signal.SIGKILL)
    again = rt.open(folder).model("m")
    assert again.events().filter(pl.col("id") != PERSON).collect().sort("id").equals(others)
    again.forget([PERSON])
    assert holding(folder) == []


def test_ids_are_texts_whatever_they_come_as(model: Model) -> None:
    model.log(pl.DataFrame({"id": [17, 18], "at": [T0, T0], "x": [1.0, 2.0], "p": [0.1, 0.2]}))
    assert model.forget([17, 18.0]).rows["events"] == 2


def test_what_cant_be_erased_is_said(model: Model) -> None:
    folder = model.store.folder
    (folder / "runs/m/abc/model.joblib").write_bytes(b"a model")
    (folder / "catalog.before-0003.db").write_bytes(b"")
    said = model.forget([PERSON]).left
    assert said[0] == "backup of the catalog: catalog.before-0003.db"
    assert said[1].startswith("1 trained models, which may remember rows: retrain")


def test_a_model_without_ids_and_an_empty_list_are_refused(model: Model, tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="no ids to forget"):
        model.forget([])
    plain = rt.open(tmp_path / "plain").register("n", table(0, 100).drop("id"), time="at", label="y", score="p")
    with pytest.raises(SchemaError, match=r"the model has no id.*register it with id="):
        plain.forget(["a"])


def test_somebody_who_reads_for_long_is_named(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    from retrue.store.scrub import AGAIN

    def scrub(path: Path) -> None:
        raise StoreError("somebody is reading", where=str(path), hint=AGAIN)

    monkeypatch.setattr("retrue.store.keeper.scrub", scrub)
    with pytest.raises(StoreError, match="do it again"):
        model.forget([PERSON])
    monkeypatch.undo()
    model.forget([PERSON])
    assert holding(model.store.folder) == []


def test_the_command_says_what_went(model: Model, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What would go is what goes; nothing does before somebody says yes; ids that are nowhere are named."""
    from retrue.cli.app import run

    ids = tmp_path / "ids.txt"
    ids.write_text(f"{PERSON}\n\nc-1001\nnobody\n")
    call: Callable[[list[str]], int] = run
    asked = ["forget", "m", "--file", str(ids), "--store", str(model.store.folder)]
    assert call(asked) == 2
    assert "--dry-run to see what would go" in capsys.readouterr().err
    assert call([*asked, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert holding(model.store.folder) != []
    assert call([*asked, "--yes"]) == 0
    went = capsys.readouterr().out
    assert told.replace(" would go.", ". Profiles stay.") == went
    assert went == (
        "not found: nobody\n"
        "3 ids: 2 rows of events, 4 rows of labels, 3 rows of feedback, 1 row of quarantine, 2 rows of collections, "
        "1 row of references, 1 row of runs. Profiles stay.\n"
    )
