"""`retrue demo`: the whole loop on real flights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", rich_help_panel="See it work")(demo)


def demo(
    store: Annotated[Path, typer.Option("--store", "-s", help="Where the demo lives; made anew each time.")] = Path(
        "retrue-demo"
    ),
    quick: Annotated[bool, typer.Option("--quick", help="Four months instead of ten, with a smaller model.")] = False,
) -> None:
    """Walk the whole loop on real flights.

    A model goes out of true on the flights of 2013, and is trued again.
    """
    from retrue.demo.story import tell

    tell(store, quick=quick)
