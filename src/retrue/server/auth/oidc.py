"""Signing in with the company's accounts (OpenID Connect): the code flow with PKCE, state and nonce.

browser ── /login/oidc ──> provider: who is it? ── code ──> /login/oidc/back ── code + verifier ──> provider ── id token
                                                                    └── signature, issuer, audience, end, nonce ── role

State, nonce and verifier are HMACs of the visitor's cookie, so nothing is kept between the two steps and nobody else's
browser can finish what this one began.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from retrue.errors import RetrueError
from retrue.server.auth.actor import Actor
from retrue.server.auth.hosts import LOOPBACK
from retrue.server.errors import HttpError
from retrue.server.settings import OidcSettings
from retrue.workspace.tokens import ROLES

SECRET = "RETRUE_OIDC_SECRET"  # noqa: S105 - the variable's name
"""The environment variable with what the provider knows this service by, beside its id."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures with a provider's key; never `none`, nor one with a shared secret."""
LASTS = 600
"""Seconds from the first step to the last."""
LEEWAY = 30
"""Seconds that two clocks may differ."""
FRESH = 3600
"""Seconds for which a provider's description is believed."""
TIMEOUT = 10


@dataclass(frozen=True)
class Provider:
    """Where a provider's doors are, by its own description."""

    issuer: str
    authorize: str
    token: str
    keys: str
    basic: bool


def begin(settings: OidcSettings, cookie: str, onward: str, back: str) -> str:
    """The address to send a browser to.

    Args:
        settings: the provider.
        cookie: the visitor's cookie.
        onward: where to go on afterwards.
        back: where the provider shall send the browser.
    """
    salt = f"{int(time.time())}.{secrets.token_urlsafe(16)}.{packed(onward.encode())}"
    challenge = packed(hashlib.sha256(derived(cookie, "verifier", salt).encode()).digest())
    asked = {
        "response_type": "code", "client_id": settings.client_id, "redirect_uri": back,
        "scope": "openid profile email", "state": f"{salt}.{derived(cookie, 'state', salt)}",
        "nonce": derived(cookie, "nonce", salt), "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    address = provider_of(settings.issuer, int(time.time() // FRESH)).authorize
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(asked)}"


