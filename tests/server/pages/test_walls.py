"""Walls: the newest traffic in short steps, as tables that a browser draws, and draws again while one looks."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import polars as pl
import pytest
from playwright.sync_api import Page, expect
from tests.server.conftest import Served, loans, registered, serving
from tests.server.pages.conftest import DAYS, TODAY, Open, events, live
from tests.tabs import Scheme

import retrue as rt
from retrue.server.pages.ingestion import ingestion
from retrue.server.pages.reading import Traffic
from retrue.server.pages.walls import MANY, STEPS, Steps, Wall, steps_of, walls_of

PAINTED = """
(canvas) => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  const seen = new Set();
  for (let i = 0; i < data.length; i += 4 * 37) {
    if (data[i + 3] > 250) seen.add(`rgb(${data[i]}, ${data[i + 1]}, ${data[i + 2]})`);
  }
  return [...seen];
}
"""
"""The colours on a canvas that nothing shines through, of every 37th pixel."""
PROD = {"light": "rgb(47, 111, 222)", "dark": "rgb(122, 167, 255)"}


def walls(model: rt.Model, until: datetime, *, failures: bool = True) -> dict[str, Wall]:
    """A model's walls by name, as of a time."""
    traffic = [Traffic(one.start, one.events, one.labelled) for one in model.store.windows(model.name)]
    return {one.name: one for one in walls_of(model, traffic, until.timestamp(), failures=failures)}


def drawn(page: Page) -> Page:
    """The page, once its walls are drawn."""
    expect(page.locator(".wall[data-walled]")).to_have_count(3)
    return page


@pytest.mark.parametrize(("count", "word"), [(30_000, "minute"), (900, "10 minutes"), (180, "hour"), (3, "6 hours")])
def test_busy_models_are_told_by_shorter_steps(count: int, word: str) -> None:
    """The shortest step with five events on average, by the events of a day: 30,000 a day are 21 a minute."""
    assert steps_of([Traffic(0, count, 0)], 86_400.0, 86_400.0).word == word


def test_a_step_that_goes_on_is_not_told_as_whole() -> None:
    """The last one holds the present, and all of them make an hour by the minute."""
    steps = Steps(60, 3_630.0)
    assert list(steps.starts) == list(range(60, 3_660, 60))
    assert [steps.whole, Steps(60, 3_660.0).whole] == [MANY - 1, MANY]
    assert all(len(Steps(length, 1e9 + 1).starts) == MANY for length in STEPS)


def test_events_and_latency_are_those_of_each_step(tmp_path: Path) -> None:
    """Against a count of the rows by hand: of n latencies p99 is the one at place ceil(0.99 (n - 1))."""
    frame = events(DAYS)
    with rt.open(tmp_path / "store") as store:
        model = store.register("loans", frame.head(100), id="id", time="at", label="y", score="p", latency="ms")
        model.log(frame.drop("y"), at=TODAY)
        store.store.apply("loans")
        found = walls(model, TODAY)
    assert set(found) == {"volume", "latency"}
    volume = [text for _, (text,) in reversed(found["volume"].rows)]
    for place, (at, texts) in enumerate(reversed(found["latency"].rows)):
        start = datetime.fromtimestamp(at / 1e6, UTC)
        own = sorted(frame.filter((pl.col("at") >= start) & (pl.col("at") < start + timedelta(hours=1)))["ms"])
        assert volume[place] == str(len(own))
        expected = [own[math.ceil(share * (len(own) - 1))] for share in (0.5, 0.99)]
        assert [float(text) for text in texts] == pytest.approx(expected, rel=5e-3)
    assert found["volume"].title == "7 events in the last whole hour, mostly 7 to 8 before"


def test_silence_is_told_and_nothing_is_made_up(tmp_path: Path) -> None:
    """No event, no latency: counts are 0, what isn't known is empty."""
    with rt.open(tmp_path / "store") as store:
        model = store.register("loans", events(1), id="id", time="at", label="y", score="p", latency="ms")
        found = walls(model, TODAY)
    assert found["volume"].title == "No event lately"
    assert {texts for _, texts in found["volume"].rows} == {("0",)}
    assert found["latency"].title == "No latency lately"
    assert {texts for _, texts in found["latency"].rows} == {("", "")}


