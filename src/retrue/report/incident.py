"""Incidents in a terminal: the list, and one explained: what, since when, what it costs, which rows, what now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from retrue.errors import MetricError
from retrue.explain.features import Feature
from retrue.explain.finding import EVERYWHERE, Finding, guilty_of
from retrue.explain.sharing import Sharing
from retrue.judge.cost import Cost
from retrue.judge.incident import Incident, State
from retrue.judge.severity import Severity
from retrue.judge.verdict import VerdictKind
from retrue.judge.words import figure, metric_name, percent
from retrue.metrics import get
from retrue.metrics.names import metric_of
from retrue.report.actions import next_step, sql_of
from retrue.report.examples import contributions_said, examples_table, standings_said
from retrue.report.explanation import Explanation
from retrue.report.layout import add_row, moment, quiet_table, zone
from retrue.report.text import STYLES, WIDE, named, state_text
from retrue.report.words import GLYPHS, plural, signed

RANKED = 8
"""Features that are listed."""
NOTICEABLE = 0.01
"""The least share of rows worth telling that the model was never evaluated on."""


# --- the list ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class incidents_view:  # noqa: N801 - used as a function is, and knows the terminal's width only when printed
    """The terminal view of some incidents, in the order given."""

    incidents: Sequence[Incident]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self.headline, style="bold" if any(one.live for one in self.incidents) else "")
        yield Text("")
        if options.max_width < WIDE:
            yield from lines(self.incidents)
            return
        table = quiet_table("Incident", "Severity", "Kind", "State", "What happened", wide="What happened")
        for one in self.incidents:
            name = Text(one.id, style="bold" if one.live else "")
            add_row(table, (name, severity_text(one), kind_text(one), state_said(one), one.sentence))
        yield table

    @property
    def headline(self) -> str:
        """How many, and how many of them last."""
        live = sum(one.live for one in self.incidents)
        said = plural(len(self.incidents), "incident")
        return f"{said}, {live or 'none'} of them live." if len(self.incidents) > 1 else f"{said}."


def lines(incidents: Sequence[Incident]) -> Iterator[RenderableType]:
    """Write each incident as a heading and its sentence, for narrow terminals."""
    for one in incidents:
        yield Text.assemble(
            (one.id, "bold"), "  ", severity_text(one), "  ", kind_text(one), (f"  {state_said(one)}", "dim")
        )
        yield Padding(Text(one.sentence), (0, 0, 0, 2))


def severity_text(incident: Incident) -> Text:
    """How bad an incident is, loud while it lasts and is high."""
    loud = incident.live and incident.severity >= Severity.HIGH
    return Text(incident.severity.value, style="bold" if loud else "" if incident.live else "dim")


def state_said(incident: Incident) -> str:
    """An incident's state, and that people call it a false alarm."""
    return f"{incident.state.value}, false alarm" if incident.real is False else incident.state.value


def kind_text(incident: Incident) -> Text:
    """An incident's glyph and kind, loud while it lasts."""
    kind = incident.kind.value
    tone = "calm" if incident.state is State.RESOLVED else "bad" if kind == "broken" else "warn"
    return Text(f"{GLYPHS[kind]} {kind}", style=STYLES[tone])


# --- one of them ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class explanation_view:  # noqa: N801 - as above
    """The terminal view of an explanation; `where` is appended to the command to type next."""

    explanation: Explanation
    where: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        told = self.explanation
        yield Text(f"{told.incident.sentence}.", style="bold" if told.incident.live else "")
        yield Text("")
        yield facts(told)
        for title, part in self.parts(options.max_width):
            yield Text(f"\n{title}", style="bold")
            yield part
        yield Text("")
        yield Text.assemble(("Next: ", "dim"), next_step(told) + self.where)

    def parts(self, width: int) -> Iterator[tuple[str, RenderableType]]:
        """The evidence: each part with its finding as a title."""
        told = self.explanation
        if told.slices:
            yield slices_title(told.slices), slices_table(told.slices, told.kept)
        if told.features:
            table, said = features_part(told.features, width), sharing_said(told.sharing)
            yield features_title(told.features), Group(table, Text(said)) if said else table
        if told.examples.height:
            yield examples_title(told), examples_part(told, width)


