"""People sign in with a token, stay signed in by a cookie that scripts can't read, and sign out here or everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.server.auth.conftest import CSRF, Guarded, ran, signed_in
from tests.server.pages.looks import looks_right

import retrue as rt
from retrue.server.app import create_app
from retrue.server.auth import sessions
from retrue.server.auth.access import REMEMBERED
from retrue.server.auth.actor import Actor
from retrue.store.rows import Session
from retrue.workspace import clock, tokens

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HTML = {"Accept": "text/html"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[rt.Workspace]:
    """An empty store."""
    with rt.open(tmp_path / "store") as opened:
        yield opened


def test_a_browser_is_sent_to_sign_in_and_back(guarded: Guarded) -> None:
    with guarded.client() as client:
        sent = client.get("/api/v1/me", headers=HTML)
        assert sent.status_code == 401  # the API answers programs
        page = client.get("/login?next=/models/loans", headers=HTML)
        assert 'name="next" value="/models/loans"' in page.text


def test_signing_in_gives_a_cookie_that_no_script_reads(guarded: Guarded) -> None:
    with guarded.client() as client:
        first = client.get("/login", headers=HTML)
        before = SimpleCookie(first.headers["set-cookie"])
        name, morsel = next(iter(before.items()))
        assert (morsel["httponly"], morsel["samesite"], morsel["path"], morsel["secure"]) == (True, "Lax", "/", "")
        form = {"csrf": CSRF.findall(first.text)[0], "token": guarded.secrets["editor"], "next": "//evil.example"}
        answer = client.post("/login", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert SimpleCookie(answer.headers["set-cookie"])[name].value != morsel.value  # no fixation
        assert client.get("/api/v1/me").json()["kind"] == "session"


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"token": "rt_wrong"}, 401, "The token is not valid"),
        ({"token": ""}, 401, "The token is not valid"),
        ({"token": "<script>alert(1)</script>"}, 401, "The token is not valid"),
        ({"token": "rt_wrong", "csrf": "0" * 64}, 403, "no longer current"),
    ],
)
def test_who_does_not_sign_in_is_told_why(guarded: Guarded, form: dict[str, str], status: int, said: str) -> None:
    with guarded.client() as client:
        current = CSRF.findall(client.get("/login", headers=HTML).text)[0]
        answer = client.post("/login", data={"csrf": current, **form}, headers=HTML)
        assert answer.status_code == status
        assert said in answer.text
        assert "alert(" not in answer.text


def test_a_token_that_only_sends_rows_can_not_sign_in(guarded: Guarded) -> None:
    with guarded.client() as client:
        current = CSRF.findall(client.get("/login", headers=HTML).text)[0]
        answer = client.post("/login", data={"csrf": current, "token": guarded.secrets["ingest"]})
        assert (answer.status_code, "it can&#39;t see anything" in answer.text) == (403, True)


def test_a_change_needs_the_pages_token(guarded: Guarded) -> None:
    """The cookie alone, which a browser sends along, is not enough; neither is another visitor's token."""
    wanted = {"name": "by page", "role": "viewer"}
    with signed_in(guarded) as client, signed_in(guarded) as other:
        page = client.get("/nowhere", headers=HTML).text
        mine, theirs = CSRF.findall(page)[0], CSRF.findall(other.get("/nowhere", headers=HTML).text)[0]
        assert client.post("/api/v1/tokens", json=wanted).status_code == 403
        assert client.post("/api/v1/tokens", json=wanted, headers={"X-CSRF-Token": theirs}).status_code == 403
        made = client.post("/api/v1/tokens", json=wanted, headers={"X-CSRF-Token": mine})
        assert made.status_code == 201
        assert client.delete("/api/v1/tokens/by page", headers={"X-CSRF-Token": mine}).status_code == 200
        assert client.get("/api/v1/audit?most=1").json()[0]["actor"] == "admin"
        assert f'hx-headers=\'{{"X-CSRF-Token": "{mine}"}}\'' in page


def test_signing_out_ends_the_session_and_everywhere_ends_all(guarded: Guarded) -> None:
    with signed_in(guarded, "scoped") as here, signed_in(guarded, "scoped") as there, signed_in(guarded) as else_:
        held = dict(here.cookies)
        current = CSRF.findall(here.get("/nowhere", headers=HTML).text)[0]
        assert here.post("/logout").status_code == 403
        assert here.post("/logout", data={"csrf": current}).headers["location"] == "/login"
        with httpx.Client(base_url=guarded.served.url, cookies=held) as stolen:
            assert stolen.get("/api/v1/me").status_code == 401
        assert there.get("/api/v1/me").json()["models"] == ["loans"]
        with signed_in(guarded, "scoped") as third:
            current = CSRF.findall(third.get("/nowhere", headers=HTML).text)[0]
            third.post("/logout", data={"csrf": current, "everywhere": "yes"})
        assert there.get("/api/v1/me").status_code == 401
        assert else_.get("/api/v1/me").status_code == 200


