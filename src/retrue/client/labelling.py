"""Rows of a model behind a server that people label: the methods of `Labelling`, asked over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from retrue.client.collects import iso
from retrue.client.http import Connection, quoted
from retrue.errors import RefusedError
from retrue.refine.annotate import Task
from retrue.refine.annotate.agreement import Agreement
from retrue.refine.collect import Collected
from retrue.slices import Slice
from retrue.workspace.annotate.annotating import Progress, Taken
from retrue.workspace.annotate.asking import Made

PAGE = 1_000
"""Tasks that are read at a time."""


@dataclass(frozen=True)
class RemoteLabelling:
    """A model's rows that people label, behind a server. Whoever the token is for is the one who answers.

    Attributes:
        connection, path: to the server, and the queue's address there.
    """

    connection: Connection
    path: str

    def make(
        self,
        of: str | Slice | Collected | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        most: int | None = None,
        people: int = 1,
    ) -> Made:
        """Ask for labels of the champion's events that have none. See `Labelling.make`.

        Raises:
            RefusedError: code can't be sent.
        """
        said = {"since": iso(since), "until": iso(until), "most": most, "people": people}
        return Made(**self.connection.post(self.path, {**asked_of(of), **said}))

    def tasks(self, status: str | None = None, *, offset: int = 0, most: int | None = None) -> list[Task]:
        """The tasks with their answers, in the order in which they were made. See `Labelling.tasks`."""
        found: list[Task] = []
        while most is None or len(found) < most:
            limit = PAGE if most is None else min(PAGE, most - len(found))
            page = self.connection.get(self.path, status=status, offset=offset + len(found), limit=limit)["tasks"]
            found += [Task.from_dict(one) for one in page]
            if len(page) < limit:
                break
        return found

    def task(self, id: str) -> Task:
        """One task."""
        return Task.from_dict(self.connection.get(f"{self.path}/{quoted(id)}"))

    def next(self, after: str | None = None) -> Task | None:
        """The task that this token's owner should answer next; None: there is none left. See `Labelling.next`."""
        found = self.connection.get(f"{self.path}/next", after=after)["task"]
        return None if found is None else Task.from_dict(found)

    def progress(self) -> Progress:
        """How far it is."""
        said = self.connection.get(f"{self.path}/progress")
        alike = {name: value for name, value in said["agreement"].items() if name in Agreement.__dataclass_fields__}
        interval = alike["interval"]
        return Progress(
            said["tasks"],
            said["people"],
            Agreement(**{**alike, "interval": None if interval is None else tuple(interval)}),
        )

    def export(self, format: str = "csv", status: str | None = None) -> str:
        """The tasks as a file. See `Labelling.export`."""
        return self.connection.text(f"{self.path}/export", format=format, status=status)

    def answer(self, id: str, label: object) -> Task:
        """Say what the label of a task is; what the same person said before is replaced."""
        return Task.from_dict(self.connection.post(f"{self.path}/{quoted(id)}/answer", {"label": label}))

    def take(self, text: str, *, annotator: str | None = None) -> Taken:
        """Take answers from a file: CSV, JSON, or an export of Label Studio. See `Labelling.take`."""
        query, kind = {"annotator": annotator}, {"Content-Type": "text/plain; charset=utf-8"}
        found = self.connection.send("POST", f"{self.path}/answers", query=query, data=text.encode(), headers=kind)
        return Taken(**found.json())


def asked_of(of: str | Slice | Collected | None) -> dict[str, Any]:
    """Which events are asked about, in the server's words.

    Raises:
        RefusedError: code can't be sent.
    """
    if isinstance(of, Collected):
        return {"collection": of.name}
    if of is None or isinstance(of, str):
        return {"where": of}
    if of.sql is not None:
        return {"where": of.sql}
    hint = "write the slice as SQL, or open the store where it is, with rt.open"
    raise RefusedError(["code is never sent to a server"], what="these rows can't be asked for", hint=hint)
