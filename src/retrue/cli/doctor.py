"""`retrue doctor`: what is at work, and what is wrong with settings, machine and store, with the fix for each."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from retrue.cli import shared
from retrue.cli.shared import JsonOption, StoreOption
from retrue.errors import RetrueError

if TYPE_CHECKING:
    from retrue.workspace import Model, Workspace

STANDS_ON = ("polars", "numpy", "scipy", "scikit-learn", "deltalake", "sqlalchemy")
LEAST_FREE = 1_000_000_000
"""Bytes: with less left on its disk a store is about to refuse rows."""
AHEAD = timedelta(minutes=10)
"""What the catalog says of later than this was written by a clock that was ahead, or ours is behind."""
UNCLAIMED = timedelta(hours=1)
"""A lease that ran out so long ago belonged to a service that was killed, and none has come since."""
SET_ASIDE = 0.01
"""Share of what came that may be in quarantine."""


def doctor(store: StoreOption = None, json: JsonOption = False) -> int:
    """Say which versions are at work, and what is wrong, with the fix.

    Looks at the settings, this machine, the store, and where models get their rows. Exit status: 0 where all is well,
    1 where something is wrong.
    """
    from retrue.cli.doctor_settings import settings_ailments
    from retrue.cli.doctor_sources import sources_ailments
    from retrue.config import Config, find, load

    facts, problems = versions() | {"settings": str(find() or "the defaults, as there is no retrue.toml")}, list[str]()
    config, workspace = Config(), None
    try:
        config = load()
        workspace = shared.open_store(store)
    except RetrueError as error:
        problems.append(str(error))
    problems += settings_ailments(config, workspace, store)
    problems += sources_ailments(config, workspace)
    if workspace is not None:
        facts |= {"store": place_of(workspace)}
        problems += store_ailments(workspace)
        away = lake_ailment(workspace)
        problems += [] if away is None else [away]
        for model in workspace.models():
            facts[f"model {model.name}"] = standing(model)
            problems += [] if away else ailments(model)
    if json:
        shared.print_json({**facts, "problems": problems})
    else:
        from retrue.report.status import doctor_view

        shared.console().print(doctor_view(facts, problems))
    return int(bool(problems))


def versions() -> dict[str, str]:
    """What is at work."""
    from importlib.metadata import version as installed

    from retrue.version import VERSION

    facts = {"retrue": VERSION, "python": sys.version.split()[0], "system": platform.platform(terse=True)}
    return facts | {name: installed(name) for name in STANDS_ON}


def place_of(workspace: Workspace) -> str:
    """Where a store is, and whether it can be written."""
    where = workspace.folder.resolve() if workspace.store.url is None else workspace.address
    return f"{where}{', read only' if workspace.store.read_only else ''}"


# --- the machine and the store ----------------------------------------------------------------------------------------


def store_ailments(workspace: Workspace) -> Iterator[str]:
    """What is wrong around the models: the audit log, the disk, rights, the clock, work that nobody does."""
    chain = workspace.verify_audit()
    if not chain.whole:
        yield f"audit log: entry {chain.broken}: {chain.reason}"
    if workspace.store.read_only and not os.statvfs(workspace.folder).f_flag & os.ST_RDONLY:  # a mount may be meant so
        yield f"{workspace.folder} can't be written by this user: nothing can be logged. Hint: chown or chmod it"
    free = shutil.disk_usage(workspace.folder).free
    if free < LEAST_FREE:
        yield f"the disk of {workspace.folder} has {free / 1e6:,.0f} MB left. Hint: free some, or: retrue upkeep"
    yield from clock_ailments(workspace, datetime.now(UTC))
    yield from jobs_ailments(workspace)


def clock_ailments(workspace: Workspace, now: datetime) -> Iterator[str]:
    """What was written in the future, and leases that ran out with nobody to take them over."""
    from retrue.store import rows

    with workspace.store.catalog.read() as tx:
        written, leases = tx.latest(rows.Audit, 1), tx.find(rows.Lease)
    ahead = max((moment(one.at) for one in written), default=now) - now
    if ahead > AHEAD:
        yield f"the audit log was last written {said(ahead)} from now: a clock is wrong. Hint: timedatectl set-ntp true"
    for lease in leases:
        if now - moment(lease.until) > UNCLAIMED:
            yield (
                f"{lease.name} was last done by {lease.holder}, {said(now - moment(lease.until))} ago, and nobody has "
                "taken it over. Hint: retrue serve"
            )


def jobs_ailments(workspace: Workspace) -> Iterator[str]:
    """What runs by itself and failed when it ran last, with the reason; a source that is gone needs no pull."""
    from retrue.jobs.pull import kind_of
    from retrue.jobs.records import failing
    from retrue.workspace.pulling import sources_of

    with workspace.store.catalog.read() as tx:
        failed = failing(tx)
    known = {model.name for model in workspace.models()}
    for job in failed:
        pulled = kind_of(job.kind)
        if job.model is not None and job.model not in known:
            continue
        if pulled is not None and pulled not in sources_of(workspace.store, str(job.model)):
            continue
        times = max(1, int(job.body.get("failures", 1)))
        often = f"failed {times:,} times in a row" if times > 1 else "failed"
        why = str(job.body.get("message", "")).partition("\n")[0]
        subject, when = job.kind if job.model is None else f"model {job.model}: {job.kind}", moment(job.updated)
        yield f"{subject} {often}, last at {when:%d %b %Y %H:%M} UTC: {why}. See: retrue logs --job {job.id}"


def moment(micros: int) -> datetime:
    """A time of the catalog."""
    return datetime.fromtimestamp(micros / 1e6, UTC)


def said(length: timedelta) -> str:
    """A length of time in words.

    >>> said(timedelta(minutes=90)), said(timedelta(days=3, hours=1))
    ('1.5 hours', '3 days')
    """
    return f"{length.total_seconds() / 3600:.1f} hours" if length < timedelta(days=2) else f"{length.days} days"


def lake_ailment(workspace: Workspace) -> str | None:
    """An object store that doesn't answer, or that lets two writers write over each other."""
    url = workspace.store.url
    if url is None:
        return None
    probe = url / "lake" / f"_doctor-{secrets.token_hex(4)}"
    try:
        probe.create(b"")
        try:
            probe.create(b"")
        except FileExistsError:
            return None
        finally:
            probe.unlink(missing_ok=True)
    except RetrueError as error:
        return str(error)
    return f"{url} puts over what is there, though asked not to: two writers could lose each other's commits"


