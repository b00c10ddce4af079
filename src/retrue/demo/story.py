"""The demo's story: ten months of flights replayed week by week, by event time, with labels a day later.

January, February ──learn──> model ──deploy──> March ... December
each week: log, label, check ──incident──> explain, collect, retrain on a mix, prove on later flights, promote or not
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from retrue.core.state import Floats
from retrue.demo import flights as source
from retrue.demo import learner
from retrue.errors import ConfigError, RefusedError, StoreError
from retrue.explain.finding import Finding, guilty_of
from retrue.judge.cause import Cause
from retrue.judge.words import metric_name, minus, percent
from retrue.metrics.measure import Z95
from retrue.refine.collect import Collected
from retrue.refine.mix import Mix
from retrue.refine.prove import Duel, paired_auc
from retrue.report.words import GLYPHS
from retrue.slices import Slice
from retrue.workspace import Model, Run, Workspace
from retrue.workspace import open as open_workspace

ZONE = ZoneInfo(source.TIMEZONE)
# New York's wall clock, as the flights are scheduled.
START, DEPLOYED = datetime.fromisoformat("2013-01-01"), datetime.fromisoformat("2013-03-04")
END, QUICK_END = datetime.fromisoformat("2014-01-01"), datetime.fromisoformat("2013-07-01")
WEEK, DAY = timedelta(days=7), timedelta(days=1)
PATIENCE, AGAIN = 8, 4
"""Weeks after which a new model may be replaced, as it needs labels of the world that it is for, and weeks after a
refusal."""
MEMORY = 10
"""Weeks of the log that a retraining looks back on."""
POLICY = "60 per day"
"""Edge cases that are collected while they are watched for: as many as a person could look through."""
MARK = ".retrue-demo"
"""A file that says that a folder was made by the demo, and may be made anew."""


@dataclass
class Told:
    """What the timeline has said of an incident: the name it opened with, its kind, whether it lasts."""

    name: str
    kind: str
    live: bool = True


@dataclass
class Story:
    """What happens, and who is predicting."""

    workspace: Workspace
    model: Model
    flights: pl.DataFrame
    predictors: dict[str, Any]
    end: datetime
    told: dict[str, Told] = field(default_factory=dict)
    next_try: int = PATIENCE
    scores: list[pl.DataFrame] = field(default_factory=list)


def tell(
    folder: Path,
    *,
    quick: bool = False,
    console: Console | None = None,
    after: Callable[[Story, Console], None] | None = None,
) -> None:
    """Run the demo and print what happens.

    Args:
        folder: where its store and report go; made anew each time.
        quick: March to June alone, with the first promotion and what came of it.
        console: where to print; the terminal unless given.
        after: what comes after the story, while its workspace is open.

    Raises:
        StoreError: the folder holds something else.
        TableError: the flights are not installed.
    """
    out, began = console or Console(highlight=False), time.perf_counter()
    prepare(folder)
    flights = source.load()
    end = QUICK_END if quick else END
    with progress(out) as bar:
        story = deploy(folder, flights, end, out, bar)
        weeks = list(starts(end))
        task = bar.add_task("replaying", total=len(weeks))
        for number, week in enumerate(weeks):
            bar.update(task, description=f"{week:%d %B}")
            live(story, number, week, out)
            bar.advance(task)
    conclude(story, folder, out, time.perf_counter() - began)
    try:
        if after is not None:
            after(story, out)
    finally:
        story.workspace.close()


def prepare(folder: Path) -> None:
    """Make the folder anew, if the demo made it."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise StoreError(
                "the folder holds something else", where=str(folder), hint="choose another one: retrue demo --store DIR"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()


def progress(out: Console) -> Progress:
    """The bar at the bottom, while the timeline grows above it."""
    columns = (TextColumn("[dim]{task.description:<14}"), BarColumn(bar_width=40), TimeElapsedColumn())
    return Progress(*columns, console=out, transient=True)


