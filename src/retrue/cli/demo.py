"""`retrue demo`: the whole loop on real flights."""

from __future__ import annotations

import signal
import subprocess
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


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", rich_help_panel="See it work")(demo)


def demo(
    store: Annotated[Path, typer.Option("--store", "-s", help="Where the demo lives; made anew each time.")] = Path(
        "retrue-demo"
    ),
    quick: Annotated[bool, typer.Option("--quick", help="Four months instead of ten, with a smaller model.")] = False,
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

    No check runs by itself: by the real clock all would have been silent for years.
    """
    from retrue.cli.serve import listen, refuse_missing

    refuse_missing()
    from retrue.server.settings import ServerSettings

    settings = ServerSettings(port=port)
    with listen(settings) as sock, ExitStack() as stack:
        address = f"http://{settings.host}:{sock.getsockname()[1]}"
        command = [
            sys.executable,
            "-m",
            "retrue.server.web",
            str(folder),
            str(sock.fileno()),
            settings.model_dump_json(),
        ]

        def start() -> str:
            stack.callback(end, subprocess.Popen(command, pass_fds=[sock.fileno()]))  # noqa: S603 - our own module
            return address

        yield start


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started here."""
    process.terminate()
    process.wait(20)


def watched(story: Story, out: Console, address: str) -> None:
    """Say where to look, and go on until the year is over or somebody presses Ctrl+C."""
    from retrue.demo.replay import PACE, replay

    out.print(f"\nLook at [bold]{address}[/bold]: a day takes {PACE:.0f} seconds. Ctrl+C ends it.\n", highlight=False)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server ends with this process, however that ends
    with suppress(KeyboardInterrupt):
        replay(story, out)
        while True:
            time.sleep(3600)
