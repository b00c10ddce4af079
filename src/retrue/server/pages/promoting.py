"""Promote in a process of its own: it loads the trained model, which the server never does.

The child is told what to do as JSON on its standard input, acts in the name of whoever asked, and answers as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from retrue import errors
from retrue.errors import RefusedError, RetrueError, StoreError

PATIENCE = 300.0
"""Seconds that proving and promoting may take."""


def promote_apart(folder: Path, model: str, run: str, actor: str, note: str | None) -> str:
    """Prove and promote a run; gives its version.

    Args:
        folder: the store's.
        model: whose run.
        run: its id.
        actor: in whose name.
        note: why it is promoted against the gate; None: the gate decides.

    Raises:
        RefusedError: the gate stays shut, or another took the champion's place.
        RetrueError: as the promotion raised it.
        StoreError: the process died or took too long; the champion is what the catalog says.
    """
    asked = json.dumps({"folder": str(folder), "model": model, "run": run, "actor": actor, "note": note})
    hint = "see the log, or promote it at a command line: retrue promote"
    try:
        done = subprocess.run(  # noqa: S603 - our own module, told by standard input
            [sys.executable, "-m", __name__], input=asked, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise StoreError(f"promoting took more than {PATIENCE:g} s", where=f"run {run}", hint=hint) from error
    try:
        answer = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise StoreError(f"promoting ended with status {done.returncode}", where=f"run {run}", hint=hint) from error
    if "error" in answer:
        raise told(answer["error"])
    return str(answer["version"])


def told(said: dict[str, Any]) -> RetrueError:
    """An error as the child wrote it."""
    if said.get("reasons"):
        return RefusedError(said["reasons"], what=said["about"], hint=said.get("hint"))
    kind = getattr(errors, str(said.get("type")), StoreError)
    found: RetrueError = kind(
        said["what"], where=said.get("where"), expected=said.get("expected"), hint=said.get("hint")
    )
    return found


def main() -> None:
    """Do what standard input says."""
    from retrue.workspace import open as open_store
    from retrue.workspace.acting import acting

    asked = json.load(sys.stdin)
    sys.path.insert(0, "")  # the code of a trained model is often in this folder
    try:
        with open_store(asked["folder"], create=False) as store, acting(asked["actor"]):
            run = store.model(asked["model"]).run(asked["run"])
            by = {"override": asked["actor"], "note": asked["note"]} if asked["note"] else {}
            answer: dict[str, Any] = {"version": run.promote(**by)}
    except RefusedError as error:
        about = str(error.what).partition(": ")[0]
        answer = {"error": {"reasons": list(error.reasons), "about": about, "hint": error.hint}}
    except RetrueError as error:
        said = {"what": error.what, "where": error.where, "expected": error.expected, "hint": error.hint}
        answer = {"error": {"type": type(error).__name__, **said}}
    print(json.dumps(answer))  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
