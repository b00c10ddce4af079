"""Upkeep of a whole store: what the scheduler runs every hour, and `retrue upkeep` when somebody asks.

How long things are kept is said by the preference `retention` of the catalog, else by `[retention]` of retrue.toml.
"""

from __future__ import annotations

from datetime import datetime

from retrue.config import Config, load
from retrue.errors import RetrueError, StoreError
from retrue.jobs.registry import HOUR, Kind, Task, every, register
from retrue.store.retention import Retention
from retrue.store.upkeep import Done
from retrue.workspace import Workspace
from retrue.workspace.acting import audit
from retrue.workspace.stored import StoredModel
from retrue.workspace.train.aging import drop_runs


def upkeep(workspace: Workspace, now: datetime, *, dry: bool = False, config: Config | None = None) -> list[Done]:
    """Do all upkeep that is due; gives what was done (or is due, where `dry`). Doing it again does nothing more.

    Args:
        workspace: the store.
        now: the time (UTC).
        dry: only say what is due.
        config: the settings; those of `retrue.toml` unless given.

    Raises:
        StoreError: the store can't be written.
        ConfigError: how long things are kept can't be understood.
    """
    if not dry:
        workspace.store.refuse_read_only()
    retention = workspace.store.retention(Retention.of((config or load()).retention, "[retention]"))
    done = [one for model in workspace.models() for one in old_runs(model, now, retention, dry=dry)]
    done += workspace.store.upkeep(now, retention, dry=dry)
    dropped = [one for one in done if one.step == "dropped" and one.rows and not dry]
    if dropped:
        with workspace.store.catalog.write() as tx:
            for one in dropped:
                audit(tx, "old rows dropped", one.model, {"table": one.what, "rows": one.rows})
    return done


def old_runs(model: StoredModel, now: datetime, retention: Retention, *, dry: bool) -> list[Done]:
    """Drop what old runs of a model were trained on; what fails is told, and other models are looked after."""
    try:
        return list(drop_runs(model, now, retention.of_model(model.name).runs, dry=dry))
    except (RetrueError, OSError) as error:
        return [Done(model.name, "failed", str(error))]


def keep_for(workspace: Workspace, retention: Retention) -> None:
    """Say how long things are kept from now on."""
    with workspace.store.catalog.write() as tx:
        workspace.store.set_retention(tx, retention)
        audit(tx, "retention set", body=retention.to_dict())


def run(task: Task) -> str:
    """Do what is due.

    Raises:
        StoreError: something of it failed; the rest was done.
    """
    done = upkeep(task.workspace, task.now)
    task.body["done"] = [one.to_dict() for one in done]
    failed = [str(one) for one in done if one.step == "failed"]
    if failed:
        raise StoreError("; ".join(failed), where=str(task.workspace.folder))
    return "; ".join(map(str, done)) or "nothing was due"


register(Kind("upkeep", "Merge small files, drop what is too old, clean up.", run, every(HOUR, "upkeep")))