def starts(end: datetime) -> Iterator[datetime]:
    """The Mondays from the deployment to the end."""
    week = DEPLOYED
    while week < end:
        yield week
        week += WEEK


def deploy(folder: Path, flights: pl.DataFrame, end: datetime, out: Console, bar: Progress) -> Story:
    """Learn on January and February, and register the model with the scores it gives to days it hasn't seen."""
    task = bar.add_task("learning", total=None)
    past = source.between(flights, START, DEPLOYED)
    scored = past.with_columns(p_late=pl.Series(learner.held_out_scores(past)))
    fitted = learner.fit(past, np.ones(past.height))
    workspace = open_workspace(folder / "store")
    model = workspace.register(
        "flights", scored, id="flight_id", time="scheduled", label="late", score="p_late",
        slices=["origin"], timezone=source.TIMEZONE, window="1w", maturity="2d",
    )  # fmt: skip
    bar.remove_task(task)
    own = model.reference.load().profile.outcome
    line(out, "Jan-Feb", "learned", f"from {past.height:,} flights: more than 15 minutes late, or cancelled?")
    line(out, "04 Mar", "deployed", f"on days that it hadn't seen its ROC AUC is {auc(own)}")
    out.print()
    return Story(workspace, model, flights, {"1": fitted}, end)


def auc(outcome: Any) -> str:
    """ROC AUC with its interval, in words."""
    from retrue.metrics import get

    found = get("roc_auc").compute(outcome)
    low, high = found.interval or (0.0, 0.0)
    return f"{found.value:.3f} ({low:.3f} to {high:.3f})"


def live(story: Story, number: int, week: datetime, out: Console) -> None:
    """One week: predict and log, label what happened up to yesterday, check, and act on what is found."""
    until = min(week + WEEK, story.end)
    now = until.replace(tzinfo=ZONE)
    coming = source.between(story.flights, week, until)
    scores = predict(story, story.model.version, coming)
    story.model.log(coming.drop("late").with_columns(p_late=pl.Series(scores)), at=now)
    known = source.between(story.flights, max(week - DAY, DEPLOYED), until - DAY)
    story.model.label(known.select("flight_id", "late"), at=now)
    first = scores if story.model.version == "1" else predict(story, "1", coming)
    story.scores.append(
        pl.DataFrame({"late": coming["late"], "now": scores, "first": first, "at": coming["scheduled"]})
    )
    story.model.check(now=now)
    story.model.collect_new()
    report_new(story, week, out)
    if wants_retraining(story, number):
        version = story.model.version
        retrain(story, now, out)
        story.next_try = number + (AGAIN if story.model.version == version else PATIENCE)


def predict(story: Story, version: str, coming: pl.DataFrame) -> Floats:
    """Scores of one version's model."""
    scores: Floats = story.predictors[version].predict_proba(coming)[:, 1]
    return scores


def line(out: Console, when: str, mark: str, text: str) -> None:
    """One entry of the timeline: when, what, and the words, which wrap in their own column."""
    entry = Table.grid(padding=(0, 2))
    entry.add_column(width=7, style="dim", no_wrap=True)
    entry.add_column(width=11, no_wrap=True)
    entry.add_column(overflow="fold")
    entry.add_row(when, Text.from_markup(mark), Text.from_markup(text))
    out.print(entry)


def report_new(story: Story, week: datetime, out: Console) -> None:
    """Add to the timeline which incidents are new, which grew worse, and which are over."""
    when, over = f"{week:%d %b}", list[str]()
    for one in reversed(story.model.incidents()):
        told = story.told.get(one.id)
        if one.live and (told is None or told.kind != one.kind.value or not told.live):
            story.told[one.id] = Told(name_of(one) if told is None else told.name, one.kind.value)
            line(out, when, mark_of(one.kind.value), escape(carried_on(told, one.sentence)))
            if one.cause is not None and is_of(one.cause, one) and one.cause.words() not in one.sentence:
                line(out, "", "[dim]rows[/dim]", escape(one.cause.words()))
        if not one.live and told is not None and told.live:
            told.live = False
            over.append(told.name)
    if over:
        line(out, when, "[dim]✓ over[/dim]", f"[dim]{escape(', '.join(over))}[/dim]")


