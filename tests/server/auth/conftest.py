"""One server with tokens of every role, and clients that hold them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from tests.server.conftest import Served, in_the_audit_log, registered, serving

import retrue as rt
from retrue.workspace import tokens

T = TypeVar("T")
CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


@dataclass(frozen=True)
class Guarded:
    """A server where one must sign in, and the secrets of its tokens by name."""

    served: Served
    secrets: dict[str, str]

    def client(self, token: str | None = None) -> httpx.Client:
        """A client, perhaps with a token."""
        headers = {} if token is None else {"Authorization": f"Bearer {self.secrets[token]}"}
        hooks = {"response": [in_the_audit_log]}
        return httpx.Client(base_url=self.served.url, headers=headers, timeout=30, event_hooks=hooks)


def secrets_of(folder: Path) -> dict[str, str]:
    """Make a token of each role, and one that sees a single model."""
    with rt.open(folder) as store:
        catalog = store.store.catalog
        made: dict[str, tokens.Fresh] = {role: tokens.create(catalog, role, role) for role in tokens.ROLES}
        made["scoped"] = tokens.create(catalog, "scoped", "editor", models=["loans"])
        made["scoped admin"] = tokens.create(catalog, "scoped admin", "admin", models=["loans"])
        return {name: one.secret for name, one in made.items()}


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Serve a store with the models `loans` and `other`, and with tokens."""
    folder = tmp_path_factory.mktemp("guarded") / "store"
    registered(folder)
    secrets = secrets_of(folder)
    with serving(folder) as served:
        yield Guarded(served, secrets)


def ran(work: Coroutine[Any, Any, T]) -> T:
    """What asynchronous work gives, in a thread of its own: this one's loop may be the browser's."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()


@contextmanager
def signed_in(guarded: Guarded, who: str = "admin") -> Iterator[httpx.Client]:
    """A browser's client after somebody signed in with a token."""
    with guarded.client() as client:
        page = client.get("/login", headers={"Accept": "text/html"})
        form = {"csrf": CSRF.findall(page.text)[0], "token": guarded.secrets[who], "next": "/"}
        ours = {"Origin": guarded.served.url, "Sec-Fetch-Site": "same-origin"}
        answer = client.post("/login", data=form, headers=ours)
        assert (answer.status_code, answer.headers["location"]) == (303, "/"), answer.text
        yield client
