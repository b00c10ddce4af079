"""Beside: what others do to a store while a service has it: a notebook that logs, labels and checks, and upkeep.

    Beside ── starts, kills, starts again ──> notebook, upkeep ── one line for each thing done ──> Sent

`python -m tests.server.beside WHAT FOLDER FIRST` does one of them until it is killed.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from tests.server.conftest import loans

import retrue as rt

if TYPE_CHECKING:
    from tests.server.hammer import Sent

BATCH = 20
DISTINCT = 4_000
FIRST = 9_000_000
"""The number of the notebook's first loan: none of the senders gets that far."""
PAUSE = 1.0
"""Seconds between two things done, twice as long for upkeep: the machine works for the service."""
CHECKS = 5
"""Batches of a notebook from one check to the next."""


def say(what: str, about: object) -> None:
    """Tell what was done, at once."""
    sys.stdout.write(f"{what} {about}\n")
    sys.stdout.flush()


def notebook(folder: str, first: int) -> None:
    """Log a batch, label it, and check now and then, from a number on: the same batch has the same key every time."""
    made = loans(0, DISTINCT)
    with rt.open(folder) as store:
        model = store.model("loans")
        for number in count(first, BATCH):
            ids = pl.Series("id", [f"l{n}" for n in range(number, number + BATCH)])
            batch = made.slice(number % DISTINCT, BATCH).with_columns(ids)
            say("tried", number)
            model.log(batch.drop("y"), key=f"n{number}")
            say("events", number)
            model.label(batch.select("id", "y"), key=f"m{number}")
            say("labels", number)
            if number // BATCH % CHECKS == 0:
                say("checked", len(model.check()))
            time.sleep(PAUSE)


def upkeep(folder: str, _: int) -> None:
    """`retrue upkeep`, again and again."""
    from typer.testing import CliRunner

    from retrue.cli.app import app

    while True:
        done = CliRunner().invoke(app, ["upkeep", folder])
        say("kept" if done.exit_code == 0 else "wrong", " ".join(done.output.split()))
        time.sleep(2 * PAUSE)


@dataclass
class Beside:
    """One of them, as a process that begins again where it was when it is killed.

    Attributes:
        what: "notebook" or "upkeep".
        folder: the store.
        sent: is told what was tried and what is acknowledged.
        first: the notebook's next loan: the first one whose labels aren't acknowledged.
        done: how often each thing was done.
    """

    what: str
    folder: Path
    sent: Sent
    first: int = FIRST
    done: Counter[str] = field(default_factory=Counter)
    process: subprocess.Popen[str] | None = None
    reader: threading.Thread | None = None

    def up(self) -> None:
        """Start it."""
        command = [sys.executable, "-m", "tests.server.beside", self.what, str(self.folder), str(self.first)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.reader = threading.Thread(target=self.listen, args=(self.process,), name=self.what)
        self.reader.start()

    def listen(self, process: subprocess.Popen[str]) -> None:
        """Note what it tells until it has ended; a line that it doesn't know is an error's."""
        assert process.stdout
        with process.stdout as told:
            self.note(told)

    def note(self, told: Iterable[str]) -> None:
        """Note each line."""
        for line in told:
            what, _, about = line.rstrip().partition(" ")
            self.done[what] += 1
            with self.sent.lock:
                if what in {"tried", "events", "labels"}:
                    getattr(self.sent, what).update(range(int(about), int(about) + BATCH))
                elif what not in {"checked", "kept"}:
                    self.sent.wrong.append(f"{self.what}: {line}")
            if what == "labels":
                self.first = int(about) + BATCH

    def down(self) -> None:
        """Kill it, and wait until all that it told is noted."""
        if self.process is not None and self.reader is not None:
            self.process.kill()
            self.process.wait(20)
            self.reader.join(20)

    def has(self, what: str) -> bool:
        """Whether it did this, or something was wrong."""
        return bool(self.done[what] or self.sent.wrong)

    def again(self) -> None:
        """Kill it, and start it."""
        self.down()
        self.up()


@contextmanager
def beside(folder: Path, sent: Sent) -> Iterator[tuple[Beside, Beside]]:
    """A notebook and upkeep, until the block ends."""
    made = Beside("notebook", folder, sent), Beside("upkeep", folder, sent)
    try:
        for one in made:
            one.up()
        yield made
    finally:
        for one in made:
            one.down()


if __name__ == "__main__":
    {"notebook": notebook, "upkeep": upkeep}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
