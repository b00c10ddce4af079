"""Who asks, and what they may do: the four dependencies that routes name.

Until there are tokens, whoever reaches the loopback address is an administrator, and `retrue serve` listens nowhere
else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["ingest", "viewer", "editor", "admin"]


@dataclass(frozen=True)
class Actor:
    """Who asks: what the audit log calls them, and their role."""

    name: str
    role: Role


ANONYMOUS = Actor("anonymous", "admin")


def ingest() -> Actor:
    """The dependency of routes that take events, labels and feedback."""
    return ANONYMOUS


def viewer() -> Actor:
    """The dependency of routes that show."""
    return ANONYMOUS


def editor() -> Actor:
    """The dependency of routes that change what is watched, and what is said of incidents."""
    return ANONYMOUS


def admin() -> Actor:
    """The dependency of routes that change the service itself."""
    return ANONYMOUS