def finish(settings: OidcSettings, cookie: str, said: Mapping[str, str], back: str) -> tuple[Actor, str]:
    """Who came back from the provider, and where they go on.

    Raises:
        HttpError: 403, it isn't certain who; they have no role here; or the provider refused.
    """
    salt, _, sealed = said.get("state", "").rpartition(".")
    if not salt or not hmac.compare_digest(sealed.encode(), derived(cookie, "state", salt).encode()):
        raise refused("this browser didn't begin to sign in here")
    if int(salt.partition(".")[0]) + LASTS < time.time():
        raise refused("it took too long")
    if "code" not in said:
        raise refused(f"the provider says {said.get('error', 'nothing')[:100]!r}")
    provider = provider_of(settings.issuer, int(time.time() // FRESH))
    answer = exchange(settings, provider, said["code"], derived(cookie, "verifier", salt), back)
    claims = claims_of(settings, provider, answer, derived(cookie, "nonce", salt))
    return actor_of(settings, claims), unpacked(salt.split(".")[2])


def derived(cookie: str, what: str, salt: str) -> str:
    """A secret that only this browser and this service can make."""
    return packed(hmac.new(cookie.encode(), f"retrue oidc {what} {salt}".encode(), hashlib.sha256).digest())


def packed(data: bytes) -> str:
    """Bytes as text for addresses.

    >>> packed(b"/a?b"), unpacked(packed(b"/a?b"))
    ('L2E_Yg', '/a?b')
    """
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unpacked(text: str) -> str:
    """Text that was packed."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()


@lru_cache(maxsize=4)
def provider_of(issuer: str, _hour: int) -> Provider:
    """Read a provider's description of itself, once an hour.

    Raises:
        RetrueError: it can't be reached, or isn't what it should be.
    """
    said = fetched(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if said.get("issuer") != issuer:
        raise unfit(f"it calls itself {said.get('issuer')!r}", expected=issuer)
    try:
        authorize, token, keys = (str(said[name]) for name in DOORS)
    except KeyError as error:
        raise unfit(f"its description has no {error}") from error
    methods = said.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return Provider(issuer, authorize, token, keys, "client_secret_basic" in methods)


DOORS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


def fetched(address: str) -> dict[str, Any]:
    """Read JSON from the provider."""
    import httpx

    if urlsplit(address).scheme != "https" and urlsplit(address).hostname not in LOOPBACK:
        raise unfit("what it says could be changed on the way", expected="an address with https")
    try:
        answer = httpx.get(address, timeout=TIMEOUT)
        answer.raise_for_status()
        said = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise unfit(f"it can't be reached: {type(error).__name__}") from error
    if not isinstance(said, dict):
        raise unfit("its answer can't be read")
    return said


def exchange(settings: OidcSettings, provider: Provider, code: str, verifier: str, back: str) -> dict[str, Any]:
    """Change a code for tokens."""
    import httpx

    secret = os.environ.get(SECRET)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
    basic = None
    if secret is not None and provider.basic:
        basic = httpx.BasicAuth(quote(settings.client_id, safe=""), quote(secret, safe=""))
    else:
        form |= {"client_id": settings.client_id, **({} if secret is None else {"client_secret": secret})}
    try:
        answer = httpx.post(provider.token, data=form, auth=basic, timeout=TIMEOUT)
        said = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise unfit(f"it can't be reached: {type(error).__name__}") from error
    if answer.status_code != httpx.codes.OK or not isinstance(said, dict) or "id_token" not in said:
        raise refused("the provider doesn't take the code")
    return said


def claims_of(settings: OidcSettings, provider: Provider, answer: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
    """What an id token says, once all of it holds (OpenID Connect Core 1.0, 3.1.3.7).

    Raises:
        HttpError: 403, something doesn't hold.
    """
    try:
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet
    except ModuleNotFoundError as error:
        raise unfit(f"this service lacks {error.name}", expected='pip install "retrue[oidc]"') from error
    try:
        keys = KeySet.import_key_set(fetched(provider.keys))  # type: ignore[arg-type]  # it checks what it gets
        token = jwt.decode(str(answer["id_token"]), keys, algorithms=ALGORITHMS)
        wanted = {
            "iss": {"essential": True, "value": provider.issuer},
            "aud": {"essential": True, "value": settings.client_id},
        }
        params = {"nonce": nonce, "client_id": settings.client_id, "access_token": answer.get("access_token")}
        claims = CodeIDToken(token.claims, token.header, wanted, params)
        claims.validate(leeway=LEEWAY)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise refused(f"what the provider says of you doesn't hold ({type(error).__name__}: {error})"[:300]) from error
    return dict(claims)


def actor_of(settings: OidcSettings, claims: Mapping[str, Any]) -> Actor:
    """Who somebody is here, by what the provider says of them.

    Raises:
        HttpError: 403, they have no role.
    """
    name = str(claims.get(settings.name) or claims["sub"])
    name = "".join(part for part in name if part.isprintable())[:100]
    held = claims.get(settings.claim, ())
    values = [held] if isinstance(held, str) else [str(one) for one in held] if isinstance(held, list) else []
    roles = [settings.roles[value] for value in values if value in settings.roles]
    roles = [role for role in roles if role != "ingest"]
    if not roles:
        raise refused(f"{name!r} has no role here", hint=f"[server.oidc] roles says which {settings.claim} have one")
    return Actor(f"{name} (OIDC)", max(roles, key=ROLES.index), None, "session")


def refused(why: str, hint: str | None = "sign in again at /login") -> HttpError:
    """The error of somebody who isn't let in."""
    return HttpError(403, f"signing in failed: {why}", hint=hint)


def unfit(why: str, expected: str | None = None) -> RetrueError:
    """The error of a provider that can't be used."""
    hint = "check [server.oidc] of retrue.toml, and whether the provider runs"
    return HttpError(503, f"the provider of accounts can't be used: {why}", expected=expected, hint=hint)
