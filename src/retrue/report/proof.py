"""Champion against challenger in a terminal: the verdict in a sentence, then where, by how much, and how sure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from retrue.judge.words import metric_name, percent
from retrue.report.evidence import early as early_said
from retrue.report.evidence import sentences
from retrue.report.incident import is_share
from retrue.report.jobs import below
from retrue.report.layout import add_row, moment, quiet_table
from retrue.report.text import NARROW
from retrue.report.words import plural, precise, signed, spanned, upper_first

OUTCOMES = {"better": "▲ better", "worse": "▼ worse", "even": "· even", "unknown": "– can't tell"}


class Contest(Protocol):
    """One metric on one set of rows; `retrue.refine.prove.Contest` is one."""

    @property
    def where(self) -> str: ...
    @property
    def metric(self) -> str: ...
    @property
    def champion(self) -> float | None: ...
    @property
    def challenger(self) -> float | None: ...
    @property
    def difference(self) -> float | None: ...
    @property
    def interval(self) -> tuple[float, float] | None: ...
    @property
    def n(self) -> int: ...
    @property
    def note(self) -> str | None: ...
    @property
    def outcome(self) -> str: ...


class Proof(Protocol):
    """What a challenger showed; `retrue.workspace.prove.proof.Proof` is one."""

    @property
    def contests(self) -> Sequence[Contest]: ...
    @property
    def coverage(self) -> float: ...
    @property
    def reasons(self) -> Sequence[str]: ...
    @property
    def holdout(self) -> tuple[str, str]: ...
    @property
    def passed(self) -> bool: ...
    def to_dict(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class proof_view:  # noqa: N801 - used as a function is, and knows the terminal's width only when printed
    """The terminal view of a proof."""

    proof: Proof

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(headline(self.proof), style="bold")
        yield from more_reasons(self.proof)
        yield Text(holdout(self.proof), style="dim")
        if self.proof.contests:
            yield Text("")
            yield contests_table(self.proof.contests, options.max_width)
        told = [Text(sentence) for sentence in sentences(self.proof.to_dict())]
        yield from [Text(""), *told] if told else []


def headline(proof: Proof) -> str:
    """Say whether the challenger may be promoted, and why."""
    if not proof.passed:
        return f"Refused: {proof.reasons[0]}."
    main = proof.contests[0]
    return f"May be promoted: {metric_name(main.metric)} {against(main)} on {plural(main.n, 'later event')}."


def against(contest: Contest) -> str:
    """Both values and the gain: "0.81 against the champion's 0.45 (+36.1 points, 33.0 to 39.2)"."""
    gap = f"{gain(contest)}, {interval(contest)}" if contest.interval else gain(contest)
    return f"{value(contest.challenger, contest)} against the champion's {value(contest.champion, contest)} ({gap})"


def more_reasons(proof: Proof) -> Iterator[RenderableType]:
    """The other reasons for a refusal, one a line."""
    for reason in proof.reasons[1:]:
        yield Text(f"And: {upper_first(reason)}.")


def holdout(proof: Proof) -> str:
    """Say what they were compared on."""
    ends = " to ".join(moment(end) for end in proof.holdout)
    return f"On the events of {ends}, {percent(proof.coverage)} labelled, which neither model has learned from."


def contests_table(contests: Sequence[Contest], width: int) -> Table:
    """Every comparison; narrow terminals do without the interval."""
    figures = ["Champion", "Challenger", "Difference", "95 % interval", "Rows"]
    if width < NARROW:
        figures.remove("95 % interval")
    table = quiet_table("Where", "Metric", *figures, "Outcome", right=figures)
    for one in contests:
        cells = [value(one.champion, one), value(one.challenger, one), gain(one), interval(one), f"{one.n:,}"]
        if width < NARROW:
            del cells[3]
        add_row(table, [one.where, metric_name(one.metric), *cells, outcome(one)])
    return table


def scale(contest: Contest) -> float:
    """100 where differences read as points."""
    return 100.0 if is_share(contest.metric) else 1.0


def reach(contest: Contest) -> float | None:
    """Half the width of the difference's interval."""
    return (contest.interval[1] - contest.interval[0]) / 2 or None if contest.interval else None


def value(figure: float | None, contest: Contest) -> str:
    """A value with the digits that the comparison supports."""
    return "–" if figure is None else precise(figure, reach(contest))


def gain(contest: Contest) -> str:
    """The difference with its sign."""
    if contest.difference is None:
        return "–"
    error, times = reach(contest), scale(contest)
    return signed(contest.difference * times, error and error * times) + (" points" if times == 100 else "")


def interval(contest: Contest) -> str:
    """The difference's interval, in the same unit."""
    ends = contest.interval
    return "" if ends is None else spanned((ends[0] * scale(contest), ends[1] * scale(contest)))


def outcome(contest: Contest) -> Text:
    """How it ended, with the reason where it can't be told."""
    said = OUTCOMES[contest.outcome] + (f" ({contest.note})" if contest.note else "")
    return Text(
        said, style="yellow" if contest.outcome == "worse" else "dim" if contest.outcome in ("even", "unknown") else ""
    )


def runs_view(runs: Sequence[Mapping[str, Any]], total: int) -> RenderableType:
    """Show training runs, as `Run.to_dict` gives them: state, rows, trainer, and what came of each."""
    table = quiet_table("Run", "State", "Trained at", "Rows", "Trainer", "What came of it", right=["Rows"])
    for run in runs:
        state = Text(run["status"], style="bold red" if run["status"] == "failed" else "dim")
        rows, kind = f"{run['manifest']['rows']:,}", run.get("trainer", {}).get("kind", "")
        add_row(table, [run["id"], state, moment(run["at"]), rows, kind, came_of(run)])
    return below(table, len(runs), total)


def came_of(run: Mapping[str, Any]) -> str:
    """What came of a run in a clause: why it failed or was refused, or the version that it became."""
    if run.get("error"):
        return str(run["error"]).partition("\n")[0]
    if run.get("version"):
        back = run.get("rolled_back")
        return f"version {run['version']}" + (f", rolled back {moment(back)}" if back else "")
    proof = run.get("proof")
    if not proof:
        return ""
    return str(proof["reasons"][0]) if proof["reasons"] else "may be promoted"


@dataclass(frozen=True)
class run_view:  # noqa: N801 - as above
    """The terminal view of a training run: its id, its manifest, what is known of early labels, and of a second fit."""

    id: str
    manifest: Mapping[str, Any]
    early: Mapping[str, Any] | None = None
    refit: str | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        said = self.manifest
        yield Text(f"Run {self.id} has learned from {plural(said['rows'], 'row')}.", style="bold")
        cut, matured = moment(said["cut"]), moment(said["matured"])
        yield Text(
            f"Logged rows before {cut}; those from there to {matured}, with matured labels, are kept for the proof.",
            style="dim",
        )
        yield Text("")
        table = quiet_table("Part", "Rows", "Weight", right=["Rows", "Weight"])
        for part in said["parts"]:
            add_row(table, (part["part"], f"{part['rows']:,}", percent(part["share"])))
        yield table
        left = [f"{rows:,} {why}" for why, rows in said.get("left_out", {}).items()]
        if left:
            yield Text(f"Rows left out: {'; '.join(left)}.", style="dim")
        yield from (Text(sentence, style="dim") for sentence in early_said(self.early))
        if self.refit is not None:
            yield Text(f"{upper_first(self.refit)}.", style="dim")
