"""Commands of the flywheel: collect, retrain, queue, runs; what proves and promotes is in `proving`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrue.cli import shared
from retrue.cli.shared import JsonOption, ModelArgument, NowOption, StoreOption
from retrue.errors import ConfigError, nearest

if TYPE_CHECKING:
    from retrue.refine.mix import Mix
    from retrue.workspace import Model, Run

PANEL = "True it again"
MixOption = Annotated[
    list[str], typer.Option(help="reference, log, or a collection's name; once for each part.", metavar="PART=SHARE")
]
HoldoutOption = Annotated[
    str, typer.Option(help="How much to keep for the proof: 28d, 0.25, or newest.", metavar="LENGTH")
]
SeedOption = Annotated[int, typer.Option(help="Kept in the manifest.")]
BrokenOption = Annotated[bool, typer.Option("--broken", help="Learn from rows of broken windows, too.")]
RefitOption = Annotated[bool, typer.Option("--refit", help="Fit again with the holdout, for what is served.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (collect, retrain, queue, runs):
        app.command(command.__name__, rich_help_panel=PANEL)(command)


def collect(
    name: ModelArgument,
    where: Annotated[str, typer.Argument(help="The slice: \"precip > 0.1 AND origin = 'JFK'\".", metavar="SQL")],
    store: StoreOption = None,
    budget: Annotated[int | None, typer.Option(help="The most rows to take.", metavar="ROWS")] = None,
    policy: Annotated[
        str | None, typer.Option(help="always, 10 %, 200 per day by benefit ...", metavar="POLICY")
    ] = None,
    since: Annotated[str | None, typer.Option(help="First event time (ISO, UTC).", metavar="TIME")] = None,
    until: Annotated[str | None, typer.Option(help="Events from here on are left out.", metavar="TIME")] = None,
    as_name: Annotated[str | None, typer.Option("--as", help="What to call the collection.", metavar="NAME")] = None,
    json: JsonOption = False,
) -> None:
    """Collect the logged events of a slice, with their labels."""
    model = shared.open_model(store, name)
    ends = shared.moment(since, "--since"), shared.moment(until, "--until")
    with shared.working("collecting"):
        found = model.collect(where, budget=budget, policy=policy, since=ends[0], until=ends[1], name=as_name)
    rows = found.rows.height
    if json:
        said = {"name": found.name, "slice": found.slice, "matched": found.matched, "rows": rows}
        shared.print_json({**said, "policy": found.policy})
        return
    from retrue.report.actions import typed
    from retrue.report.words import plural

    some = "" if rows == found.matched else f" of {found.matched:,} that match"
    typer.echo(f"{plural(rows, 'event')}{some} collected as {found.name!r}.")
    if rows:
        next_mix = f"--mix reference=0.5 --mix {typed(found.name + '=0.5')}"
        typer.echo(f"Next: retrue retrain {name} --fit FILE.py:FUNCTION {next_mix}{shared.same_store(store)}")


def retrain(
    name: ModelArgument,
    fit: Annotated[
        str,
        typer.Option(help="fit(table, weights), or an estimator: FILE.py:NAME or MODULE:NAME.", metavar="FILE:NAME"),
    ],
    mix: MixOption,
    store: StoreOption = None,
    holdout: HoldoutOption = "0.25",
    seed: SeedOption = 0,
    broken: BrokenOption = False,
    refit: RefitOption = False,
    now: NowOption = None,
    json: JsonOption = False,
) -> None:
    """Train a challenger on a mix, matured labels only."""
    from retrue.workspace.train.parts import read_holdout

    at, kept = shared.moment(now, "--now"), read_holdout(holdout)
    model = shared.open_model(store, name)
    function, parts = load_function(fit), read_mix(model, mix, broken=broken, refit=refit)
    with shared.working("training"):
        run = model.retrain(function, mix=parts, holdout=kept, seed=seed, now=at)
    if json:
        shared.print_json(run.to_dict())
        return
    show_run(run)
    typer.echo(f"\nNext: retrue prove {name} {run.id}{shared.same_store(store)}")


def queue(
    name: ModelArgument,
    trainer: Annotated[str, typer.Argument(help="Its name in retrue.toml: \\[trainers.NAME].", metavar="TRAINER")],
    mix: MixOption,
    store: StoreOption = None,
    holdout: HoldoutOption = "0.25",
    seed: SeedOption = 0,
    broken: BrokenOption = False,
    refit: RefitOption = False,
    json: JsonOption = False,
) -> None:
    """Choose the rows now, and leave the training to the service.

    `retrue serve` looks for what is queued every second, and trains it by what retrue.toml names on its side.
    """
    from retrue.workspace.train.parts import read_holdout

    kept = read_holdout(holdout)
    model = shared.open_model(store, name)
    with shared.working("choosing the rows"):
        run = model.queue(trainer, mix=read_mix(model, mix, broken=broken, refit=refit), holdout=kept, seed=seed)
    if json:
        shared.print_json(run.to_dict())
        return
    where = shared.same_store(store)
    typer.echo(f"Run {run.id} waits: {run.manifest['rows']:,} rows for the trainer {trainer!r}.")
    typer.echo(f"Next: retrue serve{where} trains it; then retrue prove {name} {run.id}{where}")


def runs(
    name: ModelArgument,
    store: StoreOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many at most.", metavar="N")] = 20,
    json: JsonOption = False,
) -> None:
    """List a model's training runs, latest first, and how each did."""
    found = shared.open_model(store, name).runs()
    if json:
        shared.print_json([run.to_dict() for run in found[:limit]])
        return
    from retrue.report.proof import runs_view

    if found:
        shared.console().print(runs_view([run.to_dict() for run in found[:limit]], len(found)))
    else:
        typer.echo(f"No runs yet. Next: retrue retrain {name} --fit FILE.py:FUNCTION --mix reference=1")


