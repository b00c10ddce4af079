"""Where the service may listen: anywhere but on its own machine only with a way to sign in."""

from __future__ import annotations

from pathlib import Path

from retrue.errors import ConfigError
from retrue.server.auth.hosts import LOOPBACK
from retrue.server.settings import ServerSettings
from retrue.store.catalog import Catalog
from retrue.store.place import is_store, place_of
from retrue.store.rows import Token
from retrue.workspace import clock, tokens


def check(folder: str | Path, settings: ServerSettings, catalog: Catalog | None = None) -> None:
    """Refuse to listen where others can reach it while nobody would have to sign in.

    Args:
        folder: the store.
        settings: how the service would listen.
        catalog: the store's, where it is open.

    Raises:
        ConfigError: it would; the hint has the two commands that mend it.
    """
    away = settings.host not in LOOPBACK
    if not (away or settings.proxies) or settings.oidc is not None:
        return
    if has_token(Path(folder)) if catalog is None else any_token(catalog):
        return
    where = f"on {settings.host!r}" if away else "behind a proxy"
    raise ConfigError(
        f"serving {where} without a token lets everybody in",
        hint=f"run: retrue token create admin --role admin --store {folder}; then: retrue serve {folder}"
        + (f" --host {settings.host}" if away else ""),
    )


def has_token(folder: Path) -> bool:
    """Whether a store has a valid token."""
    if not is_store(folder):
        return False
    catalog = Catalog.open(place_of(folder), create=False)
    try:
        return any_token(catalog)
    finally:
        catalog.close()


def any_token(catalog: Catalog) -> bool:
    """Whether a catalog has a valid token."""
    with catalog.read() as tx:
        return any(tokens.valid(one, clock.micros(clock.now())) for one in tx.find(Token))
