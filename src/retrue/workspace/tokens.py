"""Tokens: what programs and people sign in to the service with. A secret is shown once; only its digest is kept.

rt_Jx3...  (256 random bits) ── sha256 ── tokens.digest ── role, models, expires, revoked
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, get_args

from retrue.errors import ConfigError, StoreError, nearest
from retrue.store.catalog import Catalog, Transaction
from retrue.store.rows import Model, Token
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.names import check_name
from retrue.workspace.roles import Role

PREFIX = "rt_"
"""What every secret begins with, so that people and scanners know one when they see it."""
ROLES: tuple[Role, ...] = get_args(Role)
USED_EVERY = 60_000_000
"""Microseconds that pass at least before it is written down again that a token was used."""


@dataclass(frozen=True)
class Fresh:
    """A token that was just made.

    Attributes:
        token: what is kept of it.
        secret: what to sign in with; it can't be shown again.
    """

    token: Token
    secret: str

    def __repr__(self) -> str:
        return f"<fresh token {self.token.name}>"  # never the secret: it would end up in a log


def create(
    catalog: Catalog, name: str, role: str, *, models: Iterable[str] = (), expires: datetime | None = None
) -> Fresh:
    """Make a token.

    Args:
        catalog: where it is kept.
        name: what the audit log calls whoever signs in with it; no other valid token has that name.
        role: what it may do.
        models: for these models only; all unless given.
        expires: from when on it is no longer valid; never unless given.

    Raises:
        ConfigError: the name is taken or can't be one; no such role; no such model; it would have expired already.
    """
    chosen, at = tuple(dict.fromkeys(models)), clock.micros(clock.now())
    until = None if expires is None else clock.micros(expires)
    check_name(name, "a token")
    if role not in ROLES:
        raise ConfigError(f"no role {role!r}", expected=", ".join(ROLES), hint=nearest(role, ROLES))
    if until is not None and until <= at:
        raise ConfigError("a token that has expired already", where="expires", expected="a time that is to come")
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(secrets.token_hex(4), name, digest_of(secret), role, at, until, body={"models": list(chosen)})
    with catalog.write() as tx:
        known = [model.name for model in tx.find(Model)]
        for model in chosen:
            if model not in known:
                raise ConfigError(f"no model {model!r}", where="models", hint=nearest(model, known))
        if any(one.name == name and valid(one, at) for one in tx.find(Token)):
            raise ConfigError(
                f"there is a token {name!r} already", hint="choose another name, or revoke that one first"
            )
        tx.add(token)
        audit(tx, "token created", body={"token": token.id, "name": name, "role": role, "models": list(chosen)})
    return Fresh(token, secret)


def tokens(catalog: Catalog) -> list[Token]:
    """All tokens, the newest first, whatever became of them."""
    with catalog.read() as tx:
        return sorted(tx.find(Token), key=lambda token: -token.created)


def revoke(catalog: Catalog, which: str) -> Token:
    """End a token, by its id, or by its name where it is valid; sessions that were begun with it end too.

    Raises:
        StoreError: there is none.
    """
    at = clock.micros(clock.now())
    with catalog.write() as tx:
        known = tx.find(Token)
        found = [one for one in known if one.revoked is None and which in (one.id, one.name)]
        if not found:
            live = [one.name for one in known if valid(one, at)]
            raise StoreError(f"no token {which!r}", expected=", ".join(live) or None, hint="see: retrue token list")
        token = replace(found[0], revoked=at)
        tx.put(token)
        audit(tx, "token revoked", body={"token": token.id, "name": token.name})
    return token


def digest_of(secret: str) -> str:
    """What is kept of a secret. It has 256 random bits, so no salt and no slow hash is needed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def find(tx: Transaction, secret: str, at: int) -> Token | None:
    """The valid token with this secret, or None; how long it takes tells nothing about any secret."""
    wanted, found = digest_of(secret), None
    for token in tx.find(Token):
        if hmac.compare_digest(token.digest, wanted) and valid(token, at):
            found = token
    return found


def valid(token: Token, at: int) -> bool:
    """Whether a token lets in at a time (microseconds since 1970)."""
    return token.revoked is None and (token.expires is None or at < token.expires)


def note_used(catalog: Catalog, used: Mapping[str, int]) -> None:
    """Write down when tokens (by id) were used last; not each time: once a minute is enough."""
    with catalog.write() as tx:
        for token in tx.find(Token, id=list(used)):
            if token.used is None or used[token.id] >= token.used + USED_EVERY:
                tx.put(replace(token, used=used[token.id]))


def models_of(token: Token) -> frozenset[str] | None:
    """The models that a token is for; None: all."""
    return frozenset(token.body.get("models") or ()) or None


def to_dict(token: Token, at: int | None = None) -> dict[str, Any]:
    """A token in plain values, for people: never its digest."""
    now = clock.micros(clock.now()) if at is None else at
    state = "revoked" if token.revoked is not None else "valid" if valid(token, now) else "expired"
    times = {name: getattr(token, name) for name in ("created", "expires", "used", "revoked")}
    told = {name: None if value is None else clock.moment(value).isoformat() for name, value in times.items()}
    models = sorted(models_of(token) or ())
    return {"id": token.id, "name": token.name, "role": token.role, "models": models, "state": state, **told}
