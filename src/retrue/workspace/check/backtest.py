"""Backtest: what a proposed set of monitors would have done over the stored history. Nothing is written.

    stored profiles ──> learned tests ──┐
                   └──> rules ──────────┴──> verdicts of each set ──> episodes, delays, a dummy beside them

Every version that was the champion is replayed over its own windows against its own reference, with the labels that
are known today.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from retrue.core.reference import Reference
from retrue.errors import ConfigError, StoreError, TableError, nearest
from retrue.judge.assess import Judge
from retrue.judge.gaps import slices_of
from retrue.judge.monitor import Figure, Monitor
from retrue.judge.replay import (
    Backtest,
    Episode,
    Marked,
    MonitorTally,
    Tally,
    covered_days,
    dummy,
    episodes_of,
    shortness,
    tally,
)
from retrue.judge.rules import Rule
from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.slices import Slice
from retrue.store import rows
from retrue.tables import read
from retrue.workspace import clock
from retrue.workspace.check import changes, history
from retrue.workspace.check.incidents import load_incidents
from retrue.workspace.options import Options

if TYPE_CHECKING:
    from retrue.workspace.model import Model

Span = tuple[str, str]
ByWindow = dict[Span, list[Verdict]]
LEARNED = "learned"
PRESENT, PROPOSED = "present", "proposed"
REPLAYED = ("rules", "alarm_budget", "calm", "grace")
"""What a proposal may change; windows of another length, or labels trusted earlier, would need other profiles."""
STORE = "store"
"""In place of a table of incidents: those that the store has."""


@dataclass
class Replay:
    """Verdicts of the windows of one version.

    Args:
        learned: those of the learned tests, by how strictly they judge.
        rules: those of each rule, by its text.
        sharing: models that share the alarm budget.
    """

    learned: dict[Settings, ByWindow] = field(default_factory=dict)
    rules: dict[str, ByWindow] = field(default_factory=dict)
    sharing: int = 1

    def by_monitor(self, options: Options) -> dict[str, ByWindow]:
        """The verdicts of each monitor of a set."""
        learned = self.learned[options.settings(sharing=self.sharing)]
        return {LEARNED: learned, **{text: self.rules[text] for text in options.rules}}


def backtest(
    model: Model, proposal: Mapping[str, Any] | None = None, *, incidents: Any = None, now: datetime | None = None
) -> Backtest:
    """Replay the present set of monitors, and a proposed one.

    Args:
        model: whose history.
        proposal: what it changes: `rules`, `alarm_budget`, `calm`, `grace`; None replays the present set alone.
        incidents: incidents known to have happened: a table with `since` and perhaps `until` and `name`, or "store".
        now: windows whose grace has passed by then are replayed; the present unless given.

    Raises:
        StoreError: there is no history.
        ConfigError: the proposal changes what can't be replayed.
        MetricError, SliceError: one of its rules doesn't parse, or names what isn't there.
        TableError: the incidents can't be read.
    """
    at = clock.aware(now or clock.now())
    sets = {PRESENT: model.options}
    if proposal is not None:
        sets[PROPOSED] = proposed(model.options, proposal)
    replays = [replay(model, version, windows, sets, at) for version, windows in stored(model, at).items()]
    spans = sorted({span for one in replays for by in one.learned.values() for span in by}, key=begins)
    days = covered_days(spans)
    marked, beyond = marked_in(model, incidents, spans)
    tallies = [tally(name, alarms(model, replays, options), days, marked) for name, options in sets.items()]
    tallies.append(dummy(spans, tallies[-1].alarms, days, marked))
    monitors = [one for name, options in sets.items() for one in of_monitors(model, name, replays, options)]
    return Backtest(
        model.name, spans[0][0], spans[-1][1], sum(len(next(iter(one.learned.values()))) for one in replays), days,
        len(marked), tuple(tallies), tuple(monitors), tuple(notes(model, incidents, days, tallies, monitors, beyond)),
    )  # fmt: skip


def proposed(present: Options, proposal: Mapping[str, Any]) -> Options:
    """The present options with what is proposed in their place."""
    known = Options.__dataclass_fields__
    for name in proposal:
        if name not in known:
            raise ConfigError(f"unknown option {name!r}", where="a proposal", hint=nearest(name, known))
    found = Options.of({**present.to_dict(), **proposal}, present.window)
    for name in known:
        if name not in REPLAYED and getattr(found, name) != getattr(present, name):
            raise ConfigError(
                f"a backtest can't change {name!r}",
                where=f"a proposal of {getattr(found, name)!r}",
                expected=f"{getattr(present, name)!r}, as the history has it",
                hint=f"leave {name!r} out, or propose {', '.join(REPLAYED)}",
            )
    return found


def stored(model: Model, at: datetime) -> dict[str, list[rows.Window]]:
    """The closed windows with events of each version that is or was the champion.

    Raises:
        StoreError: there are none.
    """
    judged = {one.version for one in model.versions() if one.stage in ("champion", "retired")}
    found: dict[str, list[rows.Window]] = {}
    for window in model.store.windows(model.name):
        closed = history.ends(model, window.start) + model.options.grace <= at.timestamp()
        if closed and window.events and window.version in judged:
            found.setdefault(window.version, []).append(window)
    if not found:
        raise StoreError("no history to replay", where=f"model {model.name!r}", hint="log events first: retrue log")
    return found


def replay(
    model: Model, version: str, windows: Sequence[rows.Window], sets: Mapping[str, Options], at: datetime
) -> Replay:
    """Judge the windows of one version by every set; each profile is read once."""
    kept = model.reference_of(version)
    reference = kept.load()
    texts = dict.fromkeys(text for options in sets.values() for text in options.rules)
    rules = {text: Rule.parse(text, reference.grids.columns) for text in texts}
    sharing = model.sharing
    strict = dict.fromkeys(options.settings(sharing=sharing) for options in sets.values())
    judges = {one: Judge(reference, one) for one in strict}
    measurer = history.with_bases(Judge(reference, rules=list(rules.values())), kept)
    monitors = {text: Monitor(rule, measurer) for text, rule in rules.items()}
    figures: dict[str, list[Figure]] = {text: [] for text in monitors}
    found, odd = Replay({settings: {} for settings in judges}, sharing=sharing), changes.known(model, version)
    for window in history.watched(model, windows, at, unkept(model, reference, rules.values())):
        start = int(begins(window.span).timestamp())
        whole, parts = window.parts[""], {name: part for name, part in window.parts.items() if name}
        for settings, judge in judges.items():
            told = changes.judge(odd.get(start, []), whole.rows, settings)
            assessed = judge.assess(whole, span=window.span, slices=parts)
            found.learned[settings][window.span] = [*assessed.verdicts, *(one.within(window.span) for one in told)]
        for text, monitor in monitors.items():
            figures[text].append(monitor.figure(window))
    for text, monitor in monitors.items():
        found.rules[text] = {
            verdict.window: [verdict] for verdict in monitor.judge_all(figures[text]) if verdict.window
        }
    return found


def unkept(model: Model, reference: Reference, rules: Iterable[Rule]) -> list[Slice]:
    """Slices of rules that no profiles are kept for."""
    kept = {one.to_sql() for one in model.store.slices(model.name)}
    named = {part.to_sql(): part for rule in rules for part in slices_of(rule, reference)}
    return [part.named(sql) for sql, part in named.items() if sql not in kept]


def alarms(model: Model, replays: Iterable[Replay], options: Options) -> list[Episode]:
    """The episodes of a whole set, over all versions."""
    return [one for each in replays for one in episodes(model, joined(each.by_monitor(options).values()), options)]


def joined(monitors: Iterable[ByWindow]) -> ByWindow:
    """The verdicts of several monitors by window."""
    found: ByWindow = {}
    for by_window in monitors:
        for span, verdicts in by_window.items():
            found.setdefault(span, []).extend(verdicts)
    return found


def episodes(model: Model, verdicts: ByWindow, options: Options) -> list[Episode]:
    """The alarms of one version by episode."""
    grace, maturity = (timedelta(seconds=length or 0.0) for length in (options.grace, options.maturity))
    return episodes_of(model.name, verdicts, options.hysteresis(), grace, maturity)


def of_monitors(model: Model, name: str, replays: Sequence[Replay], options: Options) -> Iterator[MonitorTally]:
    """What each monitor of a set comes to by itself."""
    for monitor in (LEARNED, *options.rules):
        own = [each.by_monitor(options)[monitor] for each in replays]
        windows = [verdicts for by_window in own for verdicts in by_window.values()]
        judged = sum(any(v.kind is not VerdictKind.NOT_COMPARABLE for v in verdicts) for verdicts in windows)
        alarmed = sum(any(v.alarms for v in verdicts) for verdicts in windows)
        count = sum(len(episodes(model, by_window, options)) for by_window in own)
        yield MonitorTally(name, monitor, judged, alarmed, count)


# --- known incidents --------------------------------------------------------------------------------------------------


def marked_in(model: Model, source: Any, spans: Sequence[Span]) -> tuple[list[Marked], int]:
    """The marked incidents within the history, and how many lie outside."""
    first, last = begins(spans[0]), datetime.fromisoformat(spans[-1][1])
    if source is None:
        return [], 0
    known = own_incidents(model, last) if is_store(source) else read_incidents(source, last, zone_of(model))
    inside = [one for one in known if one.since < last and one.until > first]
    return inside, len(known) - len(inside)


def is_store(source: Any) -> bool:
    """Whether the store's own incidents are meant."""
    return isinstance(source, str) and source == STORE