def cut_off(model: Path) -> None:
    """Leave of the newest Parquet file what a full disk would."""
    newest = max((model / "events").rglob("*.parquet"))
    newest.write_bytes(newest.read_bytes()[:100])


def overwritten(model: Path) -> None:
    """Leave nothing of a log that can be read."""
    for entry in (model / "events" / "_delta_log").iterdir():
        entry.write_bytes(b"garbage")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut_off, "were lost: _date=2026-01-05/"),
        (shutil.rmtree, "The table of its events is gone from the lake"),
        (overwritten, "The table&#39;s log is damaged"),
    ],
)
def test_a_lake_that_can_t_be_read_is_told_on_the_page(
    server: Served, client: httpx.Client, damage: Callable[[Path], None], said: str
) -> None:
    """The wall says so in words; the rest of the page stands."""
    name = f"torn-{damage.__name__}"
    with rt.open(server.folder) as store:
        model = store.register(name, loans(-500, 500), id="id", time="at", label="y", score="p", estimate="off")
        model.log(loans(0, 500).drop("y"), at=TODAY)
        store.store.apply(name)
    damage(server.folder / "lake" / name)
    page = client.get(f"/models/{name}")
    assert page.status_code == 200
    assert said in page.text
    assert 'id="versions"' in page.text


def test_what_became_of_rows_is_told_by_when_they_came(tmp_path: Path) -> None:
    """By the hour where few come, and by the minute where many do; long silence is said."""
    frame = events(1).drop("y")
    with rt.open(tmp_path / "store") as store:
        model = store.register("loans", events(1), id="id", time="at", label="y", score="p")
        assert ingestion(model, TODAY.timestamp()).title == "Nothing has come in since this is counted"
        model.log(frame.head(20), at=TODAY - timedelta(hours=2))
        model.log(frame.slice(18, 3), at=TODAY - timedelta(minutes=1))
        model.label(pl.DataFrame({"id": ["nobody's"], "y": [1]}), at=TODAY - timedelta(minutes=1))
        store.store.apply("loans")
        few, silent = (ingestion(model, (TODAY + timedelta(days=late)).timestamp()) for late in (0, 9))
        assert few.title == "24 rows in the last 60 hours, 2 repeated, 1 without their event so far"
        assert [(own[1:], own[0]) for _, own in few.rows if own != ("0",) * 4] == [
            (("1", "2", "0"), "1"),
            (("0",) * 3, "20"),
        ]
        assert silent.title == "Nothing has come in since 12 Jan 23:59 UTC"
        assert [own for _, own in silent.rows if own != ("0",) * 4] == [own for _, own in few.rows if own != ("0",) * 4]
        store.store.append("loans", "events", loans(5_000, 400).drop("y"), at=TODAY)
        assert ingestion(model, TODAY.timestamp() + 1).note.endswith("; 400 rows on the way to the lake")
        store.store.apply("loans")
        busy = ingestion(model, TODAY.timestamp() + 1)
    assert busy.note == "Events, labels and feedback by the minute in which they came"
    assert sum(int(one) for one in busy.rows[0][1]) == 400


def test_errors_are_told_to_who_may_see_the_signals(tmp_path: Path) -> None:
    """By requests: 10 of which 1 % failed and 30 of which 5 % did are 4 %."""
    registered(tmp_path / "store")
    with rt.open(tmp_path / "store") as store:
        model = store.model("loans")
        records = [
            {"at": TODAY - timedelta(hours=7), "requests_per_s": asked, "errors_percent": share}
            for asked, share in ((10.0, 1.0), (30.0, 5.0))
        ]
        model.signals(records)
        store.store.apply("loans-system")
        found = walls(model, TODAY)
        assert "errors" not in walls(model, TODAY, failures=False)
    assert found["errors"].title == "4 % of the newest requests failed"
    assert [texts for _, texts in found["errors"].rows if texts != ("",)] == [("4",)]


