"""What ran by itself and what it said, in a terminal and as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from rich.console import Group, RenderableType
from rich.text import Text

from retrue.report.layout import add_row, quiet_table

STYLES = {"failed": "bold red", "running": "bold", "error": "bold red", "warning": "yellow"}


class Job(Protocol):
    """A run of a job; `retrue.store.rows.Job` is one."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def due(self) -> int: ...
    @property
    def updated(self) -> int: ...
    @property
    def body(self) -> Mapping[str, Any]: ...
    @property
    def model(self) -> str | None: ...


class Line(Protocol):
    """A log line; `retrue.store.rows.Log` is one."""

    @property
    def at(self) -> int: ...
    @property
    def level(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def job(self) -> str | None: ...
    @property
    def model(self) -> str | None: ...
    @property
    def run(self) -> str | None: ...


def job_dict(job: Job) -> dict[str, Any]:
    """A run as plain values: `end` and `seconds` are null while it runs."""
    over = job.status != "running"
    return {
        "id": job.id,
        "kind": job.kind,
        "model": job.model,
        "status": job.status,
        "start": utc(job.due).isoformat(),
        "end": utc(job.updated).isoformat() if over else None,
        "seconds": seconds(job),
        "message": job.body.get("message"),
        "server": job.body.get("server"),
    }


def log_dict(line: Line) -> dict[str, Any]:
    """A log line as plain values."""
    return {
        "at": utc(line.at).isoformat(),
        "level": line.level,
        "text": line.text,
        "job": line.job,
        "model": line.model,
        "run": line.run,
    }


def jobs_view(jobs: Sequence[Job], total: int) -> RenderableType:
    """Show runs of jobs, newest first."""
    table = quiet_table("Start (UTC)", "Job", "Model", "State", "Seconds", "What came of it", right=["Seconds"])
    for job in jobs:
        took = seconds(job)
        state = Text(job.status, style=STYLES.get(job.status, "dim"))
        said = str(job.body.get("message", "")).partition("\n")[0]
        cells: list[str | Text] = [told(job.due), job.kind, job.model or "", state]
        add_row(table, [*cells, "" if took is None else f"{took:.1f}", said])
    return below(table, len(jobs), total)


def logs_view(lines: Sequence[Line], total: int) -> RenderableType:
    """Show log lines, newest last, as in a file."""
    table = quiet_table("Time (UTC)", "Level", "Model", "Job", "What was said", wide="What was said")
    for line in lines:
        level = Text(line.level, style=STYLES.get(line.level, "dim"))
        add_row(table, [told(line.at), level, line.model or "", line.job or "", line.text])
    return below(table, len(lines), total)


def below(table: RenderableType, shown: int, total: int) -> RenderableType:
    """A table, and how many more there are."""
    return table if shown >= total else Group(table, Text(f"\n{shown:,} of {total:,}: --limit shows more", style="dim"))


def seconds(job: Job) -> float | None:
    """How long a run took; None while it runs."""
    if job.status == "running":
        return None
    return float(job.body.get("seconds", (job.updated - job.due) / 1_000_000))


def told(micros: int) -> str:
    """A time as a log says it."""
    return f"{utc(micros):%Y-%m-%d %H:%M:%S}"


def utc(micros: int) -> datetime:
    """The time of microseconds since 1970."""
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
