"""Messages really arrive: at a web hook and in a mailbox on loopback, with their picture and their key."""

from __future__ import annotations

import base64
import io
import logging
from contextlib import suppress

import pytest
from tests.adapters.receivers import hook, post

from retrue.adapters.notify import HEADER, DeliveryError, Message, hidden, mark, opened, send, without_secrets
from retrue.errors import ConfigError

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
TOLD = Message("flights: degraded, high", "Since 14 March, <b>x</b> & *y*.\n\nkey", "3f2a-1", "3f2a", "failure", PNG)


def test_a_web_hook_gets_text_key_and_picture() -> None:
    with hook() as one:
        send(one.url, TOLD)
    (got,) = one.got
    assert (got["title"], got["type"], got["key"], got["incident"]) == (TOLD.title, "failure", "3f2a-1", "3f2a")
    assert got["message"] == TOLD.text
    assert base64.b64decode(got["attachments"][0]["base64"]) == PNG


def test_a_mail_arrives_with_its_picture_and_no_markup_of_strangers() -> None:
    with post() as box:
        send(box.url, TOLD)
    (mail,) = box.got
    assert (mail["To"], mail[HEADER], mail["Subject"]) == ("ops@example.org", "3f2a-1", TOLD.title)
    parts = {part.get_content_type(): part.get_payload(decode=True) for part in mail.walk()}
    assert parts["image/png"] == PNG
    text = parts["text/plain"]
    assert isinstance(text, bytes)
    assert text.decode().split() == TOLD.text.split()
    assert "text/html" not in parts


def test_a_pager_closes_what_it_opened() -> None:
    """No receiver: PagerDuty has one address. A success with the same key resolves (its Events API, v2)."""
    (plugin,) = opened("pagerduty://" + "i" * 32 + "@" + "a" * 20)
    mark(plugin, TOLD)
    known = vars(plugin)
    assert (known["dedup"], known["action"]) == ("3f2a", "map")


def test_what_isnt_taken_is_said_without_secrets() -> None:
    with hook() as one:
        one.status = 500
        with pytest.raises(DeliveryError, match="500") as error:
            send(one.url, TOLD)
    assert "geheimnis" not in str(error.value)
    with pytest.raises(DeliveryError, match=r"127\.0\.0\.1"):  # nobody listens there any more
        send(one.url, TOLD)


def test_secrets_of_a_url_are_hidden() -> None:
    slack = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general"
    assert hidden(slack) == "slack://…"
    said = without_secrets(f"POST {slack} (TIiajkdnlazkcOXrIdevi7FQ) to #general failed", slack)
    assert "T1JJ3T3L2" not in said
    assert "TIiajkdnlazkcOXrIdevi7FQ" not in said
    assert said.endswith(" failed")
    assert hidden("what://secret") == "what://…"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("jsons://hooks.example.com/hooks/catch/geheimnis", "jsons://hooks.example.com/…"),
        ("json://127.0.0.1:8080/geheimnis?x=geheimnis", "json://127.0.0.1:8080/…"),
        ("ntfy://geheimnis", "ntfys://…"),
        ("mailto://anna:geheimnis@example.org/?to=ops@example.org", "mailto://anna:****@example.org/…"),
    ],
)
def test_only_the_service_and_its_host_are_shown(url: str, shown: str) -> None:
    """A webhook's path is its key."""
    assert hidden(url) == shown


def test_a_url_that_isnt_understood_is_in_no_log() -> None:
    """Apprise logs it whole; pytest's own `caplog` hears what isn't passed on, too."""
    heard = io.StringIO()
    logging.getLogger().addHandler(handler := logging.StreamHandler(heard))
    for url in ("slac://T1JJ/geheimnis", "msteams://geheimnis/geheimnis/x/y/?x"):
        with suppress(ConfigError):
            opened(url)
    logging.getLogger("retrue").error("this is heard")
    logging.getLogger().removeHandler(handler)
    assert heard.getvalue() == "this is heard\n"


def test_a_url_that_nobody_understands_is_refused_without_being_shown() -> None:
    with pytest.raises(ConfigError, match="what") as error:
        send("what://geheimnis", TOLD)
    assert "geheimnis" not in str(error.value)
