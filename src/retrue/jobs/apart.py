"""Do in a process of its own what loads a trained model or a user's code: the service itself never does.

The child is told what to do as JSON on its standard input, acts in the name of whoever asked, and answers as JSON: a
crash, a hang or a fault of what it loads is one failed request.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrue import errors
from retrue.errors import RefusedError, RetrueError, StoreError

if TYPE_CHECKING:
    from retrue.workspace import Model

PATIENCE = 300.0
"""Seconds that it may take, unless said otherwise."""


def apart(
    what: str, folder: Path, model: str, actor: str, *, patience: float = PATIENCE, **asked: Any
) -> dict[str, Any]:
    """Do one of `DOES` with a model of a store, and give what it gives.

    Args:
        what: which.
        folder: the store's.
        model: its name.
        actor: in whose name.
        patience: seconds that it may take.
        asked: what it is told besides, in plain values.

    Raises:
        RetrueError: as it was raised there.
        StoreError: the process died or took too long; the catalog says how far it came.
    """
    told = json.dumps({"what": what, "folder": str(folder), "model": model, "actor": actor, "asked": asked})
    where, hint = f"model {model!r}", f"see the log, or do it at a command line: retrue {what}"
    try:
        done = subprocess.run(  # noqa: S603 - our own module, told by standard input
            [sys.executable, "-m", __name__], input=told, capture_output=True, text=True, timeout=patience, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise StoreError(f"{what} took more than {patience:g} s", where=where, hint=hint) from error
    try:
        answer = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise StoreError(f"{what} ended with status {done.returncode}", where=where, hint=hint) from error
    if "error" in answer:
        raise raised(answer["error"])
    return dict(answer)


def raised(said: Mapping[str, Any]) -> RetrueError:
    """An error as the child wrote it."""
    if said.get("reasons"):
        return RefusedError(said["reasons"], what=said["about"], hint=said.get("hint"))
    kind = getattr(errors, str(said.get("type")), StoreError)
    found: RetrueError = kind(
        said["what"], where=said.get("where"), expected=said.get("expected"), hint=said.get("hint")
    )
    return found


# --- in the child -----------------------------------------------------------------------------------------------------


def promote(model: Model, run: str, override: str | None = None, note: str | None = None) -> dict[str, Any]:
    """Prove a run once more and promote it; against the gate where somebody answers for it."""
    return {"version": model.run(run).promote(override=override, note=note)}


def prove(model: Model, run: str) -> dict[str, Any]:
    """Prove a run."""
    from retrue.report.proof import headline

    found = model.run(run).prove()
    return {**found.to_dict(), "said": headline(found)}


def queue(
    model: Model, trainer: str, mix: Mapping[str, float], settings: Mapping[str, Any], **asked: Any
) -> dict[str, Any]:
    """Queue a run of named parts."""
    from retrue.workspace.train.parts import mix_of

    return model.queue(trainer, mix=mix_of(model, mix, **settings), **asked).to_dict()


def verify(model: Model, version: str, since: str | None, until: str | None) -> dict[str, Any]:
    """Replay logged inputs through a version's trained model."""
    ends = [None if one is None else datetime.fromisoformat(one) for one in (since, until)]
    return model.verify(version, since=ends[0], until=ends[1]).to_dict()


DOES: Mapping[str, Callable[..., dict[str, Any]]] = {
    "promote": promote,
    "prove": prove,
    "queue": queue,
    "verify": verify,
}
"""What can be done."""


def main() -> None:
    """Do what standard input says."""
    from retrue.workspace import open as open_store
    from retrue.workspace.acting import acting

    told = json.load(sys.stdin)
    sys.path.insert(0, "")  # the code of a trained model is often in this folder
    try:
        with open_store(told["folder"], create=False) as store, acting(told["actor"]):
            answer = DOES[told["what"]](store.model(told["model"]), **told["asked"])
    except RefusedError as error:
        about = str(error.what).partition(": ")[0]
        answer = {"error": {"reasons": list(error.reasons), "about": about, "hint": error.hint}}
    except RetrueError as error:
        said = {"what": error.what, "where": error.where, "expected": error.expected, "hint": error.hint}
        answer = {"error": {"type": type(error).__name__, **said}}
    print(json.dumps(answer, default=str))  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
