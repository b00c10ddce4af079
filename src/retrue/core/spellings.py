"""How people write one and the same class of a binary label."""

from __future__ import annotations

YES, NO = ("1", "1.0", "true", "yes", "y", "t"), ("0", "0.0", "false", "no", "n", "f")
"""Texts that mean the same class."""


def spellings(label: str) -> list[str]:
    """How a class may be written, in lower case and without spaces around it: yes as `1` or `true`, no as `0`, ...

    >>> spellings("Late "), spellings("no")
    (['late'], ['0', '0.0', 'false', 'no', 'n', 'f'])
    """
    own = label.strip().lower()
    return next((list(same) for same in (YES, NO) if own in same), [own])
