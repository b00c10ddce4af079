"""The workspace: what `rt.open` returns. It leads from the log to the verdict, and from the incident to a better model.

log, label ── store ── check ── incidents ── explain ── collect ── retrain ── prove ── promote ── log

Its names are imported when they are first used (PEP 562): the settings of a service need the roles, and no store.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from retrue.workspace.model import Model
    from retrue.workspace.prove.proof import Proof
    from retrue.workspace.run import Run
    from retrue.workspace.workspace import Workspace, open

_HOME: Final = {
    "Model": "model", "Proof": "prove.proof", "Run": "run", "Workspace": "workspace", "open": "workspace",
}  # fmt: skip
"""In which module each name lives."""

__all__ = ["Model", "Proof", "Run", "Workspace", "open"]


def __getattr__(name: str) -> object:
    """Import a name from its module on first use, and keep it."""
    if name not in _HOME:
        raise AttributeError(f"module 'retrue.workspace' has no attribute {name!r}")
    value: object = getattr(import_module(f"retrue.workspace.{_HOME[name]}"), name)
    globals()[name] = value
    return value
