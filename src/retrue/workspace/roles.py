"""Roles: what somebody may do.

| role | writes events, labels, feedback | sees | changes what is watched and said | changes the service |
| --- | --- | --- | --- | --- |
| ingest | yes | | | |
| viewer | | yes | | |
| editor | yes | yes | yes | |
| admin | yes | yes | yes | yes |
"""

from __future__ import annotations

from typing import Final, Literal

Role = Literal["ingest", "viewer", "editor", "admin"]

MAY: Final[dict[Role, frozenset[Role]]] = {
    "ingest": frozenset({"ingest"}),
    "viewer": frozenset({"viewer"}),
    "editor": frozenset({"ingest", "viewer", "editor"}),
    "admin": frozenset({"ingest", "viewer", "editor", "admin"}),
}
"""The demands that each role satisfies: what a program that writes may not read, and who looks may not write."""


def may(role: Role, demand: Role) -> bool:
    """Whether somebody with a role may do what another role is demanded for.

    >>> may("editor", "ingest"), may("ingest", "viewer"), may("viewer", "ingest")
    (True, False, False)
    """
    return demand in MAY[role]