def show_run(run: Run) -> None:
    """Print what a run was trained on."""
    from retrue.report.proof import run_view
    from retrue.workspace.train.refitting import sentence

    again = run.body.get("refit")
    view = run_view(run.id, run.manifest, run.body.get("early"), None if again is None else sentence(again))
    shared.console().print(view)


def read_mix(model: Model, given: list[str], **settings: bool) -> Mix:
    """Read the parts of a mix.

    Raises:
        ConfigError: an unknown part, or a share that is no number.
    """
    from retrue.workspace.train.parts import mix_of

    shares = dict[str, float]()
    for part, share in shared.pairs(given, "--mix").items():
        try:
            shares[part] = float(share)
        except ValueError as error:
            raise ConfigError(f"{share!r} is no share", where=f"--mix {part}", expected="a number") from error
    return mix_of(model, shares, where="--mix", **settings)


def load_function(text: str, option: str = "--fit") -> Any:
    """Import `FILE.py:NAME` or `MODULE:NAME`, from this folder or the installed packages.

    The file's folder stays on the path: what was trained may have to be loaded again.

    Raises:
        ConfigError: it can't be imported, or has no such name.
    """
    module, colon, name = text.rpartition(":")
    if not colon or not module or not name:
        raise ConfigError(f"{text!r} names no function", where=option, expected="FILE.py:NAME or MODULE:NAME")
    path = Path(module)
    is_file = path.suffix == ".py"
    if is_file and not path.is_file():
        raise ConfigError(f"no file {module!r}", where=option, expected="FILE.py:NAME or MODULE:NAME")
    sys.path.insert(0, str((path.parent if is_file else Path()).resolve()))
    try:
        found = importlib.import_module(path.stem if is_file else module)
    except Exception as error:
        raise ConfigError(f"{module!r} can't be imported: {type(error).__name__}: {error}", where=option) from error
    if not hasattr(found, name):
        known = [each for each in vars(found) if not each.startswith("_")]
        raise ConfigError(f"{module!r} has no {name!r}", where=option, hint=nearest(name, known))
    return getattr(found, name)
