"""The web process.

`python -m retrue.server.web FOLDER SOCKET SETTINGS`: the socket's number, and `ServerSettings` as JSON.
"""

from __future__ import annotations

import gc
import socket
import sys

from retrue.adapters import logs
from retrue.errors import RetrueError, StoreAwayError

TURN = 0.0005
"""Seconds that a thread may go on while others wait, a tenth of Python's own: each row that a reader of the catalog is
given costs it a turn, and beside a thread that works, a page of a thousand models would wait for thousands of them."""


def main(arguments: list[str]) -> int:
    """Serve; gives the exit status."""
    folder, number, settings = arguments
    logs.configure("web")
    sys.setswitchinterval(TURN)
    gc.disable()  # while it loads there is no garbage, and looking for it takes a fifth of the time
    from retrue.server import answering
    from retrue.server.settings import ServerSettings

    gc.freeze()  # what is loaded stays: no later collection looks at it
    gc.enable()
    try:
        with socket.socket(fileno=int(number)) as sock:
            answering.serve(folder, ServerSettings.model_validate_json(settings), sock)
    except RetrueError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1 if isinstance(error, StoreAwayError) else 2  # it may be back soon: started again, not given up
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
