"""The application: all commands, and what becomes of errors."""

from __future__ import annotations

import os
import sys
import traceback
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from retrue.cli import (
    access,
    agent,
    backtest,
    choosing,
    compare,
    demo,
    export,
    flywheel,
    importing,
    incidents,
    jobs,
    keeping,
    markers,
    models,
    notify,
    performance,
    proving,
    pulling,
    serve,
    signals,
    stores,
    suggesting,
    tasks,
)
from retrue.cli.shared import one_command
from retrue.errors import RefusedError, RetrueError
from retrue.version import VERSION

HELP = "Know when a model in production goes out of true, see where and what it costs, and true it again."
DEBUG = "RETRUE_DEBUG"
"""Set to 1, an error shows the way that led to it."""
STOPPED, BUG = 130, 70
"""Exit statuses beside 0, 1 and 2: stopped by somebody, and a fault of Retrue itself (`EX_SOFTWARE` of sysexits.h)."""

app = typer.Typer(
    name="retrue",
    help=HELP,
    epilog="Exit status: 0 in true (notices included), 1 out of true or refused, 2 wrong use or input.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
)
ROOMS = (
    compare,
    suggesting,
    models,
    pulling,
    incidents,
    performance,
    backtest,
    flywheel,
    signals,
    proving,
    tasks,
    choosing,
    keeping,
    stores,
    serve,
    jobs,
    agent,
    notify,
    markers,
    access,
    importing,
    export,
    demo,
)
for room in ROOMS:
    room.add_to(app)

USAGE: type[Exception] = typer.BadParameter.__mro__[2]  # Click's root of errors; Typer brings a Click of its own


def show_version(value: bool) -> None:
    """Print the version and stop."""
    if value:
        typer.echo(f"retrue {VERSION}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version.")
]


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    version: VersionOption = False,  # noqa: ARG001 - its callback has answered
) -> None:
    """Know when a model in production goes out of true, see where and what it costs, and true it again."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@cache
def command() -> Any:
    """All commands as Click has them (in Typer's own Click, which has no types): Typer would make them for each run."""
    return typer.main.get_command(app)


def run(arguments: list[str] | None = None) -> int:
    """Run one command and give its exit status; errors are one clear line on standard error."""
    try:
        with one_command():
            done = command()(args=arguments, prog_name="retrue", standalone_mode=False)
        sys.stdout.flush()  # what a full disk refuses is refused here, not when Python has gone
    except BaseException as error:  # noqa: BLE001 - Rust panics are no Exception; `settled` raises what isn't ours
        return settled(error)
    return done if isinstance(done, int) else 0


def settled(error: BaseException) -> int:
    """Say what went wrong, and give the exit status."""
    if isinstance(error, SystemExit | GeneratorExit):
        raise error
    if isinstance(error, BrokenPipeError):  # somebody piped us into `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if os.environ.get(DEBUG, "0") not in ("", "0"):
        traceback.print_exception(error)
    status, said = told(error)
    typer.echo(said, err=True)
    return status


def told(error: BaseException) -> tuple[int, str]:
    """The exit status and the words for an error."""
    if isinstance(error, RefusedError):
        return 1, str(error)
    if isinstance(error, RetrueError):
        return 2, f"error: {error}"
    if isinstance(error, USAGE):
        return 2, usage(error)
    if isinstance(error, typer.Abort | KeyboardInterrupt):
        return STOPPED, "stopped"
    if isinstance(error, MemoryError):
        return 2, "error: out of memory. Hint: give fewer columns or rows"
    if isinstance(error, OSError):
        place = f" in {error.filename}" if error.filename else ""
        return 2, f"error: {error.strerror or error}{place}"
    return BUG, bug(error)


def usage(error: Exception) -> str:
    """Say a wrong command line, and where its help is."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "retrue"
    said = str(getattr(error, "format_message", error.__str__)()).rstrip(".")
    return f"error: {said[:1].lower() + said[1:]}. Hint: {command} --help"


def bug(error: BaseException) -> str:
    """Say that this is our fault, where it happened, and what to do."""
    frames = traceback.extract_tb(error.__traceback__)
    package = str(Path(__file__).parents[1]) + os.sep
    own = [frame for frame in frames if frame.filename.startswith(package)] or frames
    file = own[-1].filename.removeprefix(package) if own else "?"
    line = own[-1].lineno if own else 0
    first = (str(error).strip().splitlines() or [""])[0]
    return (
        f"error: this is a bug in retrue {VERSION}: {type(error).__name__}: {first} ({file}:{line}). "
        f"Hint: run it again with {DEBUG}=1 for the traceback, and report that with what `retrue doctor` says"
    )
