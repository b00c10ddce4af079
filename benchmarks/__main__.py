"""All benchmarks: `python -m benchmarks [NAME [OPTIONS]]`; without a name all of them, one after the other.

Each is a process of its own, so that none is measured with what another left behind.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks.process import ROOT, module

PARTS = {
    "startup": "startup",
    "accuracy": "accuracy",
    "counting": "counting",
    "scale": "scale",
    "tensor": "tensor",
    "estimate": "estimate",
    "regression": "estimate_regression",
    "label": "label_join",
    "watch": "watch",
    "slices": "slices",
    "impact": "impact",
    "alarms": "alarms",
    "shape": "shape",
    "serve": "serve",
    "seen": "seen",
    "fleet": "fleet",
    "compare": "compare",
    "pages": "pages",
    "refine": "refine",
}
"""Each benchmark and its module, in the order in which they run: the peers take longest."""


def main(arguments: list[str]) -> int:
    """Run one benchmark with its options, or all; gives the worst exit status."""
    name, *options = arguments or [""]
    if name and name not in PARTS:
        print(f"unknown benchmark {name!r}; expected {', '.join(PARTS)}", file=sys.stderr)
        return 2
    worst = 0
    for part in [name] if name else PARTS:
        print(f"== {part}", flush=True)
        worst = max(worst, abs(subprocess.run(module(PARTS[part], *options), cwd=ROOT, check=False).returncode))
        print(flush=True)
    return worst


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
