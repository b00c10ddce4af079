"""Matured labels: which logged events may be learned from, and which are held out for the proof.

events ── horizon: delays so far ──> matured ── without broken rows ── cut ──> training | holdout
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from retrue.core.outcome_grid import BinaryGrid, OutcomeGrid
from retrue.core.state import Floats
from retrue.core.times import event_times
from retrue.core.values import text_rows
from retrue.errors import ConfigError, RefusedError, SchemaError
from retrue.judge.words import duration, percent
from retrue.refine.early import ripening
from retrue.refine.promote import COVERAGE, EVIDENCE
from retrue.workspace.options import seconds
from retrue.workspace.stored import StoredModel
from retrue.workspace.train.broken import Fault, faults_of, is_broken

NEWEST, QUARTER = "newest", 0.25
"""A holdout of what came lately: of a policy's least gap between two runs, but no more than this share of the log."""
MATURE = 0.99
"""Labels count as matured once so large a share of the known delays has passed, or of a window's events has one."""
LATEST, ENOUGH = 0.25, 100
"""The share of a young log's events whose labels tell that it has matured, and the fewest of them that do."""
PROVABLE = math.ceil(EVIDENCE / COVERAGE)
"""Events of which a gate finds labelled rows enough."""
EVENT = "_event"
"""The column that names the event that a row is of."""


@dataclass(frozen=True)
class Matured:
    """Logged events whose labels have had time to come.

    Attributes:
        events: from `start`, before `cut` for training and from `cut` for the proof, all before `end`.
        cut: where training ends and the holdout begins.
        end: labels of later events may still come.
        at: when this was so.
        applied: the last segment of the lake that was looked at.
        labels: id, time and label of every such event: where a sample is kept, of those that aren't in it, too.
        faults: when the data were broken; events of then are left out.
    """

    events: pl.DataFrame
    cut: datetime
    end: datetime
    time: str
    label: str
    at: datetime
    applied: int
    labels: pl.DataFrame
    faults: tuple[Fault, ...] = ()

    def part(self, *, after_cut: bool) -> pl.DataFrame:
        """One side of the cut, labelled or not."""
        late = pl.col(self.time) >= self.cut
        return self.events.filter(late if after_cut else ~late)


def matured_events(model: StoredModel, at: datetime, holdout: str | float, *, broken: bool = False) -> Matured:
    """The champion's events whose labels have matured, cut into training and holdout.

    Args:
        model: whose.
        at: the time.
        holdout: how much is held out, as a length or a share; or `NEWEST`.
        broken: whether rows of windows that were judged broken count, too.

    Raises:
        ConfigError: `holdout` is neither a share nor a length of time.
        RefusedError: there are none.
    """
    check_holdout(holdout)
    version = model.version
    layout = model.store.layout(model.name)
    time, label = layout.time_column, layout.label_column
    model.store.apply(model.name)
    with model.store.catalog.read() as tx:
        applied = tx.applied(model.name)
    events = model.events(None, at, version=version, applied=applied).collect()
    if not events.height or events[label].null_count() == events.height:
        raise RefusedError(["no logged event has a label yet"], what="nothing to learn from")
    end = ripe_until(model, at, applied=applied)
    ripe = events.filter(pl.col(time) < end).sort(time)
    if not ripe.height:
        raise RefusedError(
            [f"no label has matured: {why_unripe(model, events, label)}"],
            what="nothing to learn from",
            hint="say how long labels take: register with maturity=, or give label(..., at=) when they came",
        )
    faults = () if broken else faults_of(model)
    ripe = sound(ripe, time, faults)
    first, cut = ripe[time][0], cut_of(ripe[time], holdout, model.options.policy.gap)
    if cut <= first:
        raise RefusedError(
            [f"the holdout ({holdout}) takes all of the log since {first}"], what="nothing to learn from"
        )
    every = labels_before(model, version, ripe, end, applied)
    return Matured(ripe.select(own(ripe.columns, model)), cut, end, time, label, at, applied, every, faults)


def why_unripe(model: StoredModel, events: pl.DataFrame, label: str) -> str:
    """Why none of them has, in words."""
    if model.options.maturity is not None:
        return f"they take {duration(model.options.maturity)} to come"
    known = events.height - events[label].null_count()
    return f"{percent(known / events.height)} of {events.height:,} events have one, and those of the oldest still come"


def labels_before(model: StoredModel, version: str, ripe: pl.DataFrame, end: datetime, applied: int) -> pl.DataFrame:
    """Id, time and label of the ripe events, of those that aren't kept whole, and of other versions' events.

    What was collected of an earlier champion's is learned from, too. Each event counts once, whoever scored it.
    """
    layout = model.store.layout(model.name)
    told = [layout.id_column, layout.time_column, layout.label_column]
    alone = {one.version for one in model.store.windows(model.name)} <= {version}
    if alone and not model.store.keeping(model.name):
        return ripe.select(told)
    every = model.events(None, end, applied=applied, sample="all").select(told).collect()
    return pl.concat([ripe.select(told), every]).unique(told[:2], keep="first", maintain_order=True)


