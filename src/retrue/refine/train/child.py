"""The process that trains: `python -P child.py FOLDER...`, started by `runner`; of several desks, one after another.

It writes into its folders and nowhere else. What it prints is the run's log. When its parent dies, so does it, with all
that it started.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import traceback
from pathlib import Path

from retrue.cpu import settle


def main() -> int:
    """Train; gives the exit status: 0 where all went well."""
    die_with_parent()
    faulthandler.enable()  # a crash in native code says in the log where it was
    settle()
    from retrue.refine.train.desk import Desk, Report
    from retrue.refine.train.work import complaint, work

    for folder in sys.argv[1:]:
        desk = Desk(Path(folder))
        try:
            work(desk, desk.fit())
        except BaseException as error:  # noqa: BLE001 - whatever a user's code does is one failed run, with its reason
            traceback.print_exc()
            desk.leave(Report(complaint(error)))
            return 1
    return 0


def die_with_parent() -> None:
    """Fork a process that waits for the end of the pipe from the parent, and then ends the whole group.

    A thread couldn't: it would wait for a lock that native code may hold for hours, and spare what the fit started.
    """
    if os.fork() == 0:
        while os.read(0, 1):
            pass
        os.killpg(0, signal.SIGKILL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # nobody answers a fit that asks


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # threads that a library left behind don't keep it
