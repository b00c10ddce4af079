"""Compare: two versions, two windows or two slices of a model's events, or its reference with some of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from retrue.errors import SchemaError, TableError
from retrue.server.api.shapes import JsonObject
from retrue.server.api.shared import ERRORS, PREFIX, ModelName, Moment, Served, Viewer, report_page
from retrue.slices import Slice
from retrue.workspace import Model

router = APIRouter(prefix=PREFIX, tags=["compare"], responses=ERRORS)


class Part(BaseModel):
    """Some of a model's events: of a version, of a time, of a slice; or (`reference`) what a version learned from."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[str | None, Field(max_length=200)] = None
    since: Moment | None = None
    until: Moment | None = None
    where: Annotated[str | None, Field(min_length=1, max_length=10_000)] = None
    reference: bool = False


class Question(BaseModel):
    """Two parts: the window is held against the base, which is the champion's reference unless given."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"window": {"since": "2026-03-01T00:00:00Z"}}]}
    )

    base: Part = Part(reference=True)
    window: Part = Part()
    rules: Annotated[list[Annotated[str, Field(max_length=1_000)]], Field(max_length=100)] = []


@router.post(
    "/models/{model}/compare", response_model=JsonObject, operation_id="compare",
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}}, summary="Compare two parts of it",
)  # fmt: skip
def compare(
    model: ModelName, served: Served, _: Viewer, body: Question,
    form: Annotated[Literal["json", "html"], Query(description="As data, or as a page.")] = "json",
) -> Any:  # fmt: skip
    """Say what changed between two parts of a model's events, as `rt.compare` does."""
    from retrue.comparing import compare as compare_tables

    found = served.model(model)
    base, window = rows_of(found, body.base), rows_of(found, body.window)
    report = compare_tables(base, window, schema=found.schema, rules=body.rules, impact=found.options.impact)
    return report_page(report.to_html()) if form == "html" else report.to_dict()


def rows_of(model: Model, part: Part) -> pl.DataFrame:
    """The rows of a part, with the columns that the model has.

    Raises:
        TableError: there are none.
        SchemaError: no such version.
    """
    version = part.version or model.version
    known = [one.version for one in model.versions()]
    if part.reference and version not in known:
        raise SchemaError(f"no version {version!r}", where=f"model {model.name!r}", expected=", ".join(known))
    frame = (
        model.reference_of(version).frame
        if part.reference
        else model.events(part.since, part.until, version=version).collect()
    )
    if part.where is not None:
        chosen = Slice.parse(part.where)
        chosen.check(frame.columns)
        frame = frame.filter(chosen.mask(frame))
    if not frame.height:
        raise TableError("no events to compare", where=f"model {model.name!r}", expected="at least one row")
    return frame.select(column.name for column in model.schema.columns if column.name in frame.columns)
