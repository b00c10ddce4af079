"""Forget: erase every row of some ids, wherever the store has them, and say what is left and why.

Profiles, figures and verdicts stay as they are: they hold counts and sums, from which no row can be told. A recount
later leaves the erased rows out. What comes in after the erasure is new data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from retrue.errors import SchemaError
from retrue.store import rows
from retrue.store.erase import Erased, among, without
from retrue.store.files import AnyPath, found, read_table
from retrue.workspace.acting import audit
from retrue.workspace.annotate.asking import erase
from retrue.workspace.references import write_table
from retrue.workspace.stored import StoredModel


def forget(model: StoredModel, ids: Iterable[Any], note: str | None) -> Erased:
    """Erase the rows of these ids; see `Kept.forget`."""
    store, name = model.store, model.name
    store.refuse_read_only()
    keys = keys_of(model, ids)
    erased = store.erase(name, keys)
    column = store.layout(name).id_column
    gone = {"references": 0, "runs": 0}
    for place, path in tables_of(model):
        gone[place] += rewrite(path, column, keys)
    with store.catalog.write() as tx:
        gone["tasks"] = erase(tx, name, keys)
    store.fault("erase: files gone")
    store.scrub()
    said = replace(erased, rows={**erased.rows, **gone}, left=(*erased.left, *trained(model)))
    facts = {"ids": said.ids, "digest": digest(model, keys), "rows": said.rows, "note": note}
    with store.catalog.write() as tx:
        audit(tx, "forgot", name, facts)
    return said


@dataclass(frozen=True)
class Sought:
    """What an erasure would take: rows by place, and the ids that are nowhere, as they were given."""

    ids: int
    rows: Mapping[str, int]
    missing: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"ids": self.ids, "rows": dict(self.rows), "missing": list(self.missing)}


def seek(model: StoredModel, ids: Iterable[Any]) -> Sought:
    """Look for the rows of these ids wherever `forget` erases them, and erase nothing.

    Raises:
        SchemaError: the model has no id, or none was given.
    """
    given = texts_of(ids)
    keys, column = keys_of(model, given), model.store.layout(model.name).id_column
    model.store.apply(model.name)  # as an erasure does: what waits is found, too
    found = model.store.holding(model.name, keys)
    for place, path in tables_of(model):
        if path.suffix != ".partial":
            own = among(read_table(path), column, keys)
            found[place] = pl.concat([found[place], own]) if place in found else own
    with model.store.catalog.read() as tx:
        asked = [one.body["event"] for one in tx.find(rows.Task, model=model.name)]
    found["tasks"] = among(pl.DataFrame({"id": asked}, schema={"id": pl.String}), "id", keys)
    known = set(pl.concat(list(found.values())))
    missing = tuple(text for text, key in zip(given, keys, strict=True) if key not in known)
    return Sought(len(given), {place: len(own) for place, own in found.items()}, missing)


def texts_of(ids: Iterable[Any]) -> list[str]:
    """Ids as text, each once, in the order in which they were given."""
    given = [ids] if isinstance(ids, str | int) else list(ids)
    return list(
        dict.fromkeys(str(int(one)) if isinstance(one, float) and one.is_integer() else str(one) for one in given)
    )


def keys_of(model: StoredModel, ids: Iterable[Any]) -> pl.Series:
    """Ids as the lake has them, each once.

    Raises:
        SchemaError: the model has no id, or none was given.
    """
    layout = model.store.layout(model.name)
    if layout.id is None:
        raise SchemaError("the model has no id", where=f"model {model.name!r}", hint="register it with id=...")
    texts = texts_of(ids)
    if not texts:
        raise SchemaError("no ids to forget", expected="at least one id")
    found, private = pl.Series("id", texts, dtype=pl.String), model.store.privacy(model.name)
    return private.hashed(found) if private.rule(layout.id) == "hash" else found


def tables_of(model: StoredModel) -> list[tuple[str, AnyPath]]:
    """The tables of rows that the model has beside the lake: of its references, and of its training runs."""
    references = found(model.store.root / "references" / model.name, "*.parquet*")
    runs = [path for folder in folders_of(model) for path in found(folder, "*/*.parquet*")]
    return [*(("references", path) for path in references), *(("runs", path) for path in runs)]


def folders_of(model: StoredModel) -> list[AnyPath]:
    """Where the model's runs are: in the store, and on this machine where that isn't the same."""
    places: list[AnyPath] = [model.store.root, model.store.folder]
    return [place / "runs" / model.name for place in dict.fromkeys(places)]


def rewrite(path: AnyPath, column: str, ids: pl.Series) -> int:
    """Write a table anew without the rows of these ids; gives how many went. A half-written one goes as a whole."""
    if path.suffix == ".partial":
        path.unlink()
        return 0
    whole = read_table(path)
    left = without(whole, column, ids)
    if len(left) < len(whole):
        write_table(path, left)
    return len(whole) - len(left)


def trained(model: StoredModel) -> tuple[str, ...]:
    """What trainings left that can't be made to forget: models, what was to be fitted, and what they printed."""
    folder = folders_of(model)[0]
    counts = {
        "trained models, which may remember rows: retrain, and delete": "model.joblib",
        "functions to be fitted, which may hold rows of a notebook: resume or delete these runs in": "fit.pickle",
        "logs of trainings, which may quote rows: look for them in": "train.log",
    }
    left = {what: len(found(folder, f"*/{file}")) for what, file in counts.items()}
    return tuple(f"{number} {what} {folder}" for what, number in left.items() if number)


def digest(model: StoredModel, ids: pl.Series) -> str:
    """Tells whether an erasure was about some ids to who has the ids and the store's key, and nothing to others."""
    return hashlib.blake2b("\n".join(sorted(ids)).encode(), key=model.store.secret(), digest_size=16).hexdigest()
