"""What a model behind a server collects: the methods of `workspace.collects`, asked over HTTP."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from retrue.client.http import Connection
from retrue.errors import RefusedError
from retrue.refine.collect import Collected, Policy
from retrue.slices import Slice
from retrue.workspace.collect.watching import USUAL, WatchedSignal


class IncidentLike(Protocol):
    """An incident of a model behind a server."""

    @property
    def incident(self) -> Any:
        """What is known of it."""


class RemoteCollects(ABC):
    """Abstract: the part of a model behind a server that collects."""

    connection: Connection

    @property
    @abstractmethod
    def path(self) -> str:
        """Its address."""

    def collect(
        self,
        where: str | Slice | IncidentLike,
        *,
        budget: int | None = None,
        policy: str | Policy | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        name: str | None = None,
    ) -> Collected:
        """Collect the logged events of a slice, with their labels; kept in the store. See `Model.collect`.

        Raises:
            RefusedError: code can't be sent.
        """
        said = {
            **asked(where, name), "budget": budget, "policy": None if policy is None else str(policy),
            "since": iso(since), "until": iso(until),
        }  # fmt: skip
        return self._collected(self.connection.post(f"{self.path}/collections", said))

    def collections(self) -> list[Collected]:
        """What was collected, oldest first, with the labels known when it was."""
        return [self._collected(one) for one in self.connection.get(f"{self.path}/collections")]

    def _collected(self, said: Mapping[str, Any]) -> Collected:
        kept = self.connection.frame(f"{self.path}/collections/rows", name=said["name"])
        return Collected(said["name"], said["slice"], kept, said["matched"], said["incident"], said["policy"])

    def watch_signal(
        self,
        where: str | Slice | IncidentLike,
        *,
        name: str | None = None,
        policy: str | Policy = USUAL,
        since: datetime | None = None,
    ) -> WatchedSignal:
        """Watch a signal; see `Model.watch_signal`.

        Raises:
            RefusedError: code can't be sent.
        """
        said = {**asked(where, name), "policy": str(policy), "since": iso(since)}
        return signal(self.connection.post(f"{self.path}/signals/watched", said))

    def watched_signals(self) -> list[WatchedSignal]:
        """The signals that are watched, by name, with how many rows each has collected."""
        return [signal(one) for one in self.connection.get(f"{self.path}/signals")]

    def unwatch_signal(self, name: str) -> None:
        """Watch a signal no more; what it collected stays."""
        self.connection.send("DELETE", f"{self.path}/signals", query={"name": name})

    def collect_new(self) -> dict[str, int]:
        """Collect what newly met the watched signals; gives how many rows came by signal."""
        return dict(self.connection.post(f"{self.path}/signals/collect")["rows"])


def asked(where: str | Slice | IncidentLike, name: str | None) -> dict[str, Any]:
    """What is asked for, in the server's words.

    Raises:
        RefusedError: code can't be sent.
    """
    if isinstance(where, str):
        return {"where": where, "name": name}
    if isinstance(where, Slice) and where.sql is not None:
        return {"where": where.sql, "name": name or where.name}
    incident = getattr(where, "incident", None)
    if incident is None:
        hint = "write the signal as SQL, or open the store where it is, with rt.open"
        raise RefusedError(["code is never sent to a server"], what="this signal can't be asked for", hint=hint)
    return {"incident": incident.id, "name": name}


def signal(said: Mapping[str, Any]) -> WatchedSignal:
    """A watched signal, as the server told it."""
    since = said["since"]
    return WatchedSignal(**{**said, "since": None if since is None else datetime.fromisoformat(since)})


def iso(moment: datetime | None) -> str | None:
    """A time as text."""
    return None if moment is None else moment.isoformat()
