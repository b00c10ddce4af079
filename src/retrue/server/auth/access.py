"""What a server process knows of who may come in, remembered for two seconds so that a request costs no question.

What changes here is known here at once; what another process changes (a token made or revoked at the command line)
within `REMEMBERED` seconds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from starlette.concurrency import run_in_threadpool

from retrue.errors import StoreError
from retrue.server.auth import sessions
from retrue.server.auth.actor import LOCAL, Actor
from retrue.server.auth.hosts import LOOPBACK
from retrue.server.auth.limits import Buckets
from retrue.server.settings import ServerSettings
from retrue.store.catalog import Catalog
from retrue.store.rows import Session, Token
from retrue.workspace import clock, tokens

REMEMBERED = 2.0
"""Seconds."""
MOST = 10_000
"""Callers that are remembered."""
TRIES_A_SECOND, TRIES_AT_ONCE = 0.1, 10
"""How often somebody at an address may try to sign in with what is no token."""
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
"""Headers that proxies add."""


@dataclass
class Access:
    """Who may come in.

    Args:
        catalog: where tokens and sessions are.
        settings: whether one must sign in.
        store: the store's id; the cookie is called by it, since cookies don't know ports.
    """

    catalog: Catalog
    settings: ServerSettings
    store: str
    tries: Buckets = field(default_factory=lambda: Buckets(TRIES_A_SECOND, TRIES_AT_ONCE))
    _known: dict[str, tuple[Actor, float]] = field(default_factory=dict)
    _open: tuple[bool, float] | None = None
    _used: dict[str, int] = field(default_factory=dict)

    def cookie(self, *, secure: bool) -> str:
        """What the cookie is called; behind https no other host may set it."""
        return f"{'__Host-' if secure else ''}retrue-{self.store[:8]}"

    async def actor(self, headers: Mapping[str, str], cookie: str | None) -> Actor | None:
        """Who asks: by their token, else by their cookie, else whoever is at this machine; None: nobody known."""
        said = headers.get("authorization")
        if said is not None:
            scheme, _, secret = said.partition(" ")
            return await self._found("t" + secret.strip(), self.token) if scheme.lower() == "bearer" else None
        if cookie is not None:
            found = await self._found("s" + cookie, self._session)
            if found is not None:
                return found
        forwarded = any(name in headers for name in FORWARDED)
        return LOCAL if not forwarded and await self.is_open() else None

    async def is_open(self) -> bool:
        """Whether nobody has to sign in: on this machine only, and as long as no token was ever made."""
        if self.settings.host not in LOOPBACK or self.settings.proxies or self.settings.oidc is not None:
            return False
        if self._open is None or (self._open[0] and monotonic() >= self._open[1]):
            self._open = not await run_in_threadpool(self._any_token), monotonic() + REMEMBERED
        return self._open[0]

    def forget(self) -> None:
        """Ask anew from now on: something has changed."""
        self._known.clear()
        self._open = None

    async def _found(self, key: str, find: Callable[[str], Actor | None]) -> Actor | None:
        """What is remembered, or found now."""
        known = self._known.get(key)
        if known is not None and monotonic() < known[1]:
            return known[0]
        self._known.pop(key, None)
        actor = await run_in_threadpool(find, key[1:])
        if actor is not None:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[key] = actor, monotonic() + REMEMBERED
        return actor

    def _any_token(self) -> bool:
        with self.catalog.read() as tx:
            return tx.newest(Token, "created") is not None

    def token(self, secret: str) -> Actor | None:
        """Who signs in with a token; None: it isn't valid."""
        at = clock.micros(clock.now())
        with self.catalog.read() as tx:
            token = tokens.find(tx, secret, at)
        if token is None:
            return None
        self._note(token, at)
        role = next(one for one in tokens.ROLES if one == token.role)
        return Actor(token.name, role, tokens.models_of(token), "token", f"token {token.id}")

    def _session(self, secret: str) -> Actor | None:
        at = clock.micros(clock.now())
        with self.catalog.read() as tx:
            session = sessions.find(tx, secret, at)
        if session is None:
            return None
        longer = sessions.prolonged(session, at)
        if longer is not None:
            self._try(sessions.prolong, longer)
        return sessions.actor_of(session)

    def _note(self, token: Token, at: int) -> None:
        """Write down that a token was used, where that was a minute ago."""
        last = max(token.used or 0, self._used.get(token.id, 0))
        if at - last >= tokens.USED_EVERY:
            self._used[token.id] = at
            self._try(tokens.note_used, {token.id: at})

    def _try(self, write: Callable[[Catalog, Any], None], what: dict[str, int] | Session) -> None:
        """Write down what isn't worth failing a request for: on a full disk people must still be let in."""
        if self.catalog.read_only:
            return
        with contextlib.suppress(StoreError):
            write(self.catalog, what)
