"""The labelling queue: events without a label are asked about once, and what people agree on is logged once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.workspace.conftest import DAYS, day, events, live, registered

import retrue as rt
from retrue.store import rows
from retrue.workspace.acting import acting, entries
from retrue.workspace.annotate.annotating import Labelling

EDGE = "x > 1"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose model has a day of events of which the first half has labels; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("kept") / "store"
    table = events(DAYS, 1)
    with rt.open(folder) as store:
        made = registered(store)
        made.log(table.drop("y"), at=day(DAYS + 1))
        made.label(table.select("id", "y").head(150), at=day(DAYS + 1))
    return folder


@pytest.fixture
def store(kept: Path, tmp_path: Path) -> Iterator[rt.Workspace]:
    """A copy of that store."""
    with rt.open(shutil.copytree(kept, tmp_path / "store")) as opened:
        yield opened


@pytest.fixture
def model(store: rt.Workspace) -> rt.Model:
    """Its model."""
    return store.model("flights")


def labels(model: rt.Model) -> dict[str, int]:
    """The labels in the log, of events that were asked about."""
    asked = [one.event for one in model.labelling.tasks()]
    known = model.events(version=model.version).filter(pl.col("id").is_in(asked), pl.col("y").is_not_null())
    return dict(known.select("id", "y").collect().iter_rows())


# --- asking -----------------------------------------------------------------------------------------------------------


def test_events_without_a_label_are_asked_about_once(model: rt.Model) -> None:
    queue = model.labelling
    matched = model.events().filter(pl.col("x") > 1).collect()
    blank = matched.filter(pl.col("y").is_null())
    made = queue.make(EDGE)
    assert made.to_dict() == {"new": blank.height, "known": 0, "labelled": matched.height - blank.height}
    assert queue.make(EDGE).to_dict() == {**made.to_dict(), "new": 0, "known": blank.height}
    assert {one.event for one in queue.tasks()} == set(blank["id"])
    task = queue.tasks()[0]
    assert list(task.row) == ["at", "x", "city"]
    assert list(task.said) == ["p"]
    assert task.reasons == (EDGE,)


def test_a_sample_is_the_same_whenever_it_is_taken(model: rt.Model, tmp_path: Path) -> None:
    model.labelling.make(most=20)
    first = {one.id: one.event for one in model.labelling.tasks()}
    with rt.open(tmp_path / "other") as other:
        again = registered(other)
        again.log(events(DAYS, 1).drop("y").sample(fraction=1, shuffle=True), at=day(DAYS + 1))
        again.label(events(DAYS, 1).select("id", "y").head(150), at=day(DAYS + 1))
        again.labelling.make(most=20)
        assert {one.id: one.event for one in again.labelling.tasks()} == first
    assert model.labelling.make(most=20).new == 20  # the next ones


def test_what_was_collected_is_asked_about_with_its_reasons(model: rt.Model) -> None:
    found = model.collect(EDGE, name="edge")
    reasons = pl.Series("_reasons", [["unsure", "rare"]] * found.rows.height)
    model.labelling.make(replace(found, rows=found.rows.with_columns(reasons)))
    assert {one.reasons for one in model.labelling.tasks()} == {("unsure", "rare")}
    assert {one.event for one in model.labelling.tasks()} == set(found.rows.filter(pl.col("y").is_null())["id"])


def test_what_makes_no_sense_is_refused(model: rt.Model, store: rt.Workspace) -> None:
    queue = model.labelling
    for asked, said in (({"people": 0}, "0 answers"), ({"most": 0}, "0 tasks"), ({"of": "z > 1"}, "'z'")):
        with pytest.raises(rt.RetrueError, match=said):
            queue.make(**asked)
    for call, said in (
        (lambda: queue.task("x"), "no task 'x'"),
        (lambda: queue.answer("x", 1), "no task 'x'"),
        (lambda: queue.export("cvs"), "did you mean 'csv'"),
        (lambda: queue.tasks("opne"), "did you mean 'open'"),
        (lambda: queue.take("task,label\na,0\n", annotator=" "), "a blank name"),
    ):
        with pytest.raises(rt.RetrueError, match=said):
            call()
    silent = store.register("unlabelled", events(0, DAYS).drop("y"), id="id", time="at", score="p", estimate="off")
    with pytest.raises(rt.SchemaError, match="no label"):
        silent.labelling.make()


# --- answering --------------------------------------------------------------------------------------------------------


def test_what_people_agree_on_is_logged_once_with_who_said_it(model: rt.Model) -> None:
    queue = model.labelling
    queue.make(EDGE, most=3, people=2)
    one, two, three = (task.id for task in queue.tasks())
    with acting("anna"):
        assert queue.answer(one, True).status == "open"
        queue.answer(two, 0)
    with acting("bo"):
        assert queue.answer(one, "1").status == "agreed"
        assert queue.answer(two, 1).status == "disputed"
    assert labels(model) == {queue.task(one).event: 1}
    with acting("cy"):
        assert queue.answer(two, 0).label == "0"
    assert labels(model) == {queue.task(one).event: 1, queue.task(two).event: 0}
    assert [(said.annotator, said.label) for said in queue.task(two).answers] == [
        ("anna", "0"),
        ("bo", "1"),
        ("cy", "0"),
    ]
    with model.store.catalog.read() as tx:
        said = [(each.actor, each.body["task"]) for each in entries(tx) if each.action == "labelled a row"]
    assert said == [("anna", one), ("anna", two), ("bo", one), ("bo", two), ("cy", two)]
    progress = queue.progress()
    assert dict(progress.tasks) == {"open": 1, "disputed": 0, "agreed": 2, "known": 0}
    assert (progress.total, progress.left, dict(progress.people)) == (3, 1, {"anna": 2, "bo": 2, "cy": 1})
    assert progress.agreement.tasks == 2
    assert queue.task(three).answers == ()


def test_who_changes_their_mind_corrects_the_label_each_time(model: rt.Model) -> None:
    queue = model.labelling
    queue.make(EDGE, most=1)
    (task,) = queue.tasks()
    for label in (1, 0, 1, 1):
        queue.answer(task.id, label)
        assert labels(model) == {task.event: label}


def test_the_next_task_is_one_that_others_began_and_none_that_was_answered(model: rt.Model) -> None:
    queue = model.labelling
    queue.make(EDGE, most=3, people=2)
    ids = [task.id for task in queue.tasks()]
    queue.answer(ids[2], 1, annotator="anna")

    def after(who: str, passed: str | None = None) -> str | None:
        found = queue.next(who, passed)
        return None if found is None else found.id

    assert after("bo") == ids[2]
    assert after("bo", ids[2]) == ids[0]
    assert after("anna") == ids[0]
    assert after("anna", ids[1]) == ids[0]  # round and round
    for each in ids:
        queue.answer(each, 1, annotator="bo")
    assert after("bo") is None


def test_a_file_is_taken_once(model: rt.Model) -> None:
    queue = model.labelling
    queue.make(EDGE, most=4)
    rows_ = json.loads(queue.export("json"))
    for row, label in zip(rows_, (0, 1, 1, None), strict=True):
        row |= {"label": label, "annotator": "bo"}
    text = json.dumps([*rows_, {"task": "gone", "label": 1}])
    assert queue.take(text).to_dict() == {"new": 3, "changed": 0, "repeated": 0, "unknown": 1, "blank": 1}
    known = labels(model)
    assert known == {row["event"]: row["label"] for row in rows_[:3]}
    assert queue.take(text).to_dict() == {"new": 0, "changed": 0, "repeated": 3, "unknown": 1, "blank": 1}
    assert labels(model) == known
    assert queue.export("csv").count("\n") == 2  # what is done is not asked again
    assert queue.export("csv", "agreed").count("\n") == 4
    with pytest.raises(rt.TableError, match="no label"):
        queue.take(f"task,label\n{rows_[0]['task']},1\n{rows_[1]['task']},7\n")
    assert labels(model) == known  # nothing of it was taken


def test_an_older_answer_in_a_file_replaces_no_newer_one(model: rt.Model) -> None:
    queue = model.labelling
    queue.make(EDGE, most=1)
    (task,) = queue.tasks()
    queue.answer(task.id, 1, annotator="bo")
    old = {"data": {"task": task.id}, "annotations": [
        {"completed_by": {"email": "bo"}, "updated_at": "2021-03-09T22:16:08Z",
         "result": [{"from_name": "label", "type": "choices", "value": {"choices": ["0"]}}]},
    ]}  # fmt: skip
    assert queue.take(json.dumps([old])).repeated == 1
    assert labels(model) == {task.event: 1}


def said(task: str, *answers: tuple[str, object]) -> str:
    """A file in which Bo says these labels of a task, each at a time."""
    told = [
        {
            "completed_by": {"id": 7, "email": "bo@example.org"},
            "updated_at": at,
            "result": [{"from_name": "label", "value": {"choices": [str(label)]}}],
        }
        for at, label in answers
    ]
    return json.dumps([{"data": {"task": task}, "annotations": told}])


def test_of_two_answers_in_one_file_the_newer_one_holds(model: rt.Model) -> None:
    queue = model.labelling
    queue.make(EDGE, most=1)
    (task,) = queue.tasks()
    queue.take(said(task.id, ("2021-02-02T00:00:00Z", 1), ("2021-02-01T00:00:00Z", 0)))
    assert labels(model) == {task.event: 1}


def test_two_labels_of_one_task_by_the_same_person_are_refused(model: rt.Model) -> None:
    """No time tells the newer, and the order of lines is no reason; saying the same twice is one answer."""
    queue = model.labelling
    queue.make(most=2)
    first, second = (one.id for one in queue.tasks()[:2])
    head = "task,label,annotator\n"
    said = f"eve says '0' and '1' of task {first}, and 1 more tasks so"
    with pytest.raises(rt.TableError, match=said):
        queue.take(head + "".join(f"{one},{label},eve\n" for label in (1, 0) for one in (first, second)))
    assert not queue.task(first).answers
    assert queue.take(f"{head}{first},1,eve\n{first},1,eve\n{first},0,ann\n").new == 2
    with pytest.raises(rt.ConfigError, match="a blank name"):
        queue.answer(second, 1, annotator=" ")


def test_who_is_ahead_of_time_may_still_change_their_mind(model: rt.Model) -> None:
    queue = model.labelling
    queue.make(EDGE, most=1)
    (task,) = queue.tasks()
    queue.take(said(task.id, ("2099-01-01T00:00:00Z", 1)))
    assert queue.answer(task.id, 0, annotator="label-studio user 7").label == "0"
    assert labels(model) == {task.event: 0}
    assert queue.latest()[0][1].at == queue.task(task.id).answers[0].at


def test_one_person_of_label_studio_is_one_in_all_of_its_exports(model: rt.Model) -> None:
    queue = model.labelling
    queue.make(EDGE, most=1, people=2)
    (task,) = queue.tasks()
    queue.take(said(task.id, ("2021-02-02T00:00:00Z", 1)))
    queue.take(f"task,label,annotator\n{task.id},1,7\n")
    queue.take(json.dumps([{"task": task.id, "label": 1, "annotator": 7}]))
    assert queue.task(task.id).status == "open"
    assert dict(queue.progress().people) == {"label-studio user 7": 1}


def test_only_as_many_rows_become_tasks_as_are_asked_for(model: rt.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    import retrue.workspace.annotate.asking as room

    made, real = list[str](), room.task_row

    def counting(*about: Any) -> rows.Task:
        made.append("one more")
        return real(*about)

    monkeypatch.setattr(room, "task_row", counting)
    model.labelling.make(EDGE, most=1)
    assert model.labelling.make(EDGE, most=2).new == 2
    assert len(made) == 3


def test_a_label_from_elsewhere_is_the_truth_and_stays(model: rt.Model) -> None:
    queue = model.labelling
    queue.make(EDGE, most=1)
    (task,) = queue.tasks()
    model.label([{"id": task.event, "y": 0}])
    assert queue.answer(task.id, 1).status == "known"
    assert labels(model) == {task.event: 0}
    assert queue.progress().left == 0


class CrashError(Exception):
    """The process ends here."""


@pytest.mark.parametrize("place", ["acknowledge", "send"])
def test_a_crash_on_the_way_is_mended_by_the_next_answer(
    model: rt.Model, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Before the label is in the spool, or after it, before the catalog knows."""
    import retrue.workspace.annotate.settling as room

    queue, real = model.labelling, getattr(room, place)
    queue.make(EDGE, most=2)
    one, two = (task.id for task in queue.tasks())

    def crash(*said: object) -> None:
        if place == "send":
            real(*said)
        raise CrashError

    with monkeypatch.context() as patched:
        patched.setattr(room, place, crash)
        with pytest.raises(CrashError):
            queue.answer(one, 1)
    assert queue.task(one).status == "open"
    assert Labelling(model).settle() == 1
    assert queue.task(one).status == "agreed"
    assert labels(model) == {queue.task(one).event: 1}
    queue.answer(two, 0)
    assert len(labels(model)) == 2


