"""Every change is in the audit log, by whom it was made, and what was done to the log is found out."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import sqlite3
from pathlib import Path

import pytest
from tests.workspace.conftest import day, events, live, registered

import retrue as rt
from retrue.store import rows
from retrue.workspace.acting import acting, actor, audit


def written(store: rt.Workspace, many: int = 4) -> None:
    """Write some entries."""
    for number in range(many):
        with store.store.catalog.write() as tx:
            audit(tx, "promoted", f"model {number}", {"version": str(number)})


def tampered(folder: Path, *statements: str) -> None:
    """Change the catalog by other means than ours."""
    with sqlite3.connect(folder / "catalog.db") as db:
        for statement in ("drop trigger audit_refuses_update", "drop trigger audit_refuses_delete", *statements):
            db.execute(statement)
    db.close()


def test_every_change_is_written_down_with_who_made_it(store: rt.Workspace) -> None:
    model = registered(store)
    live(model, events(14, 2, turned=("JFK", "LGA", "EWR")))
    model.check(now=day(17))
    with acting("anna"):
        model.collect("city = 'JFK'", budget=10)
        model.collect("city = 'JFK'", budget=10, name="edge")
        model.adopt(alarm_budget="2 per 30d")
        model.recount()
        incident = model.incidents()[0]
        incident.acknowledge()
        incident.snooze(day(20))
        incident.mark(real=True, note="secret words")
        incident.resolve(day(21))
    found = [(entry.actor, entry.action, entry.model) for entry in reversed(store.audit())]
    assert found == [
        ("user", "registered", "flights"),
        *(("anna", action, "flights") for action in ("collected", "collected", "adopted", "recounted")),
        *(("anna", f"incident {said}", "flights") for said in ("acknowledged", "snoozed", "marked", "resolved")),
    ]
    bodies = [dict(entry.body) for entry in reversed(store.audit())]
    assert bodies[1:4] == [{"rows": 10}, {"name": "edge", "rows": 10}, {"alarm_budget": "2 per 30d"}]
    assert bodies[-2] == {"incident": incident.id, "real": True}
    assert store.verify_audit().whole


def test_the_log_is_read_newest_first_a_page_at_a_time(store: rt.Workspace) -> None:
    written(store)
    assert [entry.number for entry in store.audit(most=2)] == [4, 3]
    assert [entry.number for entry in store.audit(before=3)] == [2, 1]
    assert [entry.number for entry in store.audit("model 2")] == [3]


def test_a_change_that_fails_is_not_in_the_log(store: rt.Workspace) -> None:
    with pytest.raises(RuntimeError), store.store.catalog.write() as tx:  # noqa: PT012
        audit(tx, "promoted")
        raise RuntimeError
    assert store.audit() == ()
    assert store.verify_audit().to_dict() == {
        "whole": True, "entries": 0, "head": {"number": 0, "digest": ""}, "broken": None, "reason": None,
    }  # fmt: skip


def test_the_digest_is_the_sha256_of_the_one_before_and_the_entry(store: rt.Workspace) -> None:
    """Recomputed here as the docs say it."""
    written(store, 2)
    before = ""
    for entry in reversed(store.audit()):
        content = {name: getattr(entry, name) for name in ("action", "actor", "at", "body", "model", "number")}
        text = before + json.dumps(content, sort_keys=True, separators=(",", ":"))
        before = hashlib.sha256(text.encode()).hexdigest()
        assert entry.digest == before
    assert store.verify_audit().head == (2, before)


@pytest.mark.parametrize(
    ("statement", "broken", "reason"),
    [
        ("update audit set actor = 'nobody' where number = 2", 2, "it was altered"),
        ("""update audit set body = '{"version": "7"}' where number = 3""", 3, "it was altered"),
        ("update audit set digest = null where number = 3", 3, "its digest was removed"),
        ("delete from audit where number = 1", 1, "it was removed"),
        ("delete from audit where number in (2, 3)", 2, "it was removed, and all up to entry 3"),
        ("delete from audit where number = 4", 4, "it was removed; it was the last one"),
        ("delete from audit where number > 1", 2, "it was removed, and all up to entry 4, the last one"),
        ("delete from audit", 1, "it was removed, and all up to entry 4"),
        ("delete from meta where name = 'audit_head'", 4, "the head of the chain"),
        ("update meta set value = '4 abc' where name = 'audit_head'", 4, "it isn't the one that the head"),
        ("update meta set value = '3 abc' where name = 'audit_head'", 4, "it was added by other means"),
        ("update audit set number = 9 where number = 2", 2, "it was removed"),
    ],
)
def test_the_first_entry_that_was_tampered_with_is_named(
    store: rt.Workspace, folder: Path, statement: str, broken: int, reason: str
) -> None:
    written(store)
    assert store.verify_audit().whole
    tampered(folder, statement)
    chain = store.verify_audit()
    assert chain.broken == broken
    assert str(chain.reason).startswith(reason)


def test_what_comes_after_a_removal_does_not_hide_it(store: rt.Workspace, folder: Path) -> None:
    written(store)
    tampered(folder, "delete from audit where number = 4")
    written(store, 2)
    assert (store.verify_audit().broken, store.verify_audit().reason) == (4, "it was removed")


def test_entries_from_before_the_chain_are_sealed_by_its_first_entry(store: rt.Workspace, folder: Path) -> None:
    with store.store.catalog.write() as tx:
        for at in range(3):
            tx.add(rows.Audit(at, "user", "promoted", "flights"))
    assert store.verify_audit().whole
    written(store, 1)
    assert store.verify_audit().whole
    tampered(folder, "update audit set actor = 'nobody' where number = 2")
    chain = store.verify_audit()
    assert (chain.broken, chain.whole) == (4, False)
    assert "one of those before it" in str(chain.reason)


def write_many(folder: Path, many: int) -> None:
    """Write entries, in a process of its own."""
    with rt.open(folder) as store:
        written(store, many)


@pytest.mark.slow
def test_two_processes_add_to_one_chain(store: rt.Workspace, folder: Path) -> None:
    start = multiprocessing.get_context("spawn")
    writers = [start.Process(target=write_many, args=(folder, 60)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    chain = store.verify_audit()
    assert (chain.entries, chain.whole, [w.exitcode for w in writers]) == (120, True, [0, 0])


def test_who_acts_is_forgotten_at_the_end_of_the_block() -> None:
    with acting("anna"):
        with acting("jobs"):
            assert actor.get() == "jobs"
        assert actor.get() == "anna"
    assert actor.get() == "user"
