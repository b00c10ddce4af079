"""Messages on pages: what was told to whom, whether it got there, and why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.server.conftest import Served
from tests.server.pages.conftest import Open, fits

import retrue as rt
from retrue.store import rows
from retrue.workspace import clock

DAY = 86_400_000_000
"""Microseconds: nothing is due before, so that the service leaves it as it is."""
MADE: list[tuple[str, str, int, dict[str, Any], str, str]] = [
    ("opened", "sent", 1, {}, "sent", ""),
    ("worse", "waiting", 0, {}, "waits until", ""),
    ("worse", "waiting", 3, {"log": [{"at": "", "said": "<b>refused"}]}, "not taken in 3 tries, again", "<b>refused"),
    ("reopened", "failed", 9, {"log": [{"at": "", "said": "no answer"}]}, "given up after 9 tries", "no answer"),
    ("opened", "dropped", 0, {"why": "it was over before it could be told"}, "not sent", "it was over before"),
    ("resolved", "sending", 1, {}, "being sent", ""),
]
"""Messages: event, status, tries and body, and what a page says of them: state and why."""


@pytest.fixture(scope="module")
def incident(store: Served) -> str:
    """An incident that much was told of, and nothing else."""
    now = clock.micros(clock.now())
    with rt.open(store.folder) as opened:
        own: str = opened.model("moved").incidents(live=True)[0].id
        with opened.store.catalog.write() as tx:
            tx.remove(rows.Delivery)  # what other tests of this server have told
            for event, status, tries, body, _, _ in MADE:
                tx.add(
                    rows.Delivery(own, "moved", "on call", event, status, now + DAY, now, tries, {"key": "k", **body})
                )
            tx.add(rows.Delivery("gone", "calm", "team", "withdrawn", "sent", now, now, 1, {"key": "k"}))
            tx.add(rows.Delivery("", "", "team", "test", "failed", now, now, 1, {"key": "k"}))
            for _ in range(3):
                tx.add(rows.Delivery("", "", "team", "test", "sent", now, now, 1, {"key": "k"}))
    return own


def test_the_settings_say_what_was_sent_and_what_became_of_it(visit: Open, incident: str, tmp_path: Path) -> None:
    page = visit("/settings")
    said = page.locator("#deliveries tbody tr").all_inner_texts()
    assert len(said) == 10
    assert "The newest 10 of 11 messages" in page.inner_text("#deliveries")
    for shown, (_, _, _, _, state, why) in zip(said[:4:-1], MADE[1:], strict=True):
        assert state in shown
        assert why in shown
        assert "on call" in shown
    assert "not taken" in said[3]
    assert "incident withdrawn" in said[4]
    links = page.locator("#deliveries tbody a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert links == [f"/models/moved/incidents/{incident}"] * 5  # what was withdrawn has no page
    fits(page, tmp_path / "settings.png")


def test_an_incident_says_who_was_told(visit: Open, incident: str) -> None:
    """Not why it wasn't taken: that is the admin's."""
    page = visit(f"/models/moved/incidents/{incident}", java_script_enabled=False)
    told = page.locator("#told li").all_inner_texts()
    assert len(told) == len(MADE)
    assert told[-1].startswith("on call: incident opened")
    assert "sent" in told[-1]
    assert "not taken in 3 tries, again" in told[3]
    assert "refused" not in page.inner_text("#told")
