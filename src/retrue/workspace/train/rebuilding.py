"""A manifest tells what a model was trained on, so that the same set can be built again, or it is said what changed.

Rows of the log are those with `_seq <= applied`; a `rows.Manifest` keeps the lake from dropping them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from retrue.core.state import Floats
from retrue.errors import StoreError
from retrue.refine.collect import Collected
from retrue.refine.mix import Mix, Mixed
from retrue.store import rows
from retrue.version import VERSION
from retrue.workspace import clock
from retrue.workspace.collect.collecting import Logged, collections, log_of
from retrue.workspace.references import VersionReference
from retrue.workspace.stored import StoredModel
from retrue.workspace.train.broken import is_broken, read_faults
from retrue.workspace.train.choosing import built, trainable
from retrue.workspace.train.maturity import Matured, labels_before, own
from retrue.workspace.train.runs import StoredRun


@dataclass(frozen=True, eq=False)
class Rebuilt:
    """A training set that was built again.

    Attributes:
        table: its rows.
        weights: float64[rows].
        digest: of rows and weights.
        changed: what isn't as it was, in words; empty where it is the same set.
    """

    table: pl.DataFrame
    weights: Floats
    digest: str
    changed: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether it is the set that the model was trained on."""
        return not self.changed


def manifest_of(mixed: Mixed, matured: Matured, mix: Mix) -> dict[str, Any]:
    """What must be known to build a training set again."""
    said = zip(mixed.manifest["parts"], mix.parts, strict=True)
    return {
        **mixed.manifest,
        "parts": [{**part, **source_of(given), "number": number} for part, (given, number) in said],
        "cut": matured.cut.isoformat(),
        "matured": matured.end.isoformat(),
        "at": matured.at.isoformat(),
        "applied": matured.applied,
        "broken": [one.to_dict() for one in matured.faults],
        "code": {
            "retrue": VERSION,
            "python": ".".join(map(str, sys.version_info[:3])),
            "polars": pl.__version__,
            "numpy": np.__version__,
        },
    }


def source_of(part: Any) -> dict[str, Any]:
    """Where a part's rows came from, in plain values."""
    if isinstance(part, VersionReference):
        return {"source": "reference", "version": part.version}
    if isinstance(part, Logged):
        ends = {"since": part.since, "until": part.until}
        told = {name: None if end is None else end.isoformat() for name, end in ends.items()}
        return {"source": "log", "others": True, **told}
    if isinstance(part, Collected):
        return {"source": "collection"}
    return {"source": "table"}


def pin(run: StoredRun) -> None:
    """Keep the lake's rows of a training set from being dropped."""
    said = run.manifest
    logged = [part for part in said["parts"] if part["source"] != "reference"]
    since = min((str(part.get("since") or "0001") for part in logged), default=said["cut"])
    body = {"since": since, "until": said["matured"], "run": run.id}
    row = rows.Manifest(
        run.id, run.model.name, "training", int(said["applied"]), str(said["digest"]), clock.micros(clock.now()), body
    )
    with run.model.store.catalog.write() as tx:
        tx.put(row)


def rebuild(run: StoredRun) -> Rebuilt:
    """Build a run's training set again; of one that was fitted twice, what is proven's, and the other is compared, too.

    Raises:
        StoreError: a part of it isn't kept in the store.
    """
    mixed = built_again(run, run.manifest)
    changed = differences(run.manifest, mixed.manifest)
    again = run.body.get("refit")
    if again is not None and again["why"] is None:
        other = built_again(run, again["manifest"])
        changed += [f"fitted again: {one}" for one in differences(again["manifest"], other.manifest)]
    return Rebuilt(mixed.table, mixed.weights, str(mixed.manifest["digest"]), tuple(changed))


def built_again(run: StoredRun, said: Mapping[str, Any]) -> Mixed:
    """A training set that a manifest tells of."""
    model = run.model
    matured = matured_again(model, said, str(run.body["champion"]))
    parts = [
        (part_again(model, part, said, str(run.body["champion"])), float(part["number"])) for part in said["parts"]
    ]
    mix = Mix(parts, **{name: value for name, value in said["mix"].items() if value is not None})
    return built(trainable(mix, model, matured).mix, model)


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say what isn't as it was."""
    found = [
        f"part {old['part']!r} changed: {old['rows']:,} rows with digest {old['digest']} then, "
        f"{new['rows']:,} with {new['digest']} now"
        for old, new in zip(then["parts"], now["parts"], strict=True)
        if old["digest"] != new["digest"]
    ]
    if not found and then["digest"] != now["digest"]:
        found = [f"the weights changed: digest {then['digest']} then, {now['digest']} now"]
    code = {"retrue": VERSION, "polars": pl.__version__, "numpy": np.__version__}
    other = [f"{name} was {then['code'][name]} and is {now}" for name, now in code.items() if then["code"][name] != now]
    return found + other if found else []


def matured_again(model: StoredModel, said: Mapping[str, Any], champion: str) -> Matured:
    """The matured events as they were."""
    layout = model.store.layout(model.name)
    at, end, cut = (datetime.fromisoformat(said[name]) for name in ("at", "matured", "cut"))
    events = model.events(None, at, version=champion, applied=said["applied"]).collect()
    ripe = events.filter(pl.col(layout.time_column) < end).sort(layout.time_column)
    applied, faults = int(said["applied"]), read_faults(said.get("broken", ()))
    ripe = ripe.filter(~pl.Series(is_broken(ripe, layout.time_column, faults)))
    every, ripe = labels_before(model, champion, ripe, end, applied), ripe.select(own(ripe.columns, model))
    return Matured(ripe, cut, end, layout.time_column, layout.label_column, at, applied, every, faults)


def part_again(model: StoredModel, part: Mapping[str, Any], said: Mapping[str, Any], champion: str) -> Any:
    """A part of the mix, read again.

    Raises:
        StoreError: it isn't kept.
    """
    name = str(part["part"])
    if part["source"] == "reference":
        return model.reference_of(str(part["version"]))
    if part["source"] == "log":
        since, until = (None if part[end] is None else datetime.fromisoformat(part[end]) for end in ("since", "until"))
        others = bool(part.get("others"))
        frame = log_of(model, champion, since, until, said["applied"], others=others)
        return Logged(name, frame, since, until)
    found = next((one for one in collections(model) if one.name == name), None)
    if part["source"] == "collection" and found is not None:
        return found
    what = "the collection is gone" if part["source"] == "collection" else "it was a table of your own"
    raise StoreError(
        f"part {name!r} of the mix can't be read again: {what}", where="the manifest",
        hint="the rows that were trained on are in training.parquet of the run's folder",
    )  # fmt: skip
