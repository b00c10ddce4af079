"""What is wrong with a model's part of a store: what can't be read, what doesn't agree, what has stopped coming.

Nothing is mended here, and nothing written: each finding names the command that does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrue.errors import ProfileError, RetrueError, first_line
from retrue.report.words import plural
from retrue.schema.roles import listed
from retrue.store.failure import FROM_BACKUP

if TYPE_CHECKING:
    from retrue.store import rows
    from retrue.workspace import Model

SET_ASIDE = 0.01
"""Share of what came that may be in quarantine."""
STILL = 3
"""Usual pauses between windows with events after which a model has fallen silent, where others receive."""
PAUSES = 50
"""Windows whose pauses tell what is usual."""
OLD = timedelta(days=730)
"""Age of the newest event from which on a model is told even where no other receives anything."""
NAMED = 3
"""Others that are named."""
READ = 30
"""Newest windows whose profiles are read: reading those of years takes minutes."""


@dataclass(frozen=True)
class Pulse:
    """When a model got events.

    Attributes:
        start: of the newest window that has any.
        end: its end.
        pause: the longest that passed of late between the starts of two windows that have some.
    """

    start: datetime
    end: datetime
    pause: timedelta

    @classmethod
    def of(cls, windows: tuple[rows.Window, ...], length: timedelta) -> Pulse | None:
        """Learn it from the books; None where no event ever came."""
        starts = sorted({one.start for one in windows if one.events})[-PAUSES:]
        if not starts:
            return None
        pauses = (timedelta(seconds=b - a) for a, b in pairwise(starts))
        newest = datetime.fromtimestamp(starts[-1], UTC)
        return cls(newest, newest + length, max(pauses, default=length))

    def receives(self, now: datetime) -> bool:
        """Whether the newest events are as new as ever."""
        return now - self.end <= STILL * self.pause


def pulse_of(model: Model) -> Pulse | None:
    """When a model got events; None where none ever came, or nothing tells."""
    try:
        return Pulse.of(model.store.windows(model.name), timedelta(seconds=model.options.window))
    except (RetrueError, ValueError, KeyError, TypeError):
        return None  # what is wrong there is told by others


def standing(model: Model) -> str:
    """One model in a line."""
    try:
        events = sum(window.events for window in model.store.windows(model.name))
        pending, pulse, keep = model.store.pending(model.name), pulse_of(model), model.store.keeping(model.name)
        version = model.version
    except Exception as error:  # noqa: BLE001 - whatever ails one model, the others are told, too
        return f"can't be read ({type(error).__name__})"
    waiting = f", {pending:,} rows wait to be applied" if pending else ""
    whole = f", {100 * keep.share:g} % kept whole" if keep else ""
    newest = f", the newest of {pulse.start:%d %b %Y}" if pulse else ""
    return f"version {version}, {events:,} events{newest}{whole}{waiting}"


def said(length: timedelta) -> str:
    """A length of time in words.

    >>> said(timedelta(minutes=90)), said(timedelta(days=3, hours=1)), said(timedelta(days=800))
    ('1.5 hours', '3 days', '2.2 years')
    """
    if length >= timedelta(days=730):
        return f"{length.days / 365.25:.1f} years"
    return f"{length.total_seconds() / 3600:.1f} hours" if length < timedelta(days=2) else f"{length.days} days"


Check = Callable[["Model"], str | None]
"""Looks at one thing of a model, and says what is wrong with it."""


def ailments(model: Model, quiet: Check = lambda _: None) -> list[str]:
    """What is wrong with one model's part of the store: each thing that doesn't belong together, or can't be read.

    Args:
        model: which.
        quiet: whether it has fallen silent, which takes the other models to tell.
    """
    found = list[str]()
    lake = (log_ailment, damage_ailment, books_ailment)
    for one in lake:  # the first that finds something: what is gone or torn is missing in the books as well
        if (told := _told(one, model)) is not None:
            found.append(told)
            break
    others: tuple[Check, ...] = (
        entry_ailment, stuck_ailment, key_ailment, profiles_ailment, reference_ailment, runs_ailment,
        quarantine_ailment, quiet,
    )  # fmt: skip
    found += [told for check in others if (told := _told(check, model)) is not None]
    return [f"model {model.name}: {told}" for told in dict.fromkeys(found)]


def _told(check: Check, model: Model) -> str | None:
    """What a check finds; where it fails itself, why."""
    try:
        return check(model)
    except RetrueError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever ails one part, the others are looked at too
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else check.__doc__}"


def entry_ailment(model: Model) -> str | None:
    """What the catalog says of the model itself."""
    try:
        str((model.schema, model.options))
    except (RetrueError, ValueError, KeyError, TypeError) as error:
        return f"its schema or options can't be read ({first_line(error)}). Hint: restore the catalog {FROM_BACKUP}"
    return None if model.versions() else f"it has no version. Hint: restore the catalog {FROM_BACKUP}"


def stuck_ailment(model: Model) -> str | None:
    """A segment that can't be applied: what comes after it waits."""
    return "; ".join(str(one) for one in model.store.stuck(model.name)) or None


