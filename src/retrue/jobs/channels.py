"""Channels: whom to tell of incidents. `[[channels]]` of retrue.toml, and those that people keep in the store.

    [[channels]]
    name = "on call"
    url = "slack://token/#models"                # any URL of Apprise; it is a secret, and never shown whole
    models = ["flights"]                         # all unless given
    severity = "high"                            # and worse; all unless given
    kinds = ["degraded", "broken"]               # all unless given
    quiet = { from = "22:00", until = "07:00", timezone = "Europe/Berlin", critical = true }

A channel of the store takes the place of one of the same name in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, ConfigDict, Field

from retrue.adapters.notify import hidden, opened
from retrue.config import FILE, Config, Name, Names, SettingsTable, load, validated
from retrue.errors import ConfigError, nearest
from retrue.judge.severity import Severity
from retrue.judge.verdict import VerdictKind
from retrue.store.catalog import Transaction
from retrue.store.rows import Preference
from retrue.workspace import Workspace, clock
from retrue.workspace.acting import audit

PREFERENCE = "channels"
"""Where the store keeps them."""


def _clock(value: str) -> str:
    try:
        time.fromisoformat(value)
    except ValueError:
        raise ValueError('a time of the day such as "22:00"') from None
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError):
        raise ValueError('a time zone such as "UTC" or "Europe/Berlin"') from None
    return value


def _severity(value: str) -> str:
    if value not in list(Severity):
        raise ValueError(", ".join(Severity))
    return value


def _kinds(values: tuple[str, ...]) -> tuple[str, ...]:
    known = [kind.value for kind in VerdictKind if kind.alarms]
    if not set(values) <= set(known):
        raise ValueError(f"some of {', '.join(known)}")
    return values


Clock = Annotated[Name, AfterValidator(_clock)]


class Quiet(SettingsTable):
    """Hours in which nothing is sent: it waits until they are over.

    Attributes:
        begins: when they begin, by the wall clock (`from` in the file).
        until: when they end; earlier than the beginning: on the next day.
        timezone: of both.
        critical: whether what is critical is sent all the same.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)

    begins: Clock = Field(alias="from")
    until: Clock
    timezone: Annotated[Name, AfterValidator(_zone)] = "UTC"
    critical: bool = False

    def ends(self, at: datetime) -> datetime | None:
        """When the quiet hours that a time lies in are over; None where it lies in none.

        >>> night = Quiet(begins="22:00", until="07:00", timezone="Europe/Berlin")
        >>> print(night.ends(datetime.fromisoformat("2026-01-05T23:30+00:00")))
        2026-01-06 07:00:00+01:00
        >>> night.ends(datetime.fromisoformat("2026-01-05T12:00+00:00")) is None
        True
        """
        zone = ZoneInfo(self.timezone)
        here, first, last = at.astimezone(zone), time.fromisoformat(self.begins), time.fromisoformat(self.until)
        now = here.time()
        inside = first <= now < last if first < last else now >= first or now < last
        if not inside:
            return None
        day = here.date() + timedelta(days=int(first >= last and now >= first))
        return datetime.combine(day, last, zone)


class Channel(SettingsTable):
    """One of whom to tell.

    Attributes:
        name: what people call it.
        url: where messages go, as Apprise has it: a secret.
        models: whose incidents; of all models unless given.
        severity: the least severity that is told: low, medium, high or critical.
        kinds: the kinds that are told: broken, degraded, unknown, silent, drifting; all unless given.
        quiet: hours in which nothing is sent.
    """

    name: Name
    url: Name
    models: Names = ()
    severity: Annotated[Name, AfterValidator(_severity)] = Severity.LOW.value
    kinds: Annotated[Names, AfterValidator(_kinds)] = ()
    quiet: Quiet | None = None

    def wants(self, model: str, kind: str, severity: str) -> bool:
        """Whether an incident is told there."""
        known = not self.models or model in self.models
        return known and (not self.kinds or kind in self.kinds) and Severity(severity) >= Severity(self.severity)

    def due(self, at: datetime, severity: str) -> datetime:
        """When a message of that time is sent: then, or when the quiet hours are over."""
        if self.quiet is None or (self.quiet.critical and severity == Severity.CRITICAL):
            return at
        return self.quiet.ends(at) or at

    def public(self) -> dict[str, Any]:
        """It as plain values, its URL as people may see it."""
        return {**plain(self), "url": hidden(self.url)}


def plain(channel: Channel) -> dict[str, Any]:
    """A channel as it stands in a file, secrets and all."""
    return channel.model_dump(mode="json", by_alias=True, exclude_none=True)


def read(said: Mapping[str, Any], *, where: str = FILE) -> Channel:
    """Check what was said of a channel.

    Raises:
        ConfigError: the first key that isn't understood, or a URL that Apprise doesn't understand.
    """
    named = {**said, "url": "…"} if "url" in said and isinstance(said["url"], str) and said["url"] else said
    validated(Channel, named, where=f"[[channels]] of {where}")  # its messages show what was said: not the URL
    channel = Channel.model_validate(said)
    opened(channel.url)
    return channel


def channels(workspace: Workspace, config: Config | None = None) -> list[Channel]:
    """All channels by name.

    Raises:
        ConfigError: one isn't understood.
    """
    with workspace.store.catalog.read() as tx:
        kept = of_store(tx)
    said = [read(one) for one in (config or load()).channels]
    found = {one.name: one for one in [*said, *kept]}
    return [found[name] for name in sorted(found)]


def of_store(tx: Transaction) -> list[Channel]:
    """The channels that people keep in the store."""
    row = tx.get(Preference, name=PREFERENCE)
    return [] if row is None else [Channel.model_validate(one) for one in row.body["channels"]]


def keep(workspace: Workspace, channel: Channel) -> None:
    """Keep a channel in the store, in place of one of the same name."""
    with workspace.store.catalog.write() as tx:
        others = [one for one in of_store(tx) if one.name != channel.name]
        put(tx, [*others, channel])
        audit(tx, "channel kept", body=channel.public())


def remove(workspace: Workspace, name: str) -> None:
    """Forget a channel of the store.

    Raises:
        ConfigError: there is none of that name.
    """
    with workspace.store.catalog.write() as tx:
        known = of_store(tx)
        if name not in [one.name for one in known]:
            raise unknown(name, known)
        put(tx, [one for one in known if one.name != name])
        audit(tx, "channel removed", body={"name": name})


def put(tx: Transaction, found: list[Channel]) -> None:
    """Write the channels of the store."""
    body = {"channels": [plain(one) for one in found]}
    tx.put(Preference(PREFERENCE, body, clock.micros(clock.now())))


def named(found: list[Channel], name: str) -> Channel:
    """The channel of a name.

    Raises:
        ConfigError: there is none.
    """
    for one in found:
        if one.name == name:
            return one
    raise unknown(name, found)


def unknown(name: str, known: list[Channel]) -> ConfigError:
    """The error that says which channels there are."""
    names = [one.name for one in known]
    listed = ", ".join(names) or "a channel: [[channels]] of retrue.toml"
    return ConfigError(f"no channel {name!r}", expected=listed, hint=nearest(name, names))
