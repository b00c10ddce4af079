"""What a process does before it becomes a part of the service: `become.py PARENT NICENESS COMMAND ...`.

It dies with its parent, and gives way to those that somebody waits for. The supervisor can't do that for it: what forks
to run Python of its own may hang where it has threads, and the libraries that it loads may start some. It imports
nothing of ours: the second interpreter costs 15 ms.
"""

import os
import signal
import sys

PDEATHSIG = 1
"""Linux: `prctl` option that says which signal a process gets when its parent dies."""
NICENESS = 5
"""By how much those that nobody waits for give way."""

if __name__ == "__main__":
    parent, niceness, *command = sys.argv[1:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(parent):  # it died before we asked
            sys.exit(1)
    os.nice(int(niceness))
    os.execv(command[0], command)  # noqa: S606 - what it was given
