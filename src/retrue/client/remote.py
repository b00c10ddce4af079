"""A model behind a server, and its incidents: the methods of `Model` and `ModelIncident`, asked over HTTP."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import polars as pl

from retrue.client.choosing import RemoteWeighs
from retrue.client.collects import asked, iso
from retrue.client.courier import to_bytes
from retrue.client.http import Connection, plain_values, quoted
from retrue.client.labelling import RemoteLabelling
from retrue.client.runs import RemoteTrains
from retrue.client.told import Told
from retrue.errors import RefusedError
from retrue.judge.incident import Incident
from retrue.judge.replay import Backtest
from retrue.judge.verdict import Verdict
from retrue.refine.collect import Policy
from retrue.schema import Schema
from retrue.slices import Slice
from retrue.store import rows
from retrue.store.erase import Erased
from retrue.tables import read
from retrue.workspace import clock
from retrue.workspace.collect.watching import USUAL
from retrue.workspace.options import Options
from retrue.workspace.receiving import Received

BATCH = 50_000
"""Rows that are sent at a time."""
PAGE = 100_000
"""Events that are read at a time."""
HERE: Mapping[str, str] = {
    "recount": "profiles are repaired where the store is: `retrue recount`, or rt.open",
    "retrain": "a function to fit can't be sent: queue a registered trainer ([trainers.NAME] of the service's "
    "retrue.toml), or retrain where the store is, with rt.open",
    "artefact": "a trained model is never sent: load it where the store is, with rt.open",
    "importance": "a model can't be sent: ask where the store is, with rt.open",
    "logged": "rows to train on stay where they are: a mix names them, `queue(..., mix={'log': 0.5, ...})`",
    "pull": "the service reads a model's sources by itself; by hand: retrue pull, where the store is",
    "reference": "rows to train on stay where they are: a mix names them, `queue(..., mix={'reference': 0.5, ...})`",
    "reference_of": "rows to train on stay where they are: a mix names the champion's 'reference'",
    "set_reference": "a promotion sets a reference: promote a run",
    "store": "the store's files are the server's",
    "set_sources": "sources name what only the service can reach: [models.NAME.sources] of its retrue.toml",
    "settings": "how windows are judged follows from `options`",
    "sources": "[models.NAME.sources] of the service's retrue.toml says where rows come from",
    "sharing": "how windows are judged follows from `options`",
    "span": "verdicts and figures name their windows' start and end",
}
"""What a model has only where its store is, and why."""


@dataclass(frozen=True)
class RemoteModel(RemoteTrains, RemoteWeighs):
    """A model behind a server.

    Args:
        connection: to the server.
        name: the model's name.
    """

    connection: Connection
    name: str

    def __repr__(self) -> str:
        return f"<retrue model {self.name} at {self.connection.url}>"

    def __getattr__(self, name: str) -> Any:
        """Say what can't be done from here, and why.

        Raises:
            RefusedError: it can't.
        """
        if name in HERE:
            raise RefusedError([HERE[name]], what=f"{name!r} of a model behind a server")
        raise AttributeError(f"a model behind a server has no {name!r}")

    @property
    def path(self) -> str:
        """Its address."""
        return f"/models/{quoted(self.name)}"

    # --- what it is -----------------------------------------------------------------------------------------------

    @cached_property
    def schema(self) -> Schema:
        """What its events look like."""
        return Schema.from_dict(self.connection.get(f"{self.path}/schema"))

    @property
    def options(self) -> Options:
        """How it is watched."""
        said = self.connection.get(f"{self.path}/monitors")
        return Options.of(said, float(said["window"]))

    def versions(self) -> list[rows.Version]:
        """Its versions, oldest first, each with its stage."""
        return [
            rows.Version(self.name, one["version"], one["stage"], clock.micros(datetime.fromisoformat(one["created"])))
            for one in self.connection.get(f"{self.path}/versions")
        ]

    @property
    def version(self) -> str:
        """The champion: the version whose predictions are checked."""
        return str(self.connection.get(self.path)["version"])

    @property
    def labelling(self) -> RemoteLabelling:
        """Its rows that people label."""
        return RemoteLabelling(self.connection, f"{self.path}/tasks")

    # --- what comes in --------------------------------------------------------------------------------------------

    def log(self, events: Any, *, version: str | None = None, key: str | None = None) -> Received:
        """Log predictions; when this returns, the server has them on disk. See `Model.log`."""
        return self._send("events", events, key, version=version)

    def label(self, labels: Any, *, key: str | None = None) -> Received:
        """Log the truth, whenever it comes: rows with the id and the label. See `Model.label`."""
        return self._send("labels", labels, key)

    def feedback(self, feedback: Any, *, key: str | None = None) -> Received:
        """Log clicks, purchases, thumbs: rows with the id and any other columns. See `Model.feedback`."""
        return self._send("feedback", feedback, key)

    def signals(self, records: Any, *, key: str | None = None) -> Received:
        """Log how the service that runs it is doing. See `Model.signals`."""
        given = read([records] if isinstance(records, Mapping) else records)
        body = {"records": [plain_values(row) for row in given.collect(list(given.dtypes)).to_dicts()], "key": key}
        return received([self.connection.post(f"{self.path}/signals", body)])

    def _send(self, kind: str, source: Any, key: str | None, **query: Any) -> Received:
        """Send rows in batches, each under a key of its own, so that a repeat after a lost answer does no harm."""
        own = key or secrets.token_hex(12)
        table = read(source)
        answers = [
            self.connection.send_frame(f"{self.path}/{kind}", to_bytes(batch), key=f"{own}/{number}", **query)
            for number, batch in enumerate(table.batches(rows=BATCH))
        ]
        return received(answers)

    def events(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        version: str | None = None,
        columns: Sequence[str] | None = None,
        sample: Literal["even", "kept", "all"] = "even",
    ) -> pl.LazyFrame:
        """Logged events with the label that is current, in order of time. See `Model.events`."""
        parts, offset, said = list[pl.DataFrame](), 0, {"since": iso(since), "until": iso(until), "version": version}
        said |= {"sample": sample}
        while True:
            page = self.connection.frame(f"{self.path}/events", offset=offset, limit=PAGE, **said)
            parts.append(page)
            if page.height < PAGE:
                break
            offset += PAGE
        found = pl.concat(parts, how="diagonal_relaxed").lazy()
        return found if columns is None else found.select(columns)

    def forget(self, ids: Iterable[Any], *, note: str | None = None) -> Erased:
        """Erase every row of these ids from the store; for admins. See `Model.forget`."""
        wanted = [one if isinstance(one, int) else str(one) for one in ids]
        said = self.connection.post(f"{self.path}/forget", {"ids": wanted, "note": note})
        return Erased(said["ids"], said["rows"], said["files"], tuple(said["left"]))

    def quarantine(self) -> pl.DataFrame:
        """Rows that were set aside: when, kind, reason, id, and the row as JSON."""
        return self.connection.frame(f"{self.path}/quarantine/rows")

    def replay(self, rows: Mapping[str, Mapping[str, Any] | None] | None = None) -> Received:
        """Let rows of the quarantine in again; each leaves it once. See `Model.replay`."""
        asked = [
            {"number": number, "row": None if row is None else plain_values(row)}
            for number, row in (rows or {}).items()
        ]
        body = {"rows": "all" if rows is None else asked}
        return received([self.connection.post(f"{self.path}/quarantine/replay", body)])

    def figures(
        self, value: str, *, of: str = "events", how: Literal["mean", "rate", "total", "count"] = "mean"
    ) -> pl.DataFrame:
        """What a column of the events or of the feedback comes to, by window and slice. See `Model.figures`."""
        if not isinstance(of, str):
            raise RefusedError(["a table of figures stays where it is: give it to Model.figures"], what="figures")
        return self.connection.frame(f"{self.path}/figures", value=value, of=of, how=how)

    # --- what it means --------------------------------------------------------------------------------------------

    def check(self, now: datetime | None = None, *, against: str | None = None) -> list[Verdict]:
        """Judge every window that closed or changed since the last check; worst first. See `Model.check`."""
        found = self.connection.post(f"{self.path}/check", {"now": iso(now), "against": against})
        return [verdict(one) for one in found]

    def backtest(
        self,
        rules: Sequence[str] | None = None,
        *,
        signals: Iterable[str | Slice] = (),
        policy: str | Policy = USUAL,
        incidents: Any = None,
        now: datetime | None = None,
        **options: Any,
    ) -> Backtest:
        """Replay a proposed set of monitors over the stored history. See `Model.backtest`."""
        known = incidents if incidents is None or incidents == "store" else records_of(incidents)
        said = {**options, "rules": None if rules is None else list(rules), "incidents": known, "now": iso(now)}
        said |= {"signals": [asked(one, None) for one in signals], "policy": str(policy)}
        return Backtest.from_dict(self.connection.post(f"{self.path}/backtest", sendable(said)))

    def adopt(self, rules: Sequence[str] | None = None, **options: Any) -> None:
        """Watch the model by these rules from the next check on. See `Model.adopt`."""
        said = {**options, "rules": None if rules is None else list(rules)}
        self.connection.post(f"{self.path}/monitors", sendable(said), method="PUT")

    def performance(self, metric: str | None = None, *, version: str | None = None) -> pl.DataFrame:
        """How a version did in each judged window. See `Model.performance`."""
        return self.connection.frame(f"{self.path}/performance", metric=metric, version=version)

    def concept_drift(
        self, detector: str = "adwin", *, version: str | None = None, now: datetime | None = None
    ) -> list[Verdict]:
        """Say since which event a version is wrong more often than before. See `Model.concept_drift`."""
        found = self.connection.get(f"{self.path}/concept_drift", detector=detector, version=version, now=iso(now))
        return [verdict(one) for one in found]

    def outlier(self, event: Any) -> Told:
        """Say how one event stands against the reference. See `Model.outlier`."""
        row = records_of(event)
        if len(row) != 1:
            raise RefusedError([f"{len(row)} rows where one event is asked about"], what="outlier")
        said = self.connection.post(f"{self.path}/outlier", {"event": row[0]})
        return Told({name: value for name, value in said.items() if name != "said"}, text=said["said"])

    def outliers(self, since: datetime | None = None, until: datetime | None = None) -> pl.DataFrame:
        """The champion's logged events by how odd each is, the oddest first. See `Model.outliers`."""
        return self.connection.frame(f"{self.path}/outliers", since=iso(since), until=iso(until))

    def incidents(self, *, live: bool = False) -> list[RemoteIncident]:
        """The incidents, latest first; `live`: only those that aren't resolved."""
        found = self.connection.get(f"{self.path}/incidents", live=live)
        return [RemoteIncident(self, Incident.from_dict(one)) for one in found]

    def incident(self, id: str) -> RemoteIncident:
        """One incident by its id, or the start of it.

        Raises:
            StoreError: there is none.
        """
        return RemoteIncident(self, Incident.from_dict(self.connection.get(f"{self.path}/incidents/{quoted(id)}")))

    # --- true it again --------------------------------------------------------------------------------------------

    def rollback(self) -> str:
        """Make the version before the champion the champion again; gives its name.

        Raises:
            RefusedError: there is none.
        """
        return str(self.connection.post(f"{self.path}/rollback")["version"])


