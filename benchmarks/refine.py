"""Refine: what retraining brings on real streams, by when it is done; one table.

Each data set is replayed window by window: a model scores what comes, labels come with their delay, and then
* never: the first model stays;
* scheduled: a new one every fourth window, on all labels there are;
* always-latest: a new one every window, on the labels of the last four;
* Retrue: a real store (log, label, check, decide, retrain, prove, gate, promote), policy "benefit", the same worth and
  costs on all.
All learn with the same small model. `labels` are those that a retraining learned from or was proven on; `looked at`
are those and all that the policy's rule looked at: what its small fits learned from and were proven on, or, without
them, what the gap was measured by. Each label counts once. What only watches isn't counted, for it is the same in all
four. `gain` is over never, with 95 %: of the mean over windows of the paired difference, so that windows that wander
count as chance. `/1,000` is the gain in points (1 % of never's error, or 0.01) for 1,000 of the labels before it.
No stream is held out: what was found on each has changed the rules since.

`--resume FOLDER` keeps each stream's figures, and takes those that are there: it goes on after a stop, and draws one
table of streams that were run side by side (`--streams`).
"""

# mypy: disable-error-code="import-not-found,import-untyped"

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from benchmarks.looked import ids_of, listening
from benchmarks.replays import STREAMS, Stream
from numpy.typing import NDArray

import retrue as rt
from retrue.refine.decide import Answer, obstacle

Floats = NDArray[np.float64]
EVERY, LATEST = 4, 4
"""Windows between scheduled retrainings, and windows that always-latest learns from."""
COSTS = {"when": "benefit", "point": 0.001, "label": 0.001, "horizon": "30d"}
"""A label costs what a point of the metric is worth on one row; the same everywhere, set before anything was run."""
RUN = 7
"""Days of traffic on which a point is worth what a run costs: streams of 10 rows a day and of 1,000 are alike then."""


@dataclass
class Told:
    """What a policy came to: its value in each window, its runs and promotions, and labels.

    Attributes:
        used: the labels that its runs learned from or were proven on.
        looked: those, and all that its rule looked at.
    """

    values: list[float] = field(default_factory=list)
    runs: int = 0
    promotions: int = 0
    used: set[str] = field(default_factory=set)
    looked: set[str] = field(default_factory=set)
    seconds: float = 0.0
    story: list[str] = field(default_factory=list)


def by_calendar(stream: Stream, every: int, latest: int | None) -> Told:
    """Retrain every so many windows, on the labels of the latest ones or on all; 0: never."""
    told, began = Told(), time.perf_counter()
    model = stream.fit(stream.past)
    for number, (until, coming) in enumerate(stream.windows(), 1):
        told.values.append(stream.value(coming, stream.scores(model, coming)) if coming.height else np.nan)
        known = stream.frame.filter(pl.col("at") < until - timedelta(days=stream.delay))
        if latest is not None:
            known = known.filter(pl.col("at") >= until - timedelta(days=latest * stream.window))
        if every and number % every == 0 and known.height >= 100 and known["y"].n_unique() > 1:
            model = stream.fit(known)
            told.runs, told.promotions = told.runs + 1, told.promotions + 1
            told.used |= set(known.filter(pl.col("at") >= stream.start)["id"].cast(pl.String))
    told.looked = told.used
    told.seconds = time.perf_counter() - began
    return told


def by_retrue(stream: Stream, folder: Path) -> Told:
    """Let Retrue decide, on a store of its own."""
    told, began = Told(), time.perf_counter()
    current = stream.fit(stream.past)
    with rt.open(folder) as store:
        model = registered(store, stream)
        late = coming = stream.frame[:0]
        for until, coming in stream.windows():
            now = until.replace(tzinfo=UTC)
            said = stream.scores(current, coming) if coming.height else np.empty(0)  # a month without a batch
            told.values.append(stream.value(coming, said) if coming.height else np.nan)
            if coming.height:
                model.log(coming.drop("y").with_columns(p=pl.Series(said)), at=now)
            due = pl.col("at") < until - timedelta(days=stream.delay)
            waiting = pl.concat([late, coming])
            if waiting.filter(due).height:
                model.label(waiting.filter(due).select("id", "y"), at=now)
            late = waiting.filter(~due)
            model.check(now=now)
            run = start_run(stream, model, now, told, until)
            proof = None if run is None else run.prove()
            if proof is not None and proof.passed:
                run.promote()
                current = run.challenger
                told.promotions += 1
                told.story.append(f"{until:%d %b %Y}: promoted")
            elif proof is not None:
                told.story.append(f"{until:%d %b %Y}: refused: {'; '.join(proof.reasons)[:300]}")
    told.seconds = time.perf_counter() - began
    return told


