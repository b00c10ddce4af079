"""How the service runs: `[server]` of `retrue.toml`, under what the command line says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from retrue.config import FILE, Name, SettingsTable, validated

MEGA = 1_000_000


class ServerSettings(SettingsTable):
    """`[server]`: where the service listens, and how much it takes in at a time.

    Attributes:
        host: the address to listen on.
        port: its port; 0 takes a free one.
        max_body_mb: the largest request, as it comes and decompressed, in MB.
        max_waiting_mb: requests that are held in memory at a time, in MB; more are answered 429.
        max_spool_mb: acknowledged rows that may wait for the lake, in MB on disk; more are answered 429.
    """

    host: Name = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    max_body_mb: Annotated[float, Field(gt=0, strict=False)] = 64
    max_waiting_mb: Annotated[float, Field(gt=0, strict=False)] = 128
    max_spool_mb: Annotated[float, Field(gt=0, strict=False)] = 4_000

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
