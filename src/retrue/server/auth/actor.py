"""Who asks: a program with a token, a person who signed in, or whoever is at this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from retrue.errors import ConfigError
from retrue.workspace.roles import Role, may

Kind = Literal["local", "token", "session"]


@dataclass(frozen=True)
class Actor:
    """Who asks.

    Attributes:
        name: what the audit log calls them.
        role: what they may do.
        models: for which models; None: all.
        kind: how it is known: nobody has to sign in here (`local`), a token, or a session.
        key: what their requests are counted by.
    """

    name: str
    role: Role
    models: frozenset[str] | None = None
    kind: Kind = "local"
    key: str = ""

    def may(self, demand: Role) -> bool:
        """Whether their role satisfies a demand."""
        return may(self.role, demand)

    def named(self, given: str) -> str:
        """The name of the person: the one they signed in with, else the one that they give.

        Raises:
            ConfigError: they signed in with one and give another.
        """
        name = given.strip()
        if self.kind == "local":
            return name
        if name not in ("", self.name):
            raise ConfigError(f"{name!r} isn't who signed in", expected=self.name, hint="give the note alone")
        return self.name

    def sees(self, model: str) -> bool:
        """Whether a model is among theirs."""
        return self.models is None or model in self.models


LOCAL = Actor("local", "admin")
"""Whoever reaches a service that listens on its own machine only, before there is any token."""
