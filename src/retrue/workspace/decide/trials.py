"""Trials: two versions' logged events, as streams of losses, judged whenever somebody asks or new labels mature.

    events of both versions ── matured labels only ──> losses by event ── refine/trial ──> stop | go on, by slice

What a trial has shown is a pure function of the events and labels since it began: it survives restarts, and a late or
corrected label re-judges it. Only what it was started with is remembered; the last judgement is kept to be shown.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from retrue.core.outcome_grid import BinaryGrid, OutcomeGrid, RegressionGrid, score_rows
from retrue.core.per_event import event_losses
from retrue.core.state import Floats
from retrue.errors import ConfigError, RefusedError, SchemaError, StoreError, nearest
from retrue.judge.words import percent
from retrue.refine.trial import KINDS, MARGIN, Judged, Stream, judge, shadowed, split, split_warning
from retrue.slices import Slice
from retrue.store import rows
from retrue.store.catalog import Transaction
from retrue.workspace import clock, names
from retrue.workspace.acting import audit
from retrue.workspace.collect.watching import columns_of
from retrue.workspace.stored import StoredModel
from retrue.workspace.train.maturity import horizon

RUNNING, STOPPED = "running", "stopped"
COVERAGE = 0.95
"""Below this share of matured events with a label it is said that the others may be different."""
PLACES = 24
"""Most slices that a trial is judged in."""
NOTHING: dict[str, pl.DataType] = {
    **dict.fromkeys(("_loss", "_other"), pl.Float64()),
    **dict.fromkeys(("_known", "_challenged"), pl.Boolean()),
    "_time": pl.Datetime("us", "UTC"),
}
"""What is known of a trial that nothing was logged for."""


@dataclass(frozen=True)
class Trial:
    """Two versions side by side in production.

    Attributes:
        model: whose.
        id: its id.
        status: "running" or "stopped".
        body: what it was started with (kind, champion, challenger, since, share, margin, metric, slices), when and why
            it was stopped, and what it had shown when it was last judged.
    """

    model: StoredModel
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

    @property
    def waits(self) -> bool:
        """Whether later labels may tell more: it is running, or labels of its events may still come."""
        return waits(self)

    def judge(self, now: datetime | None = None) -> Judged:
        """Say what it has shown by now; nothing is kept."""
        return judge_events(self, matured(self, clock.aware(now or clock.now())))

    def update(self, now: datetime | None = None) -> Trial:
        """Judge it, and keep what was found to be shown."""
        at = clock.aware(now or clock.now())
        seen = matured(self, at)
        judged = {**judge_events(self, seen).to_dict(), "at": at.isoformat()}
        with self.model.store.catalog.write() as tx:  # what somebody else did to it meanwhile stays
            row = stored(tx, self)
            return put(tx, self, row, {**row.body, "judged": judged, "ripe": seen.ripe.isoformat()})

    def stop(self, note: str = "", now: datetime | None = None) -> Trial:
        """End it: events from now on don't count. It is judged until the labels of earlier ones have matured.

        Raises:
            StoreError: it was stopped already.
        """
        at = clock.aware(now or clock.now())
        with self.model.store.catalog.write() as tx:
            row = stored(tx, self)
            if row.status == STOPPED:
                raise StoreError(f"trial {self.id} was stopped already", where=f"model {self.model.name!r}")
            ended = replace(row, status=STOPPED)
            found = put(tx, self, ended, {**row.body, "until": at.isoformat(), "note": note}, "trial stopped")
        return found.update(at)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"id": self.id, "model": self.model.name, "status": self.status, **self.body}


def waits(trial: Trial | rows.Trial) -> bool:
    """Whether later labels may tell more: it is running, or labels of its events may still come."""
    ripe, until = trial.body.get("ripe"), trial.body.get("until")
    if trial.status == RUNNING or ripe is None or until is None:
        return True
    return datetime.fromisoformat(ripe) < datetime.fromisoformat(until)


def start(
    model: StoredModel,
    challenger: str,
    *,
    kind: str = "shadow",
    share: float = 0.5,
    margin: float = MARGIN,
    slices: Sequence[str] | None = None,
    now: datetime | None = None,
) -> Trial:
    """Compare a version with the champion from now on, or go on with the trial that does just that.

    Raises:
        ConfigError: an unknown kind, a share or margin out of range, too many slices.
        RefusedError: the version is tried already, in another way.
        SchemaError: the challenger is the champion, or the model has no label, time or id to compare by.
        SliceError: a slice doesn't parse, or asks for what events don't have.
    """
    if kind not in KINDS:
        raise ConfigError(f"a trial of kind {kind!r}", expected=", ".join(KINDS), hint=nearest(kind, KINDS))
    if not 0 < share < 1 or not 0 <= margin < 1:
        raise ConfigError(f"a share of {share:g} and a margin of {margin:g}", expected="between 0 and 1")
    if challenger == model.version:
        raise SchemaError(f"version {challenger!r} is the champion", where="trial", expected="another version")
    at = clock.aware(now or clock.now())
    asked = {"kind": kind, "champion": model.version, "challenger": challenger, "share": share, "margin": margin}
    if slices is not None:
        asked["slices"] = told_apart(model, slices)
    going = [one for one in trials(model) if one.status == RUNNING and one.body["challenger"] == challenger]
    if going:
        return the_same(going[0], asked)
    watched = [str(part) for part in model.store.slices(model.name)]
    own = {"slices": watched[:PLACES], "beyond": len(watched[PLACES:])} if slices is None else {}
    body = {**asked, **own, "since": at.isoformat(), "metric": metric_of(model)}
    with model.store.catalog.write() as tx:
        made = rows.Trial(uuid.uuid4().hex[:8], model.name, RUNNING, clock.micros(clock.now()), 0, {})
        return put(tx, Trial(model, made.id, RUNNING, {}), made, body, "trial started")


def told_apart(model: StoredModel, slices: Sequence[str]) -> list[str]:
    """Slices that a trial can be judged in, as SQL.

    Raises:
        ConfigError: there are too many.
        SliceError: one doesn't parse, or asks for what events don't have.
    """
    if len(slices) > PLACES:
        raise ConfigError(f"{len(slices)} slices", where="trial", expected=f"at most {PLACES}")
    parts = [Slice.parse(sql) for sql in slices]
    for part in parts:
        part.check(sorted(columns_of(model)))
    return [str(part) for part in parts]


def the_same(going: Trial, asked: Mapping[str, Any]) -> Trial:
    """The trial of a version that is running, where it is what was asked for.

    Raises:
        RefusedError: it is another one.
    """
    other = {name: going.body[name] for name, value in asked.items() if going.body[name] != value}
    if other:
        said = [f"trial {going.id} runs with {name} {value}, not {asked[name]}" for name, value in other.items()]
        what, hint = f"version {going.body['challenger']!r} is tried already", f"retrue trial stop {going.model.name}"
        raise RefusedError(said, what=what, hint=f"stop that one first: {hint} {going.id}")
    return going


def metric_of(model: StoredModel) -> str:
    """What two versions of a model are compared by."""
    schema = model.schema
    if schema.label is None or schema.time is None or schema.id is None:
        raise SchemaError("a trial needs a label, a time and an id", where=f"model {model.name!r}")
    by_task = {"binary": "brier" if isinstance(schema.score, str) else "error_rate", "multiclass": "error_rate"}
    found = {**by_task, "regression": "mae"}.get(str(schema.task))
    if found is None:
        raise SchemaError(f"a trial of a {schema.task} model", expected="binary, multiclass or regression")
    return found


def trials(model: StoredModel) -> list[Trial]:
    """The model's trials, latest first."""
    with model.store.catalog.read() as tx:
        found = sorted(tx.find(rows.Trial, model=model.name), key=lambda row: -row.created)
    return [Trial(model, row.id, row.status, row.body) for row in found]


