"""Tokens and the audit log, for administrators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from retrue.errors import StoreError
from retrue.server.api.shared import ERRORS, PREFIX
from retrue.server.auth import Actor, admin, some_viewer
from retrue.server.errors import HttpError
from retrue.server.service import Service, service
from retrue.workspace import acting, names, tokens
from retrue.workspace.roles import Role

router = APIRouter(prefix=PREFIX, tags=["access"], responses=ERRORS)

Admin = Annotated[Actor, Depends(admin)]
Served = Annotated[Service, Depends(service)]


class Wanted(BaseModel):
    """A token that shall be made."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=names.LONGEST)]
    role: Role
    models: Annotated[list[str], Field(max_length=1_000)] = []
    expires: datetime | None = None


@router.get("/me")
def me(actor: Annotated[Actor, Depends(some_viewer)]) -> dict[str, Any]:
    """Who asks: their name, role and models."""
    models = None if actor.models is None else sorted(actor.models)
    return {"name": actor.name, "role": actor.role, "models": models, "kind": actor.kind}


@router.get("/tokens")
def list_tokens(served: Served, _: Admin) -> list[dict[str, Any]]:
    """All tokens, the newest first; never their secrets."""
    return [tokens.to_dict(one) for one in tokens.tokens(served.workspace.store.catalog)]


@router.post("/tokens", status_code=201)
def create_token(request: Request, served: Served, wanted: Wanted, _: Admin) -> dict[str, Any]:
    """Make a token; its secret is in this answer and nowhere else."""
    made = tokens.create(
        served.workspace.store.catalog, wanted.name, wanted.role, models=wanted.models, expires=wanted.expires
    )
    request.state.access.forget()
    return {**tokens.to_dict(made.token), "secret": made.secret}


@router.delete("/tokens/{token}")
def revoke_token(request: Request, served: Served, token: str, _: Admin) -> dict[str, Any]:
    """End a token, by its id or its name, and the sessions that were begun with it."""
    try:
        ended = tokens.revoke(served.workspace.store.catalog, token)
    except StoreError as error:
        raise HttpError(404, error.what, expected=error.expected, hint="see GET /api/v1/tokens") from error
    request.state.access.forget()
    return tokens.to_dict(ended)


@router.get("/audit")
def audit_log(
    served: Served,
    _: Admin,
    model: str | None = None,
    most: Annotated[int, Query(ge=1, le=1_000)] = 50,
    before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
) -> list[dict[str, Any]]:
    """Who changed what, the latest first; `before` reads on from a number."""
    return [acting.to_dict(entry) for entry in served.workspace.audit(model, most=most, before=before)]


@router.get("/audit/verify")
def verify_audit(served: Served, _: Admin) -> dict[str, Any]:
    """Whether the audit log is as it was written, and the first entry that isn't."""
    return served.workspace.verify_audit().to_dict()
