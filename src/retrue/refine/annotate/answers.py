"""Read what people said: our CSV and JSON filled in, Label Studio's JSON, JSON-MIN and CSV exports."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from retrue.errors import TableError
from retrue.refine.annotate.formats import DANGEROUS, TAG
from retrue.refine.annotate.tasks import Answer, Question
from retrue.tables.text import SEPARATORS

LONGEST = 200
"""Characters of an annotator's name that are kept."""
FIRST, LAST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1e6) for year in (2000, 2100))
"""Answers are from then on, and from before then (microseconds since 1970)."""


def read_answers(text: str, question: Question, annotator: str) -> tuple[list[Answer], int]:
    """Read answers; and how many rows had none, which are left out.

    Args:
        text: a CSV file (parted by commas, semicolons, tabs or bars) with the columns `task`, `label` and perhaps
            `annotator`; or JSON: a list of such objects, or of Label Studio's.
        question: what was asked.
        annotator: who said it where the rows don't say.

    Raises:
        TableError: it can't be read, or a label is none that can be given; nothing is taken then.
    """
    rows = _from_json(text) if text.lstrip("\ufeff \t\r\n")[:1] in ("[", "{") else _from_csv(text)
    found, blank = list[Answer](), 0
    for where, row in rows:
        if not isinstance(row, Mapping):
            raise TableError("a row that is no object", where=where, expected='such as {"task": ..., "label": ...}')
        data = row.get("data")
        said = list(
            _studio(row, data, question, where)
            if isinstance(data, Mapping)
            else _plain(row, question, annotator, where)
        )
        found += said
        blank += not said
    return found, blank


def _from_json(text: str) -> Iterator[tuple[str, Any]]:
    try:
        found = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise TableError(f"no JSON: {error}", where="the labels", expected="CSV, or JSON") from error
    yield from ((f"row {n}", row) for n, row in enumerate(found if isinstance(found, list) else [found], 1))


def _from_csv(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    plain = text.lstrip("\ufeff")  # spreadsheets write semicolons where numbers have commas: the header tells
    readers = [csv.DictReader(io.StringIO(plain, newline=""), delimiter=one) for one in SEPARATORS]
    reader = readers[0]
    try:
        lacking = [sorted({"task", "label"} - set(one.fieldnames or ())) for one in readers]
        if all(lacking):
            least = min(lacking, key=len)
            named, expected = ", ".join(map(repr, least)), "columns task, label and perhaps annotator"
            raise TableError(f"no column {named}", where="the labels", expected=expected)
        reader = readers[lacking.index([])]
        for row in reader:
            yield f"line {reader.line_num}", {name: unquoted(row.get(name)) for name in ("task", "label", "annotator")}
    except csv.Error as error:
        raise TableError(f"no CSV: {error}", where=f"line {reader.line_num}") from error


def unquoted(cell: str | None) -> str:
    """A cell as it was before `harmless`.

    >>> unquoted("'-1"), unquoted("'tis")
    ('-1', "'tis")
    """
    text = cell or ""
    return text[1:] if text[:1] == "'" and text[1:].startswith(DANGEROUS) else text


def _plain(row: Mapping[str, Any], question: Question, annotator: str, where: str) -> Iterator[Answer]:
    """One row of ours, or of Label Studio's JSON-MIN or CSV: its annotators are numbers."""
    task = _task(row.get("task"), where)
    for one in row.get("answers") or () if isinstance(row.get("answers"), list) else ():
        if isinstance(one, Mapping) and one.get("label") not in (None, ""):
            said = question.read(one["label"], where)
            yield Answer(task, _person(one.get("annotator"), where) or annotator, said, _time(one.get("at"), where))
    label = row.get("label")
    if label is None or not str(label).strip():
        return
    who = row.get("annotator")
    if isinstance(who, str) and who.strip().isdecimal():  # Label Studio's CSV
        who = int(who)
    yield Answer(task, _person(who, where) or annotator, question.read(label, where))


def _studio(row: Mapping[str, Any], data: Mapping[str, Any], question: Question, where: str) -> Iterator[Answer]:
    """One task of Label Studio's JSON export with its annotations; those that were cancelled are left out."""
    task = _task(data.get("task"), where)
    said = row.get("annotations")
    for one in said if isinstance(said, list) else ():
        if not isinstance(one, Mapping) or one.get("was_cancelled"):
            continue
        results = one.get("result")
        label = next((x for x in map(_value, results if isinstance(results, list) else ()) if x is not None), None)
        if label is not None:
            who = _person(one.get("completed_by"), where) or "label-studio"
            when = _time(_micros(one.get("updated_at") or one.get("created_at")), where)
            yield Answer(task, who, question.read(label, where), when)


def _value(result: object) -> object:
    """What a result of Label Studio's says: one choice, or a number; None where it is about something else."""
    if not isinstance(result, Mapping) or result.get("from_name") != TAG:
        return None
    value = result.get("value")
    if not isinstance(value, Mapping):
        return None
    choices = value.get("choices")
    return choices[0] if isinstance(choices, list) and len(choices) == 1 else value.get("number")


def _task(said: object, where: str) -> str:
    if not isinstance(said, str) or not said.strip():
        raise TableError("a row that names no task", where=where, expected="the id that the export gave it")
    return _text(said.strip(), "task", where)


def _person(said: object, where: str) -> str:
    """Who said it: a name, or Label Studio's number of a user, which all of its exports have."""
    if isinstance(said, Mapping):
        number = said.get("id")
        said = said.get("email") if number is None else number
    if isinstance(said, int) and not isinstance(said, bool):
        return f"label-studio user {said}"
    return _text(said.strip()[:LONGEST], "annotator", where) if isinstance(said, str) else ""


def _text(said: str, what: str, where: str) -> str:
    """A name that a database keeps."""
    if not storable(said):
        raise TableError(f"{what} {said[:40]!r}", where=where, expected="text without NUL and half characters")
    return said


def storable(said: str) -> bool:
    r"""Whether a text is Unicode that any database keeps.

    >>> storable("Zo\u00eb"), storable("\ud800"), storable("a\0b")
    (True, False, False)
    """
    return "\0" not in said and not any("\ud800" <= one <= "\udfff" for one in said)


def _time(said: object, where: str) -> int | None:
    """When it was said; None where nobody knows."""
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, int) or not FIRST <= said < LAST:
        expected = "microseconds since 1970, of a year from 2000 to 2099"
        raise TableError(f"at: {repr(said)[:40]} is no time of an answer", where=where, expected=expected)
    return said


def _micros(said: object) -> int | None:
    try:
        moment = datetime.fromisoformat(str(said))
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6)
