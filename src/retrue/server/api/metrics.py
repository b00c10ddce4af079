"""`/metrics`: what the store knows of its models, and the web process of itself, for Prometheus to scrape."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from retrue.adapters.prometheus import CONTENT_TYPE, expose
from retrue.server.auth import viewer
from retrue.server.service import Service, service

router = APIRouter(tags=["telemetry"], dependencies=[Depends(viewer)])


@router.get("/metrics", summary="All figures, for Prometheus", response_class=Response)
def metrics(served: Annotated[Service, Depends(service)]) -> Response:
    """Give performance, drift, quality, impact, incidents, volume, jobs and requests as Prometheus' text.

    Read at most every 10 seconds, at most 20,000 figures; `retrue_samples_left_out` says how many are missing.
    """
    return Response(expose(served.readings.fresh(), served.meters.registry), media_type=CONTENT_TYPE)