def sound(ripe: pl.DataFrame, time: str, faults: tuple[Fault, ...]) -> pl.DataFrame:
    """Events without those of windows that were judged broken.

    Raises:
        RefusedError: no other ones are left.
    """
    left = ripe.filter(~pl.Series(is_broken(ripe, time, faults)))
    if not left.height:
        raise RefusedError(
            [f"all {ripe.height:,} events with matured labels are of windows that were judged broken"],
            what="nothing to learn from",
            hint="mark a false alarm as one; or, knowingly, rt.Mix(..., broken=True)",
        )
    return left


def check_holdout(holdout: str | float) -> None:
    """Refuse what isn't understood.

    Raises:
        ConfigError: a share outside of 0 to 1, no length of time, or another word than `NEWEST`.
    """
    if holdout == NEWEST or (seconds(holdout) > 0 if isinstance(holdout, str) else 0 < holdout < 1):
        return
    expected = f"a share between 0 and 1, a length of time, or {NEWEST!r}, such as 0.3 or 14d"
    raise ConfigError(f"holdout={holdout!r}", where="retrain", expected=expected)


def cut_of(times: pl.Series, holdout: str | float, gap: float) -> datetime:
    """Where a holdout begins, of the times of a log in order; `gap` (seconds) is what `NEWEST` goes by.

    A share of a log that grew long holds mostly what was before the world changed. What is to be served until the next
    run is likest to what came since the last one could have been: a gap's events. What is before is left to learn from.

    >>> hours = pl.Series([datetime(2026, 1, 1) + timedelta(hours=n) for n in range(2_000)])
    >>> print(cut_of(hours, NEWEST, gap=7 * 86_400), cut_of(hours, 0.25, gap=7 * 86_400), sep="; ")
    2026-03-18 08:00:00; 2026-03-04 12:00:00
    """
    last: datetime = times[-1]
    if isinstance(holdout, str) and holdout != NEWEST:
        return last - timedelta(seconds=seconds(holdout))
    share = QUARTER if isinstance(holdout, str) else holdout
    late = int((times > last - timedelta(seconds=gap)).sum()) if holdout == NEWEST else None
    held: datetime = times[min(len(times) - held_rows(len(times), share, late), len(times) - 1)]
    return held