def zone_of(model: Model) -> ZoneInfo:
    """The model's time zone."""
    return ZoneInfo(model.schema.timezone)


def own_incidents(model: Model, last: datetime) -> list[Marked]:
    """The incidents that the store has: those that people marked as real, else all that nobody called a false alarm."""
    found = [one for one in load_incidents(model) if one.real is not False]
    chosen = [one for one in found if one.real] or found
    return [
        Marked(datetime.fromisoformat(one.since), datetime.fromisoformat(one.until) if one.until else last, one.id)
        for one in chosen
    ]


def told_of_store(model: Model) -> Iterator[str]:
    """What a reader must know of the store's incidents: whether people know of them, and which were left out."""
    found = load_incidents(model)
    real, false = ([one for one in found if one.real is said] for said in (True, False))
    if not real:
        yield (
            "the incidents are those that checks have found, not those that people know of: that favours their rules; "
            f"say which are real: retrue mark {model.name} ID --real"
        )
    else:
        open_ = len(found) - len(real) - len(false)
        left = f"; {open_} that nobody marked {'is' if open_ == 1 else 'are'} left out" if open_ else ""
        yield f"the incidents are the {len(real)} that people marked as real{left}"
    lasting = sum(one.live for one in (real or found) if one.real is not False)
    if lasting:
        yield f"{lasting} of the incidents {'lasts' if lasting == 1 else 'last'}: counted to the end of the history"
    if false:
        yield f"{len(false)} called a false alarm {'is' if len(false) == 1 else 'are'} left out"