# --- privacy ----------------------------------------------------------------------------------------------------------


def test_ids_that_are_kept_as_hashes_are_labelled_too(tmp_path: Path) -> None:
    with rt.open(tmp_path / "private") as store:
        labelled_as_hashes(registered(store, privacy={"id": "hash"}))


def labelled_as_hashes(model: rt.Model) -> None:
    """Label a row whose id nobody knows any more."""
    live(model, events(DAYS, 1).head(5).with_columns(pl.lit(None, dtype=pl.Int64).alias("y")))
    model.labelling.make(most=1)
    (task,) = model.labelling.tasks()
    assert task.event not in {f"e{row}" for row in range(DAYS * 300, DAYS * 300 + 5)}
    model.labelling.answer(task.id, 1)
    assert labels(model) == {task.event: 1}


def test_what_is_forgotten_while_it_is_answered_does_not_come_back(
    model: rt.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading the answers and sending the label."""
    import retrue.workspace.annotate.settling as room

    model.labelling.make(EDGE, most=1)
    (task,) = model.labelling.tasks()
    real = room.already

    def meanwhile(*about: Any) -> set[str]:
        found = real(*about)
        model.forget([task.event])
        return found

    monkeypatch.setattr(room, "already", meanwhile)
    with pytest.raises(rt.StoreError, match="no task"):
        model.labelling.answer(task.id, 1)
    assert model.labelling.tasks() == []


def test_what_is_forgotten_leaves_the_queue(model: rt.Model) -> None:
    model.labelling.make(EDGE, most=2)
    one, two = model.labelling.tasks()
    model.labelling.answer(one.id, 1)
    gone = model.forget([one.event])
    assert gone.rows["tasks"] == 1
    assert [task.id for task in model.labelling.tasks()] == [two.id]
    with model.store.catalog.read() as tx:
        assert tx.find(rows.Annotation) == ()
