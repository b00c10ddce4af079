"""`rt.connect`: a store that a server keeps, with the methods of `rt.open`.

    store = rt.connect("http://host:8000", token="rt_...")
    flights = store.model("flights")
    flights.log(events)
    flights.check()

Verdicts, incidents, backtests come back as what they are locally, tables as Polars frames, errors as the same classes.
What needs the caller's own code or the store's files (retraining, proofs, artefacts) is done where the store is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from retrue.client.collects import iso
from retrue.client.http import Connection, quoted
from retrue.client.remote import RemoteModel
from retrue.client.runs import parquet
from retrue.errors import ConfigError
from retrue.jobs.records import Page
from retrue.schema import Schema
from retrue.store import rows
from retrue.tables import read
from retrue.version import VERSION
from retrue.workspace import clock
from retrue.workspace.acting import Chain

TOKEN = "RETRUE_TOKEN"  # noqa: S105 - the name of a variable
ROWS = 2_000_000
"""Rows of a reference that are sent at most: evenly over the table."""


class RemoteWorkspace:
    """A store behind a server. Made by `rt.connect`; a context manager that closes the connection.

    Args:
        connection: to the server.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<retrue store at {self.connection.url}>"

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def models(self) -> list[RemoteModel]:
        """The registered models by name."""
        return [RemoteModel(self.connection, said["model"]) for said in self.connection.get("/models")]

    def model(self, name: str) -> RemoteModel:
        """A registered model.

        Raises:
            SchemaError: there is none of that name; the nearest is suggested.
        """
        self.connection.get(f"/models/{quoted(name)}/roles")
        return RemoteModel(self.connection, name)

    def jobs(self, **asked: Any) -> Page[rows.Job]:
        """What ran by itself, newest first. See `Workspace.jobs`."""
        said = self.connection.get("/jobs", **asked)
        return Page(tuple(job_of(one) for one in said["rows"]), said["total"], said["offset"])

    def logs(self, **asked: Any) -> Page[rows.Log]:
        """What jobs, trainings and the server said, newest first. See `Workspace.logs`."""
        times: dict[str, Any] = {name: iso(asked[name]) for name in ("since", "until") if name in asked}
        said = self.connection.get("/logs", **(asked | times))
        return Page(tuple(log_of(one) for one in said["rows"]), said["total"], said["offset"])

    def markers(
        self, model: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[rows.Marker, ...]:
        """What is marked on the time axes, oldest first. See `Workspace.markers`."""
        said = self.connection.get("/markers", model=model, since=iso(since), until=iso(until))
        return tuple(marker_of(one) for one in said)

    def add_marker(self, text: str, *, model: str | None = None, **asked: Any) -> rows.Marker:
        """Mark something to remember on the time axes. See `Workspace.add_marker`."""
        times = {name: iso(asked[name]) for name in ("at", "until") if name in asked}
        return marker_of(self.connection.post("/markers", {**asked, **times, "text": text, "model": model}))

    def remove_marker(self, number: int) -> None:
        """Forget a marker. See `Workspace.remove_marker`."""
        self.connection.send("DELETE", f"/markers/{number}")

    def audit(self, model: str | None = None, *, most: int = 50, before: int | None = None) -> tuple[rows.Audit, ...]:
        """What was changed, by whom and when, the newest first; for admins. See `Workspace.audit`."""
        return tuple(entry_of(one) for one in self.connection.get("/audit", model=model, most=most, before=before))

    def verify_audit(self) -> Chain:
        """Whether the audit log is as it was written; for admins. See `Workspace.verify_audit`."""
        said = self.connection.get("/audit/verify")
        head = said["head"]
        return Chain(said["entries"], (head["number"], head["digest"]), said["broken"], said["reason"])

    def register(
        self,
        name: str,
        reference: Any,
        *,
        schema: Schema | None = None,
        options: Mapping[str, Any] | None = None,
        version: str = "1",
        predict: Any = None,
        validation: Any = None,
        **roles: Any,
    ) -> RemoteModel:
        """Register a model by the table it was trained or validated on, which is sent.

        Args:
            name: as in `Workspace.register`.
            reference: anything that `read` takes; held-out rows with their scores and labels say most.
            schema: can't be sent: give roles and kinds instead.
            options: how it is watched.
            version: the version that made the reference's scores.
            predict: can't be sent: name the features to watch instead.
            validation: rows that it was validated on, which are sent; see `Workspace.register`.
            roles: roles and kinds, and the options, which may be given by name as well.

        Raises:
            SchemaError: the name is taken, or the roles don't fit.
            ConfigError: an option that isn't understood, or what can't be sent.
        """
        if schema is not None or predict is not None:
            what = "a schema" if schema is not None else "a function"
            raise ConfigError(f"{what} can't be sent to a server", where="register", hint="give roles, kinds and watch")
        table = read(reference)
        frame = (
            table.sample(list(table.dtypes), ROWS) if table.count_rows() > ROWS else table.collect(list(table.dtypes))
        )
        said = {**(options or {}), **roles, "version": version}
        told = json.dumps(said, default=plain_option)
        self.connection.upload(f"/models/{quoted(name)}", parquet(frame), file="reference", options=told)
        made = RemoteModel(self.connection, name)
        if validation is not None:
            made.record("training", frame, version=version)
            made.record("validation", validation, version=version)
        return made


def job_of(said: Mapping[str, Any]) -> rows.Job:
    """A job as it was sent."""
    return rows.Job(**{**said, "due": micros_of(said["due"]), "updated": micros_of(said["updated"])})


def log_of(said: Mapping[str, Any]) -> rows.Log:
    """A line as it was sent."""
    return rows.Log(**{**said, "at": micros_of(said["at"])})


def entry_of(said: Mapping[str, Any]) -> rows.Audit:
    """An entry of the audit log as it was sent."""
    return rows.Audit(**{**said, "at": micros_of(said["at"])})


def marker_of(said: Mapping[str, Any]) -> rows.Marker:
    """A marker as it was sent."""
    until = None if said["until"] is None else micros_of(said["until"])
    return rows.Marker(**{**said, "at": micros_of(said["at"]), "until": until, "created": micros_of(said["created"])})


def micros_of(text: str) -> int:
    """An ISO time in microseconds since 1970."""
    return clock.micros(datetime.fromisoformat(text))


def plain_option(value: Any) -> Any:
    """An option as JSON holds it: lengths of time in seconds."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    return list(value) if isinstance(value, tuple | set | frozenset) else str(value)


def connect(url: str, token: str | None = None) -> RemoteWorkspace:
    """Connect to a server.

    Args:
        url: its address, such as "http://host:8000".
        token: what it knows the caller by; otherwise RETRUE_TOKEN.

    Raises:
        ConfigError: no address, or the server speaks another version.
        StoreError: nobody answers.
        RetrueError: the token isn't valid.
    """
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"{url!r} is no address", where="rt.connect", expected="http://host:8000")
    connection = Connection(url, token or os.environ.get(TOKEN))
    try:
        check_version(str(connection.get("/about")["version"]), url)
    except BaseException:
        connection.close()
        raise
    return RemoteWorkspace(connection)


def check_version(theirs: str, url: str) -> None:
    """Raise ConfigError where a server speaks another version than we do: before 1.0 each minor version may break.

    >>> check_version(VERSION, "http://here")
    """
    if theirs.split(".")[:2] != VERSION.split(".")[:2]:
        raise ConfigError(
            f"the server is Retrue {theirs}, and this is {VERSION}", where=url, expected="the same first two numbers",
            hint=f"pip install 'retrue=={theirs}'",
        )  # fmt: skip
