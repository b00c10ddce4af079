"""How the service runs: `[server]` of `retrue.toml`, under what the command line says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from retrue.config import FILE, Name, Names, SettingsTable, validated
from retrue.workspace.roles import Role

MEGA = 1_000_000


class OidcSettings(SettingsTable):
    """`[server.oidc]`: a provider of accounts (OpenID Connect). Its secret is the variable `RETRUE_OIDC_SECRET`.

    Attributes:
        issuer: the provider's address.
        client_id: what it calls this service.
        claim: the claim whose values say what somebody may do.
        roles: the role for each value; who has several has the one that may do most; who has none isn't let in.
        name: the claim that names somebody in the audit log.
    """

    issuer: Name
    client_id: Name
    claim: Name = "groups"
    roles: dict[Name, Role]
    name: Name = "email"


class ServerSettings(SettingsTable):
    """`[server]`: where the service listens, and how much it takes in at a time.

    Attributes:
        host: the address to listen on.
        port: its port; 0 takes a free one.
        url: where people reach it, for links in messages.
        max_body_mb: the largest request, as it comes and decompressed, in MB.
        max_waiting_mb: requests that are held in memory at a time, in MB; more are answered 429.
        max_spool_mb: acknowledged rows that may wait for the lake, in MB on disk; a model's may take as much as is left
            free (alone: half), and more of them are answered 429.
        hosts: names that it is reached by, besides addresses, `host` and what the machine calls itself.
        proxies: addresses or networks of proxies that are believed where a request came from.
        requests_per_second: how often a token, a session or an address may ask; more is answered 429.
        batches_per_second: the same for batches of rows.
        oidc: how people sign in with the company's accounts.
    """

    host: Name = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    url: Annotated[Name, Field(pattern=r"^https?://")] | None = None
    max_body_mb: Annotated[float, Field(gt=0, strict=False)] = 64
    max_waiting_mb: Annotated[float, Field(gt=0, strict=False)] = 128
    max_spool_mb: Annotated[float, Field(gt=0, strict=False)] = 4_000
    hosts: Names = ()
    proxies: Names = ()
    requests_per_second: Annotated[float, Field(gt=0, strict=False)] = 100
    batches_per_second: Annotated[float, Field(gt=0, strict=False)] = 10_000
    oidc: OidcSettings | None = None

    @property
    def max_body(self) -> int:
        """The largest request in bytes."""
        return int(self.max_body_mb * MEGA)

    @property
    def max_waiting(self) -> int:
        """Requests in memory, in bytes."""
        return int(self.max_waiting_mb * MEGA)

    @property
    def max_spool(self) -> int:
        """The spool's largest size in bytes."""
        return int(self.max_spool_mb * MEGA)


def read(said: Mapping[str, Any], *, where: str = FILE) -> ServerSettings:
    """Check what the table `[server]` says.

    Raises:
        ConfigError: the first key that isn't understood.

    >>> read({"port": 80}).port
    80
    """
    return validated(ServerSettings, said, where=f"[server] of {where}")
