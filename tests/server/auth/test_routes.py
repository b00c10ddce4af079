"""Every route demands a role, and every change is in the audit log: told from the application's own list of routes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

import retrue as rt
from retrue.server.app import create_app
from retrue.server.auth.demand import Demand
from retrue.server.auth.hosts import SAFE

EVERYBODY = {
    ("GET", "/healthz"): "probes have no token",
    ("GET", "/readyz"): "the same",
    ("GET", "/static/{name}"): "the page to sign in at needs its style",
    ("GET", "/login"): "where one signs in",
    ("POST", "/login"): "the same",
    ("GET", "/login/oidc"): "the same, with the company's account",
    ("GET", "/login/oidc/back"): "the same",
}
"""Routes that demand no role, and why."""

QUESTIONS = {("POST", f"/api/v1/models/{{model}}/{what}") for what in ("backtest", "compare", "outlier")}
"""Routes that are asked by POST, because the question is long, and change nothing."""


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[APIRoute]]:
    """All routes."""
    with rt.open(tmp_path_factory.mktemp("routes") / "store") as workspace:
        yield list(flat(create_app(workspace).routes))


def flat(routes: Iterable[BaseRoute]) -> Iterator[APIRoute]:
    """Routes, those of routers among them too; whatever else answers must be told here."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        else:
            inner = getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", None)
            assert inner, f"{route!r} answers without being asked for a role"
            yield from flat(inner)


def methods(route: APIRoute) -> set[str]:
    """The methods that a route answers."""
    return set(route.methods or ())


def demands(dependant: Dependant) -> Iterator[Demand]:
    """What a route demands."""
    if isinstance(dependant.call, Demand):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from demands(inner)


def test_every_route_demands_a_role(routes: list[APIRoute]) -> None:
    assert len(routes) > 10
    open_ = {(method, route.path) for route in routes for method in methods(route) if not [*demands(route.dependant)]}
    assert open_ <= set(EVERYBODY)


def test_who_only_looks_changes_nothing_but_their_own_session(routes: list[APIRoute]) -> None:
    """What changes something demands more than a viewer."""
    weak = {
        (method, route.path)
        for route in routes
        for method in methods(route) - SAFE
        if {one.role for one in demands(route.dependant)} <= {"viewer"}
    }
    assert weak <= {("POST", "/login"), ("POST", "/logout"), *QUESTIONS}


def test_what_takes_rows_demands_no_reader(routes: list[APIRoute]) -> None:
    """A program that sends events must not have to be able to see them."""
    taking = [
        route for route in routes if route.path.endswith(("/events", "/labels", "/feedback", "/capture/{format}"))
    ]
    writing = [route for route in taking if "POST" in methods(route)]
    assert all({one.role for one in demands(route.dependant)} == {"ingest"} for route in writing)


def test_the_source_writes_the_audit_log_in_one_place_only() -> None:
    source = Path(rt.__file__).parent
    writers = [
        str(path.relative_to(source))
        for path in source.rglob("*.py")
        if re.search(r"\badd\((rows\.)?Audit\(|insert\(.*audit", path.read_text(encoding="utf-8"))
    ]
    assert writers == []  # but `audit` itself, which adds what it has sealed
