"""The pages besides the overview and the models: incidents and what else the rail of places leads to."""

from __future__ import annotations

from fastapi import APIRouter

from retrue.server.pages import (
    auditing,
    compare,
    feature,
    incident,
    incident_actions,
    incidents,
    labelling,
    markers,
    monitors,
    quarantine,
    refine,
    run,
    settings,
    signals,
    slices,
    work,
)

ROUTERS: tuple[APIRouter, ...] = (
    incidents.router,
    incident.router,
    incident_actions.router,
    feature.router,
    markers.router,
    monitors.router,
    slices.router,
    signals.router,
    compare.router,
    labelling.router,
    refine.router,
    run.router,
    work.router,
    quarantine.router,
    settings.router,
    auditing.router,
)
"""Their routers."""
