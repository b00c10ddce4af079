"""One turn of the flywheel as pages show it: incident -> rows -> run -> proof -> promotion -> what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from retrue.judge.words import metric_name, percent
from retrue.metrics.measure import Measure
from retrue.report.comparison import PerformanceReport
from retrue.report.incident import is_share
from retrue.report.words import difference, half_width, plural, precise, signed, spanned, upper_first, valued
from retrue.server.pages.trials import trial_row
from retrue.workspace.promote.lineage import Effect, Lineage, Side
from retrue.workspace.train.runs import ROLLED_BACK

STATES = {
    "queued": ("waits for its turn", "calm"),
    "training": ("is training", "calm"),
    "trained": ("trained", "calm"),
    "proven": ("trained", "calm"),
    "refused": ("trained", "calm"),
    "promoted": ("trained", "calm"),
    "failed": ("failed", "bad"),
}
"""A run's status in words, and how loud it is."""
GLYPHS = {"calm": "·", "warn": "▲", "bad": "■"}


@dataclass(frozen=True)
class Step:
    """A step of the chain.

    Attributes:
        name: which.
        state: in a few words; tone, glyph: how loud.
        text: what there is to know; lines: more of it, in small.
        link: where there is more; "" where nowhere.
        command: what to type for it to go on; "" where nothing.
    """

    name: str
    state: str
    tone: str
    text: str = ""
    lines: tuple[str, ...] = ()
    link: str = ""
    command: str = ""

    @property
    def glyph(self) -> str:
        """How loud it is, as a sign."""
        return GLYPHS[self.tone]


@dataclass(frozen=True)
class Turn:
    """A turn: its run, a sentence, and the steps."""

    id: str
    created: int
    sentence: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Line:
    """A comparison: where, by which metric, both sides, the difference and how it ended."""

    where: str
    metric: str
    champion: str
    challenger: str
    difference: str
    interval: str
    outcome: str
    tone: str
    rows: str


def turn_of(model: str, one: Lineage, effect: Effect | None, incidents: Mapping[str, str], champion: str) -> Turn:
    """A turn in words.

    Args:
        model: whose.
        one: what is known of it.
        effect: what its promotion did; None where it wasn't promoted.
        incidents: the sentence of each incident by its id.
        champion: the version in production now.
    """
    steps = (
        incident_step(model, one, incidents), rows_step(one), run_step(model, one), proof_step(model, one),
        trial_step(one), promotion_step(model, one, champion), effect_step(one, effect),
    )  # fmt: skip
    return Turn(
        one.id, one.created, sentence_of(one, effect, champion), tuple(step for step in steps if step is not None)
    )


def sentence_of(one: Lineage, effect: Effect | None, champion: str) -> str:
    """Say what came of a run."""
    if one.error or one.status == "failed":
        return f"Run {one.id} failed: {first_line(one.error or 'nothing says why')}"
    if one.version is not None:
        said = effect_said(effect) if effect is not None else ""
        back = ", and was rolled back" if one.body.get(ROLLED_BACK) else ""
        return f"Run {one.id} became version {one.version}{back}" + (f": {said}" if said else "")
    if one.proof is None:
        return f"Run {one.id} {STATES.get(one.status, (one.status, ''))[0]}: not proven yet"
    if one.reasons:
        return f"Run {one.id} was refused: {one.reasons[0]}"
    if one.champion != champion:
        return f"Run {one.id} was passed over: version {champion} took its champion's place"
    return f"Run {one.id} may be promoted: {main_said(one)}"


def first_line(text: str) -> str:
    """The first line of a text, at most 160 characters of it."""
    line = text.strip().partition("\n")[0]
    return line if len(line) <= 160 else line[:159] + "…"


# --- the steps --------------------------------------------------------------------------------------------------------


