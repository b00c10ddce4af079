"""What each role may do, for which models; and what somebody is told who may not."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest
from tests.server.auth.conftest import Guarded
from tests.server.conftest import Served, registered

import retrue as rt
from retrue.store import rows
from retrue.workspace import clock, tokens


def test_who_is_not_known_learns_nothing(guarded: Guarded) -> None:
    """The same words for a model that is there, one that isn't, and a service that isn't."""
    with guarded.client() as client:
        for path in ("/api/v1/tokens", "/api/v1/audit", "/api/v1/me"):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="Retrue"')
            assert answer.json()["error"]["what"] == "nobody is signed in"
        for secret in ("rt_wrong", "x" * 200):
            answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
            assert answer.status_code == 401
            assert "unknown, has expired or was revoked" in answer.json()["error"]["what"]
        assert client.get("/api/v1/me", headers={"Authorization": "Basic YTpi"}).status_code == 401


@pytest.mark.parametrize(
    ("name", "me", "service"), [("ingest", 403, 403), ("viewer", 200, 403), ("editor", 200, 403), ("admin", 200, 200)]
)
def test_each_role_may_what_it_may(guarded: Guarded, name: str, me: int, service: int) -> None:
    with guarded.client(name) as client:
        assert client.get("/api/v1/me").status_code == me
        answer = client.get("/api/v1/audit")
        assert answer.status_code == service
        if service == 403:
            assert f"'{name}' may not change the service: the role is {name}" in answer.json()["error"]["what"]


def test_a_token_for_some_models_is_for_those_only(guarded: Guarded) -> None:
    with guarded.client("scoped") as client:
        told = client.get("/api/v1/me").json()
        assert (told["models"], told["role"], told["kind"]) == (["loans"], "editor", "token")
    with guarded.client("scoped admin") as client:
        answer = client.get("/api/v1/tokens")
        assert (answer.status_code, answer.json()["error"]["what"]) == (403, "'scoped admin' is for some models only")


def test_who_sees_some_models_gets_full_pages_of_their_jobs_and_lines(guarded: Guarded) -> None:
    registered(guarded.served.folder, "secret-model")
    with rt.open(guarded.served.folder) as store, store.store.catalog.write() as tx:
        now = clock.micros(clock.now())
        for number in range(30):
            model = "loans" if number < 3 else "secret-model"
            tx.add(rows.Log(now + number, "error", f"{model} scoped-test {number}", model=model))
            tx.add(rows.Job(f"scoped{number:02}", "scoped-test", "done", now + number, now + number, model=model))
    with guarded.client("scoped") as client:
        for path in ("/api/v1/jobs?kind=scoped-test", "/api/v1/logs?text=scoped-test"):
            page = client.get(f"{path}&limit=2").json()
            assert (page["total"], [one["model"] for one in page["rows"]]) == (3, ["loans", "loans"])
        text = client.get("/jobs?kind=scoped-test").text
        assert text.count("scoped-test") >= 3
        assert "secret-model" not in text


def test_who_sees_some_models_scrapes_their_figures_only(guarded: Guarded) -> None:
    with guarded.client("scoped") as scoped, guarded.client("viewer") as viewer:
        own, whole = scoped.get("/metrics").text, viewer.get("/metrics").text
    figures = [line for line in own.splitlines() if not line.startswith("#")]
    assert figures
    assert all('model="loans"' in line for line in figures)
    assert "retrue_http_seconds" in whole


def test_an_admin_makes_and_revokes_tokens(guarded: Guarded) -> None:
    with guarded.client("admin") as admin:
        made = admin.post("/api/v1/tokens", json={"name": "new", "role": "viewer", "models": ["loans"]})
        assert made.status_code == 201
        new = httpx.Client(base_url=guarded.served.url, headers={"Authorization": f"Bearer {made.json()['secret']}"})
        with new:
            assert new.get("/api/v1/me").json()["name"] == "new"
            assert admin.delete(f"/api/v1/tokens/{made.json()['id']}").json()["state"] == "revoked"
            assert new.get("/api/v1/me").status_code == 401
        listed = admin.get("/api/v1/tokens")
        assert made.json()["secret"] not in listed.text
        assert admin.delete("/api/v1/tokens/new").status_code == 404
        actions = [(one["actor"], one["action"]) for one in admin.get("/api/v1/audit?most=2").json()]
        assert actions == [("admin", "token revoked"), ("admin", "token created")]
        assert admin.get("/api/v1/audit/verify").json()["whole"]


def test_a_token_that_is_revoked_elsewhere_is_refused_within_seconds(guarded: Guarded) -> None:
    import time

    with rt.open(guarded.served.folder) as store:
        made = tokens.create(store.store.catalog, "brief", "viewer")
        with httpx.Client(base_url=guarded.served.url, headers={"Authorization": f"Bearer {made.secret}"}) as client:
            assert client.get("/api/v1/me").status_code == 200
            tokens.revoke(store.store.catalog, "brief")
            for _ in range(40):
                if client.get("/api/v1/me").status_code == 401:
                    break
                time.sleep(0.1)
            else:
                pytest.fail("still let in after 4 seconds")
        assert next(one for one in tokens.tokens(store.store.catalog) if one.name == "brief").used is not None


def test_before_there_is_a_token_whoever_is_at_this_machine_is_admin(client: httpx.Client) -> None:
    told = client.get("/api/v1/me").json()
    assert told == {"name": "local", "role": "admin", "models": None, "kind": "local"}
    assert client.get("/api/v1/tokens").json() == []


def test_what_came_through_a_proxy_is_not_at_this_machine(client: httpx.Client) -> None:
    """A proxy on the same machine would else let in everybody whom it lets through."""
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert client.get("/api/v1/me", headers={header: "203.0.113.9"}).status_code == 401


@pytest.mark.parametrize("path", ["/etc/passwd", "http://127.0.0.1:9/x", "catalog.db", "../../x.parquet"])
def test_a_text_that_somebody_sends_is_never_read_as_a_path(guarded: Guarded, path: str) -> None:
    """What a table may be in Python, a path or a URL, it may not be over HTTP."""
    with guarded.client("viewer") as viewer:
        assert viewer.post("/api/v1/models/loans/backtest", json={"incidents": path}).status_code == 422
        assert viewer.post("/api/v1/models/loans/outlier", json={"event": path}).status_code == 422
        assert viewer.get("/api/v1/models/loans/figures", params={"value": "p", "of": path}).status_code == 422


HOSTILE = ["<script>alert(1)</script>", "../../etc/passwd", "'; drop table tokens; --", '"><img src=x>', "a\u202eb"]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_strangers_are_only_names(guarded: Guarded, name: str) -> None:
    """As a token's name, a model's, and an address: told back as data, never markup, path or SQL."""
    with guarded.client("admin") as admin:
        made = admin.post("/api/v1/tokens", json={"name": name, "role": "viewer"})
        if name.isprintable():
            assert made.status_code == 201
            assert name in [one["name"] for one in admin.get("/api/v1/tokens").json()]
            assert admin.delete(f"/api/v1/tokens/{made.json()['id']}").status_code == 200
        else:
            assert made.status_code == 400
        assert admin.post("/api/v1/tokens", json={"name": "x", "role": "viewer", "models": [name]}).status_code == 400
        assert admin.get("/api/v1/audit", params={"model": name}).json() == []
        page = admin.get(f"/models/{quote(name, safe='')}", headers={"Accept": "text/html"})
        assert page.status_code == 404
        assert name not in page.text or "<" not in name
        login = admin.get("/login", params={"next": name}, headers={"Accept": "text/html"})
        assert login.headers.get("location", "/") == "/"


def test_the_local_service_is_unlike_the_guarded_one(server: Served, guarded: Guarded) -> None:
    assert server.url != guarded.served.url
