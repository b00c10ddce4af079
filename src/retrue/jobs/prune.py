"""`prune`: forget the oldest jobs and log lines beyond so many; how old they may get is upkeep's business."""

from __future__ import annotations

from sqlalchemy import Table, delete, func, select

from retrue.jobs.registry import HOUR, Kind, Task, every, register
from retrue.store.catalog import Transaction
from retrue.store.tables import jobs, logs

JOBS, LOGS = 20_000, 100_000
"""The most that are kept: lists and searches stay quick."""


def prune(task: Task) -> str:
    """Remove what is too much; a job that runs stays."""
    with task.workspace.store.catalog.write() as tx:
        gone = [removed(tx, jobs, "due", JOBS), removed(tx, logs, "at", LOGS)]
    if not any(gone):
        return "nothing was old enough to forget"
    return f"{gone[0]:,} jobs and {gone[1]:,} log lines forgotten"


def removed(tx: Transaction, table: Table, column: str, most: int) -> int:
    """Delete the rows beyond the newest so many; gives how many."""
    at = table.c[column]
    cut = tx.connection.execute(select(at).order_by(at.desc()).offset(most).limit(1)).scalar()
    if cut is None:
        return 0
    done = [] if table is not jobs else [table.c.status.in_(("done", "failed"))]
    doomed = tx.connection.execute(select(func.count()).select_from(table).where(at <= cut, *done)).scalar()
    tx.connection.execute(delete(table).where(at <= cut, *done))
    return int(doomed or 0)


register(Kind("prune", "Forget the oldest jobs and log lines.", prune, every(HOUR, "prune"), pool="light", limit=HOUR))
