"""Secrets go in at every door, and come out at none: pages, answers, figures, exports, reports, commands, logs."""

from __future__ import annotations

import html
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from fastapi.routing import APIRoute
from tests.postgres import Cluster
from tests.server.auth.test_routes import flat, methods
from tests.server.conftest import loans, registered, serving
from tests.server.pages.conftest import live
from typer.testing import CliRunner

import retrue as rt
from retrue.cli.app import app
from retrue.cli.shared import one_command
from retrue.server.app import create_app
from retrue.server.auth import oidc
from retrue.store.home import VARIABLE
from retrue.workspace import tokens

SEEN = "shown-as-it-comes"
"""What may be seen, and must be: or the search proves nothing."""
PRIVATE, DATABASE, CHANNEL, HOOK, FILED, COMPANY = (f"hush{n}-kanarienvogel" for n in range(6))
CONFIG = f"""
[[channels]]
name = "filed"
url = "json://user:{FILED}@127.0.0.1:9/x"
[server.oidc]
issuer = "http://127.0.0.1:9"
client_id = "retrue"
roles = {{ ml = "editor" }}
"""
COMMANDS = (
    "export prometheus-rules", "export grafana -o {root}/grafana", "export metrics", "audit", "doctor", "logs --json",
    "jobs", "notify list", "notify log", "token list", "models --json", "quarantine loans",
)  # fmt: skip
"""What may be written out, by commands."""
MORE = (
    "/settings", "/quarantine?model=loans", "/api/v1/models/moved/incidents/{incident}/explanation?form=html", "/audit",
)  # fmt: skip
"""Addresses that say more when they are asked so."""


def paths(routes: list[APIRoute], known: dict[str, str]) -> Iterator[str]:
    """Every address that can be asked for, about what is there."""
    for route in routes:
        if "GET" in methods(route) and not route.path.endswith(("/live", "/static/{name}")):
            names = {name: known.get(name, "1") for name in route.param_convertors}
            yield route.path.replace(":path}", "}").format(**names)


def send(client: httpx.Client, secret: str) -> Iterator[httpx.Response]:
    """Bring the secrets in, by ways that end well and by ways that don't."""
    private = {"email": PRIVATE, "user": PRIVATE, "region": SEEN}
    rows = [{**row, "at": row["at"].isoformat(), **private} for row in loans(0, 20).drop("y").to_dicts()]
    events = "/api/v1/models/loans/events"
    yield client.post(f"{events}?ack=lake", json=rows)
    yield client.post(f"{events}?ack=lake", json=[{**row, "at": "no time"} for row in rows])
    yield client.post(events, content=f'[{{"email": "{PRIVATE}'.encode(), headers={"Content-Type": "application/json"})
    yield client.post("/settings/channels", data={"name": "on call", "url": f"json://user:{CHANNEL}@127.0.0.1:9/x"})
    for name in ("on call", "filed"):
        yield client.post("/settings/channels/test", data={"name": name})
    for name, url in (
        ("wrong", f"nothing://user:{CHANNEL}@x"),
        ("slip", f"slac://T1/B2/{HOOK}"),
        ("hook", f"jsons://x.org/{HOOK}"),
    ):
        yield client.post("/settings/channels", data={"name": name, "url": url})
    yield client.post("/login", data={"token": secret + "x"})
    yield client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}x"})
    yield client.get(f"/models/loans?token={secret}")
    yield client.get("/login/oidc")
    yield client.get("/login/oidc/back?code=1&state=2")


def spelled(text: str) -> str:
    """A text, and what a browser makes of it."""
    return f"{text}\n{html.unescape(text)}\n{unquote(text)}"


@pytest.fixture
def root(tmp_path: Path, postgres: Cluster, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings, whose store has its catalog in a database that has a password."""
    (tmp_path / "retrue.toml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, postgres.catalog().replace("retrue@", f"retrue:{DATABASE}@"))
    monkeypatch.setenv(oidc.SECRET, COMPANY)
    return tmp_path


@pytest.mark.slow
def test_what_is_secret_comes_out_nowhere(
    root: Path, postgres: Cluster, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Tokens, passwords of channels and of the database, the company's secret, personal data: also where all fails."""
    caplog.set_level(logging.WARNING, "httpx")  # this test's own client logs what it asks for
    folder = root / "store"
    registered(folder, privacy={"email": "drop", "user": "hash"})
    with rt.open(folder) as store:
        live(store, "moved", shift=4_000)
        secret = tokens.create(store.store.catalog, "all", "admin").secret
        routes = list(flat(create_app(store).routes))
        incident = store.model("moved").incidents()[0].id
    known = {"id": incident, "model": "moved", "column": "income", "format": "json", "key": "outcome"}
    headers = {"Authorization": f"Bearer {secret}"}
    with serving(folder, cwd=root) as served, httpx.Client(base_url=served.url, headers=headers, timeout=60) as client:
        said = {f"{one.request.method} {one.url}": one for one in send(client, secret)}
        for path in dict.fromkeys((*paths(routes, known), *paths(routes, {"model": "loans"}), *MORE)):
            accept = {"Accept": "text/html"} if "/api/" not in path else {}
            said[f"GET {path}"] = client.get(path.format(incident=incident), headers=accept)
        postgres.disconnect(os.environ[VARIABLE])
        said |= {f"then GET {path}": client.get(path) for path in ("/", "/metrics", "/api/v1/models", "/readyz")}
    told = {what: f"{one.headers}\n{one.text}" for what, one in said.items()}
    for command in COMMANDS:
        with one_command():
            done = CliRunner().invoke(app, command.format(root=root).split())
        told[command] = f"{done.output}{done.exception!r}"
    told |= {str(path): path.read_text("utf-8") for path in (root / "grafana").iterdir()}
    told |= dict(zip(("stdout", "stderr"), capfd.readouterr(), strict=True))
    secrets = {PRIVATE, DATABASE, CHANNEL, HOOK, FILED, COMPANY, secret, secret.partition("_")[2] or secret}
    found = {(what, one) for what, text in told.items() for one in secrets if one in spelled(text)}
    assert found == set()
    assert {what: one.status_code for what, one in said.items() if one.status_code == 500} == {}
    assert SEEN in told["GET /quarantine?model=loans"]
    assert "filed" in told["GET /settings"]
    assert "on call" in told["notify list"]
    assert "json://user:****@127.0.0.1:9/…" in told["GET /settings"]
    assert "<html" in told["GET " + MORE[2]]
    assert '"process": "jobs"' in told["stderr"], "what the service said was read, too"