def changed(told: Explanation, say: Callable[[str], str]) -> list[str]:
    """When the figure behind the worst alarm changed its level, where that wasn't when it alarmed first."""
    return [] if told.since == told.incident.since else [f"what it shows changed on {say(told.since)}"]


def facts(told: Explanation) -> Table:
    """Since when, what it costs, how it stands."""
    incident = told.incident
    table = Table.grid(padding=(0, 2, 0, 0))
    add_row(
        table,
        (
            Text("incident", style="dim"),
            Text.assemble(
                incident.id, "  ", kind_text(incident), f", {incident.severity.value}, {incident.state.value}"
            ),
        ),
    )
    until = incident.ending(moment)
    since = ", ".join((f"{moment(incident.since)} ({zone(incident.since)})", until, *changed(told, moment)))
    add_row(table, (Text("since", style="dim"), since))
    if told.course is not None:
        add_row(table, (Text("shape", style="dim"), past(str(told.course), incident)))
    if incident.kind is not VerdictKind.SILENT:
        add_row(table, (Text("cost", style="dim"), cost_said(incident, told.cost)))
    if incident.real is not None:
        add_row(table, (Text("people say", style="dim"), marked(incident)))
    if told.joint is not None:
        add_row(table, (Text("together", style="dim"), told.joint.sentence))
    if incident.columns:
        add_row(table, (Text("columns", style="dim"), named(incident.columns)))
    return table


def past(shape: str, incident: Incident) -> str:
    """A shape in words, in the past once its incident is over or resolved."""
    return shape if incident.live else shape.replace("and it lasts", "and it lasted")


def marked(incident: Incident) -> str:
    """What people said of an incident: whether it is real, and their note."""
    said = "real" if incident.real else "a false alarm"
    return said if incident.note is None else f"{said}: {incident.note}"


def cost_said(incident: Incident, cost: Cost | None) -> str:
    """Say what the incident costs, or that nothing tells it."""
    if cost is None:
        return "not known: there are no labels, and no estimate"
    return cost.words(over=not incident.live) + ("" if cost.told else ", within noise")


def is_share(metric: str) -> bool:
    """Whether a metric is a share of what it could be, so that its differences read as points."""
    try:
        found = get(metric_of(metric))
    except MetricError:
        return False
    return found.range == (0, 1) and found.better == "higher"


def slices_title(slices: Sequence[Finding]) -> str:
    """Say which rows explain it."""
    first = slices[0]
    if sql_of(first) == EVERYWHERE:
        return "It is everywhere: no part of the rows explains more than all of them"
    old, new = first.loss or (None, None)
    if first.question == "loss" and old is not None and new is not None:
        return f"It went wrong most where {first.words}: the mean loss went from {figure(old)} to {figure(new)}"
    before, after = first.share
    verb = "rose" if after > before else "fell"
    return f"The events changed most where {first.words}: {verb} from {percent(before)} to {percent(after)} of all"


def slices_cells(slices: Sequence[Finding], kept: float = 1.0) -> tuple[list[str], list[list[str]]]:
    """The guilty slices, their share and the mean loss in them, before and after: headings and rows.

    Args:
        slices: what was found.
        kept: which share of the events the rows are of.
    """
    lossy = any(one.loss is not None for one in slices)
    rows = "Rows" if kept == 1 else f"Rows of {percent(kept)}"
    heads = ["Slice", rows, "Share before", "now", *(["Mean loss before", "now"] if lossy else [])]
    found = []
    for one in slices:
        name = "all rows" if sql_of(one) == EVERYWHERE else one.slice.words
        losses = ["–" if loss is None else figure(loss) for loss in one.loss or (None, None)] if lossy else []
        found.append([name, f"{one.n:,}", percent(one.share[0]), percent(one.share[1]), *losses])
    return heads, found


def slices_table(slices: Sequence[Finding], kept: float) -> Table:
    """The same as a table."""
    heads, found = slices_cells(slices, kept)
    table = quiet_table(*heads, right=heads[1:])
    for cells in found:
        add_row(table, cells)
    return table


def features_title(features: Sequence[Feature]) -> str:
    """Say how many columns moved."""
    return f"{plural(len(features), 'column')} moved, by what it is expected to cost"


