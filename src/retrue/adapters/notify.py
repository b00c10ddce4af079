"""Messages to people, through Apprise: mail, chat, pagers, webhooks, each named by a URL (`slack://...`, `mailto://...`).

Apprise says whether the service took a message, and no more: not that somebody read it, nor, after a connection that
broke, whether it arrived. So a message may be sent again; it then has the same `key`, which mail has as a header,
PagerDuty as its deduplication key, a webhook as a field, and every message as its last line.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from retrue.errors import ConfigError, RetrueError

if TYPE_CHECKING:
    from apprise import Apprise

LIMIT = 30.0
"""Seconds that one message may take."""
SHORT = 4
"""Letters from which on a part of a URL may be a secret; shorter ones would blot out words."""
HOST = re.compile(r"(?:localhost|[\w-]+(?:\.[\w-]+)+|\[[0-9a-f:.]+\])(?::\d+)?", re.IGNORECASE)
"""A host with its port, as an address names it."""
HEADER = "X-Retrue-Message"

Tone = Literal["info", "success", "warning", "failure"]


class DeliveryError(RetrueError):
    """A service didn't take a message."""


@dataclass(frozen=True)
class Message:
    """What is sent.

    Attributes:
        title: in a few words.
        text: the whole, as plain text: what strangers named is never markup.
        key: the same where the same message is sent again.
        incident: what belongs together, for services that can close what they opened.
        tone: how it looks where that can be chosen; `success` closes.
        picture: a PNG, or None.
    """

    title: str
    text: str
    key: str
    incident: str
    tone: Tone = "info"
    picture: bytes | None = None


def send(url: str, message: Message, *, limit: float = LIMIT) -> None:
    """Send a message.

    Args:
        url: to whom.
        message: what.
        limit: seconds that it may take.

    Raises:
        ConfigError: Apprise doesn't understand the URL.
        DeliveryError: the service didn't take it; in its words, without what the URL keeps secret.
    """
    import apprise
    from apprise.attachment.memory import AttachMemory

    service = opened(url)
    for plugin in service:
        mark(plugin, message)
    picture = message.picture
    attached = None if picture is None else AttachMemory(content=picture, name="incident.png", mimetype="image/png")  # type: ignore[no-untyped-call]
    with apprise.LogCapture(level=apprise.logging.WARNING, fmt="%(message)s") as said:  # type: ignore[no-untyped-call]
        done = service.notify(
            message.text, message.title, apprise.NotifyType(message.tone), body_format=apprise.NotifyFormat.TEXT,
            attach=attached, timeout=limit,
        )  # fmt: skip
        why = said.getvalue()
    if not done:
        told = without_secrets(" ".join(why.split()), url)
        raise DeliveryError(told or "the service didn't take it, and said nothing")


def opened(url: str) -> Apprise:
    """Apprise, with one service.

    Raises:
        RetrueError: it isn't installed.
        ConfigError: it doesn't understand the URL.
    """
    try:
        from apprise import Apprise, AppriseAsset
    except ModuleNotFoundError as error:
        raise RetrueError("notifications need apprise", hint='pip install "retrue[server]"') from error

    logging.getLogger("apprise").propagate = False  # it writes a URL that it doesn't understand whole into our log
    asset = AppriseAsset(app_id="Retrue", app_desc="Retrue", app_url="", image_url_mask="", secure_logging=True)
    service = Apprise(asset=asset)
    if not service.add(url):
        scheme = url.partition("://")[0] if "://" in url else "no scheme"
        raise ConfigError(
            f"a channel's URL ({scheme}) that Apprise doesn't understand", expected="such as mailto:// or slack://",
            hint="the list of services: https://github.com/caronc/apprise/wiki",
        )  # fmt: skip
    return service


def server_of(url: str) -> str | None:
    """The `host:port` that a URL names; None of a service at an address of its own.

    Raises:
        RetrueError: Apprise isn't installed.
        ConfigError: it doesn't understand the URL.

    >>> server_of("jsons://example.org/hook"), server_of("mailtos://u:p@example.org?smtp=mail.example.org")
    ('example.org:443', 'mail.example.org:587')
    """
    (plugin,) = opened(url)
    from apprise.plugins.custom_form import NotifyForm
    from apprise.plugins.custom_json import NotifyJSON
    from apprise.plugins.custom_xml import NotifyXML
    from apprise.plugins.email.base import NotifyEmail

    if isinstance(plugin, NotifyJSON | NotifyForm | NotifyXML):
        return f"{plugin.host}:{plugin.port or (443 if plugin.secure else 80)}"
    return f"{plugin.smtp_host}:{plugin.port}" if isinstance(plugin, NotifyEmail) else None


def mark(plugin: Any, message: Message) -> None:
    """Tell a service by what it may know a message again, where it has a place for that."""
    from apprise.plugins.custom_form import NotifyForm
    from apprise.plugins.custom_json import NotifyJSON
    from apprise.plugins.custom_xml import NotifyXML
    from apprise.plugins.email.base import NotifyEmail
    from apprise.plugins.pagerduty import NotifyPagerDuty

    if isinstance(plugin, NotifyJSON | NotifyForm | NotifyXML):
        for name, value in (("key", message.key), ("incident", message.incident)):
            plugin.payload_extras.setdefault(name, value)
    elif isinstance(plugin, NotifyEmail):
        plugin.headers[HEADER] = message.key
    elif isinstance(plugin, NotifyPagerDuty):
        plugin.dedup, plugin.action = message.incident, "map"  # a success resolves what the same key raised


def hidden(url: str) -> str:
    """A channel's URL as people may see it: the service and its host; whatever else there is may be a key.

    >>> hidden("json://anna:geheim@example.org/hook/1")
    'json://anna:****@example.org/…'
    >>> hidden("ntfys://topic")
    'ntfys://…'
    """
    try:
        (plugin,) = opened(url)
    except RetrueError:
        return url.partition("://")[0] + "://…"
    shown: Any = plugin
    scheme, _, rest = str(shown.url(privacy=True)).partition("?")[0].partition("://")
    where, _, path = rest.partition("/")
    if HOST.fullmatch(where.rpartition("@")[2]) is None:  # a key stands where others have their host
        return f"{scheme}://…"
    return f"{scheme}://{where}" + ("/…" if path else "")


def without_secrets(text: str, url: str) -> str:
    """A text without those parts of a URL that `hidden` hides."""
    shown = set(parts(hidden(url)))
    secret = sorted({part for part in parts(url) if len(part) >= SHORT} - shown, key=len, reverse=True)
    for part in [url, *secret]:
        text = text.replace(part, "…")
    return text


def parts(url: str) -> list[str]:
    """The words of a URL, as they stand there and as they are meant.

    >>> parts("slack://T1/a%2Fb?x=yes")
    ['slack', 'T1', 'a%2Fb', 'x', 'yes', 'slack', 'T1', 'a', 'b', 'x', 'yes']
    """
    return [part for text in (url, unquote(url)) for part in re.split(r"[:/@?&=,#]+", text) if part]
