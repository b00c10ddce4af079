"""Before any route: other hosts, other sites' pages, what is too large or too often is refused; all have headers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.server.auth.conftest import Guarded, ran
from tests.server.conftest import serving

import retrue as rt
from retrue.server.app import create_app
from retrue.server.auth import guard
from retrue.server.policy import HEADERS
from retrue.server.settings import ServerSettings

HTML = {"Accept": "text/html"}


@pytest.mark.parametrize("path", ["/login", "/healthz", "/nowhere", "/api/v1/me", "/static/pages.css", "/openapi.json"])
def test_every_answer_has_the_policy(guarded: Guarded, path: str) -> None:
    with guarded.client() as client:
        for headers in ({}, HTML):
            answer = client.get(path, headers=headers)
            assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
            assert "strict-transport-security" not in answer.headers  # not by https
            assert "server" not in answer.headers


def test_the_policy_forbids_what_is_inline_or_from_elsewhere() -> None:
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["img-src"] == "'self' data:"
    assert policy["frame-ancestors"] == "'none'"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 401),
        ("localhost", 401),
        ("[::1]:80", 401),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:8000", 421),
        ("", 421),
        ("<script>", 421),
    ],
)
def test_a_request_for_another_host_is_refused(guarded: Guarded, host: str, status: int) -> None:
    """Else a stranger's name that points here (DNS rebinding) would be as good as our own."""
    with guarded.client() as client:
        answer = client.get("/api/v1/me", headers={"Host": host})
        assert answer.status_code == status
        assert "<script>" not in client.get("/nowhere", headers={"Host": host, **HTML}).text.replace("<script src", "")


def test_large_bodies_and_headers_are_refused(guarded: Guarded) -> None:
    with guarded.client() as stranger:
        large = stranger.post("/api/v1/tokens", content=b"x" * 1_000_001)
        assert (large.status_code, large.json()["error"]["what"]) == (413, "a request that is too large")
    with guarded.client("admin") as client:
        assert client.post("/login", content=b"x" * 1_000_001).status_code == 413
        assert client.post("/api/v1/tokens", content=b"x" * 1_000_001).status_code == 422
        streamed = client.post("/login", content=(b"x" * 100_000 for _ in range(11)))
        assert streamed.status_code in {303, 400, 403, 413}
        assert client.get("/api/v1/me", headers={"X-Long": "x" * 40_000}).status_code in {400, 431}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_change_that_another_sites_page_asks_for_is_refused(
    client: httpx.Client, guarded: Guarded, headers: dict[str, str]
) -> None:
    """Where nobody signs in as well; a token of its own tells that a program asks, whatever its origin."""
    answer = client.post("/api/v1/tokens", json={"name": "a", "role": "admin"}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["what"]) == (403, "a change that another site asked for")
    with guarded.client("admin") as program:
        assert program.post("/api/v1/tokens", json={"name": "", "role": "admin"}, headers=headers).status_code == 422


@pytest.mark.parametrize("path", ["/api/v1/models/loans/events", "/api/v1/models/loans/compare"])
def test_a_body_that_stalls_is_not_waited_for(guarded: Guarded, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """While it may still come, it counts as one of the requests that are under way."""
    monkeypatch.setattr(guard, "PATIENCE", 0.5)
    monkeypatch.setattr(guard, "MOST_AT_ONCE", 1)
    headers = {"Authorization": f"Bearer {guarded.secrets['admin']}", "Content-Type": "application/json"}

    held = asyncio.Event()

    async def never() -> AsyncIterator[bytes]:
        yield b"["
        held.set()
        await asyncio.sleep(8)

    async def asked(workspace: rt.Workspace) -> list[httpx.Response]:
        app = httpx.ASGITransport(create_app(workspace))
        async with httpx.AsyncClient(transport=app, base_url="http://127.0.0.1", headers=headers) as client:
            await client.post("/api/v1/models/loans/compare", content=b"")  # the application is built by the first
            slow = asyncio.create_task(client.post(path, content=never()))
            await asyncio.wait_for(held.wait(), 5)
            return [
                await client.get("/api/v1/me"),
                await client.get("/healthz"),
                await slow,
                await client.get("/api/v1/me"),
            ]

    with rt.open(guarded.served.folder) as workspace:
        other, health, slow, later = ran(asked(workspace))
    assert (other.status_code, other.headers.get("retry-after")) == (503, "1"), (other.text, slow.text)
    assert (slow.status_code, slow.headers["connection"]) == (408, "close")
    assert "0.5 s" in slow.json()["error"]["what"]
    assert (health.status_code, later.status_code) == (200, 200)


def test_who_asks_too_often_must_wait(guarded: Guarded) -> None:
    """Each token by itself; in this process, where one request a second is often."""

    async def asked(workspace: rt.Workspace) -> list[httpx.Response]:
        app = httpx.ASGITransport(create_app(workspace, ServerSettings(requests_per_second=1)))
        async with httpx.AsyncClient(transport=app, base_url="http://127.0.0.1") as client:
            as_ = {name: {"Authorization": f"Bearer {guarded.secrets[name]}"} for name in ("viewer", "editor")}
            answers = [await client.get("/api/v1/me", headers=as_["viewer"]) for _ in range(6)]
            answers.append(await client.get("/api/v1/me", headers=as_["editor"]))
            return [*answers, await client.get("/healthz", headers=as_["viewer"])]

    with rt.open(guarded.served.folder) as workspace:
        *answers, other, health = ran(asked(workspace))
    assert [answer.status_code for answer in answers][:3] == [200, 200, 200]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) == 1
    assert answers[-1].json()["error"]["what"] == "too many requests"
    assert (other.status_code, health.status_code) == (200, 200)


def test_behind_https_cookies_are_secure_and_https_is_insisted_on(guarded: Guarded) -> None:
    async def asked(workspace: rt.Workspace) -> httpx.Response:
        app = httpx.ASGITransport(create_app(workspace))
        async with httpx.AsyncClient(transport=app, base_url="https://127.0.0.1") as client:
            return await client.get("/login", headers=HTML)

    with rt.open(guarded.served.folder) as workspace:
        answer = ran(asked(workspace))
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-retrue-")
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")


@pytest.mark.slow
def test_only_a_proxy_that_is_named_is_believed(guarded: Guarded, tmp_path: Path) -> None:
    """`X-Forwarded-Proto` makes cookies secure where the proxy's address is known, and nothing where it isn't."""
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9", **HTML}
    with guarded.client() as client:
        assert "Secure" not in client.get("/login", headers=said).headers["set-cookie"]
    (tmp_path / "retrue.toml").write_text('[server]\nproxies = ["127.0.0.1"]\n', encoding="utf-8")
    with (
        serving(guarded.served.folder, cwd=tmp_path) as behind,
        httpx.Client(base_url=behind.url, timeout=30) as client,
    ):
        assert "Secure" in client.get("/login", headers=said).headers["set-cookie"]
        assert client.get("/api/v1/me").status_code == 401


def test_commands_on_pages_name_the_folder_to_admins_only(guarded: Guarded) -> None:
    """Whoever may not change the service isn't told where on its machine the store lies."""
    for who, told in (("admin", True), ("viewer", False), ("scoped admin", False)):
        with guarded.client(who) as client:
            page = client.get("/models/loans/labelling", headers={"Accept": "text/html"}).text
        assert (f"--store {guarded.served.folder}" in page, "--store FOLDER" in page) == (told, not told), who
