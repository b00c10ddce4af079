"""`prune`: forget old jobs and log lines, so that what is kept of them stays small."""

from __future__ import annotations

from sqlalchemy import Table, delete, func, select

from retrue.jobs.registry import HOUR, Kind, Task, every, register
from retrue.store.catalog import Transaction
from retrue.store.tables import jobs, logs
from retrue.workspace import clock

DAYS = 30
"""What is older is forgotten ..."""
JOBS, LOGS = 20_000, 100_000
"""... and of what is newer, what goes beyond so many."""


def prune(task: Task) -> str:
    """Remove what is old or too much; a job that runs stays."""
    oldest = clock.micros(task.now) - DAYS * clock.DAY * clock.MICROS
    with task.workspace.store.catalog.write() as tx:
        gone = [removed(tx, jobs, "due", oldest, JOBS), removed(tx, logs, "at", oldest, LOGS)]
    return f"{gone[0]:,} jobs and {gone[1]:,} log lines forgotten"


def removed(tx: Transaction, table: Table, column: str, oldest: int, most: int) -> int:
    """Delete rows that are older than a time, or beyond the newest so many; gives how many."""
    at = table.c[column]
    nth = tx.connection.execute(select(at).order_by(at.desc()).offset(most).limit(1)).scalar()
    done = [] if table is not jobs else [table.c.status.in_(("done", "failed"))]
    cut = oldest if nth is None else max(oldest, int(nth) + 1)
    doomed = tx.connection.execute(select(func.count()).select_from(table).where(at < cut, *done)).scalar()
    tx.connection.execute(delete(table).where(at < cut, *done))
    return int(doomed or 0)


register(Kind("prune", "Forget old jobs and log lines.", prune, every(HOUR, "prune"), light=True))