def test_a_wall_is_drawn_in_the_theme_s_colours(visit: Open) -> None:
    """And again when the reader turns to the dark; it is named by its finding."""
    page = drawn(visit("/models/calm"))
    plot = page.locator("#newest .plot").nth(1)
    expect(plot).to_have_attribute("aria-label", re.compile("7 events in the last whole hour"))
    assert PROD["light"] in plot.locator("canvas").evaluate(PAINTED)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(100)
    assert PROD["dark"] in plot.locator("canvas").evaluate(PAINTED)


def test_a_wall_is_read_by_keyboard(visit: Open) -> None:
    """Arrows walk from the newest step back, each said in words; a table stands behind it."""
    page = drawn(visit("/models/calm", timezone_id="UTC"))
    page.locator("#newest .plot").nth(1).focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#newest .at").nth(1)).to_have_text(re.compile(r"12 Jan.* 23:00: Events 7"))
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#newest .at").nth(1)).to_have_text(re.compile(r"12 Jan.* 22:00: Events 8"))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#newest table").nth(1)).to_be_visible()


def test_walls_stay_when_another_metric_is_chosen(visit: Open) -> None:
    """The page's content is replaced in place: the walls in it are drawn anew, once each."""
    page = drawn(visit("/models/calm"))
    page.locator("select[name=metric]").select_option("accuracy")
    expect(page).to_have_url(re.compile("metric=accuracy"))
    expect(drawn(page).locator(".wall canvas")).to_have_count(3)


def test_without_scripts_the_table_is_there(visit: Open) -> None:
    """And nothing stands empty where the picture would be."""
    page = visit("/models/calm", java_script_enabled=False)
    page.locator("#newest summary").nth(1).click()
    expect(page.locator("#newest table").nth(1).locator("tbody tr")).to_have_count(MANY)
    expect(page.locator("#newest .plot").nth(1)).to_be_hidden()


def test_walls_are_pictured(visit: Open, shots: Path) -> None:
    """On a wide screen by day and on a phone in the dark; nothing scrolls sideways."""
    views: tuple[tuple[int, Scheme], ...] = ((1280, "light"), (390, "dark"))
    for width, scheme in views:
        page = drawn(visit("/models/calm", width=width, scheme=scheme))
        for above in ("main > figure", "#drift figure"):  # what grows above would move the picture
            page.locator(above).scroll_into_view_if_needed()
            expect(page.locator(above)).to_have_attribute("data-drawn", "", timeout=20_000)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        target = shots / f"walls-{scheme}-{width}.png"
        page.locator("#newest").screenshot(path=target)
        assert target.stat().st_size > 5_000


@pytest.mark.slow
def test_a_wall_follows_what_comes_in(visit: Open, tmp_path: Path) -> None:
    """Events that another process logs are on the wall within seconds; the page stays where it is."""
    folder = tmp_path / "store"
    with rt.open(folder) as store:
        live(store, "calm")
    more = events(DAYS).tail(5).drop("y").with_columns(("more-" + pl.col("id")).alias("id"))
    with serving(folder) as served:
        page = drawn(visit("/models/calm", url=served.url))
        expect(page.locator("#live")).to_have_text("live")
        page.evaluate("window.stays = document.querySelectorAll('.wall canvas')[1]")
        height = "document.querySelector('#newest').offsetHeight"
        before = page.evaluate(height)
        with rt.open(folder) as store:
            store.model("calm").log(more, at=TODAY)
            store.store.apply("calm")
        expect(page.locator("#wall-volume")).to_contain_text("12 events in the last whole hour", timeout=10_000)
        expect(page.locator("#newest .plot").nth(1)).to_have_attribute("aria-label", re.compile("^12 events"))
        assert page.evaluate("window.stays === document.querySelectorAll('.wall canvas')[1]")
        assert page.evaluate(height) == before
        page.close()  # before its server goes, of which it would complain
