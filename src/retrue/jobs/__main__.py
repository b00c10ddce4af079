"""`python -m retrue.jobs FOLDER`: run the jobs of a store, as a process of its own."""

from __future__ import annotations

import argparse
import sys

from retrue.adapters import logs
from retrue.errors import LASTING, RetrueError, StoreError


def main(arguments: list[str] | None = None) -> int:
    """Run jobs until SIGTERM; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m retrue.jobs", description="Run the jobs of a store.")
    parser.add_argument("folder", help="the store")
    parser.add_argument(
        "--lease", type=float, default=None, metavar="SECONDS", help="how long a dead server's work waits"
    )
    given = parser.parse_args(arguments)
    logs.configure("jobs")
    from retrue.jobs.leases import LENGTH
    from retrue.jobs.runner import serve

    try:
        serve(given.folder, length=given.lease or LENGTH)
    except RetrueError as error:
        sys.stderr.write(f"error: {error}\n")
        passes = isinstance(error, StoreError) and not isinstance(error, LASTING)
        return 1 if passes else 2  # the store may be back soon: started again, not given up
    return 0


if __name__ == "__main__":
    sys.exit(main())
