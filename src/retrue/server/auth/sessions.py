"""Sessions: people who are signed in. The cookie holds 256 random bits, the catalog their digest.

A session ends when nobody has used it for `IDLE`, at the latest after `LONGEST`, at once when its token is revoked, and
when somebody signs out, here or everywhere.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import delete

from retrue.server.auth.actor import Actor
from retrue.server.auth.csrf import fresh_cookie
from retrue.store.catalog import Catalog, Transaction
from retrue.store.rows import Session, Token
from retrue.store.tables import sessions as table
from retrue.workspace import clock, tokens
from retrue.workspace.acting import acting, audit

HOUR = 3_600_000_000
"""Microseconds in an hour."""
IDLE, LONGEST = 12 * HOUR, 7 * 24 * HOUR
LONGEST_OIDC = 12 * HOUR
"""Who signs in with the company's account does so again each day: their role may have changed there."""
PROLONG = HOUR
"""A session is prolonged once it is this much nearer to its end."""


def begin(catalog: Catalog, actor: Actor, *, token: str | None = None, longest: int = LONGEST) -> str:
    """Sign somebody in; gives what the cookie holds."""
    secret, at = fresh_cookie(), clock.micros(clock.now())
    models = None if actor.models is None else sorted(actor.models)
    body = {"token": token, "models": models, "until": at + longest}
    with acting(actor.name), catalog.write() as tx:
        tx.connection.execute(delete(table).where(table.c.expires <= at))
        tx.add(Session(tokens.digest_of(secret), actor.name, actor.role, at, at + min(IDLE, longest), body))
        audit(tx, "signed in", body={"role": actor.role, "with": "a token" if token else "OIDC"})
    return secret


def find(tx: Transaction, secret: str, at: int) -> Session | None:
    """The session that a cookie belongs to, or None where it has ended, or its token has."""
    session = tx.get(Session, id=tokens.digest_of(secret))
    if session is None or session.expires <= at:
        return None
    name = session.body.get("token")
    token = None if name is None else tx.get(Token, id=name)
    ended = name is not None and (token is None or not tokens.valid(token, at))
    return None if ended else session


def prolonged(session: Session, at: int) -> Session | None:
    """The same with a later end, where that is worth writing down."""
    until = min(at + IDLE, int(session.body.get("until", session.expires)))
    return replace(session, expires=until) if until - session.expires >= PROLONG else None


def prolong(catalog: Catalog, session: Session) -> None:
    """Keep a session's later end; one that was ended meanwhile stays so."""
    with catalog.write() as tx:
        if tx.get(Session, id=session.id) is not None:
            tx.put(session)


def end(catalog: Catalog, actor: Actor, secret: str, *, everywhere: bool = False) -> None:
    """Sign somebody out: this session, or all of theirs."""
    mine = {"actor": actor.name} if everywhere else {"id": tokens.digest_of(secret)}
    with acting(actor.name), catalog.write() as tx:
        ended = tx.remove(Session, **mine)
        audit(tx, "signed out", body={"sessions": ended})


def actor_of(session: Session) -> Actor:
    """Who a session is of."""
    models = session.body.get("models")
    chosen = None if models is None else frozenset(models)
    role = next(one for one in tokens.ROLES if one == session.role)
    return Actor(session.actor, role, chosen, "session", f"session {session.id}")