def features_part(features: Sequence[Feature], width: int) -> RenderableType:
    """Columns with what happened to each and what that is expected to change; a table where there is room."""
    shown = features[:RANKED]
    if width < WIDE:
        return Group(*(line for one in shown for line in feature_lines(one)))
    table = quiet_table(
        "State", "Column", "What happened", "Expected change", right=["Expected change"], wide="What happened"
    )
    for one in shown:
        add_row(
            table, [state_text(one.verdict), one.column, reason_said(one), f"{expected(one)}\n{whose(one)}".strip()]
        )
    return table


def feature_lines(one: Feature) -> Iterator[RenderableType]:
    """Write a column as a heading, what is expected to change, and what happened, for narrow terminals."""
    yield Text.assemble(state_text(one.verdict), "  ", (one.column, "bold"))
    cost = ", ".join(part for part in (expected(one), whose(one)) if part)
    told = [] if one.cost is None else [f"expected change: {cost}"]
    yield from (Padding(Text(line), (0, 0, 0, 2)) for line in [*told, reason_said(one)])


def reason_said(feature: Feature) -> str:
    """What happened to a column, without what that is expected to change: that has a place of its own."""
    return feature.verdict.reason.partition("; expected to change")[0]


def expected(feature: Feature) -> str:
    """What a move alone is expected to change; a dash where that isn't known."""
    cost = feature.cost
    if cost is None:
        return "–"
    if cost.interval[0] <= 0 <= cost.interval[1]:
        return f"none of {metric_name(cost.metric)} to tell"
    return f"{metric_name(cost.metric)} {in_unit(cost.value, cost.metric, cost.interval)}"


def whose(feature: Feature) -> str:
    """Whose the change is that a move alone is expected to bring: another column's, or in part; "" where its own."""
    cost, part = feature.cost, feature.part
    if feature.output:
        return "made by the model, no cause"
    if cost is None or part is None or not part.shared_with:
        return ""
    if feature.follows:
        return f"shared with {part.shared_with[0]}"
    if cost.interval[0] <= 0 <= cost.interval[1]:
        return ""  # of nothing that can be told no part is its own
    near = max((cost.interval[1] - cost.interval[0]) / 2, abs(cost.value) / 10)
    own = in_unit(part.share, cost.metric, cost.interval)
    return "" if abs(part.share - cost.value) <= near else f"{own} of it its own"


def in_unit(change: float, metric: str, interval: tuple[float, float]) -> str:
    """A change of a metric with the digits that its interval supports: in points where it is a share."""
    scale, unit = (100.0, " points") if is_share(metric) else (1.0, "")
    return f"{signed(change * scale, scale * (interval[1] - interval[0]) / 2 or None)}{unit}"


def sharing_said(sharing: Sharing | None) -> str:
    """Say what the features explain together, what a joint estimate says, and what nobody can; "" where nothing is.

    >>> sharing_said(Sharing("accuracy", (), -0.068, (-0.082, -0.053), 0.0, joint=-0.055))
    'Together the features explain accuracy −6.8 points (−8.2 to −5.3); estimated without labels it is −5.5 points.'
    """
    said = []
    if sharing is not None and sharing.explained and sharing.interval is not None:
        whole, low, high = (
            in_unit(one, sharing.metric, sharing.interval) for one in (sharing.explained, *sharing.interval)
        )
        ends = f"{low} to {high}".replace(" points", "")
        together = f"{metric_name(sharing.metric)} {whole} ({ends})"
        joint = "" if sharing.joint is None else in_unit(sharing.joint, sharing.metric, sharing.interval)
        said.append(f"Together the features explain {together}{joint and f'; estimated without labels it is {joint}'}.")
    if sharing is not None and sharing.unseen >= NOTICEABLE:
        said.append(f"{percent(sharing.unseen)} of the rows have a value that the model was never evaluated on.")
    return " ".join(said)


def examples_title(told: Explanation) -> str:
    """Say what the rows are examples of."""
    guilty = guilty_of(told.slices)
    return "A few rows" if guilty is None else f"A few rows where {guilty.slice}"


def examples_part(told: Explanation, width: int) -> RenderableType:
    """The rows, and below them how each stands against the reference."""
    table = examples_table(told, width)
    said = [Text(line) for line in [*standings_said(told.standings, told.outcome), *contributions_said(told)]]
    return Group(table, Text(""), *said) if said else table