def is_of(cause: Cause, incident: Any) -> bool:
    """Whether a cause speaks of the incident's columns: beside a broken one, other rows are another story."""
    return bool(cause.columns & set(incident.columns)) or not incident.columns


def mark_of(kind: str) -> str:
    """An incident's glyph and word, in its colour."""
    colour = "red" if kind == "broken" else "yellow"
    return f"[{colour}]{GLYPHS[kind]} {kind}[/{colour}]"


def carried_on(told: Told | None, sentence: str) -> str:
    """The sentence; of an incident that was told before, with the name it opened with.

    >>> carried_on(Told("humid", "unknown", live=False), "Since 1 April 2013, temp: 5 % ...")
    'Again (humid): Since 1 April 2013, temp: 5 % ...'
    """
    if told is None:
        return sentence
    known = "" if f"{told.name}:" in sentence else f" ({told.name})"
    return f"{'Now' if told.live else 'Again'}{known}: {sentence}"


def name_of(incident: Any) -> str:
    """What an incident is called: its columns, those that changed together, or else the metric that fell."""
    first = incident.verdicts[0]
    together = first.reason.partition(" changed together")[0] if first.columns else ""
    return ", ".join(incident.columns) or together or metric_name(first.metric or incident.kind.value)


def rows_in_words(finding: Finding) -> str:
    """The guilty slice with its share before and now, and how often the model is wrong there."""
    before, after = finding.share
    wrong = "" if not finding.loss or finding.loss[1] is None else f", wrong {percent(finding.loss[1])} of the time"
    shares = f"{percent(before)} of flights before, {percent(after)} now"
    return f"{escape(str(finding))}  [dim]{shares}{wrong}[/dim]"


def wants_retraining(story: Story, number: int) -> bool:
    """Whether the model is worse, asked what it never learned or fed what costs it, with weeks to learn from."""
    return number >= story.next_try and bool(learnable(story.model))


def learnable(model: Model) -> list[Any]:
    """The live incidents that a new model may end: broken data are mended, not learned."""
    return [one for one in model.incidents(live=True) if one.kind.value in ("degraded", "unknown", "drifting")]


def retrain(story: Story, now: datetime, out: Console) -> None:
    """Watch for edge cases and collect them, train on a mix, prove on later flights, promote or be refused."""
    model = story.model
    incident = max(learnable(model), key=lambda one: (one.severity, one.since))
    why = f"after {escape(story.told[incident.id].name)}; the rows to blame by now:"
    line(out, f"{now - WEEK:%d %b}", "[bold]retraining[/bold]", why)
    if not tell_rows(incident, out):
        line(out, "", "not now", "no rows are to blame more than others, so that none are collected")
        return
    edge = watched(story, incident, f"edge cases of {now:%B}")
    line(out, "", "watched", f"as a signal: its share is judged from now on, {POLICY} are collected as they come")
    line(out, "", "collected", f"{edge.rows.height:,} of {edge.matched:,} flights where {escape(str(edge.slice))}")
    recent = model.logged(since=now - MEMORY * WEEK)
    mix = Mix({model.reference_of("1"): 0.4, edge: 0.2, recent: 0.4})
    try:
        run = model.retrain(learner.fit, mix=mix, holdout="3w", now=now)
    except (RefusedError, ConfigError) as error:  # no row has a label by now, or too few for their share
        reasons = error.reasons if isinstance(error, RefusedError) else [error.what]
        line(out, "", "[yellow]✗ refused[/yellow]", escape("; ".join(reasons)))
        return
    line(out, "", "retrained", f"on {run.manifest['rows']:,} flights whose labels have matured")
    decide(story, run, now, out)


