"""Backtest: what a proposed set of monitors would have done over the stored history. Nothing is written.

    stored profiles ──> learned tests ──┐
                   └──> rules ──────────┴──> verdicts of each set ──> episodes, delays, a dummy beside them

Every version that was the champion is replayed over its own windows against its own reference, with the labels that
are known today.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from retrue.core.reference import Reference
from retrue.errors import ConfigError, SliceError, StoreError, nearest
from retrue.judge.assess import Judge
from retrue.judge.gaps import slices_of
from retrue.judge.monitor import Figure, Monitor
from retrue.judge.replay import (
    Backtest,
    Episode,
    MonitorTally,
    SignalTally,
    Tally,
    covered_days,
    dummy,
    episodes_of,
    shortness,
    tally,
)
from retrue.judge.rules import Rule
from retrue.judge.settings import Settings
from retrue.judge.verdict import VerdictKind
from retrue.refine.collect import Policy
from retrue.slices import Slice, Source
from retrue.store import rows, tables
from retrue.workspace import clock
from retrue.workspace.check import changes, history
from retrue.workspace.check.marked import is_store, marked_in, told_of_store
from retrue.workspace.check.signal_replay import (
    Asked,
    ByWindow,
    SignalHistory,
    Span,
    newest_of,
    proposed_signals,
    read_history,
    tally_of,
    watched_now,
)
from retrue.workspace.check.signal_shares import NEWEST, ROWS
from retrue.workspace.collect.watching import USUAL
from retrue.workspace.options import Options
from retrue.workspace.stored import StoredModel, champions_of

LEARNED = "learned"
PRESENT, PROPOSED = "present", "proposed"
REPLAYED = ("rules", "alarm_budget", "calm", "grace")
"""What a proposal may change; windows of another length, or labels trusted earlier, would need other profiles."""


@dataclass(frozen=True)
class MonitorSet:
    """What a model is, or might be, watched by: its options, and its signals by name."""

    options: Options
    signals: Mapping[str, Asked] = field(default_factory=dict)

    def settings(self, sharing: int) -> Settings:
        """How strictly its learned tests and its signals judge, where so many models share the budget."""
        return replace(self.options.settings(sharing=sharing), signals=len(self.signals))


@dataclass
class Replay:
    """Verdicts of the windows of one version.

    Args:
        learned: those of the learned tests, by how strictly they judge.
        rules: those of each rule, by its text.
        signals: what its rows say of signals.
        judges: who judges, by how strictly.
        sharing: models that share the alarm budget.
    """

    learned: dict[Settings, ByWindow]
    rules: dict[str, ByWindow]
    signals: SignalHistory
    judges: Mapping[Settings, Judge]
    sharing: int

    def by_monitor(self, chosen: MonitorSet) -> dict[str, ByWindow]:
        """The verdicts of each monitor of a set, but its signals."""
        learned = self.learned[chosen.settings(self.sharing)]
        return {LEARNED: learned, **{text: self.rules[text] for text in chosen.options.rules}}

    def by_signal(self, chosen: MonitorSet) -> dict[str, ByWindow]:
        """The verdicts on the share of each signal of a set."""
        judge = self.judges[chosen.settings(self.sharing)]
        return {name: self.signals.verdicts(name, judge) for name in chosen.signals}


def backtest(
    model: StoredModel,
    proposal: Mapping[str, Any] | None = None,
    *,
    signals: Iterable[Source] = (),
    policy: str | Policy = USUAL,
    incidents: Any = None,
    now: datetime | None = None,
) -> Backtest:
    """Replay the present set of monitors, and a proposed one.

    Args:
        model: whose history.
        proposal: what it changes: `rules`, `alarm_budget`, `calm`, `grace`.
        signals: what would be watched besides; with no proposal at all the present set is replayed alone.
        policy: which of their rows would be collected.
        incidents: incidents known to have happened: a table with `since` and perhaps `until` and `name`, or "store".
        now: windows whose grace has passed by then are replayed; the present unless given.

    Raises:
        StoreError: there is no history.
        ConfigError: the proposal changes what can't be replayed.
        MetricError, SliceError: a rule or a signal of it doesn't parse, or names what isn't there.
        TableError: the incidents can't be read.
    """
    at, wanted = clock.aware(now or clock.now()), list(signals)
    watched, lost = watched_now(model)
    sets = {PRESENT: MonitorSet(model.options, watched)}
    if proposal is not None or wanted:
        options = proposed(model.options, proposal or {})
        sets[PROPOSED] = MonitorSet(options, proposed_signals(model, wanted, policy, watched))
    replays = replay_all(model, sets, at)
    spans = sorted({span for one in replays for by in one.learned.values() for span in by}, key=begins)
    days = covered_days(spans)
    marked, beyond = marked_in(model, incidents, spans)
    tallies = [tally(name, alarms(model, replays, chosen), days, marked) for name, chosen in sets.items()]
    tallies.append(dummy(spans, tallies[-1].alarms, days, marked))
    monitors = [one for name, chosen in sets.items() for one in of_monitors(model, name, replays, chosen)]
    told = [one for name, chosen in sets.items() for one in of_signals(model, name, replays, chosen)]
    said = [*notes(model, incidents, days, tallies, monitors, beyond), *of_rows(replays, told, lost)]
    return Backtest(
        model.name, spans[0][0], spans[-1][1], sum(len(next(iter(one.learned.values()))) for one in replays), days,
        len(marked), tuple(tallies), tuple(monitors), tuple(said), tuple(told),
    )  # fmt: skip


def replay_all(model: StoredModel, sets: Mapping[str, MonitorSet], at: datetime) -> list[Replay]:
    """Judge the stored windows of all versions by every set."""
    found = stored(model, at)
    newest = newest_of(one for windows in found.values() for one in windows)
    return [replay(model, version, windows, sets, at, newest) for version, windows in found.items()]


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


def stored(model: StoredModel, at: datetime) -> dict[str, list[rows.Window]]:
    """The closed windows with events of each version that is or was the champion.

    Raises:
        StoreError: there are none.
    """
    judged = {one.version for one in champions_of(model)}
    found: dict[str, list[rows.Window]] = {}
    for window in model.store.windows(model.name):
        closed = history.ends(model, window.start) + model.options.grace <= at.timestamp()
        if closed and window.events and window.version in judged:
            found.setdefault(window.version, []).append(window)
    if not found:
        raise StoreError("no history to replay", where=f"model {model.name!r}", hint="log events first: retrue log")
    return found


def state_of_history(model: StoredModel, now: datetime | None = None) -> str:
    """What a replay reads, as a text that differs where a replay may say something else; what still comes in isn't.

    That are the closed windows of the versions that served, what was odd in them, slices, references, and how many
    models share the budget; options, signals, verdicts and incidents are not in it.

    Raises:
        StoreError: there is no history.
    """
    at = clock.aware(now or clock.now())
    windows = stored(model, at)
    known = [
        (one.version, one.start, one.applied, one.events, one.labelled, is_ripe(model, one, at))
        for own in windows.values()
        for one in own
    ]
    closed = {(one.version, one.start) for own in windows.values() for one in own}
    odd = [(start, told) for version in windows for start, told in changes.known(model, version).items()
           if (version, start) in closed]  # fmt: skip
    with model.store.catalog.read() as tx:
        r = tables.references.c
        of_model = select(r.version, r.digest, r.created).where(r.model == model.name).order_by(r.version, r.digest)
        references = [tuple(one) for one in tx.connection.execute(of_model)]
    slices = sorted((str(one.name), one.to_sql()) for one in model.store.slices(model.name))
    return repr((known, odd, references, slices, model.sharing))


def is_ripe(model: StoredModel, window: rows.Window, at: datetime) -> bool:
    """Whether no more labels of a window are waited for."""
    maturity = model.options.maturity
    return maturity is not None and at.timestamp() >= history.ends(model, window.start) + maturity


def replay(
    model: StoredModel,
    version: str,
    windows: Sequence[rows.Window],
    sets: Mapping[str, MonitorSet],
    at: datetime,
    newest: int,
) -> Replay:
    """Judge the windows of one version by every set; each profile is read once, and rows only where signals ask."""
    kept = model.reference_of(version)
    reference = kept.load()
    texts = dict.fromkeys(text for chosen in sets.values() for text in chosen.options.rules)
    rules = {text: Rule.parse(text, reference.grids.columns) for text in texts}
    sharing = model.sharing
    judges = {one: Judge(reference, one) for one in (chosen.settings(sharing) for chosen in sets.values())}
    measurer = history.with_bases(Judge(reference, rules=list(rules.values())), kept)
    monitors = {text: Monitor(rule, measurer) for text, rule in rules.items()}
    figures: dict[str, list[Figure]] = {text: [] for text in monitors}
    parts = {name: asked.part for chosen in sets.values() for name, asked in chosen.signals.items()}
    signals = read_history(model, version, windows, list(parts.values()), newest)
    found = Replay({settings: {} for settings in judges}, {}, signals, judges, sharing)
    odd = changes.known(model, version)
    for window in history.watched(model, windows, at, unkept(model, reference, rules.values())):
        start = int(begins(window.span).timestamp())
        whole, slices = window.parts[""], {name: part for name, part in window.parts.items() if name}
        for settings, judge in judges.items():
            told = changes.judge(odd.get(start, []), whole.rows, settings)
            assessed = judge.assess(whole, span=window.span, slices=slices)
            found.learned[settings][window.span] = [*assessed.verdicts, *(one.within(window.span) for one in told)]
        for text, monitor in monitors.items():
            figures[text].append(monitor.figure(window))
    for text, monitor in monitors.items():
        found.rules[text] = {
            verdict.window: [verdict] for verdict in monitor.judge_all(figures[text]) if verdict.window
        }
    return found


def unkept(model: StoredModel, reference: Reference, rules: Iterable[Rule]) -> list[Slice]:
    """Slices of rules that no profiles are kept for."""
    kept = {one.to_sql() for one in model.store.slices(model.name)}
    named = {part.to_sql(): part for rule in rules for part in slices_of(rule, reference)}
    return [part.named(sql) for sql, part in named.items() if sql not in kept]


def alarms(model: StoredModel, replays: Iterable[Replay], chosen: MonitorSet) -> list[Episode]:
    """The episodes of a whole set, over all versions."""
    found = (joined([*each.by_monitor(chosen).values(), *each.by_signal(chosen).values()]) for each in replays)
    return [one for verdicts in found for one in episodes(model, verdicts, chosen.options)]


def joined(monitors: Iterable[ByWindow]) -> ByWindow:
    """The verdicts of several monitors by window."""
    found: ByWindow = {}
    for by_window in monitors:
        for span, verdicts in by_window.items():
            found.setdefault(span, []).extend(verdicts)
    return found


def episodes(model: StoredModel, verdicts: ByWindow, options: Options) -> list[Episode]:
    """The alarms of one version by episode."""
    grace, maturity = (timedelta(seconds=length or 0.0) for length in (options.grace, options.maturity))
    return episodes_of(model.name, verdicts, options.hysteresis(), grace, maturity)


def of_monitors(model: StoredModel, name: str, replays: Sequence[Replay], chosen: MonitorSet) -> Iterator[MonitorTally]:
    """What each monitor of a set comes to by itself."""
    for monitor in (LEARNED, *chosen.options.rules):
        own = [each.by_monitor(chosen)[monitor] for each in replays]
        windows = [verdicts for by_window in own for verdicts in by_window.values()]
        judged = sum(any(v.kind is not VerdictKind.NOT_COMPARABLE for v in verdicts) for verdicts in windows)
        alarmed = sum(any(v.alarms for v in verdicts) for verdicts in windows)
        count = sum(len(episodes(model, by_window, chosen.options)) for by_window in own)
        yield MonitorTally(name, monitor, judged, alarmed, count)


def of_signals(model: StoredModel, name: str, replays: Sequence[Replay], chosen: MonitorSet) -> Iterator[SignalTally]:
    """What each signal of a set comes to by itself."""
    for signal, asked in chosen.signals.items():
        own = [(each.signals, each.by_signal(chosen)[signal]) for each in replays]
        count = sum(len(episodes(model, by_window, chosen.options)) for _, by_window in own)
        yield tally_of(name, asked, own, count)


def preview_signal(
    model: StoredModel, where: Source, policy: str | Policy = USUAL, *, now: datetime | None = None
) -> tuple[SignalTally, list[Episode]]:
    """What one signal would have met, collected and told, and its alarms; no other monitor is replayed.

    Raises:
        StoreError: there is no history.
        ConfigError, SliceError: the signal can't be watched, or can't be told.
    """
    asked = next(iter(proposed_signals(model, [where], policy, {}).values()))
    found = stored(model, clock.aware(now or clock.now()))
    newest = newest_of(one for windows in found.values() for one in windows)
    signals = len({*watched_now(model)[0], asked.name})
    own, alarms_ = [], list[Episode]()
    for version, windows in found.items():
        known = read_history(model, version, windows, [asked.part], newest)
        if asked.name in known.failed:
            raise SliceError(known.failed[asked.name], where=f"signal {asked.name!r}")
        strict = replace(model.settings(), signals=signals)
        by_window = known.verdicts(asked.name, Judge(model.reference_of(version).load(), strict))
        own.append((known, by_window))
        alarms_ += episodes(model, by_window, model.options)
    return tally_of(PROPOSED, asked, own, len(alarms_)), alarms_


# --- honesty ----------------------------------------------------------------------------------------------------------


def notes(
    model: StoredModel,
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


def of_rows(replays: Sequence[Replay], told: Sequence[SignalTally], lost: Mapping[str, str]) -> Iterator[str]:
    """What a reader must know of signals: how far back they were replayed, and which can't be told."""
    failed = {**lost, **{name: why for each in replays for name, why in each.signals.failed.items()}}
    yield from (f"the signal {name!r} can't be told: {why}" for name, why in failed.items())
    if told:
        yield (
            f"signals are held against the rows of the newest {NEWEST} windows, at most {ROWS:,} of each; what a share "
            "would have collected is what is to be expected"
        )


def begins(span: Span) -> datetime:
    """When a window begins."""
    return datetime.fromisoformat(span[0])