def incident_step(model: str, one: Lineage, incidents: Mapping[str, str]) -> Step:
    """What began it."""
    known = [key for key in one.incidents if key in incidents]
    if known:
        link = f"/models/{quote(model, safe='')}/incidents/{quote(known[0])}"
        return Step("Incident", "began it", "calm", incidents[known[0]], more(known[1:], "incident"), link)
    if one.incidents:
        return Step("Incident", "is forgotten", "calm", one.incidents[0])
    return Step("Incident", "none", "calm", "Somebody began it by hand")


def more(rest: Sequence[object], noun: str) -> tuple[str, ...]:
    """How many more there are, where there are any."""
    return (f"and {plural(len(rest), f'more {noun}')}",) if rest else ()


def rows_step(one: Lineage) -> Step:
    """What it was trained on."""
    if not one.parts:
        return Step("Rows", "not known", "calm", "No manifest was kept")
    told = [f"{part.name}: {part.rows:,}" + (f", {percent(part.share)} of the weight" if part.share is not None else "")
            for part in one.parts]  # fmt: skip
    return Step("Rows", "mixed", "calm", plural(one.rows, "row"), tuple(told[:4]) + more(told[4:], "part"))


def run_step(model: str, one: Lineage) -> Step:
    """The training."""
    said, tone = STATES.get(one.status, (one.status, "calm"))
    trainer = one.body.get("trainer")
    known = trainer if isinstance(trainer, Mapping) else {}
    kind, seconds = known.get("kind"), known.get("seconds")
    lines = [str(kind)] if kind else []
    lines += [f"{seconds:,.1f} s"] if isinstance(seconds, int | float) else []
    text = first_line(one.error) if one.error else f"run {one.id}"
    return Step("Run", said, tone, text, tuple(lines), f"/models/{quote(model, safe='')}/runs/{quote(one.id)}")


def proof_step(model: str, one: Lineage) -> Step:
    """What it showed."""
    if one.status == "failed" or one.error:
        return Step("Proof", "none", "calm", "The champion stays")
    if one.proof is None:
        return Step("Proof", "not yet", "warn", command=f"retrue prove {model} {one.id}")
    if one.reasons:
        return Step("Proof", "refused", "warn", upper_first(one.reasons[0]), more(one.reasons[1:], "reason"))
    return Step("Proof", "passed", "calm", main_said(one))


def main_said(one: Lineage) -> str:
    """The comparison that decides, in words."""
    if not one.contests:
        return "nothing was compared"
    line = line_of(one.contests[0])
    ends = f" ({line.interval})" if line.interval else ""
    return f"{line.metric} {line.challenger} against {line.champion}, {line.difference}{ends}"


def trial_step(one: Lineage) -> Step | None:
    """Its version beside the champion, in production: what the last trial said."""
    if not one.trials:
        return None
    last = trial_row(one.trials[0])
    return Step("Trial", last.status, "calm", upper_first(last.advice), (last.said, *more(one.trials[1:], "trial")))


def promotion_step(model: str, one: Lineage, champion: str) -> Step:
    """Whether it took over."""
    if one.version is not None and one.body.get(ROLLED_BACK):
        said = f"version {one.version}, until version {one.champion} came back"
        again = f"retrue promote {model} {one.id}" if one.champion == champion else ""
        return Step("Promotion", "rolled back", "warn", said, command=again)
    if one.version is not None:
        by = ""
        if one.override:
            who, note = (one.override.get(name) for name in ("who", "note"))
            by = f"against the gate, by {who or 'somebody'}" + (f": {note}" if note else "")
        state, tone = ("promoted", "warn") if by else ("promoted", "calm")
        return Step("Promotion", state, tone, f"version {one.version}", (by,) if by else ())
    if one.proof is not None and one.champion != champion:
        return Step("Promotion", "passed over", "calm", f"Version {champion} took its champion's place: train again")
    if one.proof is not None and not one.reasons:
        return Step("Promotion", "waits for you", "warn", command=f"retrue promote {model} {one.id}")
    return Step("Promotion", "no", "calm", f"version {one.champion} stays" if one.champion else "")


