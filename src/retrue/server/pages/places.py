"""The pages besides the overview and the models: incidents and what else the rail of places leads to."""

from __future__ import annotations

from fastapi import APIRouter

from retrue.server.pages import incident, incident_actions, incidents

ROUTERS: tuple[APIRouter, ...] = (incidents.router, incident.router, incident_actions.router)
"""Their routers."""