# --- one model --------------------------------------------------------------------------------------------------------


def standing(model: Model) -> str:
    """One model in a line."""
    events = sum(window.events for window in model.store.windows(model.name))
    pending = model.store.pending(model.name)
    waiting = f", {pending:,} rows wait to be applied" if pending else ""
    keep = model.store.keeping(model.name)
    whole = f", {100 * keep.share:g} % kept whole" if keep else ""
    return f"version {model.version}, {events:,} events{whole}{waiting}"


def ailments(model: Model) -> list[str]:
    """What is wrong with one model's part of the store: each thing that doesn't belong together, or can't be read."""
    found: list[str] = []
    checks: tuple[Callable[[Model], str | None], ...] = (
        stuck_ailment, damage_ailment, books_ailment, reference_ailment, runs_ailment, quarantine_ailment,
    )  # fmt: skip
    for check in checks:
        try:
            said = check(model)
        except Exception as error:  # noqa: BLE001 - whatever ails one part, the others are looked at too
            said = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else check.__doc__}"
        if said is not None:
            found.append(f"model {model.name}: {said}")
    return found


def stuck_ailment(model: Model) -> str | None:
    """A segment that can't be applied: what comes after it waits."""
    return "; ".join(str(one) for one in model.store.stuck(model.name)) or None


def damage_ailment(model: Model) -> str | None:
    """What couldn't be read, and was set aside."""
    model.store.repair(model.name, deep=False)
    found = [str(one) for one in model.store.damaged(model.name)]
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
    return f"the lake holds {held:,} events, the profiles {booked:,}. Hint: retrue recount {model.name}"


def reference_ailment(model: Model) -> str | None:
    """The champion's reference and its rows."""
    reference = model.reference
    reference.load()
    return None if reference.path.exists() else f"the reference's rows are gone: {reference.path}"


def runs_ailment(model: Model) -> str | None:
    """The files of training runs."""
    gone = [run.id for run in model.runs() if not (run.folder / "model.joblib").exists()]
    return f"the trained models of runs {', '.join(gone)} are gone" if gone else None


def quarantine_ailment(model: Model) -> str | None:
    """Rows that were set aside, where they are many for what came."""
    aside = model.store.set_aside(model.name).total
    came = sum(window.events for window in model.store.windows(model.name)) + aside
    if not aside or aside < SET_ASIDE * came:
        return None
    return f"{aside:,} rows are set aside, beside {came - aside:,} events. Hint: retrue quarantine {model.name}"