def held_rows(n: int, share: float, most: int | None = None) -> int:
    """How many of so many events a share holds out: at least as many as a gate asks for, but no more than a half.

    A proof on fewer is refused whatever it shows.

    >>> [held_rows(n, 0.25) for n in (100, 300, 1_000)], held_rows(1_000, 0.25, most=20)
    ([50, 106, 250], 106)
    """
    held = n - int(n * (1 - share))
    return max(held if most is None else min(held, most), min(PROVABLE, n // 2))


def own(columns: Sequence[str], model: StoredModel) -> list[str]:
    """The columns of logged events that are the model's, or tell when the label came."""
    layout = model.store.layout(model.name)
    kept = (layout.time_column, layout.label_column, "_h", "_label_at")
    return [name for name in columns if name in model.schema.named or name in kept]


def ripe_until(model: StoredModel, at: datetime, *, applied: int | None = None, every: int = 1) -> datetime:
    """Labels of earlier events have had time to come, told or as the delays so far say, whichever version scored them.

    Args:
        model: whose.
        at: the time.
        applied: as of this segment.
        every: of so many events one is looked at.
    """
    if model.options.maturity is not None:
        return at - timedelta(seconds=model.options.maturity)
    layout = model.store.layout(model.name)
    key, time, label = layout.id_column, layout.time_column, layout.label_column
    seen = model.events(None, at, columns=[key, time, label, "_label_at"], sample="all", applied=applied)
    events = seen.filter(pl.col(key).hash() % every == 0).collect()
    delay, age = delays(events, at, time, label)
    taken = ripening(delay, age, MATURE)
    if 2 * taken > age.max(initial=0.0):  # what still comes may take as long again
        return max(covered_until(events, time, label), labelled_until(model))
    return max(at - timedelta(seconds=taken), labelled_until(model))


def covered_until(events: pl.DataFrame, time: str, label: str) -> datetime:
    """The last time before which the latest quarter of the events is labelled as a gate asks of a holdout.

    What can be told of a log so young that its delays aren't seen to their end: the labels that came are early ones.
    The quarter's last fifth must have as many and only vouches for what is before it: rare labels that come late are
    missing where few are.

    Returns:
        1970, where no quarter of `ENOUGH` events is.
    """
    ordered = events.select(time, known=pl.col(label).is_not_null()).drop_nulls().sort(time)
    labelled = np.concatenate([[0], np.cumsum(ordered["known"].to_numpy())])
    times = ordered[time].dt.epoch("us").to_numpy()
    ends = np.append(np.unique(times, return_index=True)[1], times.size)[1:]  # what happened at once is of one side
    cuts = np.searchsorted(times, times[(ends * (1 - LATEST)).astype(np.int64)]) if times.size else ends
    fifths = ends - (ends - cuts) // 5
    good = ends - cuts >= ENOUGH
    for first in (cuts, fifths):
        good &= labelled[ends] - labelled[first] >= COVERAGE * (ends - first)
    last = max(fifths[good], default=0)
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(times[last - 1]) + 1 if last else 0)


def labelled_until(model: StoredModel) -> datetime:
    """The end of the last window before which every window is labelled: nothing more is to come, whatever delays say.

    Old events that are logged with their labels have delays of years, which tell nothing.
    """
    until = datetime.fromtimestamp(0, UTC)
    windows = [one for one in model.store.windows(model.name) if one.version == model.version]
    for one in sorted(windows, key=lambda window: window.start):
        if one.labelled < MATURE * one.events:  # the last few may all be of one class
            break
        until = datetime.fromisoformat(model.span(one.start)[1])
    return until.astimezone(UTC)


def horizon(model: StoredModel, events: pl.DataFrame, at: datetime, time: str, label: str) -> float:
    """Seconds from an event until its label can be trusted to be final, told or learned from the delays so far."""
    if model.options.maturity is not None:
        return model.options.maturity
    return ripening(*delays(events, at, time, label), MATURE)


def delays(events: pl.DataFrame, at: datetime, time: str, label: str) -> tuple[Floats, Floats]:
    """Seconds from each event to its label (NaN: none yet), and to `at`; a label counts as known once it is there."""
    known = pl.when(pl.col(label).is_not_null()).then(pl.col("_label_at"))
    told = events.select(delay=(known - pl.col(time)).dt.total_seconds(), age=(at - pl.col(time)).dt.total_seconds())
    delay = told["delay"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    age = told["age"].cast(pl.Float64).to_numpy()
    return delay, np.fmax(age, delay)


def learnable(frame: pl.DataFrame, label: str, outcome: OutcomeGrid | None, classes: Sequence[str]) -> pl.DataFrame:
    """Rows whose label counts; of two classes that are texts, each is written in one way."""
    if outcome is None:
        return frame.filter(pl.col(label).is_not_null())
    known = frame.filter(pl.Series(outcome.counts_label(frame[label])))
    if not isinstance(outcome, BinaryGrid) or outcome.negative is None or known.schema[label] != pl.String():
        return known
    return known.with_columns(pl.Series(label, np.array(classes)[outcome.truth(known[label])].tolist(), pl.String()))


def named(frame: pl.DataFrame, key: str | None, time: str, timezone: str) -> pl.DataFrame:
    """Rows with their times as the log has them, and with the name of the event that each is of, as `EVENT`.

    An id alone names no event: a customer is scored again and again. Rows without a time have their id alone.

    Raises:
        SchemaError: the times can't be read.
    """
    if time in frame.columns:
        frame = frame.with_columns(timed(frame[time], timezone))
    if key is None or key not in frame.columns:
        return frame
    return frame.with_columns(event_names(frame, key, time).alias(EVENT))


def timed(times: pl.Series, timezone: str) -> pl.Series:
    """Times as the log has them.

    Raises:
        SchemaError: none of them can be read.
    """
    found = event_times(times, timezone)
    if len(times) > times.null_count() and found.null_count() == len(found):
        raise SchemaError(f"{times.name!r} has no time that can be read", where="a part of the mix", expected="times")
    return found.alias(times.name)


def event_names(frame: pl.DataFrame, key: str, time: str) -> pl.Series:
    """Which event each row is of: its id, and its time where the rows have one."""
    ids = text_rows(frame[key]).alias("id")
    if time not in frame.columns:
        return ids
    return frame.select(pl.concat_str(ids, pl.col(time).dt.epoch("us").cast(pl.String).fill_null(""), separator=" "))[
        "id"
    ]


def held_out(frame: pl.DataFrame, matured: Matured, key: str) -> pl.Series:
    """Which rows, whatever they came from, are of events that the challenger is proven on."""
    proven = matured.part(after_cut=True)
    known = proven.select(name for name in (key, matured.time) if name in frame.columns)
    events = event_names(known, key, matured.time)
    return event_names(frame, key, matured.time).is_in(events.implode()).fill_null(value=False)


def relabelled(frame: pl.DataFrame, matured: Matured, key: str | None) -> pl.DataFrame:
    """Logged rows before the cut, with the labels that are known now."""
    if key is None:
        return frame.filter(pl.col(matured.time) < matured.cut)
    before = matured.labels.filter(pl.col(matured.time) < matured.cut)
    current = before.select(key, matured.time, matured.label)
    return frame.drop(matured.label, strict=False).join(current, on=[key, matured.time], how="inner")
