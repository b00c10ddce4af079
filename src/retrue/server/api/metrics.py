"""`/metrics`: what the store knows of its models, and the web process of itself, for Prometheus to scrape."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from retrue.adapters.prometheus import CONTENT_TYPE, expose
from retrue.adapters.samples import of_models
from retrue.server.auth import Actor, some_viewer
from retrue.server.service import Service, service

router = APIRouter(tags=["telemetry"])


@router.get("/metrics", summary="All figures, for Prometheus", response_class=Response)
def metrics(served: Annotated[Service, Depends(service)], actor: Annotated[Actor, Depends(some_viewer)]) -> Response:
    """Give performance, drift, quality, impact, incidents, volume, jobs and requests as Prometheus' text.

    Read at most every 10 seconds, at most 20,000 figures; `retrue_samples_left_out` says how many are missing, and
    `retrue_readings_behind` of how many models what was judged since is read next time.
    Who may see some models only gets the figures of these, and none of the service itself.
    """
    if actor.models is None:
        return Response(served.readings.exposed() + expose((), served.meters.registry), media_type=CONTENT_TYPE)
    return Response(expose(of_models(served.readings.fresh(), actor.models)), media_type=CONTENT_TYPE)
