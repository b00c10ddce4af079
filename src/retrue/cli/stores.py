"""Commands about the store: migrate, recount, upkeep, doctor."""

from __future__ import annotations

import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrue.cli import shared
from retrue.cli.shared import AnyModelArgument, JsonOption, StoreOption
from retrue.errors import RetrueError

if TYPE_CHECKING:
    from retrue.workspace import Model

PANEL = "The store"
STANDS_ON = ("polars", "numpy", "scipy", "scikit-learn", "deltalake", "sqlalchemy")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (migrate, recount, upkeep, doctor):
        app.command(command.__name__, rich_help_panel=PANEL)(command)


def migrate(store: StoreOption = None, json: JsonOption = False) -> None:
    """Bring a store of an older version up to date, after a backup."""
    from retrue.store.upgrade import upgrade

    folder = shared.store_folder(store)
    backup = upgrade(folder)
    if backup is not None:
        note_migration(folder, backup)
    if json:
        shared.print_json({"backup": None if backup is None else str(backup)})
        return
    kept = "" if backup is None else f" The catalog as it was is in {backup}."
    typer.echo(f"The store is up to date.{kept}")


def note_migration(folder: str, backup: Path) -> None:
    """Write into the audit log that a store was migrated."""
    from retrue.workspace.acting import audit

    with shared.open_store(folder) as workspace, workspace.store.catalog.write() as tx:
        audit(tx, "migrated", body={"backup": backup.name})


def recount(name: AnyModelArgument = None, store: StoreOption = None, json: JsonOption = False) -> None:
    """Rebuild the profiles from the logged events."""
    from retrue.report.words import plural

    workspace = shared.open_store(store)
    rebuilt = {}
    for model in [workspace.model(name)] if name else workspace.models():
        with shared.working(f"recounting {model.name}"):
            rebuilt[model.name] = model.recount()
        if not json:
            typer.echo(f"{model.name}: {plural(rebuilt[model.name], 'profile')} rebuilt from the lake.")
    if json:
        shared.print_json(rebuilt)


def upkeep(
    folder: Annotated[
        str | None, typer.Argument(help="The store's folder; otherwise found as by --store.", metavar="[STORE]")
    ] = None,
    store: StoreOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is due, and do nothing.")] = False,
    json: JsonOption = False,
) -> int:
    """Merge small files, drop what is too old, clean up.

    What `retrue serve` does by itself every hour. How long things are kept is said on the settings page, or by
    \\[retention] of retrue.toml. Exit status: 1 where something failed.
    """
    from retrue.jobs.upkeep import upkeep as keep_up

    with shared.open_store(folder or store) as workspace, shared.working("tidying up"):
        done = keep_up(workspace, datetime.now(UTC), dry=dry_run)
    if json:
        shared.print_json([one.to_dict() for one in done])
    else:
        for one in done:
            typer.echo(f"would have {one}" if dry_run and one.step != "failed" else str(one))
        if not done:
            typer.echo("Nothing is due.")
    return int(any(one.step == "failed" for one in done))


def doctor(store: StoreOption = None, json: JsonOption = False) -> int:
    """Say which versions are at work, and whether the store is sound.

    Exit status: 0 where it is sound, 1 where something is wrong with it.
    """
    from retrue.config import find

    facts, problems = versions() | {"settings": str(find() or "the defaults, as there is no retrue.toml")}, list[str]()
    try:
        with shared.open_store(store) as workspace:
            only = ", read only" if workspace.store.read_only else ""
            facts["store"] = f"{workspace.folder.resolve()}{only}"
            chain = workspace.verify_audit()
            problems += [] if chain.whole else [f"audit log: entry {chain.broken}: {chain.reason}"]
            for model in workspace.models():
                facts[f"model {model.name}"] = standing(model)
                problems += ailments(model)
    except RetrueError as error:
        problems.append(str(error))
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
    for check in (stuck_ailment, damage_ailment, books_ailment, reference_ailment, runs_ailment):
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
