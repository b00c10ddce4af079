"""The application: which routers it has, and what becomes of errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from retrue.adapters import otel
from retrue.server import assets, live
from retrue.server.api import (
    access,
    capture,
    choosing,
    compare,
    document,
    events,
    health,
    history,
    incidents,
    metrics,
    models,
    monitors,
    proving,
    quarantine,
    runs,
    signals,
    tasks,
    work,
)
from retrue.server.auth import login
from retrue.server.auth.access import Access
from retrue.server.auth.guard import Guard
from retrue.server.handlers import add_handlers
from retrue.server.meters import Metered, Meters
from retrue.server.pages import model, model_figures, overview, places
from retrue.server.service import Service
from retrue.server.settings import ServerSettings
from retrue.server.warm import WarmUp
from retrue.version import VERSION
from retrue.workspace import Workspace

ROUTERS = (
    health.router,
    capture.router,
    quarantine.router,
    metrics.router,
    assets.router,
    login.router,
    access.router,
    document.router,
    live.router,
    overview.router,
    model.router,
    model_figures.router,
    *places.ROUTERS,
    models.router,
    incidents.router,
    history.router,
    signals.router,
    monitors.router,
    compare.router,
    work.router,
    tasks.router,
    choosing.router,
    runs.router,
    proving.router,
)
"""Every router but that of what comes in. API routers carry the prefix `/api/v1` themselves."""


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[None]:
    """What runs while the application does."""
    served: Service = app.state.retrue
    warm = WarmUp(served)
    warm.start()
    yield
    await run_in_threadpool(warm.stop)
    await run_in_threadpool(served.gatherer.stop)
    if served.telemetry is not None:
        await run_in_threadpool(served.telemetry.close)


def create_app(workspace: Workspace, settings: ServerSettings | None = None) -> FastAPI:
    """Make the application that serves a store.

    Args:
        workspace: the opened store; the caller closes it.
        settings: how it is served; the defaults unless given.
    """
    # Pages of documentation would load scripts from elsewhere.
    app = FastAPI(title="Retrue", version=VERSION, openapi_url=None, lifespan=running)
    chosen = settings or ServerSettings()
    telemetry = otel.Telemetry.start("web") if otel.wanted() else None
    served = Service(workspace, chosen, Meters(telemetry), telemetry)
    app.state.retrue = served
    app.add_middleware(Guard, access=Access(workspace.store.catalog, chosen, workspace.store.id), settings=chosen)
    app.add_middleware(Metered, meters=served.meters, telemetry=served.telemetry)
    add_handlers(app)
    app.router.routes.extend(events.router.routes)  # as they are: an included router costs each batch of rows its time
    for router in ROUTERS:
        app.include_router(router)
    return app