@dataclass(frozen=True)
class RemoteIncident:
    """An incident of a model behind a server: read it, have it explained, say something of it."""

    model: RemoteModel
    incident: Incident

    def __getattr__(self, name: str) -> Any:
        """What the incident itself knows: id, kind, state, since, until, columns, verdicts, sentence."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.incident, name)

    def __repr__(self) -> str:
        return f"<incident {self.incident.id}: {self.incident.sentence}>"

    @property
    def path(self) -> str:
        """Its address."""
        return f"{self.model.path}/incidents/{quoted(self.incident.id)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return self.incident.to_dict()

    def explain(self, predict: Any = None) -> Told:
        """Say since when, which features, which rows, and what it costs. See `ModelIncident.explain`.

        Args:
            predict: can't be sent: ask where the store is.
        """
        if predict is not None:
            raise RefusedError(["a model can't be sent: ask where the store is, with rt.open"], what="explain")
        connection, path = self.model.connection, f"{self.path}/explanation"
        return Told(
            connection.get(path),
            text=lambda: connection.text(path, form="text"),
            html=lambda: connection.text(path, form="html"),
        )

    def now(self) -> RemoteIncident:
        """The incident as it is kept now."""
        return self.model.incident(self.incident.id)

    def acknowledge(self) -> None:
        """Say that somebody is on it."""
        self._say("acknowledge")

    def snooze(self, until: datetime) -> None:
        """Say that nobody wants to hear of it before a time."""
        self._say("snooze", until=iso(until))

    def mark(self, *, real: bool, note: str | None = None) -> None:
        """Say whether it is real or a false alarm, and perhaps why."""
        self._say("mark", real=real, note=note)

    def resolve(self, at: datetime | None = None) -> None:
        """Say that it is over."""
        self._say("resolve", at=iso(at))

    def comment(self, text: str) -> rows.Comment:
        """Say something of it; gives the comment."""
        return self._comments(self.model.connection.post(f"{self.path}/comments", {"text": text}))[-1]

    def comments(self) -> tuple[rows.Comment, ...]:
        """What people said of it, oldest first."""
        return self._comments(self.model.connection.get(f"{self.path}/comments"))

    def _comments(self, said: Sequence[Mapping[str, Any]]) -> tuple[rows.Comment, ...]:
        return tuple(
            rows.Comment(
                self.model.name, self.incident.id, one["actor"], one["text"],
                clock.micros(datetime.fromisoformat(one["at"])), one["number"],
            )
            for one in said
        )  # fmt: skip

    def _say(self, what: str, **body: Any) -> None:
        self.model.connection.post(f"{self.path}/{what}", body)


def received(answers: Sequence[Mapping[str, Any]]) -> Received:
    """What became of rows, over all batches."""
    return Received(
        sum(int(one["accepted"]) for one in answers),
        sum(int(one["quarantined"]) for one in answers),
        summed([one["reasons"] for one in answers]),
        summed([one["counts"] for one in answers]),
        tuple(dict.fromkeys(said for one in answers for said in one["changes"])),
    )


def summed(parts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Counts by name, added up.

    >>> summed([{"a": 1}, {"a": 2, "b": 1}])
    {'a': 3, 'b': 1}
    """
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: sum(part.get(name, 0) for part in parts) for name in names}


def verdict(said: Mapping[str, Any]) -> Verdict:
    """A verdict as it was sent."""
    return Verdict.from_dict(said["verdict"], alarm=said["alarm"], loss=said["loss"])


def records_of(source: Any) -> list[dict[str, Any]]:
    """A table as JSON holds it."""
    table = read(source)
    return [plain_values(row) for row in table.collect(list(table.dtypes)).to_dicts()]


def sendable(said: Mapping[str, Any]) -> dict[str, Any]:
    """What was said, without what wasn't; lengths of time in seconds."""
    return {
        name: value.total_seconds() if hasattr(value, "total_seconds") else value
        for name, value in said.items()
        if value is not None
    }
