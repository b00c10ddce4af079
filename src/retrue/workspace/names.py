"""Names that people give to what is kept: they stand in pages, in commands, and in what is logged."""

from __future__ import annotations

from retrue.errors import ConfigError

LONGEST = 100
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