def watched(story: Story, where: Any, name: str) -> Collected:
    """Watch for the rows to blame, in place of those of the retraining before; gives what is collected of them by now.

    What meets it later is collected week by week.
    """
    model = story.model
    for one in model.watched_signals():
        model.unwatch_signal(one.name)
    model.watch_signal(where, name=name, policy=POLICY)
    model.collect_new()
    return next(one for one in model.collections() if one.name == name)


def tell_rows(incident: Any, out: Console) -> bool:
    """Say which rows the incident blames, or else an explanation does; False where neither does."""
    if incident.cause is not None:
        line(out, "", "[dim]rows[/dim]", escape(Slice.parse(incident.cause.slice).sql or ""))
        return True
    guilty = guilty_of(incident.explain().slices)
    if guilty is not None:
        line(out, "", "[dim]rows[/dim]", rows_in_words(guilty))
    return guilty is not None


def decide(story: Story, run: Run, now: datetime, out: Console) -> None:
    """Show the proof, and promote if the gate opens."""
    proof = run.prove()
    main = proof.contests[0]
    low, high = main.interval or (0.0, 0.0)
    line(
        out,
        "",
        "proof",
        f"{main.n:,} later flights: ROC AUC {main.champion or 0:.3f} → {main.challenger or 0:.3f}, "
        + minus(f"{main.difference or 0:+.3f} ({low:+.3f} to {high:+.3f})"),
    )
    for reason in proof.reasons:
        line(out, "", "[yellow]✗ refused[/yellow]", escape(reason))
    if proof.passed:
        version = run.promote(now=now)
        story.predictors[version] = run.challenger
        line(out, "", "[bold]● promoted[/bold]", f"version {version} predicts from next week on")
    out.print()


def conclude(story: Story, folder: Path, out: Console, took: float) -> None:
    """Compare the model as it is with the one that was never retrained, write the report, say what to type next."""
    incidents, champion = story.model.incidents(), story.model.version
    out.print(f"[bold]{len(incidents)} incidents; the champion is version {champion}.[/bold]")
    if champion != "1":
        out.print(against_first(story))
    page = save_report(story, folder)
    out.print(f"\nstore   {folder / 'store'}")
    out.print(f"report  {page}  [dim]the last four weeks against January and February[/dim]")
    out.print(f"took    {took:.0f} s\n\nNext:   retrue incidents flights --store {folder / 'store'}")
    if incidents:
        out.print(f"        retrue explain flights {incidents[0].id} --store {folder / 'store'}")
    if story.model.runs():
        where = "models/flights/refine shows each run from its incident to what it did"
        out.print(f"        retrue serve {folder / 'store'}  [dim]{where}[/dim]")


def save_report(story: Story, folder: Path) -> Path:
    """Compare the last four weeks with what the first model learned from."""
    from retrue.comparing import compare
    from retrue.tables import read

    columns = ["scheduled", *source.FEATURES, "p_late", "late"]
    last = story.model.events(since=(story.end - 4 * WEEK).replace(tzinfo=ZONE), columns=columns).collect()
    first = read(story.model.reference_of("1").frame.select(columns), name="January and February")
    last_weeks = read(last, name=f"four weeks to {story.end:%d %B}")
    report = compare(first, last_weeks, time="scheduled", label="late", score="p_late")
    return report.save(folder / "report.html")


def against_first(story: Story) -> str:
    """How the weeks after the first promotion went, beside the model that was never retrained."""
    scores = pl.concat(story.scores)
    changed = scores.filter(pl.col("now") != pl.col("first"))
    found = paired_auc(Duel(*(changed[name].to_numpy().astype(float) for name in ("late", "first", "now"))))
    if found is None:
        return "No flights yet since the promotion."
    first, now, error = found
    gain = now - first
    low, high = gain - Z95 * error, gain + Z95 * error
    return (
        f"Since the promotion, {changed.height:,} flights: ROC AUC {now:.3f}; "
        f"the model of January would have had {first:.3f} " + minus(f"({gain:+.3f}, {low:+.3f} to {high:+.3f}).")
    )
