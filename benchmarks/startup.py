"""How long it takes to start: `import retrue`, `retrue --help`, and what a comparison imports.

    python -m benchmarks startup [--repeat 9]

Each run is a new process; Python's files are compiled and in the system's cache.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.process import machine, median, retrue, run, verdict

HEAVY = ("scipy", "sklearn", "altair", "pandas", "pyarrow", "sqlalchemy", "deltalake", "sqlglot", "duckdb")
"""What the data path of a comparison must not import."""

STEPS: tuple[tuple[str, list[str], float | None], ...] = (
    ("python", [sys.executable, "-c", "pass"], None),
    ("import retrue", [sys.executable, "-c", "import retrue"], 0.5),
    ("retrue --help", retrue("--help"), 0.7),
    ("import numpy, polars", [sys.executable, "-c", "import numpy, polars"], None),
    ("retrue.compare", [sys.executable, "-c", "import retrue; retrue.compare"], None),
)


def heavy() -> list[str]:
    """Which of `HEAVY` a comparison of two small tables has loaded."""
    code = (
        "import sys, retrue as rt; rt.compare({'x': range(100)}, {'x': range(100)}).to_dict();"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    return run([sys.executable, "-c", code]).said.split()


def main() -> int:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=9)
    repeat = parser.parse_args().repeat
    print(machine())
    for name, command, target in STEPS:
        cost = median(run(command) for _ in range(repeat))
        told = "" if target is None else verdict(cost.wall, target)
        print(f"{name:22} {cost.wall:6.3f} s wall {cost.cpu:6.3f} s CPU {cost.peak:5.0f} MB  {told}".rstrip())
    print("a comparison loads none of the heavy libraries" if not heavy() else f"a comparison loads {heavy()}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
