"""A chart as PNG, by vl-convert, in a process of its own: whatever a chart does to it, the service goes on.

python -m retrue.adapters.png < spec.json > chart.png
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from retrue.errors import RetrueError

LIMIT = 30.0
"""Seconds that a chart may take."""
SCALE = 2.0
"""Pixels of the picture for one of the chart: sharp on a phone."""
LACKING = 3
"""Exit status where vl-convert isn't installed."""


def png(spec: Mapping[str, Any], *, limit: float = LIMIT) -> bytes:
    """Draw a Vega-Lite spec, on white.

    Args:
        spec: the whole spec, data included; nothing is fetched.
        limit: seconds that it may take.

    Raises:
        RetrueError: it can't be drawn, or not in time; or vl-convert isn't installed.
    """
    config = {**spec.get("config", {}), "background": "white", "padding": 12}
    return drawn(json.dumps({**spec, "config": config}, allow_nan=False), limit)


@lru_cache(maxsize=16)
def drawn(text: str, limit: float) -> bytes:
    """The same of a spec as JSON; one picture goes to several channels, and again where one didn't take it."""
    command = [sys.executable, "-m", "retrue.adapters.png"]
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=False, timeout=limit)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise RetrueError(f"a chart took longer than {limit:g} seconds to draw") from None
    if done.returncode == LACKING:
        raise RetrueError("charts as PNG need vl-convert-python", hint='pip install "retrue[server]"')
    if done.returncode or not done.stdout.startswith(b"\x89PNG"):
        said = (done.stderr.decode(errors="replace").strip().splitlines() or ["nothing was said"])[-1]
        raise RetrueError(f"a chart couldn't be drawn: {said[:200]}")
    return done.stdout


def main() -> int:
    """Draw what comes in."""
    try:
        import vl_convert
    except ModuleNotFoundError:
        return LACKING
    spec = json.load(sys.stdin)
    sys.stdout.buffer.write(vl_convert.vegalite_to_png(spec, scale=SCALE, allowed_base_urls=[]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
