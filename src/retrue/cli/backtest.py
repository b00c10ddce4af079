"""The command `backtest`: what other rules, or another budget, would have done over the stored history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrue.cli import shared
from retrue.cli.shared import JsonOption, ModelArgument, NowOption, StoreOption
from retrue.errors import ConfigError, nearest

if TYPE_CHECKING:
    from retrue.slices import Slice

PANEL = "A model in production"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("backtest", rich_help_panel=PANEL)(backtest)


def backtest(
    name: ModelArgument,
    rules: Annotated[
        str | None,
        typer.Option("--rules", help="A file of rules to propose, one a line; # begins a comment.", metavar="FILE"),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option("--config", help="A retrue.toml whose \\[models.MODEL] is proposed.", metavar="FILE"),
    ] = None,
    signal: Annotated[
        list[str] | None,
        typer.Option("--signal", help="A slice to watch for, or a built-in signal; again for more.", metavar="SQL"),
    ] = None,
    policy: Annotated[
        str, typer.Option("--policy", help="Which rows of the signals to collect.", metavar="POLICY")
    ] = "200 per day",
    incidents: Annotated[
        str | None,
        typer.Option(
            "--incidents",
            help="What is known to have happened: a table with since, perhaps until and name; or 'store'.",
            metavar="TABLE",
        ),
    ] = None,
    adopt: Annotated[bool, typer.Option("--adopt", help="Watch the model as proposed from the next check on.")] = False,
    store: StoreOption = None,
    now: NowOption = None,
    json: JsonOption = False,
) -> None:
    """Replay a proposed set of monitors over the stored history.

    Beside the present set, and a dummy that alarms at fixed intervals. Nothing is written, unless --adopt is given.
    """
    at, model = shared.moment(now, "--now"), shared.open_model(store, name)
    proposal, parts = proposed(name, rules, config), [part_of(text) for text in signal or ()]
    if adopt and not proposal and not parts:
        raise ConfigError("nothing to adopt", where="--adopt", expected="a proposal: --rules, --config or --signal")
    with shared.working(f"replaying {name}"):
        found = model.backtest(**proposal, signals=parts, policy=policy, incidents=incidents, now=at)
    if adopt and proposal:
        model.adopt(**proposal)
    for part in parts if adopt else ():
        model.watch_signal(part, policy=policy)
    if json:
        shared.print_json({**found.to_dict(), **({"adopted": True} if adopt else {})})
        return
    from retrue.report.backtest import backtest_view

    shared.console().print(backtest_view(found))
    if adopt:
        typer.echo(f"\n{name} is watched as proposed from now on. Next: retrue check {name}{shared.same_store(store)}")


def proposed(name: str, rules: str | None, file: str | None) -> dict[str, Any]:
    """What is proposed, from a file of rules or from a configuration.

    Raises:
        ConfigError: both are given, or a file can't be read, or says nothing of the model.
    """
    if rules is not None and file is not None:
        raise ConfigError("two proposals", where="--rules and --config", expected="one of them")
    if rules is not None:
        return {"rules": lines(Path(rules))}
    if file is None:
        return {}
    from retrue.config import load

    models = load(file).models
    if name not in models:
        known = ", ".join(models) or "no models"
        raise ConfigError(
            f"nothing about {name!r}", where=file, expected=f"[models.{name}]; there is {known}",
            hint=nearest(name, models),
        )  # fmt: skip
    return models[name].options()


def part_of(text: str) -> Slice:
    """A signal: a built-in one by its name, else a slice."""
    from retrue.refine.signals import BUILT_IN, named
    from retrue.slices import Slice

    known = {function.__name__ for function in BUILT_IN}
    return named(text) if text.strip().replace(" ", "_") in known else Slice.parse(text)


def lines(file: Path) -> list[str]:
    """The rules of a file, one a line, without comments and empty lines."""
    from retrue.config import read_text

    said = read_text(file, "a file of rules")
    return [line.strip() for line in said.splitlines() if line.strip() and not line.lstrip().startswith("#")]
