"""The command line: the same verbs as the Python interface. Thin: it parses, calls, prints.

Exit status: 0 in true, 1 out of true (or refused), 2 wrong use or input.
"""

from __future__ import annotations

import sys

from retrue.cpu import prefer_fast_sort


def main() -> None:
    """Run the command line."""
    prefer_fast_sort()
    from retrue.cli.app import run

    sys.exit(run())
