"""Choose what may be trained on: matured labels from before the holdout, no leaks, no bent labels.

a mix ── labels as known now, before the cut, not held out ──> a mix to train on ── leaks? bent? ──> RefusedError
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from retrue.core.values import number_rows, text_rows
from retrue.errors import RefusedError
from retrue.judge.words import percent
from retrue.refine.early import NUMBER, Early, early_bias, ripening
from retrue.refine.leaks import arriving, foretelling, missing_live
from retrue.refine.likeness import HALF, Likeness, likeness
from retrue.refine.mix import Mix, Mixed
from retrue.workspace.stored import StoredModel
from retrue.workspace.train.broken import is_broken
from retrue.workspace.train.maturity import (
    EVENT,
    MATURE,
    Matured,
    delays,
    event_names,
    held_out,
    labelled_until,
    learnable,
    named,
    relabelled,
)
from retrue.workspace.train.parts import LOG

RIPE = 0.99
"""Share of the logged rows of a training set whose labels must have had time to come, or early labels are measured."""
NO_ROWS = "has no rows"
"""What is said of a part in which there never was anything."""
BROKEN = "of broken windows"
"""Why rows are left out that were logged while the data were broken."""
ENOUGH = 0.99
"""Share of events with a label from which early labels can bend nothing."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """A part of a mix, cut down to what may be trained on."""

    name: str
    frame: pl.DataFrame


@dataclass(frozen=True)
class Ready:
    """A mix to train on, how many rows were left out of it, by reason, and why parts are empty that had rows."""

    mix: Mix
    left_out: dict[str, int] = field(default_factory=dict)
    emptied: tuple[str, ...] = ()


def trainable(mix: Mix, model: StoredModel, matured: Matured) -> Ready:
    """The same mix without what may not be trained on: rows of broken windows, unlabelled, held out, too late."""
    schema, grids = model.schema, model.store.grids(model.name)
    outcome = None if grids is None else grids.outcome
    parts: list[tuple[Any, float]] = []
    emptied: list[str] = []
    left: Counter[str] = Counter()

    def less(frame: pl.DataFrame, before: pl.DataFrame, why: str) -> pl.DataFrame:
        own[why] += before.height - frame.height
        return frame

    for part, share in mix.parts:
        own: Counter[str] = Counter()
        frame = named(part.frame, schema.id, str(schema.time), schema.timezone)
        faulty = is_broken(frame, str(schema.time), matured.faults)
        frame = less(frame.filter(~pl.Series(faulty)), frame, BROKEN)
        if "_label_at" in frame.columns:  # logged rows: take the labels as they are known now
            frame = less(relabelled(frame, matured, schema.id), frame, "not matured, or held out")
        if schema.id is not None and schema.id in frame.columns:
            frame = less(frame.filter(~held_out(frame, matured, schema.id)), frame, "held out")
        if schema.time in frame.columns:
            frame = less(frame.filter(~(pl.col(schema.time) >= matured.cut).fill_null(value=False)), frame, "too late")
        frame = less(learnable(frame, str(schema.label), outcome, schema.classes), frame, "no label")
        parts.append((Chosen(part.name, frame), share))
        left += own
        if not part.frame.height:
            emptied.append(f"{part.name!r} {NO_ROWS}")
        elif not frame.height:
            why = ", ".join(f"{rows:,} {why}" for why, rows in own.most_common() if rows)
            emptied.append(f"no row of {part.name!r} may be learned from: {why}")
    return Ready(mix.over(parts), dict(left), tuple(emptied))


def refuse_empty(ready: Ready, matured: Matured) -> None:
    """Refuse a mix with a part that has no rows, or none that may be learned from.

    Raises:
        RefusedError: with how many rows of which part may not, and why.
    """
    if ready.emptied:
        hint = f"the proof keeps events since {matured.cut:%Y-%m-%d %H:%M}: hold out less, wait, or mix without it"
        if all(said.endswith(NO_ROWS) for said in ready.emptied):
            hint = "mix without it"
        elif any(BROKEN in said for said in ready.emptied):
            hint = "mix without it; mark a false alarm as one; or, knowingly, rt.Mix(..., broken=True)"
        raise RefusedError(list(ready.emptied), what="not trained", hint=hint)


def built(mix: Mix, model: StoredModel) -> Mixed:
    """The training set. Ids and times stay with its rows: once promoted they are a reference; no event counts twice."""
    schema = model.schema
    seen, key = [*schema.features, str(schema.label)], None if schema.id is None else EVENT
    timed = all(schema.time in part.frame.columns for part, _ in mix.parts)
    whose = [str(name) for name in (schema.id, schema.time if timed else None) if name is not None and name not in seen]
    return mix.build(seen, beside=whose, key=key, label=schema.label, time=schema.time)


def refuse_leaks(model: StoredModel, mix: Mix, mixed: Mixed, matured: Matured) -> None:
    """Refuse what knows the future.

    Raises:
        RefusedError: rows that are trained on and proven on, or columns that know the label, with the reasons.
    """
    schema, live = model.schema, matured.events
    features, label, trusted = list(schema.features), str(schema.label), mix.trusted
    told = live.rename({matured.label: label} if matured.label != label else {})
    reasons = [*knowing(model, mix, mixed, told.filter(pl.col(matured.time) >= matured.cut))]
    reasons += arriving(told, features, label, trusted)
    for part, _ in mix.parts:
        reasons += missing_live(part.name, part.frame, live, features, trusted)
    if schema.id is not None:
        both = int(held_out(mixed.table, matured, schema.id).sum())
        reasons += [f"{both:,} rows are in the training set and in the holdout"] if both else []
    if reasons:
        hint = "leave such a column out of the features; if it is known in time, rt.Mix(..., trusted=[...])"
        raise RefusedError(list(dict.fromkeys(reasons)), what="not trained", hint=hint)


def knowing(model: StoredModel, mix: Mix, mixed: Mixed, holdout: pl.DataFrame) -> Iterator[str]:
    """Say which columns know the label, each once: in the training set, in a part of it, or in the holdout alone."""
    schema, label, known = model.schema, str(model.schema.label), set(mix.trusted)
    labelled = holdout.filter(pl.col(label).is_not_null())
    for table in (mixed.table, *(part.frame for part, _ in mix.parts), labelled):
        features = [name for name in schema.features if name in table.columns]
        for name, reason in foretelling(
            table, features, label, regression=schema.task == "regression", trusted=frozenset(known)
        ):
            known.add(name)
            yield reason


def compared(model: StoredModel, mixed: Mixed, matured: Matured, seed: int) -> Likeness | None:
    """Compare a training set, each row as often as it weighs, with the events that the challenger is proven on.

    Where half of the weight and more is logged events, it is what was served: what differs then is the time.

    Raises:
        RefusedError: most columns have less than half of their mass in common.
    """
    grids = model.store.grids(model.name)
    if grids is None or not mixed.table.height:
        return None
    drawn = np.random.default_rng(seed).choice(
        mixed.table.height, mixed.table.height, p=mixed.weights / mixed.weights.sum()
    )
    served = matured.part(after_cut=True)
    inputs = [name for name, source in grids.sources.items() if source.column in model.schema.features]
    found = likeness(grids.coarse.count(mixed.table[drawn]), grids.coarse.count(served), inputs)
    logged = sum(part["share"] for part in mixed.manifest["parts"] if part["part"] == LOG)
    if found is not None and found.alien and logged < HALF:
        reason = (
            f"the training set looks nothing like the {served.height:,} events since {matured.cut:%Y-%m-%d}: {found}"
        )
        hint = "are units, encodings and columns those of production? Add logged events to the mix: model.logged()"
        raise RefusedError([reason], what="not trained", hint=hint)
    return found


def early_labels(model: StoredModel, mix: Mix, matured: Matured) -> Early:
    """Measure labels that are known early, and refuse those that are not like those to come.

    Gives what was measured, or why there is nothing to measure: that, too, is kept with the run.

    Raises:
        RefusedError: with what was measured.
    """
    before = matured.part(after_cut=False)
    rows = before if model.schema.id is None else before.filter(taken(before, mix, model.schema.id, matured.time))
    delay, age = delays(matured.events, matured.at, matured.time, matured.label)
    ripe = max(matured.at - timedelta(seconds=ripening(delay, age, MATURE)), labelled_until(model))
    if not rows.height:
        return Early(why="no logged event is learned from")
    old, coverage = float((rows[matured.time] < ripe).mean() or 0), float(np.isfinite(delay).mean())  # type: ignore[arg-type]
    if old >= RIPE:
        whose = f"{percent(old)} of the {rows.height:,} logged events that it learned from"
        return Early(why=f"{whose} are of before {ripe:%Y-%m-%d %H:%M}: their labels have had time to come")
    if coverage >= ENOUGH:
        return Early(why=f"{percent(coverage)} of {delay.size:,} events have their label, and the others bend nothing")
    regression = model.schema.task == "regression"
    values = values_of(matured.events[matured.label], regression=regression)
    found = Early(tuple(early_bias(values, delay, age, regression=regression)))
    if found.bent:
        hint = f"register with a longer maturity: only labels of events before {ripe:%Y-%m-%d} have had time to come"
        raise RefusedError([f"early labels mislead: {found.bent[0].said}"], what="not trained", hint=hint)
    return found if found.measured else Early(why="too few events are old enough to tell how long labels take")


def taken(events: pl.DataFrame, mix: Mix, key: str, time: str) -> pl.Series:
    """Which logged events are in the mix."""
    found = pl.repeat(False, events.height, eager=True)
    for part, _ in mix.parts:
        if EVENT in part.frame.columns:
            names = event_names(events.select(name for name in (key, time) if name in part.frame.columns), key, time)
            found |= names.is_in(part.frame[EVENT].implode())
    return found


def values_of(labels: pl.Series, *, regression: bool) -> dict[str, Any]:
    """float64[events] for each class: 1 where the label is that; of a regression the label itself."""
    if regression:
        return {NUMBER: number_rows(labels).cast(pl.Float64).fill_null(np.nan).to_numpy()}
    texts = text_rows(labels)
    known = texts.drop_nulls().unique().sort().to_list()
    chosen = known[1:] if len(known) == 2 else known
    return {one: (texts == one).fill_null(value=False).cast(pl.Float64).to_numpy() for one in chosen}
