"""What a version was trained, validated and tested on: each set's profile on the model's grids, and its metrics.

The profile is a file beside the version's reference, the metrics are in the catalog.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from retrue.core.grids import Grids
from retrue.core.profile import Profile
from retrue.engine import local
from retrue.errors import ConfigError, SchemaError, StoreError, nearest
from retrue.judge.measured import measure_outcome
from retrue.refine.mix import digest
from retrue.store import rows
from retrue.store.files import AnyPath, below
from retrue.tables import read
from retrue.workspace.acting import audit
from retrue.workspace.references import write_whole
from retrue.workspace.stored import StoredModel

PARTS = ("training", "validation", "test")


@dataclass(frozen=True)
class Dataset:
    """One set of rows that a version came from.

    Attributes:
        part: "training", "validation" or "test".
        rows: how many. labelled: how many of them have a label and a prediction.
        digest: of the rows.
        metrics: the version's performance on them, by metric; what can't be told is left out.
        grids: digest of the grids that the profile is on.
        path: where the profile is, relative to the store.
    """

    part: str
    rows: int
    labelled: int
    digest: str
    metrics: Mapping[str, float]
    grids: str
    path: str

    def profile(self, model: StoredModel) -> Profile:
        """Its profile.

        Raises:
            StoreError: it is gone, or on grids that the model no longer has.
        """
        grids = model.reference_of(version_of(self.path)).load().grids
        if grids.digest != self.grids:
            raise StoreError("its profile is on earlier grids", where=self.path, hint="record it again")
        try:
            return Profile.from_bytes((model.store.root / self.path).read_bytes(), grids.columns)
        except OSError as error:
            raise StoreError("the profile can't be read", where=self.path, hint="record it again") from error

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def version_of(path: str) -> str:
    """The version that a profile's path names."""
    return Path(path).name.rsplit(".", 2)[0]


def record(model: StoredModel, part: str, table: Any, version: str) -> Dataset:
    """Keep profile and metrics of one set; see `Versioned.record`."""
    if part not in PARTS:
        raise ConfigError(
            f"unknown part {part!r}", where="record", expected=", ".join(PARTS), hint=nearest(part, PARTS)
        )
    model.store.refuse_read_only()
    found = counted(model, part, read(table).collect(), version, model.reference_of(version).load().grids)
    keep_sets(model, version, [found])
    return found


def keep_sets(model: StoredModel, version: str, sets: Sequence[Dataset]) -> None:
    """Let the catalog know of what was counted.

    Raises:
        StoreError: there is no such version.
    """
    if not sets:
        return
    with model.store.catalog.write() as tx:
        row = tx.get(rows.Version, model=model.name, version=version)
        if row is None:
            raise StoreError(f"no version {version!r}", where=f"model {model.name!r}")
        tx.put(replace(row, body=with_sets(row.body, list(sets))))
        for one in sets:
            audit(tx, "data recorded", model.name, {"version": version, "part": one.part, "rows": one.rows})


def profile_path(reference: AnyPath, part: str) -> AnyPath:
    """Where the profile of a set is, beside its version's reference."""
    return reference.with_name(f"{reference.stem}.{part}.profile")


def counted(model: StoredModel, part: str, frame: pl.DataFrame, version: str, grids: Grids) -> Dataset:
    """Count a set and write its profile; the catalog doesn't know of it yet.

    Raises:
        SchemaError: a feature is missing.
    """
    missing = [name for name in model.schema.features if name not in frame.columns]
    if missing:
        raise SchemaError(f"column {missing[0]!r} is missing", where=f"the {part} data", expected="the features")
    profile = local.count(read(frame), grids)
    outcome = profile.outcome
    measures = measure_outcome(outcome)
    path = profile_path(model.reference_of(version).path, part)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, profile.to_bytes(grids=False))
    return Dataset(
        part, frame.height, 0 if outcome is None else int(outcome.labelled), digest(frame),
        {name: one.value for name, one in measures.items() if one.value is not None},
        grids.digest, below(path, model.store.root),
    )  # fmt: skip


def with_sets(body: Mapping[str, Any], sets: list[Dataset]) -> dict[str, Any]:
    """A version's body with these sets."""
    return {**body, "datasets": {**body.get("datasets", {}), **{one.part: one.to_dict() for one in sets}}}


def recorded(model: StoredModel, version: str) -> dict[str, Dataset]:
    """The sets of a version, in the order of `PARTS`."""
    with model.store.catalog.read() as tx:
        row = tx.get(rows.Version, model=model.name, version=version)
    found = {} if row is None else row.body.get("datasets", {})
    return {part: Dataset(**found[part]) for part in PARTS if part in found}
