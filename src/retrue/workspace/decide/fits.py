"""Small fits: what a new model would win, told by fits on parts of the new labels, proven against the champion.

matured labels ──n, with as many of the reference and without──> desks ──one process, one training's limits──> scores
scores ──contest──> the Curve of the mix that gained more

They run as trainings do: whatever a trainer's code does ends the small fits, with its reason. Nothing of them is kept.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import polars as pl

from retrue.core.reference import Reference
from retrue.core.state import Floats
from retrue.errors import ConfigError, RefusedError, TrainingError
from retrue.judge.main_metrics import MAIN
from retrue.metrics.measure import Z95
from retrue.refine.expected import Curve, Situation
from retrue.refine.prove import Contest, Duel, contest
from retrue.refine.train.desk import HOLDOUT as HELD_OUT
from retrue.refine.train.desk import TRAINING, WEIGHT, Desk, Order
from retrue.refine.train.trainer import HOUR, Trainer
from retrue.refine.train.work import complaint
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.prove.sides import recorded, truth
from retrue.workspace.references import write_table
from retrue.workspace.stored import StoredModel, run_of
from retrue.workspace.train.desks import fit_desks
from retrue.workspace.train.maturity import NEWEST, learnable, matured_events
from retrue.workspace.train.trainers import registered

HELD = 2_000
"""The most rows of the holdout that they are proven on."""
SIZES = (50, 100, 250, 500, 1_000, 2_000)
"""New labels that they learn from, at most half of those there are."""
FITS = 4
"""The most of them, the largest: what a few labels teach says little of what many do."""
ORIGINAL = (0.5, 0.0)
"""Shares of original data that are tried, the usual one first: where the world only moves on, old rows do harm."""
LEAST = 100
"""Later rows without which they tell nothing."""
PREFIX = "retrue-fits-"
"""How the folders begin that they work in."""
LARGEST = 2
"""Fits that tell which share is better, the largest: a run learns from more than they do."""
LINE = 2_000
"""Characters of a line that are kept."""
LONGEST = HOUR
"""Seconds that they may take at most, whatever their trainer may: a decision waits for them."""


def with_fits(
    known: Situation,
    model: StoredModel,
    fit: Trainer | str | None,
    at: datetime,
    shares: tuple[float, ...] = ORIGINAL,
) -> Situation:
    """What is known, with what small fits tell besides; where they tell nothing, why.

    Args:
        known: what is known without.
        model: whose.
        fit: a trainer, or the name of a registered one.
        at: the time.
        shares: of original data that are tried: one, where a run's mix is settled.
    """
    try:
        trainer = registered(fit) if isinstance(fit, str) else fit
        return known if trainer is None else replace(known, curve=pilot(model, trainer, at, shares))
    except (ConfigError, TrainingError) as error:
        return replace(known, unfitted=f"small fits told nothing: {error}")


def pilot(model: StoredModel, trainer: Trainer, at: datetime, shares: tuple[float, ...] = ORIGINAL) -> Curve | None:
    """What a fit on so many new labels, with or without as many rows of the reference, gains on later ones.

    What a gap to the reference can't tell: how much a new model would win over the champion.

    Returns:
        None where too few labels have matured.

    Raises:
        TrainingError: one of the fits failed.
    """
    lessons = lessons_of(model, at, shares)
    if lessons is None:
        return None
    reference, label = model.reference.load(), str(model.schema.label)
    held, metric = lessons.held, MAIN[str(model.schema.task)][0]
    contests = [against(reference, held, scores, label, metric) for scores in said_by(trainer, model, lessons)]
    ends = [one.gain for one in contests if one.gain is not None]
    if len(ends) < len(contests):
        return None
    each = [ends[first : first + len(lessons.sizes)] for first in range(0, len(ends), len(lessons.sizes))]
    most = left_by(contests[0])
    curves = (curve_of(lessons.sizes, some, share) for some, share in zip(each, lessons.shares, strict=True))
    usual, *others = (replace(curve, most=most) for curve in curves)
    best = max(others, key=largest, default=usual)
    return best if largest(best) > largest(usual) + usual.errors[-1] else usual  # what chance may do changes no mix


def left_by(one: Contest) -> float:
    """What the champion leaves to be gained: the rest to 1 of a share, all of a loss."""
    champion = one.champion or 0.0
    return 1 - champion if one.higher_is_better else champion


def largest(curve: Curve) -> float:
    """What the largest fits gained, on average: those that are nearest to a run."""
    return sum(curve.gains[-LARGEST:]) / LARGEST


def curve_of(sizes: tuple[int, ...], ends: Sequence[tuple[float, float]], original: float) -> Curve:
    """What the fits of one mix gained, of the ends of their intervals."""
    gains = tuple((low + high) / 2 for low, high in ends)
    return Curve(sizes, gains, tuple((high - low) / (2 * Z95) for low, high in ends), original)


@dataclass(frozen=True, eq=False)
class Lessons:
    """What small fits learn from.

    Attributes:
        features: what they learn by.
        fresh: rows with new labels; known: rows of the reference.
        held: later rows that they are proven on.
        sizes: how many of each they learn from.
        shares: of `ORIGINAL`, those that are tried.
    """

    features: tuple[str, ...]
    fresh: pl.DataFrame
    known: pl.DataFrame
    held: pl.DataFrame
    sizes: tuple[int, ...]
    shares: tuple[float, ...]

    def rows(self, n: int, original: float) -> pl.DataFrame:
        """So many new ones, and as many of the reference where it has a share; as many as there are, if fewer."""
        parts = (self.fresh, self.known) if original else (self.fresh,)
        return pl.concat([drawn(part, n, self.features) for part in parts], how="vertical_relaxed")


def lessons_of(model: StoredModel, at: datetime, shares: tuple[float, ...] = ORIGINAL) -> Lessons | None:
    """What there is to learn from by then; None where it is too little."""
    try:
        matured = matured_events(model, at, NEWEST)
    except RefusedError:
        return None
    schema, label = model.schema, str(model.schema.label)
    grid = model.reference.load().grids.outcome
    parts = (matured.part(after_cut=False), matured.part(after_cut=True), model.reference.frame)
    fresh, later, known = (learnable(part, label, grid, schema.classes) for part in parts)
    sizes = tuple(size for size in SIZES if 2 * size <= fresh.height)[-FITS:]
    if len(sizes) < 2 or later.height < LEAST:
        return None
    features = tuple(schema.features)
    seen = [*features, label]
    return Lessons(features, fresh.select(seen), known.select(seen), drawn(later, HELD, features), sizes, shares)


def said_by(trainer: Trainer, model: StoredModel, lessons: Lessons) -> list[Floats]:
    """What a fit says of the later rows, for each share and size; within the limits of one training.

    Raises:
        TrainingError: one failed.
    """
    limited = replace(trainer, seconds=min(trainer.seconds, LONGEST))
    sweep()
    with TemporaryDirectory(prefix=PREFIX) as folder:
        fits = list(product(lessons.shares, lessons.sizes))
        desks = [Desk(Path(folder) / str(number)) for number in range(len(fits))]
        try:
            for desk, (original, n) in zip(desks, fits, strict=True):
                lay_out(desk, trainer, model, lessons, lessons.rows(n, original))
            outcome = fit_desks([desk.folder for desk in desks], limited)
        except Exception as error:  # a trainer that isn't isolated may raise anything
            raise TrainingError(complaint(error)) from error
        if outcome.error is not None:
            keep_tail(model, outcome.tail)
            raise TrainingError(outcome.error)
        return [desk.scores() for desk in desks]


def sweep() -> None:
    """Take away what killed processes left: rows of events are in it."""
    for old in Path(gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # another process has done it, or it is somebody else's
            if time.time() - old.stat().st_mtime > 2 * LONGEST:
                shutil.rmtree(old)


def keep_tail(model: StoredModel, lines: Sequence[str]) -> None:
    """Keep the last lines that fits said before one failed; `retrue logs` shows them."""
    from retrue.jobs.journal import current

    job, at, version = current.get(), clock.micros(clock.now()), model.version
    about = ("decide" if job is None else job.id, model.name, version, run_of(model, version))
    with model.store.catalog.write() as tx:
        for line in lines:
            tx.add(rows.Log(at, "warning", line[:LINE], *about))


def lay_out(desk: Desk, trainer: Trainer, model: StoredModel, lessons: Lessons, learned: pl.DataFrame) -> None:
    """Write what one of them needs; the labels of the later rows aren't among it."""
    schema = model.schema
    order = Order(tuple(schema.features), str(schema.label), str(schema.task), schema.positive, tuple(schema.classes))
    write_table(desk.folder / TRAINING, learned.with_columns(pl.lit(1.0).alias(WEIGHT)))
    write_table(desk.folder / HELD_OUT, lessons.held.select(schema.features))
    desk.ask(trainer.fit, order) if trainer.isolated else desk.say(order)


def drawn(frame: pl.DataFrame, most: int, features: Sequence[str]) -> pl.DataFrame:
    """At most so many rows, those whose features hash lowest: by chance, and mostly the same ones from week to week.

    So a question that is asked each week looks at few labels that the last one hasn't, and draws no new luck.
    """
    return frame if frame.height <= most else frame[frame.select(features).hash_rows().arg_sort()[:most].sort()]


def against(reference: Reference, held: pl.DataFrame, scores: Floats, label: str, metric: str) -> Contest:
    """Champion and challenger on the same rows, by the metric that the gap is in."""
    labels, task, _ = truth(reference.grids.outcome, held, label)
    duel = Duel(labels, recorded(reference, held), scores)
    return contest("pilot", metric, task, duel.on(duel.known))
