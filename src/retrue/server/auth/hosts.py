"""What a request may say of where it came to and from: the `Host` header, and the page that sent it.

A page of a stranger can make a browser ask whatever it likes of this machine. It can't make the browser lie about the
name that it asked for (`Host`), nor about the page that it asked from (`Origin`, `Sec-Fetch-Site`).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from functools import cache
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""


def name_of(host: str) -> str:
    """The name in a `Host` header, without its port.

    >>> name_of("Localhost:8000"), name_of("[::1]:80"), name_of("example.com.")
    ('localhost', '::1', 'example.com')
    """
    host = host.strip().lower()
    bare = host[1 : host.find("]")] if host.startswith("[") else host.partition(":")[0]
    return bare.removesuffix(".")


def known(host: str, names: Collection[str]) -> bool:
    """Whether a `Host` header names this service.

    An address always does: a name that a stranger lets point here (DNS rebinding) is what must be told apart.

    >>> known("10.0.0.7:8000", ()), known("localhost", ()), known("evil.example", ()), known("a.example", {"a.example"})
    (True, True, False, True)
    """
    name = name_of(host)
    return is_address(name) or name == "localhost" or name in names or name in own_names()


def is_address(name: str) -> bool:
    """Whether a name is an IP address.

    >>> is_address("::1"), is_address("127.0.0.1.example")
    (True, False)
    """
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@cache
def own_names() -> frozenset[str]:
    """What this machine calls itself."""
    return frozenset({socket.gethostname().lower()}) - {""}


def from_elsewhere(host: str, origin: str | None, site: str | None) -> bool:
    """Whether a page of somebody else made the browser ask.

    Args:
        host: the request's `Host`.
        origin: its `Origin`; programs send none.
        site: its `Sec-Fetch-Site`; neither do programs, nor older browsers.

    >>> from_elsewhere("a:80", "http://a:80", "same-origin"), from_elsewhere("a:80", None, None)
    (False, False)
    >>> from_elsewhere("a", "http://b", None), from_elsewhere("a", None, "cross-site")
    (True, True)
    >>> from_elsewhere("a", "null", None)
    True
    """
    if site is not None and site not in {"same-origin", "none"}:
        return True
    return origin is not None and urlsplit(origin).netloc.lower() != host.strip().lower()
