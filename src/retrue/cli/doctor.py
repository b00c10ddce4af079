"""`retrue doctor`: what is at work, and what is wrong with settings, machine and store, with the fix for each."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from retrue.cli import shared
from retrue.cli.shared import JsonOption, StoreOption
from retrue.errors import RetrueError

if TYPE_CHECKING:
    from retrue.workspace import Workspace

STANDS_ON = ("polars", "numpy", "scipy", "scikit-learn", "deltalake", "sqlalchemy")
LEAST_FREE = 1_000_000_000
"""Bytes: with less left on its disk a store is about to refuse rows."""
AHEAD = timedelta(minutes=10)
"""What the catalog says of later than this was written by a clock that was ahead, or ours is behind."""
UNCLAIMED = timedelta(hours=1)
"""A lease that ran out so long ago belonged to a service that was killed, and none has come since."""


def doctor(store: StoreOption = None, json: JsonOption = False) -> int:
    """Say which versions are at work, and what is wrong, with the fix.

    Looks at the settings, this machine, the store, and where models get their rows; nothing is written. Exit status:
    0 where all is well, 1 where something is wrong.
    """
    from retrue.cli.doctor_models import ailments, quiet_check, standing
    from retrue.cli.doctor_settings import settings_ailments
    from retrue.cli.doctor_sources import sources_ailments
    from retrue.cli.looking import look_at_store
    from retrue.config import Config, find, load

    facts, problems = versions() | {"settings": str(find() or "the defaults, as there is no retrue.toml")}, list[str]()
    config, workspace = Config(), None
    try:
        config = load()
        workspace = look_at_store(store)
    except RetrueError as error:
        problems.append(str(error))
    problems += settings_ailments(config, workspace, store)
    problems += sources_ailments(config, workspace)
    if workspace is not None:
        facts |= {"store": place_of(workspace)}
        problems += store_ailments(workspace)
        away = lake_ailment(workspace)
        problems += [] if away is None else [away]
        models = workspace.models()
        quiet = quiet_check(models, datetime.now(UTC))
        for model in models:
            facts[f"model {model.name}"] = standing(model)
            problems += [] if away else ailments(model, quiet)
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
    return f"{where}{', read only' if unwritable(workspace) else ''}"


def unwritable(workspace: Workspace) -> bool:
    """Whether the catalog is a file of a folder that this user can't write."""
    from retrue.store.readonly import is_read_only

    place = workspace.store.catalog.place
    return isinstance(place, Path) and is_read_only(place.parent)


# --- the machine and the store ----------------------------------------------------------------------------------------


def store_ailments(workspace: Workspace) -> Iterator[str]:
    """What is wrong around the models: the audit log, the disk, rights, the clock, work that nobody does."""
    chain = workspace.verify_audit()
    if not chain.whole:
        yield f"audit log: entry {chain.broken}: {chain.reason}"
    if unwritable(workspace) and not os.statvfs(workspace.folder).f_flag & os.ST_RDONLY:  # a mount may be meant so
        yield f"{workspace.folder} can't be written by this user: nothing can be logged. Hint: chown or chmod it"
    free = shutil.disk_usage(workspace.folder).free
    if free < LEAST_FREE:
        yield f"the disk of {workspace.folder} has {free / 1e6:,.0f} MB left. Hint: free some, or: retrue upkeep"
    yield from clock_ailments(workspace, datetime.now(UTC))
    yield from jobs_ailments(workspace)


def clock_ailments(workspace: Workspace, now: datetime) -> Iterator[str]:
    """What was written in the future, and leases that ran out with nobody to take them over."""
    from retrue.cli.doctor_models import said
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
