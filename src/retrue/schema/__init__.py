"""What an event looks like: the kind of each column with the reason, the role that it plays, and the task of the model.

    table ── sample ── kinds (a reason in words for each) ──┐
    roles: id, time, label, score, ... ── checked ──────────┼── Schema ── TOML, JSON
    task, positive, classes ── from label and score ────────┘

A guess is always explained and can always be overridden: `kinds={"x": "numeric"}`, `task="regression"`,
`positive="yes"`.
"""

from retrue.schema.change import Change
from retrue.schema.column import Column, Kind
from retrue.schema.schema import Schema
from retrue.schema.task import Task

__all__ = ["Change", "Column", "Kind", "Schema", "Task"]
