"""Commands of the flywheel: collect, retrain, prove, promote, rollback."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrue.cli import shared
from retrue.cli.shared import DEFAULT_STORE, JsonOption, ModelArgument, NowOption, StoreOption
from retrue.errors import ConfigError, nearest

if TYPE_CHECKING:
    from retrue.refine.mix import Mix
    from retrue.workspace import Model

RunArgument = Annotated[str, typer.Argument(help="The run's id, or the start of it.", metavar="RUN")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (collect, retrain, prove, promote, rollback):
        app.command(command.__name__)(command)


def collect(
    name: ModelArgument,
    where: Annotated[str, typer.Argument(help="The slice, such as \"precip > 0.1 AND origin = 'JFK'\".")],
    store: StoreOption = DEFAULT_STORE,
    budget: Annotated[int | None, typer.Option(help="The most rows to take.")] = None,
    since: Annotated[str | None, typer.Option(help="First event time (ISO).")] = None,
    until: Annotated[str | None, typer.Option(help="Events from here on are left out (ISO).")] = None,
    as_name: Annotated[str | None, typer.Option("--as", help="What to call the collection.")] = None,
    json: JsonOption = False,
) -> None:
    """Collect the logged events of a slice, with their labels."""
    model = shared.open_model(store, name)
    ends = shared.moment(since, "--since"), shared.moment(until, "--until")
    found = model.collect(where, budget=budget, since=ends[0], until=ends[1], name=as_name)
    said = {"name": found.name, "slice": found.slice, "matched": found.matched, "rows": found.rows.height}
    if json:
        shared.print_json(said)
        return
    typer.echo(f"{found.rows.height:,} of {found.matched:,} matching rows collected as {found.name!r}.")
    typer.echo(f"Next: retrue retrain {name} --fit MODULE:FUNCTION --mix reference=0.5 --mix '{found.name}=0.5'")


def retrain(
    name: ModelArgument,
    fit: Annotated[str, typer.Option(help="fit(table, weights), as MODULE:FUNCTION or FILE.py:FUNCTION.")],
    mix: Annotated[
        list[str],
        typer.Option(help="PART=SHARE: reference, log, or a collection's name; once for each part."),
    ],
    store: StoreOption = DEFAULT_STORE,
    holdout: Annotated[
        str, typer.Option(help="How much to keep for the proof: 28d, or a share such as 0.25.")
    ] = "0.25",
    seed: Annotated[int, typer.Option(help="Kept in the manifest.")] = 0,
    now: NowOption = None,
    json: JsonOption = False,
) -> None:
    """Train a challenger on a mix, matured labels only."""
    model = shared.open_model(store, name)
    kept: str | float = float(holdout) if holdout.replace(".", "", 1).isdigit() else holdout
    run = model.retrain(
        load_function(fit), mix=read_mix(model, mix), holdout=kept, seed=seed, now=shared.moment(now, "--now")
    )
    if json:
        shared.print_json(run.to_dict())
        return
    for part in run.manifest["parts"]:
        typer.echo(f"  {part['rows']:,} rows of {part['part']}, {part['share']:.0%} of the weight")
    typer.echo(f"Run {run.id}: trained on labels matured by {run.manifest['cut']}.")
    typer.echo(f"Next: retrue prove {name} {run.id}")


def read_mix(model: Model, given: list[str]) -> Mix:
    """Read the parts of a mix.

    Raises:
        ConfigError: an unknown part, or a share that is no number.
    """
    from retrue.refine.mix import Mix

    known: dict[str, Any] = {"reference": model.reference, "log": model.logged()}
    known |= {part.name: part for part in model.collections()}
    parts: list[tuple[Any, float]] = []
    for part, share in shared.pairs(given, "--mix").items():
        if part not in known:
            raise ConfigError(
                f"unknown part {part!r}", where="--mix", expected=", ".join(known), hint=nearest(part, known)
            )
        try:
            parts.append((known[part], float(share)))
        except ValueError as error:
            raise ConfigError(f"{share!r} is no share", where=f"--mix {part}", expected="a number") from error
    return Mix(parts)


def load_function(text: str) -> Any:
    """Import `MODULE:NAME` or `FILE.py:NAME`, from this folder or the installed packages.

    Raises:
        ConfigError: it can't be imported.
    """
    module, colon, name = text.rpartition(":")
    if not colon or not module or not name:
        raise ConfigError(f"{text!r} names no function", where="--fit", expected="MODULE:FUNCTION or FILE.py:FUNCTION")
    path = Path(module)
    folder = path.parent if path.suffix == ".py" else Path()
    sys.path.insert(0, str(folder.resolve()))
    try:
        found = importlib.import_module(path.stem if path.suffix == ".py" else module)
    except ImportError as error:
        raise ConfigError(f"{module!r} can't be imported: {error}", where="--fit") from error
    finally:
        sys.path.pop(0)
    if not hasattr(found, name):
        raise ConfigError(f"{module!r} has no {name!r}", where="--fit", hint=nearest(name, dir(found)))
    return getattr(found, name)


def prove(
    name: ModelArgument, run: RunArgument = "latest", store: StoreOption = DEFAULT_STORE, json: JsonOption = False
) -> int:
    """Compare champion and challenger on later events that neither has learned from.

    Exit status: 0 where the gate opens, 1 where it stays shut.
    """
    proof = shared.open_model(store, name).run(run).prove()
    if json:
        shared.print_json(proof.to_dict())
    else:
        from retrue.report.proof import proof_view

        shared.console().print(proof_view(proof))
    return int(not proof.passed)


def promote(name: ModelArgument, run: RunArgument = "latest", store: StoreOption = DEFAULT_STORE) -> None:
    """Make the challenger the champion; refused, with reasons and exit status 1, unless the gate passes."""
    version = shared.open_model(store, name).run(run).promote()
    typer.echo(f"Version {version} of {name} is the champion. Log its predictions with --version {version}.")


def rollback(name: ModelArgument, store: StoreOption = DEFAULT_STORE) -> None:
    """Make the version before the champion the champion again."""
    version = shared.open_model(store, name).rollback()
    typer.echo(f"Version {version} of {name} is the champion again.")
