"""Golden sets: labelled rows that somebody chose, which every challenger is compared on and none may learn from."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import polars as pl
from sqlalchemy import select

from retrue.core.reference import Reference
from retrue.core.state import Floats
from retrue.errors import SchemaError
from retrue.refine import alike
from retrue.refine.prove import Contest, contest
from retrue.refine.prove.contests import together
from retrue.refine.prove.duels import METRICS
from retrue.store import rows
from retrue.store.tables import collections
from retrue.tables import read
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.names import check_name
from retrue.workspace.prove.sides import recorded, said_something, scorer, sides
from retrue.workspace.stored import StoredModel
from retrue.workspace.train.maturity import EVENT, named
from retrue.workspace.train.runs import StoredRun

GOLDEN = "golden"
"""The mark, in the body of a collection, of one that is a golden set."""
FEWEST = 10
"""The fewest rows that guard anything."""
CHANCE = 0.05
"""The share of rows without ids that may equal rows of a training set by chance."""
BY_ROW = {
    "binary": ("brier", "accuracy"), "multiclass": ("accuracy", "log_loss"), "classes": ("accuracy",),
    "regression": ("mae",),
}  # fmt: skip
"""By task, metrics that few rows, or rows of one class, have too."""
UNSAID = "nobody knows what the champion says of them: give its scores with the rows"


@dataclass(frozen=True, eq=False)
class Golden:
    """A golden set: what it is called, and its rows."""

    name: str
    frame: pl.DataFrame

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without the rows."""
        return {"name": self.name, "rows": self.frame.height}


def keep(model: StoredModel, name: str, table: Any) -> Golden:
    """Keep a golden set beside the collections; see `Versioned.golden`."""
    model.store.refuse_read_only()
    check_name(name, "a golden set")
    schema, frame = model.schema, model.store.masked(model.name, read(table).collect())
    where = f"golden set {name!r}"
    missing = [column for column in (*schema.features, str(schema.label)) if column not in frame.columns]
    if missing:
        raise SchemaError(f"column {missing[0]!r} is missing", where=where, expected="the features and the label")
    labelled = frame.filter(pl.col(str(schema.label)).is_not_null())
    if labelled.height < FEWEST:
        hint = "fewer can't tell two models apart: add more like them"
        expected = f"at least {FEWEST}"
        raise SchemaError(f"{labelled.height} rows with a label", where=where, expected=expected, hint=hint)
    data = BytesIO()
    labelled.write_parquet(data, compression="zstd")
    row = rows.Collection(
        model.name, name, labelled.height, data.getvalue(), clock.micros(clock.now()), None, {GOLDEN: True}
    )
    with model.store.catalog.write() as tx:
        old = tx.get(rows.Collection, model=model.name, name=name)
        if old is not None and not old.body.get(GOLDEN):
            raise SchemaError(f"a collection is called {name!r} already", where=where, expected="another name")
        if tx.get(rows.Signal, model=model.name, name=name) is not None:
            raise SchemaError(f"a signal is called {name!r} already", where=where, expected="another name")
        tx.put(row)
        audit(tx, "golden set registered", model.name, {"name": name, "rows": labelled.height})
    return Golden(name, labelled)


def kept(model: StoredModel) -> list[Golden]:
    """The golden sets, oldest first."""
    with model.store.catalog.read() as tx:
        found = sorted(tx.find(rows.Collection, model=model.name), key=lambda row: row.created)
    return [Golden(row.name, pl.read_parquet(BytesIO(row.data))) for row in found if row.body.get(GOLDEN)]


def marks(model: StoredModel) -> list[tuple[str, int, int]]:
    """Name, rows and time of each, without reading the rows: other ones are other marks."""
    c = collections.c
    query = select(c.name, c.rows, c.created, c.body).where(c.model == model.name).order_by(c.name)
    with model.store.catalog.read() as tx:
        return [(str(name), int(n), int(at)) for name, n, at, body in tx.connection.execute(query) if body.get(GOLDEN)]


def contests(run: StoredRun, reference: Reference) -> list[Contest]:
    """Champion and challenger on each golden set, by the main metric; together the intervals hold with 95 %."""
    sets = kept(run.model)
    champion = StoredRun.trained(run.model, run.body["champion"]) if sets else None
    ask = None if champion is None else scorer(champion, champion.challenger)
    return [one_set(run, reference, one, len(sets), None if ask is None else ask(one.frame)) for one in sets]


def one_set(run: StoredRun, reference: Reference, one: Golden, family: int, champion: Floats | None) -> Contest:
    """Both models on one golden set; the champion's scores are those given with the rows, else its trained model's."""
    where = f"golden set {one.name}"
    given = recorded(reference, one.frame)
    both = sides(run, reference, one.frame, given if said_something(given) or champion is None else champion)
    duel = both.duel.on(both.duel.known)
    metrics = METRICS[both.task]
    main = next(iter(metrics))
    if not said_something(both.duel.champion):
        return Contest(where, main, metrics[main].higher_is_better, None, None, None, None, one.frame.height, UNSAID)
    level = together(family)
    found = contest(where, main, both.task, duel, level, role="guards")
    if found.interval is not None:
        return found
    # Few rows, or all of one class, have no order: row by row they can be compared all the same.
    others = (contest(where, name, both.task, duel, level, role="guards", least=FEWEST) for name in BY_ROW[both.task])
    return next((other for other in others if other.interval is not None), found)


def leaks(run: StoredRun) -> list[str]:
    """Golden sets with rows that the challenger was trained on, in words."""
    return [f"it was trained on {said}" for said in in_golden_sets(run.model, run.learned)] if marks(run.model) else []


def in_golden_sets(model: StoredModel, trained: pl.DataFrame) -> list[str]:
    """Golden sets that rows of a training set are of, and how many, in words."""
    counts = ((one.name, learned_from(model, one.frame, trained)) for one in kept(model))
    return [f"{count:,} rows of the golden set {name!r}" for name, count in counts if count]


def learned_from(model: StoredModel, chosen: pl.DataFrame, trained: pl.DataFrame) -> int:
    """How many rows of a golden set are in a training set: those of the same event; without ids, equal ones.

    A row that is equal in every feature and the label to one that the training set has once is taken for the same row;
    a few such are met by chance.
    """
    schema = model.schema
    key, time = schema.id, str(schema.time)
    if key is not None and key in chosen.columns and key in trained.columns:
        both = [name for name in (key, time) if name in chosen.columns and name in trained.columns]
        events = [named(rows.select(both), key, time, schema.timezone)[EVENT] for rows in (chosen, trained)]
        return int(events[0].is_in(events[1].implode()).sum())
    data = [*schema.features, str(schema.label)]
    once = alike.marks(trained, data)
    once = once.filter(once.is_unique())
    count = int(alike.marks(chosen, data).is_in(once.implode()).sum())
    return count if count > CHANCE * chosen.height else 0
