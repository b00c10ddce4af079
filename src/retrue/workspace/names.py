"""What people call things: names of what is kept, which stand in pages, commands and logs; and the starts of ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from retrue.errors import ConfigError, StoreError

Known = TypeVar("Known", bound=Any)
"""Anything with an `id`."""

LONGEST = 200
"""Characters of a name at most."""


def check_name(name: str, what: str) -> str:
    """The name.

    Args:
        name: what somebody wants to call it.
        what: that it is to name, such as "a token".

    Raises:
        ConfigError: it is blank, too long, or can't be printed.

    >>> check_name("edge cases", "a collection")
    'edge cases'
    """
    if not name.strip() or len(name) > LONGEST or not name.isprintable():
        raise ConfigError(f"{name[:40]!r} can't name {what}", expected=f"1 to {LONGEST} printable characters")
    return name


def find(known: Sequence[Known], id: str, what: str, model: str, hint: str) -> Known:
    """The one with this id, the only one whose id begins so, or the "latest".

    Args:
        known: latest first.
        id: what somebody wrote.
        what: what they are, such as "run".
        model: whose they are.
        hint: how to come by one, where there are none.

    Raises:
        StoreError: there is none, or several.
    """
    where = f"model {model!r}"
    if not known:
        raise StoreError(f"no {what}s yet", where=where, hint=hint)
    exact = [one for one in known if one.id == id]
    found = known[:1] if id == "latest" else exact or [one for one in known if id and one.id.startswith(id)]
    if len(found) != 1:
        many = f"{len(found)} {what}s begin" if found else f"no {what} begins"
        raise StoreError(f"{many} with {id!r}", where=where, expected=", ".join(one.id for one in known[:5]))
    return found[0]
