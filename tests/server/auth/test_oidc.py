"""Signing in with the company's account, at a real provider in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.server.auth.conftest import ran

import retrue as rt
from retrue.errors import ConfigError
from retrue.server.app import create_app
from retrue.server.auth import binding, oidc
from retrue.server.settings import ServerSettings, read

SECRET = "s3cret&x"  # noqa: S105 - as in provider.py


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A provider."""
    command = [sys.executable, str(Path(__file__).with_name("provider.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.fixture
def settings(issuer: str, monkeypatch: pytest.MonkeyPatch) -> ServerSettings:
    """The service's settings with that provider."""
    monkeypatch.setenv(oidc.SECRET, SECRET)
    roles = {"ml": "editor", "heads": "admin", "all": "viewer", "robots": "ingest"}
    return read({"oidc": {"issuer": issuer, "client_id": "retrue", "roles": roles}})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[rt.Workspace]:
    """An empty store."""
    with rt.open(tmp_path / "store") as opened:
        yield opened


async def sign_in(client: httpx.AsyncClient, more: str = "", *, state: str | None = None) -> httpx.Response:
    """Do as a browser does, from the page to sign in at to the answer behind the provider."""
    page = await client.get("/login?next=/incidents", headers={"Accept": "text/html"})
    assert 'href="/login/oidc?next=/incidents"' in page.text
    sent = await client.get("/login/oidc?next=/incidents")
    assert sent.status_code == 303, sent.text
    async with httpx.AsyncClient() as elsewhere:
        answered = await elsewhere.get(sent.headers["location"] + more)
    back = httpx.URL(answered.headers["location"])
    if state is not None:
        back = back.copy_set_param("state", state)
    return await client.get(back)


def tried(store: rt.Workspace, settings: ServerSettings, more: str = "", **how: str) -> tuple[httpx.Response, int, str]:
    """Sign in; gives the answer, the status of a question after it, and the role."""

    async def go() -> tuple[httpx.Response, int, str]:
        app = httpx.ASGITransport(create_app(store, settings))
        async with httpx.AsyncClient(transport=app, base_url="http://127.0.0.1:8000") as client:
            answer = await sign_in(client, more, **how)
            me = await client.get("/api/v1/me")
            return answer, me.status_code, me.json().get("role", "")

    return ran(go())


@pytest.mark.parametrize(("group", "role"), [("ml", "editor"), ("heads", "admin"), ("none", "viewer")])
def test_somebody_signs_in_and_has_the_role_of_their_groups(
    store: rt.Workspace, settings: ServerSettings, group: str, role: str
) -> None:
    answer, status, found = tried(store, settings, f"&group={group}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/incidents")
    assert (status, found) == (200, role)
    entry = store.audit(most=1)[0]
    assert (entry.actor, entry.action) == ("anna@example.com (OIDC)", "signed in")
    assert entry.body == {"role": role, "with": "OIDC"}


@pytest.mark.parametrize("fault", ["nonce", "audience", "issuer", "expired", "signature", "none", "hmac"])
def test_an_id_token_that_does_not_hold_lets_nobody_in(
    store: rt.Workspace, settings: ServerSettings, fault: str
) -> None:
    answer, status, _ = tried(store, settings, f"&fault={fault}")
    assert (answer.status_code, status) == (403, 401)
    assert "what the provider says of you doesn't hold" in answer.json()["error"]["what"]
    assert store.audit() == ()


def test_who_has_no_role_is_not_let_in(store: rt.Workspace, settings: ServerSettings) -> None:
    own = settings.oidc
    assert own is not None
    fewer = settings.model_copy(update={"oidc": own.model_copy(update={"roles": {"ml": "ingest"}})})
    answer, status, _ = tried(store, fewer)
    assert (answer.status_code, status) == (403, 401)
    assert "'anna@example.com' has no role here" in answer.json()["error"]["what"]


@pytest.mark.parametrize("state", ["", "x", "1.2.3.4", "9999999999.a.Lw.AAAA", "\u00e9.\u00e9"])
def test_an_answer_that_this_browser_did_not_ask_for_is_refused(
    store: rt.Workspace, settings: ServerSettings, state: str
) -> None:
    answer, status, _ = tried(store, settings, state=state)
    assert (answer.status_code, status) == (403, 401)
    assert "this browser didn't begin to sign in here" in answer.json()["error"]["what"]


def test_a_wrong_secret_is_refused_by_the_provider(
    store: rt.Workspace, settings: ServerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(oidc.SECRET, "wrong")
    answer, status, _ = tried(store, settings)
    assert (answer.status_code, status) == (403, 401)


def test_an_old_beginning_is_refused(settings: ServerSettings) -> None:
    own, cookie = settings.oidc, "c"
    assert own is not None
    salt = f"1000.x.{oidc.packed(b'/')}"
    said = {"state": f"{salt}.{oidc.derived(cookie, 'state', salt)}", "code": "x"}
    with pytest.raises(Exception, match="it took too long"):
        oidc.finish(own, cookie, said, "http://127.0.0.1/login/oidc/back")


@pytest.mark.parametrize(
    ("address", "said"),
    [("http://example.com", "could be changed on the way"), ("http://127.0.0.1:9", "can't be reached")],
)
def test_a_provider_that_can_not_be_used_is_told(address: str, said: str) -> None:
    with pytest.raises(Exception, match=said):
        oidc.provider_of(address, 0)


def test_with_a_provider_one_must_sign_in_and_may_listen_elsewhere(settings: ServerSettings, tmp_path: Path) -> None:
    away = settings.model_copy(update={"host": "0.0.0.0"})  # noqa: S104 - not opened
    binding.check(tmp_path, away)
    with pytest.raises(ConfigError, match="lets everybody in"):
        binding.check(tmp_path, away.model_copy(update={"oidc": None}))
