"""The process that trains: `python -m retrue.refine.train.child FOLDER`, started by `runner`.

It writes into its folder and nowhere else. What it prints is the run's log. When its parent dies, so does it.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from pathlib import Path

from retrue.cpu import settle


def main() -> int:
    """Train; gives the exit status: 0 where all went well."""
    settle()
    threading.Thread(target=die_with_parent, daemon=True).start()
    from retrue.refine.train.desk import Desk, Report
    from retrue.refine.train.work import complaint, work

    desk = Desk(Path(sys.argv[1]))
    try:
        work(desk, desk.fit())
    except BaseException as error:  # noqa: BLE001 - whatever a user's code does is one failed run, with its reason
        traceback.print_exc()
        desk.leave(Report(complaint(error)))
        return 1
    return 0


def die_with_parent() -> None:
    """End this process when the pipe from its parent is closed: nobody would hear what it says."""
    while os.read(0, 1):
        pass
    os._exit(3)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # threads that a library left behind don't keep it
