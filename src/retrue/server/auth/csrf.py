"""The synchroniser token: what a page of ours says with each change, and a page of somebody else can't know.

It is an HMAC of the visitor's cookie, which scripts can't read and which no other site can send along with a change.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

HEADER = "X-CSRF-Token"
FIELD = "csrf"
COOKIE_BYTES = 32


def fresh_cookie() -> str:
    """A new visitor's cookie: 256 random bits."""
    return secrets.token_urlsafe(COOKIE_BYTES)


def token_of(cookie: str) -> str:
    """The token that belongs to a cookie.

    >>> token_of("a") == token_of("a"), token_of("a") == token_of("b"), len(token_of("a"))
    (True, False, 64)
    """
    return hmac.new(cookie.encode("utf-8", "surrogatepass"), b"retrue csrf", hashlib.sha256).hexdigest()


def fits(cookie: str, token: str | None) -> bool:
    """Whether a token belongs to a cookie."""
    given = (token or "").encode("utf-8", "surrogatepass")
    return bool(cookie) and hmac.compare_digest(token_of(cookie).encode(), given)
