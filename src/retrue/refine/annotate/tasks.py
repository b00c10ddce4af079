"""What is asked of people, what one of them said, and what all of them together say."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from retrue.core.spellings import spellings
from retrue.errors import TableError, nearest

OPEN, DISPUTED, AGREED, KNOWN = "open", "disputed", "agreed", "known"
STATES = (OPEN, DISPUTED, AGREED, KNOWN)
"""Answers are missing; there is no majority; the label is in the log; a label came from elsewhere meanwhile."""


@dataclass(frozen=True)
class Question:
    """What is asked of each row.

    Attributes:
        label: the column that is asked for.
        choices: what can be said, as text; none: a number.
    """

    label: str
    choices: tuple[str, ...] = ()

    def read(self, said: object, where: str) -> str:
        """What somebody said, in the one way of writing it; `1`, `true` and `yes` are one choice.

        Raises:
            TableError: it is none of the choices, or no number.

        >>> Question("late", ("0", "1")).read("Yes", "row 1"), Question("price").read("12.0", "row 1")
        ('1', '12')
        """
        text = str(said).strip()
        if not self.choices:
            return _number(text, where)
        if text in self.choices:
            return text
        alike = [one for one in self.choices if set(spellings(one)) & set(spellings(text))]
        if len(alike) == 1:
            return alike[0]
        expected = ", ".join(self.choices[:20])
        raise TableError(f"{text[:60]!r} is no label", where=where, expected=expected, hint=nearest(text, self.choices))


def _number(text: str, where: str) -> str:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise TableError(f"{text[:60]!r} is no label", where=where, expected="a number")
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


@dataclass(frozen=True)
class Answer:
    """What one person said of a task; `at` is when (microseconds since 1970), None where nobody knows."""

    task: str
    annotator: str
    label: str
    at: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without the task."""
        return {"annotator": self.annotator, "label": self.label, "at": self.at}


@dataclass(frozen=True)
class Task:
    """A row that needs a label.

    Attributes:
        id: the same whenever the row is asked about.
        event: the event's id.
        row: what people see of it: time, features, slices; never what the model said, which would lead them.
        said: what the model said, for those who ask after they have made up their mind.
        reasons: why it was collected.
        wanted: answers that are needed.
        status: one of `STATES`.
        label: what was agreed.
        answers: what people said, oldest first.
        time: the event's time in microseconds since 1970.
    """

    id: str
    event: str
    row: Mapping[str, Any]
    said: Mapping[str, Any] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    wanted: int = 1
    status: str = OPEN
    label: str | None = None
    answers: tuple[Answer, ...] = ()
    time: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values; what the model said is left out."""
        return {
            "task": self.id, "event": self.event, "row": dict(self.row), "reasons": list(self.reasons),
            "status": self.status, "wanted": self.wanted, "agreed": self.label,
            "answers": [one.to_dict() for one in self.answers],
        }  # fmt: skip

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Self:
        """A task as `to_dict` gives it: what the model said isn't known."""
        answers = tuple(Answer(said["task"], one["annotator"], one["label"], one["at"]) for one in said["answers"])
        return cls(
            said["task"], said["event"], said["row"], reasons=tuple(said["reasons"]), wanted=said["wanted"],
            status=said["status"], label=said["agreed"], answers=answers,
        )  # fmt: skip


def task_id(model: str, event: str, time: int) -> str:
    """The id of the task that asks about an event: 16 hexadecimal digits, the same on every machine.

    Its time (microseconds since 1970) is part of it: a customer is scored again and again under one id.

    >>> task_id("flights", "e1", 5) == task_id("flights", "e1", 5) != task_id("flights", "e1", 6)
    True
    """
    return hashlib.blake2b(f"{model}\0{event}\0{time}".encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Consensus:
    """What answers come to: `open`, `disputed`, or `agreed` with the label, and how many said what."""

    status: str
    label: str | None
    votes: Mapping[str, int]


def consensus(labels: Sequence[str], wanted: int) -> Consensus:
    """What people say together: the label that more than half of them gave, once as many as wanted have answered.

    >>> consensus(["1", "0"], 2).status, consensus(["1", "0", "1"], 2).label
    ('disputed', '1')
    """
    votes = Counter(labels)
    if len(labels) < wanted or not labels:
        return Consensus(OPEN, None, votes)
    label, most = votes.most_common(1)[0]
    return Consensus(AGREED, label, votes) if 2 * most > len(labels) else Consensus(DISPUTED, None, votes)