def read_incidents(source: Any, last: datetime, zone: ZoneInfo) -> list[Marked]:
    """Read incidents: `since`, perhaps `until` (else they last) and `name`; naive times are the model's."""
    table = read(source)
    if "since" not in table.dtypes:
        raise TableError("incidents without `since`", where=table.name, expected="columns since, until, name")
    said = table.collect([name for name in ("since", "until", "name") if name in table.dtypes]).to_dicts()
    found = []
    for number, row in enumerate(said, 1):
        since = time_of(row["since"], zone, f"{table.name}, row {number}")
        until = last if row.get("until") in (None, "") else time_of(row["until"], zone, f"{table.name}, row {number}")
        if until <= since:
            raise TableError(
                f"an incident from {row['since']} to {row.get('until')}", where=f"{table.name}, row {number}",
                expected="a time, and a later one",
            )  # fmt: skip
        found.append(Marked(since, until, str(row.get("name") or since.isoformat())))
    return found


def time_of(value: object, zone: ZoneInfo, where: str) -> datetime:
    """A time as a table may have it."""
    try:
        at = datetime.fromisoformat(value.isoformat() if isinstance(value, date) else str(value))
    except ValueError:
        raise TableError(f"{value!r} is no time", where=where, expected="something like 2026-03-01 12:00") from None
    return at if at.tzinfo else at.replace(tzinfo=zone)


# --- honesty ----------------------------------------------------------------------------------------------------------


def notes(
    model: Model,
    source: Any,
    days: float,
    tallies: Sequence[Tally],
    monitors: Sequence[MonitorTally],
    beyond: int,
) -> Iterator[str]:
    """What a reader must know before believing it."""
    yield from shortness(days, tallies)
    for one in monitors:
        if not one.judged:
            yield f"{one.set}: {one.monitor} could judge no window: its history or its labels don't suffice"
    if source is None:
        yield "no incidents are marked, so nothing is known of delays and false alarms: give a table of them"
    elif is_store(source):
        yield from told_of_store(model)
    if beyond:
        yield f"{beyond} marked incident{'s' if beyond > 1 else ''} lie{'' if beyond > 1 else 's'} outside the history"
    longer = "longer windows, " if model.options.longer else ""
    longer += "estimates without labels, " if model.options.estimate != "off" else ""
    yield (
        "learned tests are held against the training data and what its own windows show; what checks learn from good "
        f"windows since, {longer}and events or labels that stop aren't replayed"
    )
    if model.options.maturity is None:
        yield "no maturity is set: alarms of performance count as told when their window ends"


def begins(span: Span) -> datetime:
    """When a window begins."""
    return datetime.fromisoformat(span[0])
