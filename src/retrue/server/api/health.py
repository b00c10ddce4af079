"""Is it alive, and can it serve: what load balancers and orchestrators ask."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from retrue.server.service import Service, service

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Is the process alive?")
def healthz() -> dict[str, str]:
    """Answer as long as the process does."""
    return {"status": "ok"}


@router.get("/readyz", summary="Can it serve?")
def readyz(served: Annotated[Service, Depends(service)]) -> dict[str, str]:
    """Answer where catalog and spool can be read; 503 with the reason where not."""
    served.workspace.store.models()
    served.workspace.store.spool.meta("format")
    return {"status": "ready"}
