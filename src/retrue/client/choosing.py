"""Decisions and trials of a model behind a server, asked over HTTP."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from retrue.client.collects import iso
from retrue.client.http import Connection, quoted
from retrue.client.told import Told
from retrue.errors import RefusedError
from retrue.refine.policy import RetrainingPolicy
from retrue.refine.trial import MARGIN


@dataclass(frozen=True)
class RemoteTrial:
    """Two versions side by side, behind a server.

    Attributes:
        connection, path: to the server, and the model's address there.
        id, status: which, and whether it is running.
        body: what it was started with, and what it had shown when it was last judged.
    """

    connection: Connection
    path: str
    id: str
    status: str
    body: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"<trial {self.id}: {self.advice}>"

    @property
    def advice(self) -> str:
        """What to do, as it was last judged."""
        judged = self.body.get("judged")
        return "not judged yet" if judged is None else str(judged["advice"])

    def judge(self) -> Told:
        """Say what it has shown by now; nothing is kept."""
        found = self.connection.get(f"{self.path}/trials/{quoted(self.id)}")["judged"]
        return Told(found, text=str(found["advice"]))

    def stop(self, note: str = "", now: datetime | None = None) -> RemoteTrial:
        """End it: events from now on don't count."""
        said = {"note": note, "now": iso(now)}
        return trial(self, self.connection.post(f"{self.path}/trials/{quoted(self.id)}/stop", said))

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"id": self.id, "status": self.status, **self.body}


class RemoteWeighs(ABC):
    """Abstract: a model's decisions and trials, behind a server."""

    connection: Connection

    @property
    @abstractmethod
    def path(self) -> str:
        """Its address."""

    def decide(
        self,
        now: datetime | None = None,
        *,
        policy: RetrainingPolicy | Mapping[str, Any] | None = None,
        start: Any = None,
        fit: Any = None,
    ) -> Told:
        """Say whether retraining pays by now, and why; the answer is kept. See `Model.decide`.

        It is answered at once, without small fits: the service makes them for its own decision, after each check.

        Args:
            now: the time to decide at; the present unless given.
            policy: what to weigh by; the model's own unless given.
            start: can't be sent: a policy that names a trainer starts a run by itself.
            fit: can't be sent.
        """
        if start is not None or fit is not None:
            hint = "name a trainer in the policy, or decide where the store is, with rt.open"
            raise RefusedError(["code is never sent to a server"], what="decide", hint=hint)
        said = {"now": iso(now), "policy": None if policy is None else RetrainingPolicy.of(policy).to_dict()}
        found = self.connection.post(f"{self.path}/decisions", said)
        return Told(found, text=str(found["text"]))

    def decisions(self) -> list[dict[str, Any]]:
        """Earlier answers with their numbers, newest first."""
        return list(self.connection.get(f"{self.path}/decisions"))

    def trial(
        self,
        challenger: str,
        *,
        kind: str = "shadow",
        share: float = 0.5,
        margin: float = MARGIN,
        slices: Sequence[str] | None = None,
        run: str | None = None,
        now: datetime | None = None,
    ) -> RemoteTrial:
        """Compare a version with the champion in production, from now on. See `Model.trial`."""
        said = {
            "version": challenger, "kind": kind, "share": share, "margin": margin, "now": iso(now),
            "slices": None if slices is None else list(slices), "run": run,
        }  # fmt: skip
        return trial(self, self.connection.post(f"{self.path}/trials", said))

    def trials(self) -> list[RemoteTrial]:
        """Its trials, latest first."""
        return [trial(self, one) for one in self.connection.get(f"{self.path}/trials")]


def trial(beside: RemoteWeighs | RemoteTrial, said: Mapping[str, Any]) -> RemoteTrial:
    """A trial as it was sent."""
    return RemoteTrial(beside.connection, beside.path, said["id"], said["status"], said)
