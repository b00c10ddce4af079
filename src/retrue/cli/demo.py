"""`retrue demo`: the whole loop on real flights."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from retrue.demo.story import Story
    from retrue.server.supervise import Child

PARTS = ("web", "commit")
"""The parts of the service that a demo has."""
PATIENCE = 30.0
"""Seconds that they have to end."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", rich_help_panel="See it work")(demo)


def demo(
    store: Annotated[Path, typer.Option("--store", "-s", help="Where the demo lives; made anew each time.")] = Path(
        "retrue-demo"
    ),
    quick: Annotated[bool, typer.Option("--quick", help="Four months instead of ten.")] = False,
    serve: Annotated[bool, typer.Option("--serve", help="Four months, then pages that replay the rest.")] = False,
    port: Annotated[int, typer.Option("--port", help="Where --serve listens; 0 takes a free port.", min=0)] = 8000,
) -> None:
    """Walk the whole loop on real flights.

    A model goes out of true on the flights of 2013, and is trued again.
    """
    from retrue.demo.story import tell

    if not serve:
        tell(store, quick=quick)
        return
    with served(store / "store", port) as start:
        tell(store, quick=True, after=lambda story, out: watched(story, out, start()))


@contextmanager
def served(folder: Path, port: int) -> Iterator[Callable[[], str]]:
    """Take a port, and give what starts serving the store there; it gives the address. Ends with the block.

    What answers and what applies is kept running as by `retrue serve`. No job is: by the real clock all would have
    been silent for years.
    """
    from retrue.cli.serve import listen, refuse_missing

    refuse_missing()
    from retrue.server.settings import ServerSettings
    from retrue.server.supervise import Child, Part

    settings = ServerSettings(port=port)
    with listen(settings) as sock, ExitStack() as stack:
        address, number = f"http://{settings.host}:{sock.getsockname()[1]}", sock.fileno()
        asked = (str(folder), str(number), settings.model_dump_json(), *PARTS)
        command = (sys.executable, "-m", "retrue.server.supervise", *asked)
        child = Child(Part("serve", command, (number,), first=True))

        def start() -> str:
            stack.callback(end, child)
            child.start()
            return address

        yield start


def end(child: Child) -> None:
    """End the service that was started here."""
    child.tell(signal.SIGTERM)
    child.wait(time.monotonic() + PATIENCE)


def watched(story: Story, out: Console, address: str) -> None:
    """Say where to look, and go on until the year is over or somebody presses Ctrl+C."""
    from retrue.demo.replay import PACE, replay

    out.print(f"\nLook at [bold]{address}[/bold]: a day takes {PACE:.0f} seconds. Ctrl+C ends it.\n", highlight=False)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server ends with this process, however that ends
    with suppress(KeyboardInterrupt):
        replay(story, out)
        while True:
            time.sleep(3600)
