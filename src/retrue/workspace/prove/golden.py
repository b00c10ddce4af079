"""Golden sets: labelled rows that somebody chose, which every challenger is compared on and none may learn from."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import polars as pl

from retrue.core.reference import Reference
from retrue.core.state import Floats
from retrue.core.values import text_rows
from retrue.errors import SchemaError
from retrue.refine.prove import Contest, contest
from retrue.refine.prove.contests import together
from retrue.refine.prove.duels import METRICS
from retrue.store import rows
from retrue.tables import read
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.prove.sides import recorded, said_something, scorer, sides
from retrue.workspace.train import artefacts

if TYPE_CHECKING:
    from retrue.workspace.promote.versions import Versioned
    from retrue.workspace.train.training import Run

GOLDEN = "golden"
"""The mark, in the body of a collection, of one that is a golden set."""
UNSAID = "nobody knows what the champion says of them: give its scores with the rows"


@dataclass(frozen=True, eq=False)
class Golden:
    """A golden set: what it is called, and its rows."""

    name: str
    frame: pl.DataFrame

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without the rows."""
        return {"name": self.name, "rows": self.frame.height}


def keep(model: Versioned, name: str, table: Any) -> Golden:
    """Keep a golden set beside the collections; see `Versioned.golden`."""
    model.store.refuse_read_only()
    schema, frame = model.schema, read(table).collect()
    where = f"golden set {name!r}"
    missing = [column for column in (*schema.features, str(schema.label)) if column not in frame.columns]
    if missing:
        raise SchemaError(f"column {missing[0]!r} is missing", where=where, expected="the features and the label")
    labelled = frame.filter(pl.col(str(schema.label)).is_not_null())
    if not labelled.height:
        raise SchemaError("no row has a label", where=where)
    data = BytesIO()
    labelled.write_parquet(data, compression="zstd")
    row = rows.Collection(
        model.name, name, labelled.height, data.getvalue(), clock.micros(clock.now()), None, {GOLDEN: True}
    )
    with model.store.catalog.write() as tx:
        old = tx.get(rows.Collection, model=model.name, name=name)
        if old is not None and not old.body.get(GOLDEN):
            raise SchemaError(f"a collection is called {name!r} already", where=where, expected="another name")
        tx.put(row)
        audit(tx, "golden set registered", model.name, {"name": name, "rows": labelled.height})
    return Golden(name, labelled)


def kept(model: Versioned) -> list[Golden]:
    """The golden sets, oldest first."""
    with model.store.catalog.read() as tx:
        found = sorted(tx.find(rows.Collection, model=model.name), key=lambda row: row.created)
    return [Golden(row.name, pl.read_parquet(BytesIO(row.data))) for row in found if row.body.get(GOLDEN)]


def contests(run: Run, reference: Reference) -> list[Contest]:
    """Champion and challenger on each golden set, by the main metric; together the intervals hold with 95 %."""
    sets = kept(run.model)
    champion = artefacts.run_of(run.model, run.body["champion"]) if sets else None
    ask = None if champion is None else scorer(champion, champion.challenger)
    return [one_set(run, reference, one, len(sets), None if ask is None else ask(one.frame)) for one in sets]


def one_set(run: Run, reference: Reference, one: Golden, family: int, champion: Floats | None) -> Contest:
    """Both models on one golden set; the champion's scores are those given with the rows, else its trained model's."""
    where = f"golden set {one.name}"
    given = recorded(reference, one.frame)
    both = sides(run, reference, one.frame, given if said_something(given) or champion is None else champion)
    duel = both.duel.on(both.duel.known)
    main = next(iter(METRICS[both.task]))
    if not said_something(both.duel.champion):
        higher = METRICS[both.task][main].higher_is_better
        return Contest(where, main, higher, None, None, None, None, one.frame.height, UNSAID)
    return contest(where, main, both.task, duel, together(family), role="guards")


def leaks(run: Run) -> list[str]:
    """Golden sets with rows that the challenger was trained on, in words."""
    key = run.model.schema.id
    sets = [one for one in kept(run.model) if key is not None and key in one.frame.columns]
    if key is None or not sets:
        return []
    trained = text_rows(pl.read_parquet(run.folder / "training.parquet", columns=[key])[key])
    found = []
    for one in sets:
        count = int(text_rows(one.frame[key]).is_in(trained.implode()).sum())
        if count:
            found.append(f"it was trained on {count:,} rows of the golden set {one.name!r}")
    return found
