"""The command line: the same verbs as the Python interface. Thin: it parses, calls, prints.

Exit status: 0 in true, 1 out of true (or refused), 2 wrong use or input.
"""

from __future__ import annotations

import gc
import sys

from retrue import cpu


def main() -> None:
    """Run the command line."""
    cpu.settle()
    gc.set_threshold(50_000)  # importing makes many objects and no garbage: looking for some took 0.04 s
    from retrue.cli.app import run

    sys.exit(run())
