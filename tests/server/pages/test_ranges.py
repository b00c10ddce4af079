"""Stretches of time in addresses: a link to a past one shows everybody the same, now and later."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect
from tests.server.conftest import START, Served, loans, registered
from tests.server.pages.conftest import Open, fits

import retrue as rt
from retrue.server.pages.model_figures import incident_spans
from retrue.server.pages.ranges import Lately, Range, range_of
from retrue.store import rows

PAST = "days=7&until=2026-01-08"
"""Up to the end of Thursday, before the income of `moved` moves."""
MOVED = "/models/moved"


def chart(page: Page) -> tuple[dict[str, Any], bytes]:
    """What the page's first chart is drawn from, and how it looks."""
    figure = page.locator("figure[data-picture]").first
    expect(figure).to_have_attribute("data-drawn", "", timeout=20_000)
    told: dict[str, Any] = figure.evaluate("async (one) => (await (await fetch(one.dataset.picture)).json()).picture")
    return told, figure.locator(".plot").screenshot()


@pytest.mark.slow
def test_a_past_range_shows_the_same_again(visit: Open, shots: Path) -> None:
    """It ends with its day, knows nothing of what came later, follows links, and has a way back to now."""
    page = visit(f"{MOVED}?{PAST}")
    expect(page.locator("#past")).to_contain_text("As of")
    assert "broken" not in page.inner_text("#features")
    assert "in true" in page.inner_text("#state")
    assert not page.locator("[data-wall]").count()
    first = chart(page)
    assert max(row["t"] for row in first[0]["rows"] if "t" in row) == (START + timedelta(days=3)).timestamp() * 1_000
    expect(page.locator("#live")).to_have_text("a past time")
    fits(page, shots / "range-model-1280.png")
    page.reload()
    assert chart(page) == first
    page.click("#features a.row >> nth=0")
    page.wait_for_url(f"**?{PAST}")
    assert page.input_value("input[name=until]") == "2026-01-08"
    fits(page, shots / "range-feature-1280.png")
    page.click(".crumb a:text-is('moved')")
    page.wait_for_url(f"**{MOVED}?{PAST}")
    page.click("#past a")
    page.wait_for_url(f"**{MOVED}?days=7")
    assert "broken" in page.inner_text("#features")


@pytest.mark.slow
def test_the_end_is_chosen_beside_the_length(visit: Open, shots: Path) -> None:
    """On a phone, too; the address says it, rows lead on to the same time, and an empty field is now."""
    page = visit("/", width=390)
    page.fill("input[name=until]", "2026-01-08")
    page.wait_for_url("**until=2026-01-08**")
    expect(page.locator("#past")).to_contain_text("As of")
    expect(page.locator("#live")).to_have_text("a past time")
    assert page.get_attribute("tr[data-row=moved] a.row", "href") == f"{MOVED}?days=30&until=2026-01-08"
    assert "in true" in page.inner_text("#state-moved")
    fits(page, shots / "range-overview-390.png")
    page.fill("input[name=until]", "")
    page.wait_for_function("() => !document.querySelector('#past').textContent.trim()")
    assert "in true" not in page.inner_text("#state-moved")
    page.goto(page.url.partition("/?")[0] + f"/models/edges/signals?{PAST}")
    assert page.input_value("input[name=until]") == "2026-01-08"
    assert "as usual" in page.inner_text("tr[data-row] >> nth=0")
    fits(page, shots / "range-signals-390.png")


@pytest.mark.parametrize("until", ["yesterday", "2026-13-01", "0001-01-01", "9999-12-31T23:59", "2026-01-09T25:00"])
def test_what_is_no_time_is_said_in_words(store: Served, until: str) -> None:
    """On every page, with an example of one."""
    with httpx.Client(base_url=store.url, headers={"Accept": "text/html"}, timeout=30) as client:
        for path in ("/", MOVED, f"{MOVED}/features/income", f"{MOVED}/signals", f"{MOVED}/figures/rows"):
            answer = client.get(path, params={"until": until})
            assert answer.status_code == 400
            assert "No time in" in answer.text
            assert "2026-01-09T12:00" in answer.text


def test_a_date_ends_by_the_models_own_clock(tmp_path: Path) -> None:
    """A time is in UTC; what hasn't come yet is now."""
    with rt.open(tmp_path / "store") as opened:
        model = opened.register(
            "east",
            loans(-2_000, 2_000),
            id="id",
            time="at",
            label="y",
            score="p",
            timezone="Asia/Tokyo",
            estimate="off",
        )
        with model.store.catalog.read() as tx:
            by_date = range_of(tx.connection, model, Lately(7, "2026-01-05"))
            by_time = range_of(tx.connection, model, Lately(7, "2026-01-05T15:00"))
            to_come = range_of(tx.connection, model, Lately(7, "2999-01-01"))
    assert by_date.until == by_time.until == (START + timedelta(hours=15)).timestamp()
    assert by_date.until - by_date.since == 7 * 86_400
    assert to_come.before is None


def test_what_began_later_is_not_drawn(tmp_path: Path) -> None:
    """Of incidents that are over by now: those of a past range, cut to it, and none that came after."""
    registered(tmp_path / "store")
    days = {"before": (-5, -3), "into": (-3, 1), "within": (1, 2), "out of": (2, 9), "after": (5, 8)}
    with rt.open(tmp_path / "store") as opened, opened.store.catalog.write() as tx:
        for name, (since, until) in days.items():
            told = [(START + timedelta(days=day)).isoformat() for day in (since, until)]
            tx.put(
                rows.IncidentRow(name, "loans", "resolved", 0, 0, 1, {"kind": name, "since": told[0], "until": told[1]})
            )
        spans = incident_spans(
            tx.connection, "loans", Range(START.timestamp(), START.timestamp() + 3 * 86_400, Lately(3))
        )
    shown = {one.name: ((one.start - START).days, (one.end - START).days) for one in spans}
    assert shown == {"into": (0, 1), "within": (1, 2), "out of": (2, 3)}
