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
    @property
    def version(self) -> str | None: ...


class Delivery(Protocol):
    """A message to a channel; `retrue.store.rows.Delivery` is one."""

    @property
    def incident(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def channel(self) -> str: ...
    @property
    def event(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def due(self) -> int: ...
    @property
    def updated(self) -> int: ...
    @property
    def tries(self) -> int: ...
    @property
    def body(self) -> Mapping[str, Any]: ...


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
        "version": job.body.get("version"),
        "run": job.body.get("run"),
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
        "version": line.version,
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
    about = [name for name in ("version", "run") if any(getattr(line, name) for line in lines)]
    heads = ["Time (UTC)", "Level", "Model", *map(str.capitalize, about), "Job", "What was said"]
    table = quiet_table(*heads, wide="What was said")
    for line in lines:
        level = Text(line.level, style=STYLES.get(line.level, "dim"))
        known = [getattr(line, name) or "" for name in ("model", *about, "job")]
        add_row(table, [told(line.at), level, *known, line.text])
    return below(table, len(lines), total)


def delivery_dict(row: Delivery) -> dict[str, Any]:
    """A message as plain values."""
    return {
        "incident": row.incident,
        "model": row.model,
        "channel": row.channel,
        "event": row.event,
        "status": row.status,
        "due": utc(row.due).isoformat(),
        "updated": utc(row.updated).isoformat(),
        "tries": row.tries,
        "key": row.body.get("key"),
        "why": row.body.get("why"),
        "log": list(row.body.get("log", [])),
    }


def deliveries_view(rows: Sequence[Delivery], total: int) -> RenderableType:
    """Show messages, newest first, with why one wasn't sent."""
    table = quiet_table(
        "Updated (UTC)", "Model", "Incident", "What", "Channel", "State", "Tries", "Why", right=["Tries"]
    )
    for row in rows:
        log = row.body.get("log", [])
        why = str(row.body.get("why") or (log[-1]["said"] if log and row.status != "sent" else ""))
        if row.status == "waiting":
            why = f"not before {told(row.due)}{f': {why}' if why else ''}"
        state = Text(row.status, style=STYLES.get(row.status, "dim" if row.status == "sent" else ""))
        cells: list[str | Text] = [
            told(row.updated),
            row.model or "–",
            row.incident or "–",
            row.event,
            row.channel,
            state,
        ]
        add_row(table, [*cells, str(row.tries), why])
    return below(table, len(rows), total)


def channels_view(channels: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Show channels as `Channel.public` gives them."""
    table = quiet_table("Channel", "Where", "Models", "From", "Kinds", "Quiet hours")
    for one in channels:
        quiet = one.get("quiet")
        hours = "" if quiet is None else f"{quiet['from']} to {quiet['until']} {quiet['timezone']}"
        hours += ", critical passes" if quiet is not None and quiet["critical"] else ""
        models, kinds = ", ".join(one["models"]) or "all", ", ".join(one["kinds"]) or "all"
        add_row(table, (one["name"], one["url"], models, one["severity"], kinds, hours))
    return table


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
