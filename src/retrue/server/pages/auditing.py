"""Audit: who changed what, and whether the log of it is as it was written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from retrue.server.auth import Actor, admin
from retrue.server.pages.monitors import lasting
from retrue.server.pages.shell import render
from retrue.server.service import Service, service
from retrue.store import rows
from retrue.workspace.acting import Chain

router = APIRouter(include_in_schema=False)

LENGTHS = ("grace", "window", "maturity")
"""Particulars that are seconds."""
ALL = ("models", "kinds")
"""Particulars that choose some of all: an empty list chooses every one."""
PAGE = 50
"""Entries on a page."""


@dataclass(frozen=True)
class Entry:
    """An entry: what was done, by whom, of which model, with which particulars."""

    number: int
    at: int
    actor: str
    action: str
    model: str
    facts: str


@dataclass(frozen=True)
class AuditView:
    """The page: entries, newest first; what a check of the chain found; where to read on."""

    sentence: str
    entries: tuple[Entry, ...]
    chain: Chain | None
    older: int | None
    model: str


def entry_of(row: rows.Audit) -> Entry:
    """An entry in words."""
    facts = ", ".join(particular(name, value) for name, value in row.body.items())
    return Entry(row.number or 0, row.at, row.actor, row.action, row.model or "", facts)


def particular(name: str, value: object) -> str:
    """A particular with its name; no list of models or kinds means all of them.

    >>> particular("models", []), particular("kinds", []), particular("grace", 7_200.0), particular("grace", 0.0)
    ('models: all', 'kinds: all', 'grace: 2h', 'grace: 0')
    >>> particular("rows", {"events": 2, "tasks": 1, "labels": 0})
    'rows: 2 of events, 1 of tasks'
    """
    if name in ALL and not value:
        return f"{name}: all"
    if name in LENGTHS and isinstance(value, int | float):
        return f"{name}: {lasting(value)}"
    if name == "rows" and isinstance(value, dict):
        return f"rows: {', '.join(f'{count:,} of {place}' for place, count in value.items() if count) or 'none'}"
    return f"{name}: {said(value)}"


def said(value: object) -> str:
    """A particular as one reads it.

    >>> said(["flights", "loans"]), said(0.0), said(None), said(True), said({"from": "22:00", "until": "07:00"})
    ('flights, loans', '0', 'none', 'yes', 'from 22:00, until 07:00')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return ", ".join(map(said, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {said(one)}" for name, one in value.items()) or "none"
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def sentence_of(chain: Chain | None) -> str:
    """Say whether the log is as it was written, where that was asked."""
    if chain is None:
        return "Who changed what"
    if chain.whole:
        return f"The audit log is whole: {chain.entries:,} entries are as they were written"
    return f"Entry {chain.broken} of the audit log is not as it was written: {chain.reason}"


@router.get("/audit")
def audit_page(
    request: Request, served: Annotated[Service, Depends(service)], _: Annotated[Actor, Depends(admin)],
    model: Annotated[str, Query(max_length=200)] = "", before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    verify: Annotated[str, Query(max_length=1)] = "",
) -> Response:  # fmt: skip
    """Show the audit log; `verify`: after its chain was read again."""
    chain = served.workspace.verify_audit() if verify else None
    entries = tuple(map(entry_of, served.workspace.audit(model or None, most=PAGE, before=before)))
    older = entries[-1].number if len(entries) == PAGE else None
    view = AuditView(sentence_of(chain), entries, chain, older, model)
    return render(request, "audit.html", view, title="Audit", place="Audit")
