"""The labelling queue over HTTP and on its page: asked for, exported, answered, by role."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.server.conftest import loans, registered, serving

import retrue as rt
from retrue.workspace import tokens

TASKS = "/api/v1/models/loans/tasks"
PAGE = "/models/loans/labelling"


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, httpx.Client]]:
    """Clients of a server, by role."""
    folder = tmp_path_factory.mktemp("tasks") / "store"
    registered(folder)
    with rt.open(folder) as store:
        store.model("loans").log(loans(0, 200).drop("y"))
        secrets = {
            role: tokens.create(store.store.catalog, role, role).secret for role in ("viewer", "editor", "ingest")
        }
    with serving(folder) as served:
        made = {
            role: httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {secret}"}, timeout=30)
            for role, secret in secrets.items()
        }
        yield made
        for client in made.values():
            client.close()


def test_rows_are_asked_about_answered_and_exported(clients: dict[str, httpx.Client]) -> None:
    editor, viewer = clients["editor"], clients["viewer"]
    made = editor.post(TASKS, json={"where": "income > 1500", "most": 5, "people": 1})
    assert (made.status_code, made.json()["new"]) == (201, 5)
    found = viewer.get(TASKS, params={"limit": 2}).json()
    assert (len(found["tasks"]), found["total"]) == (2, 5)
    first, second = (one["task"] for one in found["tasks"])
    answered = editor.post(f"{TASKS}/{first}/answer", json={"label": True}).json()
    assert (answered["status"], answered["agreed"]) == ("agreed", "1")
    assert [one["annotator"] for one in answered["answers"]] == ["editor"]
    text = f"task,label,annotator\n{second},0,bo\n"
    assert editor.post(f"{TASKS}/answers", content=text).json()["new"] == 1
    again = {"new": 0, "changed": 0, "repeated": 1, "unknown": 0, "blank": 0}
    assert editor.post(f"{TASKS}/answers", content=text).json() == again
    progress = viewer.get(f"{TASKS}/progress").json()
    assert (progress["left"], progress["people"]) == (3, {"bo": 1, "editor": 1})
    assert len(viewer.get(f"{TASKS}/export", params={"format": "label-studio"}).json()) == 3
    assert viewer.get(f"{TASKS}/export").headers["content-type"].startswith("text/csv")
    assert viewer.get(f"{TASKS}/{first}").json() == answered
    events = {one["id"]: one["y"] for one in viewer.get("/api/v1/models/loans/events").json() if one["y"] is not None}
    assert events == {answered["event"]: 1, found["tasks"][1]["event"]: 0}


@pytest.mark.parametrize(
    ("method", "path", "said", "status", "words"),
    [
        ("POST", TASKS, {"json": {"where": "nowhere > 3"}}, 400, "nowhere"),
        ("POST", TASKS, {"json": {"collection": "none"}}, 404, "no collection 'none'"),
        ("POST", TASKS, {"json": {"collection": "a", "where": "income > 1"}}, 400, "a slice and a collection"),
        ("POST", f"{TASKS}/answers", {"content": b"\xff\xfe"}, 400, "no UTF-8"),
        ("POST", f"{TASKS}/answers", {"content": "what"}, 400, "no column 'label', 'task'"),
        ("POST", f"{TASKS}/none/answer", {"json": {"label": 1}}, 404, "no task 'none'"),
        ("GET", f"{TASKS}/none", {}, 404, "no task 'none'"),
        ("POST", f"{PAGE}/none", {"data": {"label": "1"}}, 404, "no task"),
        ("POST", f"{PAGE}/ask", {"data": {"where": "nowhere > 3"}}, 400, "nowhere"),
        ("POST", f"{PAGE}/ask", {"data": {"most": "many"}}, 400, "no number"),
    ],
)
def test_what_cannot_be_done_is_said(
    clients: dict[str, httpx.Client], method: str, path: str, said: dict[str, object], status: int, words: str
) -> None:
    answer = clients["editor"].request(method, path, **said)  # type: ignore[arg-type]
    text = answer.text.replace("&#39;", "'")
    assert (answer.status_code, words in text) == (status, True), text


def test_who_may_only_look_sees_no_button_and_labels_nothing(clients: dict[str, httpx.Client]) -> None:
    page = clients["viewer"].get(PAGE)
    assert page.status_code == 200
    assert '<form method="post"' not in page.text
    task = clients["viewer"].get(TASKS).json()["tasks"][0]["task"]
    for path, said in ((TASKS, {}), (f"{TASKS}/{task}/answer", {"label": 1})):
        assert clients["viewer"].post(path, json=said).status_code == 403
    assert clients["viewer"].post(f"{PAGE}/{task}", data={"label": "1"}).status_code == 403
    assert clients["ingest"].get(TASKS).status_code == 403


def test_the_page_leads_from_row_to_row_without_a_script(clients: dict[str, httpx.Client]) -> None:
    editor = clients["editor"]
    left = editor.get(f"{TASKS}/progress").json()["left"]
    page = editor.get(PAGE).text
    assert f"{left} of 5 rows of loans still need a label" in page
    tasks = json.loads(editor.get(f"{TASKS}/export", params={"format": "json"}).text)
    for i, one in enumerate(tasks):
        answer = editor.post(f"{PAGE}/{one['task']}", data={"label": "1"})
        assert answer.status_code == 303
        page = editor.get(answer.headers["location"]).text
        assert (f"{left - i - 1} of 5 rows" in page) == (i + 1 < left)
    assert "All 5 rows of loans have a label" in page
    assert "There is no row left for you" in page


def test_a_model_without_labels_says_so(clients: dict[str, httpx.Client], tmp_path: Path) -> None:
    registered(tmp_path / "store", "silent", label=None, score=None)
    with rt.open(tmp_path / "store") as store, pytest.raises(rt.SchemaError, match="the model has no label"):
        _ = store.model("silent").labelling.question
    assert clients["viewer"].get("/models/nobody/labelling").status_code == 404


def test_a_filled_in_file_is_taken_whole_or_not_at_all(clients: dict[str, httpx.Client]) -> None:
    """An error names its line; nothing of that file was taken; the same file again changes nothing."""
    editor, address = clients["editor"], f"{PAGE}/file"
    editor.post(TASKS, json={"where": "income < 1100", "most": 3})
    rows = editor.get(f"{TASKS}/export?format=csv").text.splitlines()[1:]
    ids = [row.partition(",")[0] for row in rows[:2]]

    def sent(text: str | bytes, name: str = "labels.csv") -> httpx.Response:
        return editor.post(address, files={"labels": (name, text)}, follow_redirects=True)

    wrong = sent(f"task,label\n{ids[0]},1\n{ids[1]},perhaps\n")
    assert (wrong.status_code, "&#39;perhaps&#39; is no label in line 3" in wrong.text) == (400, True)
    assert editor.get(f"{TASKS}/{ids[0]}").json()["answers"] == []
    assert "From the file: 2 new, 1 of no task here." in sent(f"task,label\n{ids[0]},1\n{ids[1]},0\nnobody,1\n").text
    assert "From the file: 2 known already." in sent(f"task,label\n{ids[0]},1\n{ids[1]},0\n").text
    told = json.dumps([{"task": ids[0], "label": 0, "annotator": "bo"}])
    assert "From the file: 1 new." in sent(told, "labels.json").text
    assert editor.get(f"{TASKS}/{ids[0]}").json()["answers"][-1]["annotator"] == "bo"
    latin = sent(b"task,label\n\xe9,1\n", "<latin>.csv")
    assert "No UTF-8 in line 2 of &lt;latin&gt;.csv" in latin.text
    for text, said in (("task\nx\n", "No column &#39;label&#39;"), ("[", "No JSON"), ('[{"label": 1}]', "in row 1")):
        assert said in sent(text).text, said
    assert sent(b"x" * 5_050_000).status_code == 413
    assert "5 MB" in sent(b"x" * 5_050_000).text
    assert sent(b"x" * 6_000_000).status_code == 413
    assert "No file was chosen" in editor.post(address).text
    assert clients["viewer"].post(address, files={"labels": ("a.csv", "task,label\n")}).status_code == 403
