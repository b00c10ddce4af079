"""Tasks travel as CSV, JSON and Label Studio's formats, and come back as answers, whatever strangers wrote in them."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.errors import RetrueError, TableError
from retrue.refine.annotate import Answer, Question, Task, consensus, read_answers, task_id, written

LATE, PRICE = Question("late", ("0", "1")), Question("price")
TASKS = [
    Task(task_id("flights", "e1", 0), "e1", {"x": -1.5, "city": "=HYPERLINK(1)", "label": "own"}, reasons=("odd",)),
    Task(task_id("flights", "@e2", 0), "@e2", {"x": None, "city": "Åre, <b>"}),
]
FIRST, SECOND = (one.id for one in TASKS)
NOON = 1_770_000_000_000_000
"""A time of an answer."""


def tree(text: str) -> ET.Element:
    """What our own interface says."""
    return ET.fromstring(text)  # noqa: S314 - our own text


def told(*said: tuple[str, str, str]) -> list[Answer]:
    return [Answer(*one) for one in said]


# --- out --------------------------------------------------------------------------------------------------------------


def test_no_cell_of_the_csv_begins_a_formula() -> None:
    head, one, two = csv.reader(io.StringIO(written(TASKS, LATE, "csv")))
    assert head == ["task", "event", "label", "annotator", "x", "city", "row label"]
    assert one == [FIRST, "e1", "", "", "-1.5", "'=HYPERLINK(1)", "own"]
    assert two == [SECOND, "'@e2", "", "", "", "Åre, <b>", ""]


@given(st.text())
def test_no_text_of_a_stranger_begins_a_formula(text: str) -> None:
    rows = csv.reader(io.StringIO(written([Task("a", text, {text: text})], LATE, "csv"), newline=""))
    cells = [cell for row in rows for cell in row]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))] == []


def test_no_format_tells_what_the_model_said() -> None:
    task = Task("a", "e", {"x": 1}, said={"p": 0.123456})
    assert not [name for name in ("csv", "json", "label-studio") if "0.123456" in written([task], LATE, name)]


def test_label_studio_is_given_tasks_and_an_interface_that_names_their_data() -> None:
    tasks = json.loads(written(TASKS, LATE, "label-studio"))
    assert tasks[0] == {
        "data": {
            "task": FIRST,
            "event": "e1",
            "row": {"x": "-1.5", "city": "=HYPERLINK(1)", "label": "own"},
            "reasons": "odd",
        }
    }
    view = tree(written(TASKS, LATE, "label-studio-interface"))
    used = {value[1:] for node in view.iter() for value in [node.get("value", "")] if value.startswith("$")}
    assert used <= set(tasks[0]["data"])
    choices = view.find("Choices")
    assert choices is not None
    assert (choices.get("name"), choices.get("toName")) == ("label", "row")
    assert [one.get("value") for one in choices] == ["0", "1"]
    assert tree(written([], PRICE, "label-studio-interface")).find("Number") is not None


def test_a_class_with_any_name_stays_a_value_of_the_interface() -> None:
    view = tree(written([], Question("y", ('a"/><b>', "&")), "label-studio-interface"))
    assert [one.get("value") for one in view.iter("Choice")] == ['a"/><b>', "&"]


# --- in ---------------------------------------------------------------------------------------------------------------


def test_a_filled_in_csv_is_read_and_blank_rows_are_left() -> None:
    rows = list(csv.DictReader(io.StringIO(written(TASKS, LATE, "csv"))))
    rows[0] |= {"label": "Yes", "annotator": "bo"}
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    found = told((FIRST, "bo", "1"))
    assert read_answers("\ufeff" + out.getvalue(), LATE, "anna") == (found, len(rows) - 1)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_spreadsheet_s_separator_is_read_from_the_header(separator: str) -> None:
    """A label may have a comma then; with two that would fit, the comma is taken."""
    rows = [["task", "event", "label"], ["a", "e,1", "1"], ["b", "e2", ""]]
    text = "\r\n".join(separator.join(row) for row in rows)
    assert read_answers(text, LATE, "anna") == (told(("a", "anna", "1")), 1)
    with pytest.raises(TableError, match=r"^no column 'label' in the labels"):
        read_answers(text.replace("label", "y"), LATE, "anna")


def test_a_filled_in_json_is_read_with_the_answers_that_it_has() -> None:
    items = json.loads(written([Task("a", "e", {}, answers=(Answer("a", "bo", "0", NOON),))], LATE, "json"))
    items[0]["label"] = True
    assert read_answers(json.dumps(items), LATE, "anna")[0] == [Answer("a", "bo", "0", NOON), Answer("a", "anna", "1")]


STUDIO: list[dict[str, Any]] = [
    {
        "id": 17,
        "project": 3,
        "data": {"task": "a", "row": {}},
        "annotations": [
            {
                "id": 1001,
                "completed_by": {"id": 10, "email": "bo@example.org"},
                "updated_at": "2021-03-09T22:16:08.728378Z",
                "was_cancelled": False,
                "result": [
                    {"from_name": "note", "to_name": "row", "type": "textarea", "value": {"text": ["odd"]}},
                    {"from_name": "label", "to_name": "row", "type": "choices", "value": {"choices": ["1"]}},
                ],
            },
            {"id": 1002, "completed_by": 11, "result": [], "was_cancelled": True},
            {
                "id": 1003,
                "completed_by": 12,
                "result": [{"from_name": "label", "type": "choices", "value": {"choices": ["0"]}}],
            },
        ],
        "predictions": [],
    },
    {"id": 18, "data": {"task": "b"}, "annotations": []},
]
"""As the published guide has it (labelstud.io/guide/task_format)."""


def test_label_studio_s_json_export_is_read() -> None:
    assert read_answers(json.dumps(STUDIO), LATE, "anna")[0] == [
        Answer("a", "label-studio user 10", "1", 1615328168728378),
        Answer("a", "label-studio user 12", "0"),
    ]


def test_label_studio_s_smaller_exports_are_read_too() -> None:
    small = [{"task": "a", "id": 17, "label": "1", "annotator": 12, "annotation_id": 1003}]
    assert read_answers(json.dumps(small), LATE, "anna")[0] == told(("a", "label-studio user 12", "1"))
    assert read_answers("event,task,id,label,annotator\ne,a,17,1,12\n", LATE, "anna")[0] == told(
        ("a", "label-studio user 12", "1")
    )


def test_numbers_are_written_in_one_way() -> None:
    assert [one.label for one in read_answers("task,label\na,12.0\nb,-0.5\n", PRICE, "anna")[0]] == ["12", "-0.5"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("task,label\na,maybe\n", "'maybe' is no label in line 2: expected 0, 1"),
        ("task\na\n", "no column 'label'"),
        ("[1]", "a row that is no object in row 1"),
        ('[{"label": 1}]', "names no task"),
        ("[{", "no JSON"),
        ("", "no column 'label', 'task'"),
    ],
)
def test_what_can_t_be_read_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(TableError, match=said.replace("[", r"\[")):
        read_answers(text, LATE, "anna")


@pytest.mark.parametrize(
    "row",
    [
        {"task": "a", "answers": [{"annotator": "cy", "label": "1", "at": 9 * 10**18}]},
        {"task": "a", "answers": [{"annotator": "cy", "label": "1", "at": 10**30}]},
        {"task": "a", "answers": [{"annotator": "cy", "label": "1", "at": "noon"}]},
        {"task": "a", "label": "1", "annotator": "\ud800x"},
        {"task": "a", "label": "1", "annotator": "a\0x"},
        {"task": "\ud800", "label": "1"},
    ],
)
def test_what_no_page_could_show_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(TableError, match="in row 1: expected"):
        read_answers(json.dumps([row]), LATE, "anna")


ANY = st.none() | st.booleans() | st.integers() | st.text(st.characters(), max_size=5) | st.sampled_from(["1", "a"])
KEYS = st.sampled_from(["task", "label", "annotator", "answers", "at", "data", "annotations", "completed_by", "id"])
THINGS = st.recursive(ANY, lambda each: st.lists(each, max_size=3) | st.dictionaries(KEYS, each), max_leaves=12)


@given(st.text() | THINGS.map(json.dumps))
def test_whatever_comes_is_read_or_refused(text: str) -> None:
    try:
        found, _ = read_answers(text, LATE, "anna")
    except RetrueError:
        return
    for one in found:
        assert f"{one.task}{one.annotator}".encode()
        assert one.at is None or 2000 <= datetime.fromtimestamp(one.at / 1e6, UTC).year < 2100


# --- together ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "wanted", "status", "label"),
    [
        ([], 1, "open", None),
        (["1"], 1, "agreed", "1"),
        (["1"], 2, "open", None),
        (["1", "0"], 2, "disputed", None),
        (["1", "0", "1"], 2, "agreed", "1"),
        (["1", "0", "2"], 3, "disputed", None),
        (["1", "1", "0", "0"], 2, "disputed", None),
    ],
)
def test_a_label_is_agreed_on_by_more_than_half(labels: list[str], wanted: int, status: str, label: str | None) -> None:
    found = consensus(labels, wanted)
    assert (found.status, found.label) == (status, label)
