"""The quarantine: rows that were set aside, read page by page, mended and let in again."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from retrue.server.api.shared import ERRORS
from retrue.server.auth import Actor, editor, viewer
from retrue.server.service import Service, service
from retrue.workspace.replaying import Mended, replay

router = APIRouter(prefix="/api/v1/models/{model}/quarantine", tags=["quarantine"], responses=ERRORS)

PAGE, LARGEST = 100, 1_000
"""Rows on a page, unless said otherwise and at most."""

Kind = Literal["events", "labels", "feedback"]


class MendedRow(BaseModel):
    """A row to let in again.

    Attributes:
        number: its number in the quarantine.
        row: what takes its place; the row as it is unless given.
    """

    model_config = ConfigDict(extra="forbid")

    number: Annotated[str, Field(max_length=100)]
    row: dict[str, Any] | None = None


class Replay(BaseModel):
    """What to let in again: some rows, or all as they are (after what was wrong with them has changed)."""

    model_config = ConfigDict(extra="forbid")

    rows: Annotated[list[MendedRow], Field(max_length=50_000)] | Literal["all"]


@router.get("", summary="Rows that were set aside")
def listed(
    model: str,
    served: Annotated[Service, Depends(service)],
    _: Annotated[Actor, Depends(viewer)],
    kind: Annotated[Kind | None, Query(description="Of this kind only.")] = None,
    after: Annotated[str | None, Query(max_length=100, description="Older ones than this number (`next`).")] = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST)] = PAGE,
) -> dict[str, Any]:
    """Give rows that are set aside, newest first: number, when, kind, reason, id, and the row as it came.

    `total` is how many there are of the kind, `reasons` the most frequent ones of all kinds with how many rows each.
    """
    store, name = served.workspace.store, served.model(model).name
    known = store.set_aside(name)
    page = store.quarantine_page(name, limit, after=after, kind=kind)
    rows = page.rows.rename({"_at": "at"}).with_columns(pl.col("at").dt.to_string("iso:strict")).to_dicts()
    total = known.total if kind is None else known.kinds.get(kind, 0)
    return {"rows": rows, "next": page.next, "total": total, "reasons": dict(known.reasons)}


@router.post("/replay", status_code=202, summary="Let rows in again")
def replayed(
    model: str,
    served: Annotated[Service, Depends(service)],
    _: Annotated[Actor, Depends(editor)],
    asked: Annotated[Replay, Body()],
) -> dict[str, Any]:
    """Let rows in again, mended or as they are; each leaves the quarantine once, and comes back if it doesn't fit.

    On disk when this answers; in the lake and the profiles a moment later.
    """
    chosen = None if asked.rows == "all" else [Mended(one.number, one.row) for one in asked.rows]
    return replay(served.model(model), chosen).to_dict()