def registered(store: rt.Workspace, stream: Stream) -> rt.Model:
    """Register the first model by scores of stretches of its past that it hasn't learned from."""
    past = stream.past
    said = np.empty(past.height, object if stream.task == "multiclass" else np.float64)
    for rows in np.array_split(np.arange(past.height), 3):
        others = np.setdiff1d(np.arange(past.height), rows)
        said[rows] = stream.scores(stream.fit(past[others]), past[rows])
    output: dict[str, Any] = {"score": "p"} if stream.task == "binary" else {"prediction": "p"}
    return store.register(
        "m", past.with_columns(p=pl.Series(said.tolist())), id="id", time="at", label="y",
        features=list(stream.features), kinds=dict.fromkeys(stream.categories, "categorical"),
        window=f"{stream.judged}d", maturity=timedelta(days=stream.delay), estimate="off", task=stream.task,
        retraining={**COSTS, "run": RUN * 0.001 * stream.traffic, "gap": f"{stream.window}d"}, **output,
    )  # fmt: skip


def start_run(stream: Stream, model: rt.Model, now: datetime, told: Told, until: datetime) -> Any:
    """Ask whether to retrain, and do it where the answer says so."""
    found: list[Any] = []
    trainer = rt.Trainer(stream.fit, isolated=False)  # a process of its own learns the same, in more time

    def start(mix: rt.Mix) -> Any:
        found.append(model.retrain(trainer, mix=mix, holdout="newest", now=now))
        return found[0]

    with listening() as heard:
        decided = model.decide(now, start=start, fit=trainer)
    told.story.append(f"{until:%d %b %Y}: {decided}")
    told.looked |= looked_at(stream, decided.answer, heard, until)
    if not found:
        return None
    run = found[0]
    told.runs += 1
    first = {str(one) for one in stream.past["id"]}
    holdout = pl.read_parquet(run.folder / "holdout.parquet")
    for learned in (pl.read_parquet(run.folder / "training.parquet"), holdout, run.learned):
        told.used |= {str(one) for one in learned["id"]} - first
    told.looked |= told.used
    return run


def looked_at(stream: Stream, answer: Answer, heard: list[pl.Series], until: datetime) -> set[str]:
    """The labels that an answer rests on: of small fits, or, without them, of the windows that the gap is of.

    Where something forbids a run whatever it promises (broken data, too soon), it rests on none.
    """
    situation = answer.situation
    due = until - timedelta(days=stream.delay)
    known = stream.frame.filter(pl.col("at") >= stream.start, pl.col("at") < due)
    found = ids_of(heard, known, stream.features)
    gap = situation.gap
    if obstacle(situation, answer.policy) is not None:
        return found
    if situation.curve is None and gap is not None and gap.source == "labels":
        found |= set(known.tail(gap.rows)["id"].cast(pl.String))
    return found


# --- the table --------------------------------------------------------------------------------------------------------


def compare(stream: Stream) -> dict[str, Told]:
    """All policies on one stream."""
    with tempfile.TemporaryDirectory() as folder:
        return {
            "never": by_calendar(stream, 0, None),
            "scheduled": by_calendar(stream, EVERY, None),
            "always-latest": by_calendar(stream, 1, LATEST),
            "Retrue": by_retrue(stream, Path(folder) / "store"),
        }