def find(model: StoredModel, id: str) -> Trial:
    """One trial by its id, the start of it, or "latest".

    Raises:
        StoreError: there is none.
    """
    return names.find(trials(model), id, "trial", model.name, "start one: retrue trial start")


def stored(tx: Transaction, trial: Trial) -> rows.Trial:
    """A trial as it is in the catalog now."""
    row = tx.get(rows.Trial, id=trial.id, model=trial.model.name)
    if row is None:
        raise StoreError(f"no trial {trial.id!r}", where=f"model {trial.model.name!r}", hint="it was removed")
    return row


def put(tx: Transaction, trial: Trial, row: rows.Trial, body: Mapping[str, Any], action: str | None = None) -> Trial:
    """Keep a trial with this body in the catalog."""
    tx.put(replace(row, updated=clock.micros(clock.now()), body=dict(body)))
    if action is not None:
        said = {name: body.get(name) for name in ("kind", "champion", "challenger", "note")}
        audit(tx, action, trial.model.name, {"trial": trial.id, **said})
    return replace(trial, status=row.status, body=body)


def judge_events(trial: Trial, seen: Seen) -> Judged:
    """What a trial has shown by these events."""
    body, known, untold = trial.body, seen.events.filter(pl.col("_known")), list[str]()
    places = {"all events": np.ones(known.height, np.bool_)}
    for sql in body["slices"]:
        part = Slice.parse(sql)
        if not known.height:
            places[sql] = np.zeros(0, np.bool_)
        elif part.columns <= set(known.columns):
            places[sql] = part.mask(known).to_numpy()
        else:
            untold.append(sql)
    streams = [stream_of(trial, where, known.filter(pl.Series(mask))) for where, mask in places.items()]
    return judge(
        streams, body["metric"], body["challenger"], rate=rate_of(known, streams[0], trial), margin=body["margin"],
        ended=trial.status == STOPPED, warnings=[*seen.silent, *warnings(trial, seen.events), *left_out(body, untold)],
    )  # fmt: skip


