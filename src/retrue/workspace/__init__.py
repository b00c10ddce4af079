"""The workspace: what `rt.open` returns. It leads from the log to the verdict, and from the incident to a better model.

log, label ── store ── check ── incidents ── explain ── collect ── retrain ── prove ── promote ── log
"""

from retrue.workspace.model import Model
from retrue.workspace.proof import Proof
from retrue.workspace.training import Run
from retrue.workspace.workspace import Workspace, open

__all__ = ["Model", "Proof", "Run", "Workspace", "open"]