def test_only_digests_of_cookies_are_kept(guarded: Guarded) -> None:
    with signed_in(guarded) as client:
        secret = next(iter(client.cookies.values()))
        with rt.open(guarded.served.folder) as store, store.store.catalog.read() as tx:
            held = tx.find(Session)
            assert tokens.digest_of(secret) in [one.id for one in held]
            assert secret not in str(held)


async def browse(workspace: rt.Workspace, secret: str) -> tuple[list[httpx.Response], list[int]]:
    """Sign in, try a dozen wrong tokens, then ask before and after the token is revoked, in this process."""
    app = httpx.ASGITransport(create_app(workspace))
    async with httpx.AsyncClient(transport=app, base_url="http://127.0.0.1") as client:
        current = CSRF.findall((await client.get("/login", headers=HTML)).text)[0]
        await client.post("/login", data={"csrf": current, "token": secret})
        current = CSRF.findall((await client.get("/nowhere", headers=HTML)).text)[0]
        tries = [await client.post("/login", data={"csrf": current, "token": "x"}) for _ in range(12)]
        asked = [(await client.get("/api/v1/me")).status_code]
        tokens.revoke(workspace.store.catalog, "anna")
        await asyncio.sleep(REMEMBERED + 0.1)  # as another process would have done it
        return tries, [*asked, (await client.get("/api/v1/me")).status_code]


def test_guessing_must_wait_and_a_session_ends_with_its_token(store: rt.Workspace) -> None:
    made = tokens.create(store.store.catalog, "anna", "viewer")
    tries, asked = ran(browse(store, made.secret))
    assert [one.status_code for one in tries].count(401) in {10, 11}
    assert (tries[-1].status_code, tries[-1].headers["retry-after"].isdigit()) == (429, True)
    assert asked == [200, 401]


def test_a_session_slides_and_ends(store: rt.Workspace) -> None:
    """Used within its idle time it lives on, at the latest until its longest; times from the module's own bounds."""
    catalog, start = store.store.catalog, clock.micros(clock.now())
    secret = sessions.begin(catalog, Actor("anna", "viewer", kind="session"))
    with catalog.read() as tx:
        fresh = sessions.find(tx, secret, start + sessions.IDLE - 1)
        assert fresh is not None
        assert sessions.find(tx, secret, start + sessions.IDLE + 60_000_000) is None
    assert sessions.prolonged(fresh, start + sessions.PROLONG // 2) is None
    later = sessions.prolonged(fresh, start + sessions.IDLE - 1)
    assert later is not None
    sessions.prolong(catalog, later)
    with catalog.read() as tx:
        assert sessions.find(tx, secret, start + 2 * sessions.IDLE - 10) is not None
    last = sessions.prolonged(later, start + 14 * sessions.IDLE - 1)
    assert last is not None
    assert start + sessions.LONGEST <= last.expires <= start + sessions.LONGEST + 60_000_000
    sessions.end(catalog, Actor("anna", "viewer"), secret)
    sessions.prolong(catalog, last)
    with catalog.read() as tx:
        assert sessions.find(tx, secret, start) is None


@pytest.mark.slow
def test_somebody_signs_in_and_out_in_a_browser(browser: Browser, guarded: Guarded, shots: Path) -> None:
    """On any screen, with nothing that the policy refuses."""
    page = browser.new_page(viewport={"width": 1280, "height": 700})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{guarded.served.url}/login?next=/api/v1/me")
    page.fill("#token", "rt_wrong")
    page.click("button")
    assert "The token is not valid" in page.inner_text("[role=alert]")
    looks_right(page, shots, "login")
    page.set_viewport_size({"width": 390, "height": 700})
    page.fill("#token", guarded.secrets["viewer"])
    page.click("button")
    assert '"name":"viewer"' in page.inner_text("body")
    page.goto(f"{guarded.served.url}/nowhere")
    page.click("details.menu > summary")
    page.locator("text=Sign out >> visible=true").click()
    assert page.url.endswith("/login")
    page.close()
    assert [text for text in said if "Content Security Policy" in text] == []


@pytest.mark.slow
def test_a_token_is_made_shown_once_and_revoked(browser: Browser, guarded: Guarded) -> None:
    """By an admin in a browser: it opens what its role and models allow, and nothing once it is revoked."""
    page = browser.new_page()
    page.goto(f"{guarded.served.url}/login?next=/settings")
    page.fill("#token", guarded.secrets["admin"])
    page.click("button")
    page.fill("#tokens input[name=name]", "anna <b>")
    page.fill("#tokens input[name=models]", "loans")
    page.click("button:text-is('Make a token')")
    secret = page.inner_text("#tokens .snippet pre").strip()
    told = {"Authorization": f"Bearer {secret}"}

    def status(path: str) -> int:
        return httpx.get(f"{guarded.served.url}{path}", headers=told, timeout=30).status_code

    assert [status(path) for path in ("/api/v1/models/loans", "/api/v1/models/other", "/settings")] == [200, 403, 403]
    page.goto(f"{guarded.served.url}/settings")
    assert secret not in page.content()
    page.click("button[aria-label='Revoke anna <b>']")
    assert "The token is revoked" in page.inner_text(".outcome")
    assert page.locator("button[aria-label='Revoke anna <b>']").count() == 0
    assert status("/api/v1/models/loans") == 401
    page.close()
