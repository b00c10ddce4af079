"""Tasks as files: CSV, JSON, and Label Studio's tasks with the labelling interface that they ask for.

Label Studio's format is that of its guide (labelstud.io/guide/task_format): a list of objects with `data`, whose keys
the labelling interface names. Label Studio numbers tasks itself on import, so that our stable id travels in `data` and
comes back in every export of it. What the model said is in no file: it would lead the people who label.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from retrue.refine.annotate.tasks import Question, Task

OWN = ("task", "event", "label", "annotator")
"""Columns of a CSV file beside those of the row: people fill in `label` and, where several work, `annotator`."""
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula (OWASP, CSV Injection)."""
TAG = "label"
"""What the labelling interface calls its answer; `from_name` of Label Studio's results."""


def to_csv(tasks: Sequence[Task], question: Question) -> str:
    """Tasks as CSV; texts that a spreadsheet would take for formulas begin with an apostrophe."""
    _ = question
    columns = list(dict.fromkeys(name for task in tasks for name in task.row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*OWN, *(harmless(f"row {name}" if name in OWN else name) for name in columns)])
    for task in tasks:
        writer.writerow([task.id, harmless(task.event), "", "", *(harmless(task.row.get(name)) for name in columns)])
    return out.getvalue()


def harmless(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; numbers stay.

    >>> harmless("=cmd()"), harmless("-1"), harmless(-1), harmless("late")
    ("'=cmd()", "'-1", -1, 'late')
    """
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    return f"'{value}" if isinstance(value, str) and value.startswith(DANGEROUS) else value


def to_json(tasks: Sequence[Task], question: Question) -> str:
    """Tasks as JSON: people fill in `label` and, where several work, `annotator`."""
    asked = {"label": None, "annotator": None, "choices": list(question.choices)}
    return json.dumps([{**task.to_dict(), **asked} for task in tasks], ensure_ascii=False, indent=1)


def to_label_studio(tasks: Sequence[Task], question: Question) -> str:
    """Label Studio's tasks; answers that are here already stay here: they would come back as somebody else's."""
    _ = question
    told = [
        {"data": {"task": task.id, "event": task.event, "row": shown(task.row), "reasons": ", ".join(task.reasons)}}
        for task in tasks
    ]
    return json.dumps(told, ensure_ascii=False, indent=1)


def shown(row: Mapping[str, Any]) -> dict[str, str]:
    """A row as Label Studio's table shows it."""
    return {name: "" if value is None else str(value) for name, value in row.items()}


def interface(tasks: Sequence[Task], question: Question) -> str:
    """The labelling interface (labelling config) of a Label Studio project for these tasks."""
    _ = tasks
    choices = "".join(f"\n    <Choice value={quoteattr(one)}/>" for one in question.choices)
    asked = (
        f'<Choices name="{TAG}" toName="row" choice="single" required="true">{choices}\n  </Choices>'
        if question.choices
        else f'<Number name="{TAG}" toName="row" required="true"/>'
    )
    return f"""<View>
  <Header value={quoteattr(f"What is {question.label}?")}/>
  <Table name="row" value="$row"/>
  <Text name="reasons" value="$reasons"/>
  {asked}
</View>
"""


FORMATS: Mapping[str, Callable[[Sequence[Task], Question], str]] = {
    "csv": to_csv,
    "json": to_json,
    "label-studio": to_label_studio,
    "label-studio-interface": interface,
}
"""Each format by its name."""


def written(tasks: Sequence[Task], question: Question, format: str) -> str:
    """Tasks as a file of one of `FORMATS`."""
    return FORMATS[format](tasks, question)