def left_out(body: Mapping[str, Any], untold: Sequence[str]) -> list[str]:
    """Slices that it isn't compared in, in words."""
    beyond = int(body.get("beyond", 0))
    found = [f"not compared where {sql}: the events lack a column of it" for sql in untold]
    return [*found, f"not compared in {beyond} more watched slices: {PLACES} is the most"] if beyond else found


@dataclass(frozen=True)
class Seen:
    """The events of a trial that count.

    Attributes:
        events: those whose labels have had time to come, in order of time, with `_loss` (and `_other`), `_known`.
        ripe: those before then are.
        silent: which of the versions logged nothing, in words.
    """

    events: pl.DataFrame
    ripe: datetime
    silent: tuple[str, ...]


def matured(trial: Trial, at: datetime) -> Seen:
    """What counts by then. The same event of both is one id on one date (UTC), as in the lake."""
    model, body = trial.model, trial.body
    until = min(at, datetime.fromisoformat(body.get("until", at.isoformat())))
    layout = model.store.layout(model.name)
    time, label = layout.time_column, layout.label_column
    since = datetime.fromisoformat(body["since"])
    versions = [body["champion"], body["challenger"]]
    first, second = (model.events(since, until, version=version).collect() for version in versions)
    logged = zip(versions, (first, second), strict=True)
    silent = tuple(f"version {name!r} has logged nothing since then" for name, frame in logged if not frame.height)
    if not first.height or (not second.height and body["kind"] == "shadow"):
        return Seen(pl.DataFrame(schema=NOTHING), at - timedelta(seconds=model.options.maturity or 0.0), silent)
    both = pl.concat([first, second], how="diagonal_relaxed")
    ripe = at - timedelta(seconds=horizon(model, both, at, time, label))
    grid = model.reference_of(body["champion"]).load().grids.outcome
    sides = [with_loss(frame.filter(pl.col(time) < ripe), grid, body["metric"]) for frame in (first, second)]
    if body["kind"] == "shadow":
        event = [pl.col(layout.id_column), pl.col(time).dt.date().alias("_date")]  # as the lake tells events apart
        others = sides[1].select(*event, pl.col("_loss").alias("_other"))
        joined = sides[0].with_columns(event[1]).join(others, on=[layout.id_column, "_date"], how="inner")
    else:
        marked = [frame.with_columns(_challenged=pl.lit(flag)) for flag, frame in enumerate(sides)]
        joined = pl.concat(marked, how="diagonal_relaxed").with_columns(_other=pl.lit(0.0))
    told = pl.col("_loss").is_finite() & pl.col("_other").is_finite()
    joined = joined.with_columns(_known=told, _time=pl.col(time)).sort("_time", layout.id_column)
    return Seen(joined, ripe, silent)


