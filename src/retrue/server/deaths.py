"""Deaths: what becomes of the news that a part of the service died. `python -m retrue.server.deaths FOLDER PART TEXT`.

The supervisor is small, and must never wait for a catalog that is locked or a disk that is full: a short-lived process
writes the news down. Where it can't, standard error has it.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from retrue.server.become import NICENESS

logger = logging.getLogger("retrue.serve")


@dataclass(eq=False)
class Deaths:
    """Writes down that parts died, each in a process of its own.

    Args:
        folder: the store.
    """

    folder: str
    writing: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __call__(self, part: str, said: str) -> None:
        """Begin to write down that a part died."""
        self.writing = [one for one in self.writing if one.poll() is None]
        command = (sys.executable, "-m", "retrue.server.deaths", self.folder, part, said)
        try:
            self.writing.append(subprocess.Popen(command, start_new_session=True))  # noqa: S603 - our own module
        except OSError as error:  # no memory, no processes left: the service goes on
            logger.warning("that %s died can't be kept: %s", part, error)


def main(arguments: Sequence[str]) -> int:
    """Write down that a part died; gives the exit status."""
    from pathlib import Path

    from retrue.errors import RetrueError
    from retrue.store.catalog import Catalog
    from retrue.store.place import place_of
    from retrue.workspace.restarts import note

    folder, part, said = arguments
    try:
        catalog = Catalog.open(place_of(Path(folder)), create=False)
        note(catalog, part, said)
        catalog.close()
    except RetrueError as error:
        sys.stderr.write(f"that {part} died can't be kept: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    os.nice(NICENESS)  # the part that starts again meanwhile comes first
    sys.exit(main(sys.argv[1:]))
