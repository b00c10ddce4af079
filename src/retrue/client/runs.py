"""Runs of a model behind a server, golden sets and verifying, asked over HTTP: no code and no trained model is sent."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from retrue.client.collects import RemoteCollects, iso
from retrue.client.http import Connection, quoted
from retrue.client.told import Told
from retrue.errors import ConfigError, StoreError
from retrue.refine.mix import Mix
from retrue.tables import read
from retrue.workspace.promote.datasets import Dataset
from retrue.workspace.prove.golden import Golden
from retrue.workspace.prove.verifying import Verified

POLL = 0.5
"""Seconds between two looks whether a job has answered."""


@dataclass(frozen=True)
class RemoteRun:
    """A training run behind a server.

    Attributes:
        connection, path: to the server, and the model's address there.
        id, status: which, and where it is in its life.
        body: what is kept of it: manifest, trainer, proof, why it failed.
    """

    connection: Connection
    path: str
    id: str
    status: str
    body: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"<run {self.id}: {self.status}>"

    @property
    def manifest(self) -> dict[str, Any]:
        """The parts of its training set with rows, share and digest; seed, horizon, code version."""
        return dict(self.body["manifest"])

    @property
    def error(self) -> str | None:
        """Why it failed; None where it didn't."""
        return self.body.get("error")

    @property
    def log(self) -> tuple[str, ...]:
        """What the training said, line by line: the last thousand."""
        said = self.connection.get("/logs", run=self.id, limit=1_000)
        return tuple(one["text"] for one in reversed(said["rows"]))

    def prove(self) -> Told:
        """Compare champion and challenger on later events that neither has learned from. See `Run.prove`."""
        found = self.connection.post(f"{self.path}/runs/{quoted(self.id)}/prove")
        said = str(found.pop("said"))
        return Told(found, text=said)

    def promote(self, *, override: str | None = None, note: str | None = None) -> str:
        """Make the challenger the champion; gives its version. See `Run.promote`.

        Args:
            override: who answers for it, where nobody has to sign in; else whoever's token it is does.
            note: why it is promoted though the gate refuses.

        Raises:
            RefusedError: the gate doesn't pass, with the reasons.
        """
        said = {"note": note, "who": override}
        return str(self.connection.post(f"{self.path}/runs/{quoted(self.id)}/promote", said)["version"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"id": self.id, "status": self.status, **self.body}


class RemoteTrains(RemoteCollects):
    """Abstract: the part of a model behind a server that trains, and proves what was trained."""

    def queue(
        self, trainer: str, *, mix: Mix | Mapping[Any, float], holdout: str | float = 0.25, seed: int = 0
    ) -> RemoteRun:
        """Choose the rows there, now, and leave the training to the service. See `Model.queue`.

        Args:
            trainer: one that the service's `retrue.toml` names under `[trainers]`.
            mix: shares by name: `{"reference": 0.5, "log": 0.3, "storms": 0.2}`; collections may stand for their names.
            holdout: as in `Model.retrain`.
            seed: as in `Model.retrain`.
        """
        said = {"trainer": trainer, **sendable_mix(mix), "holdout": holdout, "seed": seed}
        return self._run(self.connection.post(f"{self.path}/runs", said))

    def runs(self) -> list[RemoteRun]:
        """Its training runs, latest first."""
        return [self._run(one) for one in self.connection.get(f"{self.path}/runs", limit=1_000)]

    def run(self, id: str) -> RemoteRun:
        """One training run by its id, or the start of it; "latest" is the last one."""
        return self._run(self.connection.get(f"{self.path}/runs/{quoted(id)}"))

    def _run(self, said: Mapping[str, Any]) -> RemoteRun:
        return RemoteRun(self.connection, self.path, said["id"], said["status"], said)

    def golden(self, name: str, table: Any) -> Golden:
        """Register a golden set: labelled rows, which are sent. See `Model.golden`."""
        frame = read(table).collect()
        self.connection.upload(f"{self.path}/golden", parquet(frame), file="rows", name=name)
        return next(one for one in self.golden_sets() if one.name == name)

    def golden_sets(self) -> list[Golden]:
        """The golden sets, oldest first."""
        names = [one["name"] for one in self.connection.get(f"{self.path}/golden")]
        return [Golden(name, self.connection.frame(f"{self.path}/golden/rows", name=name)) for name in names]

    def record(self, part: str, table: Any, *, version: str | None = None) -> Dataset:
        """Record what a version was trained, validated or tested on: its rows are sent. See `Model.record`."""
        told = {"part": part, **({} if version is None else {"version": version})}
        return dataset(
            self.connection.upload(f"{self.path}/datasets", parquet(read(table).collect()), file="rows", **told)
        )

    def datasets(self, version: str | None = None) -> dict[str, Dataset]:
        """What is recorded of a version's training, validation and test data; the champion's unless given."""
        said = self.connection.get(f"{self.path}/datasets", version=version)
        return {part: dataset(one) for part, one in said.items()}

    def verify(
        self,
        version: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        patience: float = 600.0,
    ) -> Verified:
        """Replay logged inputs through a version's trained model, where that is. See `Model.verify`.

        Args:
            version: the champion unless given.
            since: first event time.
            until: events from here on are left out.
            patience: seconds to wait for the jobs of the service.

        Raises:
            RefusedError: its trained model isn't there.
            StoreError: it failed there, or nobody answered in time.
        """
        said = {"version": version, "since": iso(since), "until": iso(until)}
        asked = self.connection.post(f"{self.path}/verify", said)
        end = time.monotonic() + patience
        while asked["state"] == "waiting" and time.monotonic() < end:
            time.sleep(POLL)
            asked = self.connection.get(f"{self.path}/verify", version=asked["version"])
        if asked["state"] == "failed":
            raise StoreError(asked["why"], where=f"version {asked['version']}")
        if asked["state"] == "waiting":
            hint = "`retrue serve` does it; ask again for what it found"
            raise StoreError(f"no answer within {patience:g} s", where=f"version {asked['version']}", hint=hint)
        return Verified.from_dict(asked["found"])


def sendable_mix(mix: Mix | Mapping[Any, float]) -> dict[str, Any]:
    """A mix as the server takes it: shares by name, and settings.

    Raises:
        ConfigError: two parts of one name.

    >>> sendable_mix({"reference": 0.5, "log": 0.5})
    {'mix': {'reference': 0.5, 'log': 0.5}, 'settings': {}}
    """
    pairs = [
        (getattr(part, "name", part), share) for part, share in (mix.parts if isinstance(mix, Mix) else mix.items())
    ]
    shares = {str(name): float(share) for name, share in pairs}
    if len(shares) < len(pairs):
        raise ConfigError("two parts of one name", where="mix", expected="each part once")
    return {"mix": shares, "settings": mix.settings if isinstance(mix, Mix) else {}}


def dataset(said: Mapping[str, Any]) -> Dataset:
    """A set as it was sent."""
    return Dataset(**said)


def parquet(frame: pl.DataFrame) -> bytes:
    """A table as a Parquet file."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()