def effect_step(one: Lineage, effect: Effect | None) -> Step | None:
    """What the promotion did."""
    if one.version is None:
        return None
    if effect is None or effect.after is None:
        return Step("Since then", "can't tell yet", "calm", "No window of the new version is judged yet")
    tone = "warn" if effect.change == "worse" else "calm"
    lines = tuple(side_said(one) for one in (effect.before, effect.after) if one is not None)
    return Step("Since then", effect.change, tone, effect_said(effect), lines)


def effect_said(effect: Effect) -> str:
    """Before and after in a clause: "accuracy 0.71 before, 0.80 after, +9.1 points (7.0 to 11.2)"."""
    if effect.after is None:
        return ""
    name, found = metric_name(effect.metric), effect.difference
    after = figure(effect.after)
    if effect.before is not None and effect.before.estimated != effect.after.estimated:
        told = ("by labels", "as estimated")
        before = f"{figure(effect.before)} before {told[effect.before.estimated]}"
        return (
            f"{name} {before}, {after} since {told[effect.after.estimated]}: no comparison before labels have matured"
        )
    if effect.before is None or found is None:
        return f"{name} {after} since"
    gap, interval = found
    scale = 100 if is_share(effect.metric) else 1
    error = half_width(interval)
    points = " points" if scale == 100 else ""
    ends = f" ({spanned((interval[0] * scale, interval[1] * scale))})" if interval else ""
    moved = signed(gap * scale, error * scale if error else None)
    return f"{name} {figure(effect.before)} before, {after} after: {moved}{points}{ends}"


def side_said(one: Side) -> str:
    """A side in small: its version, interval, windows."""
    ends = f" ({spanned(one.interval)})" if one.interval else ""
    kind = ", estimated" if one.estimated else ""
    return f"version {one.version}: {figure(one)}{ends}, {plural(one.windows, 'window')}{kind}"


def figure(one: Side) -> str:
    """A value with the digits that its interval supports."""
    return precise(one.value, half_width(one.interval))


# --- comparisons ------------------------------------------------------------------------------------------------------


def report_of(contest: Mapping[str, Any]) -> PerformanceReport:
    """A comparison of a proof as reports have one: the champion is the reference."""
    metric = str(contest.get("metric", ""))
    ends = contest.get("interval")
    low, high = map(number, ends) if isinstance(ends, list | tuple) and len(ends) == 2 else (None, None)
    interval = None if low is None or high is None else (low, high)
    return PerformanceReport(
        metric, Measure(number(contest.get("challenger"))), Measure(number(contest.get("champion"))),
        number(contest.get("difference")), interval, "higher" if contest.get("higher_is_better") else "lower",
        is_share(metric),
    )  # fmt: skip


def number(said: object) -> float | None:
    """A number, or None."""
    return float(said) if isinstance(said, int | float) else None


def line_of(contest: Mapping[str, Any]) -> Line:
    """A comparison in words."""
    report, note, n = report_of(contest), contest.get("note"), contest.get("n")
    scale = 100 if report.points else 1
    interval = spanned((report.interval[0] * scale, report.interval[1] * scale)) if report.interval else ""
    change = {"same": "even", "unknown": f"can't tell{f': {note}' if note else ''}"}.get(report.change, report.change)
    error = half_width(report.interval)
    champion, challenger = (
        valued(one) if one.value is None or error is None else precise(one.value, error)
        for one in (report.reference, report.window)
    )
    rival = str(contest.get("rival") or "champion")
    where = str(contest.get("where", "")) + ("" if rival == "champion" else f", against {rival}")
    return Line(
        where, metric_name(report.metric), champion, challenger, difference(report), interval, change,
        "warn" if change == "worse" else "", f"{n:,}" if isinstance(n, int) else "",
    )  # fmt: skip