def with_loss(frame: pl.DataFrame, grid: OutcomeGrid | None, metric: str) -> pl.DataFrame:
    """Events with what each lost: NaN where it isn't known."""
    return frame.with_columns(pl.Series("_loss", losses(frame, grid, metric), pl.Float64))


def losses(frame: pl.DataFrame, grid: OutcomeGrid | None, metric: str) -> Floats:
    """float64[rows], what each event lost by a metric of `retrue.refine.trial`."""
    if grid is None:
        return np.full(frame.height, np.nan)
    if isinstance(grid, RegressionGrid):
        return np.abs(score_rows(frame, grid.label) - score_rows(frame, grid.prediction))
    if metric == "brier":
        return np.asarray(event_losses(grid, frame)["brier"], np.float64)
    return wrong(frame, grid)


def wrong(frame: pl.DataFrame, grid: OutcomeGrid) -> Floats:
    """1 where the predicted class isn't the label's, 0 where it is."""
    from retrue.core.outcome_grid import MulticlassGrid, column

    if isinstance(grid, BinaryGrid):
        label, said, k = grid.truth(column(frame, grid.label)), grid.predicted(frame), 2
    elif isinstance(grid, MulticlassGrid):
        label, k = grid.index(column(frame, grid.label)), len(grid.classes) + 1
        said = grid.predicted(frame, grid.probabilities(frame))
    else:
        return np.full(frame.height, np.nan)
    return np.where((label < k) & (said < k), (label != said).astype(np.float64), np.nan)


def stream_of(trial: Trial, where: str, known: pl.DataFrame) -> Stream:
    """The differences of one place."""
    loss = known["_loss"].to_numpy()
    if trial.body["kind"] == "shadow":
        return shadowed(where, loss, known["_other"].to_numpy())
    day = known["_time"].dt.epoch("d").to_numpy().astype(np.int64)
    return split(where, loss, known["_challenged"].to_numpy() == 1, day, float(trial.body["share"]))


def rate_of(known: pl.DataFrame, whole: Stream, trial: Trial) -> float:
    """Labelled steps a day so far."""
    if not known.height:
        return 0.0
    since = datetime.fromisoformat(trial.body["since"])
    days = (clock.aware(known["_time"][-1]) - since).total_seconds() / clock.DAY
    return whole.gains.size / max(days, 1 / 24)


def warnings(trial: Trial, seen: pl.DataFrame) -> list[str]:
    """What else is to be known: matured events without a label, traffic that isn't split as it was said."""
    found = []
    coverage = float(seen["_known"].mean() or 0.0) if seen.height else 1.0  # type: ignore[arg-type]
    if coverage < COVERAGE:
        found.append(f"only {percent(coverage)} of the matured events have a label: the others may be different")
    if trial.body["kind"] == "ab" and seen.height:
        said = split_warning(seen["_challenged"].to_numpy() == 1, float(trial.body["share"]))
        found += [said] if said else []
    return found
