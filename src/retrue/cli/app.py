"""The application: all commands, and what becomes of errors."""

from __future__ import annotations

import os
import sys

import click
import typer

from retrue.cli import compare, demo, flywheel, models, stores
from retrue.errors import RefusedError, RetrueError
from retrue.version import VERSION

app = typer.Typer(
    name="retrue",
    help="Know when a model in production goes out of true, see where and what it costs, and true it again.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
)
for room in (compare, models, flywheel, stores, demo):
    room.add_to(app)


def show_version(value: bool) -> None:
    """Print the version and stop."""
    if value:
        typer.echo(f"retrue {VERSION}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(False, "--version", callback=show_version, is_eager=True, help="Show the version."),
) -> None:
    """Know when a model in production goes out of true, see where and what it costs, and true it again."""


def run(arguments: list[str] | None = None) -> int:
    """Run one command and give its exit status; errors are one clear line on standard error."""
    try:
        done = app(args=arguments, standalone_mode=False)
    except RefusedError as error:
        say(error)
        return 1
    except RetrueError as error:
        say(error)
        return 2
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        typer.echo("stopped", err=True)
        return 130
    except BrokenPipeError:  # somebody piped us into `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        typer.echo("error: out of memory. Hint: give fewer columns, or a slice with --where", err=True)
        return 2
    except OSError as error:
        typer.echo(f"error: {error.strerror or error}{where(error)}", err=True)
        return 2
    return done if isinstance(done, int) else 0


def say(error: RetrueError) -> None:
    """Print an error as its reader needs it."""
    typer.echo(f"error: {error}", err=True)


def where(error: OSError) -> str:
    """The file that a system error is about."""
    return f" in {error.filename}" if error.filename else ""