def log_ailment(model: Model) -> str | None:
    """Log entries that a power cut tore, which opening the store to write mends; other damage is told elsewhere."""
    from retrue.store.clean import entries_of
    from retrue.store.durable import readable

    torn = list[str]()
    for name, table in model.store.tables(model.name).items():
        bad = table.torn()
        if bad and all(path.name in bad or readable(path) for path in entries_of(table)):
            torn += [f"{name}/_delta_log/{one}" for one in bad]
    if not torn:
        return None
    return (
        f"{', '.join(torn)} can't be read (a power cut?). Hint: retrue recount {model.name} mends it, and loses nothing"
    )


def damage_ailment(model: Model) -> str | None:
    """What can't be read, or couldn't, and was set aside."""
    now = [one.unread() for one in model.store.repair(model.name, deep=False)]
    found = now + [str(one) for one in model.store.damaged(model.name)]
    hint = f". Hint: restore it from a backup, or count what is left: retrue recount {model.name}"
    return "; ".join(found) + hint if found else None


def books_ailment(model: Model) -> str | None:
    """The lake's events against the books of windows whose events are kept; what was erased may be missing."""
    import polars as pl

    from retrue.store.erase import ERASED

    store, name = model.store, model.name
    windows = store.windows(name, store.kept_since(name))
    first = None if store.kept_since(name) is None else min((one.start for one in windows), default=None)
    lazy: Any = store.events(name, None if first is None else datetime.fromtimestamp(first, UTC), sample="all")
    names = lazy.collect_schema().names()
    held = int(lazy.select(pl.len()).collect().item()) if names else 0
    booked = sum(window.events for window in windows)
    if not windows or 0 <= booked - held <= store.counters(name).get(ERASED, 0):
        return None
    if not held:
        where = store.tables(name)["events"].folder
        hint = "restore it from a backup first: a recount would forget all that the profiles know"
        return f"the lake's events are gone, the profiles know of {booked:,}: {where}. Hint: {hint}"
    return f"the lake holds {held:,} events, the profiles {booked:,}. Hint: retrue recount {name}"


def key_ailment(model: Model) -> str | None:
    """The key that values are hashed with, where one was made."""
    from retrue.store.secret import FACT

    with model.store.catalog.read() as tx:
        known = tx.fact(FACT)
    if known is not None:
        model.store.secret()
    return None


def profiles_ailment(model: Model) -> str | None:
    """Windows whose profile is gone, or can't be read."""
    lacking = model.store.unprofiled(model.name, READ)
    if not lacking:
        return None
    first = datetime.fromtimestamp(lacking[0].start, UTC)
    which = "1 window" if len(lacking) == 1 else f"{len(lacking):,} windows"
    since = f"{first:%d %b %Y %H:%M} UTC"
    return f"the profile of {which} is gone or damaged, first of {since}. Hint: retrue recount {model.name}"


def reference_ailment(model: Model) -> str | None:
    """The champion's reference and its rows."""
    from retrue.store.damage import ailment

    reference = model.reference
    try:
        reference.load()
    except ProfileError as error:
        return f"the reference of version {model.version} is damaged ({error}). Hint: restore the catalog {FROM_BACKUP}"
    if not isinstance(reference.path, Path) and reference.path.exists():
        return None  # an object is there whole, or not at all
    hint = "restore it from a backup; windows are judged without it, retraining and proving need it"
    why = ailment(reference.path, deep=False)
    return None if why is None else f"the reference's rows can't be read ({why}): {reference.path}. Hint: {hint}"


def runs_ailment(model: Model) -> str | None:
    """The files of training runs."""
    gone = [run.id for run in model.runs() if not (run.folder / "model.joblib").exists()]
    if not gone:
        return None
    hint = f"restore {model.runs()[0].folder.parent} from a backup, or train again: retrue retrain {model.name}"
    return f"the trained models of runs {', '.join(gone)} are gone. Hint: {hint}"


def quarantine_ailment(model: Model) -> str | None:
    """Rows that were set aside, where they are many for what came."""
    aside = model.store.set_aside(model.name).total
    came = sum(window.events for window in model.store.windows(model.name)) + aside
    if not aside or aside < SET_ASIDE * came:
        return None
    said = f"{plural(aside, 'row')} {'is' if aside == 1 else 'are'} set aside, beside {plural(came - aside, 'event')}"
    return f"{said}. Hint: retrue quarantine {model.name}"


# --- what has stopped coming ------------------------------------------------------------------------------------------


def quiet_check(models: list[Model], now: datetime) -> Check:
    """The check whether a model has fallen silent: others that receive say that it isn't a pause of them all."""
    pulses = {model.name: pulse_of(model) for model in models}
    receive = {name for name, pulse in pulses.items() if pulse is not None and pulse.receives(now)}
    return partial(quiet_ailment, pulses=pulses, receive=receive, now=now)


def quiet_ailment(model: Model, *, pulses: dict[str, Pulse | None], receive: set[str], now: datetime) -> str | None:
    """Nothing has come for much longer than usual while others receive, or for years."""
    from retrue.report.layout import length

    pulse = pulses[model.name]
    if pulse is None or model.name in receive:
        return None
    age = now - pulse.end
    if not receive and age < OLD:
        return None
    told = f"its newest events are of {pulse.start:%d %b %Y}, {said(age)} ago"
    if age < OLD:
        usual, others = length(pulse.pause.total_seconds()), listed(sorted(receive), NAMED)
        told += f", where some usually come within {usual}; meanwhile rows come for {others}"
    time = model.schema.time
    column = "" if time is None else f", and is {time!r} the events' time, in the right unit"
    return f"{told}. Hint: does what logs them still run{column}? See: retrue quarantine {model.name}"
