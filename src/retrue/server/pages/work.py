"""Jobs and logs: did everything run, and what was said?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from retrue.jobs.records import LEVELS, STATUSES
from retrue.report.words import plural
from retrue.server.auth import Actor, some_viewer
from retrue.server.pages.shell import render
from retrue.server.service import Service, service
from retrue.store import rows
from retrue.workspace.clock import MICROS

router = APIRouter(include_in_schema=False)

PAGE = 50
"""Jobs, and lines, on a page."""
LINES = 500
"""Lines that are looked through for what jobs said last."""


@dataclass(frozen=True)
class JobRow:
    """A run: when, what, of which model, how long it took, what came of it."""

    id: str
    kind: str
    model: str
    status: str
    tone: str
    at: int
    took: str
    said: str


@dataclass(frozen=True)
class WorkView:
    """The page.

    Attributes:
        sentence: the answer.
        jobs, pages: this page's runs, newest first; how many pages there are.
        lines: what was said, newest first.
        asked: what the address asks for.
        page: which page this is.
        hidden: how many runs found nothing to do, and aren't listed.
    """

    sentence: str
    jobs: tuple[JobRow, ...]
    pages: int
    lines: tuple[rows.Log, ...]
    asked: dict[str, str]
    page: int
    hidden: int


def took_said(micros: int) -> str:
    """How long a run took, to a tenth of a second.

    >>> took_said(53_800), took_said(12_340_000), took_said(600_000_000)
    ('0.1 s', '12.3 s', '600 s')
    """
    seconds = max(micros, 0) / MICROS
    return f"{seconds:.0f} s" if seconds >= 100 else f"{max(seconds, 0.1):.1f} s"


def job_row(job: rows.Job, said: str) -> JobRow:
    """A run in words; `said` is its last line."""
    took = "" if job.status == "running" else took_said(job.updated - job.due)
    tone = "bad" if job.status == "failed" else "calm"
    return JobRow(job.id, job.kind, job.model or "", job.status, tone, job.due, took, said)


def sentence_of(failed: int, running: int) -> str:
    """Say whether something failed.

    >>> sentence_of(2, 0), sentence_of(0, 1)
    ('2 jobs failed', 'No job failed; 1 is running')
    """
    told = f"{plural(failed, 'job')} failed" if failed else "No job failed"
    return told + (f"; {running} {'is' if running == 1 else 'are'} running" if running else "")


@router.get("/jobs")
def work(
    request: Request, served: Annotated[Service, Depends(service)], actor: Annotated[Actor, Depends(some_viewer)], *,
    status: Literal["", "running", "done", "failed"] = "", kind: Annotated[str, Query(max_length=100)] = "",
    model: Annotated[str, Query(max_length=200)] = "", page: Annotated[int, Query(ge=1, le=10_000)] = 1,
    level: Literal["", "debug", "info", "warning", "error"] = "", text: Annotated[str, Query(max_length=200)] = "",
    job: Annotated[str, Query(max_length=100)] = "", run: Annotated[str, Query(max_length=100)] = "",
    version: Annotated[str, Query(max_length=200)] = "", idle: Literal["", "1"] = "",
) -> Response:  # fmt: skip
    """Show what ran by itself, and what was said."""
    space, mine = served.workspace, {"model": model or None, "models": actor.models}
    mine |= {"run": run or None, "version": version or None}
    wanted = {"status": status or None, "kind": kind or None, "id": job or None, **mine}
    ran = space.jobs(idle=bool(idle or job), limit=PAGE, offset=(page - 1) * PAGE, **wanted)
    hidden = 0 if idle or job else space.jobs(limit=1, **wanted).total - ran.total
    said = space.logs(level=level or None, text=text or None, job=job or None, limit=PAGE, **mine)
    last = {str(one.job): one.text for one in reversed(space.logs(limit=LINES, **mine).rows) if one.job}
    failed, running = (space.jobs(status=one, models=actor.models, limit=1).total for one in ("failed", "running"))
    asked = {"status": status, "kind": kind, "model": model, "level": level, "text": text, "job": job, "idle": idle}
    asked |= {"run": run, "version": version}
    view = WorkView(
        sentence_of(failed, running), tuple(job_row(one, last.get(one.id, "")) for one in ran.rows),
        -(-ran.total // PAGE), said.rows, asked, page, hidden,
    )  # fmt: skip
    return render(
        request, "work.html", view, title="Jobs and logs", place="Jobs and logs", live="",
        statuses={"": "all", **{one: one for one in STATUSES}}, levels={"": "all", **{one: one for one in LEVELS}},
    )  # fmt: skip