def gained(stream: Stream, told: Told, never: Told) -> tuple[float, float]:
    """Mean gain over never, in points, and half its 95 % interval."""
    sign = -1.0 if stream.task == "regression" else 1.0
    steps = sign * (np.array(told.values) - np.array(never.values))
    steps = steps[~np.isnan(steps)]
    point = 0.01 * (abs(float(np.nanmean(never.values))) if stream.task == "regression" else 1.0)
    return float(steps.mean() / point), float(1.96 * steps.std(ddof=1) / np.sqrt(steps.size) / point)


HEAD = (
    f"{'data':<13}{'policy':<14}{'metric':<9}{'mean':>8}  {'gain, points':<17}{'runs':>5}{'promoted':>9}"
    f"{'labels':>9}{'/1,000':>8}{'looked at':>11}{'/1,000':>8}"
)


def show(stream: Stream, found: dict[str, Told]) -> None:
    """Print a stream's lines of the table."""
    for name, told in found.items():
        mean, reach = gained(stream, told, found["never"])
        said = "" if name == "never" else f"{mean:+7.1f} ± {reach:.1f}"
        print(
            f"{stream.name:<13}{name:<14}{stream.metric:<9}{np.nanmean(told.values):8.3f}  {said:<17}{told.runs:5}"
            f"{told.promotions:9}{len(told.used):9,}{by_label(mean, told.used):>8}{len(told.looked):11,}"
            f"{by_label(mean, told.looked):>8}{told.seconds:7.0f} s"
        )


def by_label(gain: float, labels: set[str]) -> str:
    """A gain for 1,000 labels; empty where none were used."""
    return "" if not labels else f"{gain / len(labels) * 1_000:.2f}"


def main() -> int:
    """Replay them all; 1 where Retrue lost to never by more than noise, or to the calendar by the label."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", default=",".join(STREAMS), help="which, by comma")
    parser.add_argument("--windows", type=int, default=None, help="only so many windows")
    parser.add_argument("--quick", action="store_true", help="two windows of bikes, few rows and trees: does it run?")
    parser.add_argument(
        "--resume", type=Path, default=None, metavar="FOLDER", help="keep what is done, and go on after"
    )
    parser.add_argument("--story", action="store_true", help="say what Retrue decided")
    given, lost = parser.parse_args(), False
    print(HEAD)
    for name in ["bikes"] if given.quick else given.streams.split(","):
        try:
            stream = STREAMS[name]()
        except (FileNotFoundError, rt.TableError) as error:
            print(f"{name}: left out: {error}")
            continue
        stream = replace(stream.thin(3), judged=stream.window, rounds=10) if given.quick else stream
        windows = 2 if given.quick else given.windows
        stream = stream if windows is None else stream.short(windows)
        found = kept(given.resume, name, stream)
        show(stream, found)
        if given.story:
            print("\n".join(f"    {line}" for line in found["Retrue"].story))
        lost |= is_lost(stream, found)
    return int(lost)


def kept(folder: Path | None, name: str, stream: Stream) -> dict[str, Told]:
    """What was found before of as many rows; else found now, and kept."""
    if folder is None:
        return compare(stream)
    file = folder / f"{name}-{stream.frame.height}.json"
    if not file.exists():
        found = {
            policy: {**asdict(told), "used": sorted(told.used), "looked": sorted(told.looked)}
            for policy, told in compare(stream).items()
        }
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found))
    said = json.loads(file.read_text())
    return {
        policy: Told(**{**told, "used": set(told["used"]), "looked": set(told["looked"])})
        for policy, told in said.items()
    }


def is_lost(stream: Stream, found: dict[str, Told]) -> bool:
    """Whether Retrue is worse than never by more than noise, or than the calendar by the label that is looked at."""
    mean, reach = gained(stream, found["Retrue"], found["never"])
    calendar, _ = gained(stream, found["scheduled"], found["never"])
    ours, theirs = len(found["Retrue"].looked), len(found["scheduled"].looked)
    if mean + reach < 0:
        print(f"{stream.name}: Retrue is worse than never")
        return True
    if not ours and calendar > 0:
        print(f"{stream.name}: Retrue learned nothing where the calendar gained")
        return True
    if ours and theirs and mean / ours < calendar / theirs:
        print(f"{stream.name}: Retrue gains less than the calendar by the label")
        return True
    return False


if __name__ == "__main__":
    sys.exit(main())
