"""What people press beside the answers to an incident: let rows in, ask for labels, queue a run, choose, copy."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from playwright.sync_api import Page, expect
from tests.server.conftest import Served, loans, serving
from tests.server.hammer import until
from tests.server.pages.conftest import TODAY, Open, events, live

import retrue as rt

TRAINERS = """
[trainers.nightly]
fit = "tests.server.test_runs:LEARNER"
"""


@pytest.fixture(scope="module")
def pressed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that knows a trainer, of two models that moved on the same day."""
    root = tmp_path_factory.mktemp("actions")
    (root / "retrue.toml").write_text(TRAINERS, encoding="utf-8")
    with rt.open(root / "store") as opened:
        for name in ("one", "two"):
            live(opened, name, shift=4_000)
        prices = loans(-2_880, 2_880).with_columns(guess=pl.col("income") / 2, y=pl.col("income") / 3).drop("p")
        roles: dict[str, Any] = {"id": "id", "time": "at", "label": "y", "prediction": "guess", "estimate": "off"}
        opened.register("prices", prices, **roles, task="regression").log(prices.drop("y").head(2))
    source = str(Path(__file__).parents[3])
    path = os.pathsep.join(one for one in (source, os.environ.get("PYTHONPATH")) if one)
    with serving(root / "store", cwd=root, env={"PYTHONPATH": path}) as served:
        yield served


def ids_of(page: Page) -> set[str]:
    """The ids of the rows that are set aside."""
    return set(page.locator("section[aria-labelledby=rows-title] li > b").all_inner_texts())


@pytest.mark.slow
def test_all_rows_that_were_set_aside_are_let_in_at_once(visit: Open, pressed: Served) -> None:
    """What came too early fits by now; what still has no time comes back."""
    with rt.open(pressed.folder) as opened:
        model = opened.model("one")
        early = events(1).drop("y").head(3).with_columns(pl.col("at") + timedelta(days=12), id="early " + pl.col("id"))
        assert model.log(early, at=TODAY).quarantined == 3
        opened.store.apply("one")
    page = visit("/quarantine?model=one", url=pressed.url)
    assert ids_of(page) == {"odd", *early["id"]}
    page.click("button:has-text('Let all 4 in again unchanged')")
    expect(page.locator(".outcome")).to_have_text("3 rows let in again.")
    expect(page.locator("h1")).to_have_text("1 row of one is set aside")
    assert ids_of(page) == {"odd"}
    with rt.open(pressed.folder) as opened:
        there = opened.model("one").events().filter(pl.col("id").str.starts_with("early")).collect()
    assert set(there["id"]) == set(early["id"])


def test_labels_are_asked_for_and_come_back_in_a_file(visit: Open, pressed: Served) -> None:
    """A slice that can't be read is refused in words; a file is taken whole, or not at all, and once."""
    new = events(1).drop("y").head(5).with_columns(id="new " + pl.col("id"))
    with rt.open(pressed.folder) as opened:
        assert opened.model("one").log(new, at=TODAY).accepted == 5
    page = visit("/models/one/labelling", url=pressed.url)
    page.fill("input[name=where]", "incme > 3")
    page.click("button:text-is('Ask for labels')")
    expect(page.locator(".trouble")).to_contain_text("incme")
    page.fill("input[name=where]", "id LIKE 'new %'")
    page.fill("input[name=most]", "3")
    page.click("button:text-is('Ask for labels')")
    expect(page.locator(".outcome")).to_have_text("3 rows asked about.")
    with page.expect_download() as download:
        page.click("a:text-is('CSV')")
    tasks = pl.read_csv(download.value.path(), infer_schema=False)
    whole = tasks.with_columns(label=pl.lit("1")).write_csv()
    for text, said, where in (
        (tasks.with_columns(label=pl.Series(["1", "1", "perhaps"])).write_csv(), "perhaps", ".trouble"),
        (whole, "From the file: 3 new.", ".outcome"),
        (whole, "From the file: 3 known already.", ".outcome"),
    ):
        page.set_input_files("input[name=labels]", {"name": "l.csv", "mimeType": "text/csv", "buffer": text.encode()})
        page.click("button:text-is('Take its labels')")
        expect(page.locator(where)).to_contain_text(said)
    with rt.open(pressed.folder) as opened:
        labelled = opened.model("one").events().filter(pl.col("id").str.starts_with("new")).collect()
    assert labelled["y"].to_list().count(1) == 3


def test_a_number_is_a_label_too(visit: Open, pressed: Served) -> None:
    """Typed into the one field, which has the focus; what is no number is said, and the row stays asked about."""
    with rt.open(pressed.folder) as opened:
        assert opened.model("prices").labelling.make().new == 2
    page = visit("/models/prices/labelling", url=pressed.url)
    first = page.inner_text(".ask h2 small")
    page.keyboard.type("much")
    page.keyboard.press("Enter")
    expect(page.locator(".trouble")).to_contain_text("much")
    assert page.inner_text(".ask h2 small") == first
    page.fill("input[name=label]", "312.5")
    page.click(".say button:text-is('Label')")
    page.wait_for_url("**labelled=**")
    assert page.inner_text(".ask h2 small") != first
    with rt.open(pressed.folder) as opened:
        (task,) = opened.model("prices").labelling.tasks("agreed")
    assert float(task.label or "nan") == 312.5


def test_rows_that_an_incident_blames_are_watched(visit: Open, pressed: Served) -> None:
    """With one button; then they are no longer offered."""
    page = visit("/models/two/signals", url=pressed.url)
    offered = page.locator("section[aria-labelledby=offered-title] li")
    before = offered.count()
    page.click("button:text-is('Watch its rows') >> nth=0")
    expect(page.locator(".outcome")).to_be_visible()
    assert offered.count() == before - 1
    with rt.open(pressed.folder) as opened:
        assert len(opened.model("two").watched_signals()) == 1


@pytest.mark.slow
def test_a_training_is_queued_with_the_shares_that_were_typed(visit: Open, pressed: Served) -> None:
    """A share that is no number is said, and what was typed stays; then the run has a page of its own.

    What the incident has collected, all of days whose incomes are broken, is offered no share, and says why.
    """
    with rt.open(pressed.folder) as opened:
        model = opened.model("two")
        if not model.watched_signals():
            visit("/models/two/signals", url=pressed.url).click("button:text-is('Watch its rows') >> nth=0")
        assert until(model.collections)[0].rows.height > 100
    page = visit("/models/two/refine", url=pressed.url)
    page.set_default_timeout(120_000)
    log = page.locator("label:has(input[value=log]) input[name=share]")
    offered = page.locator("label:has(input[name=part]) input[name=share]")
    assert [one.input_value() for one in offered.all()] == ["50", "50", ""]
    expect(page.locator(".note")).to_contain_text("is offered none: all its rows are of broken windows")
    log.fill("half")
    page.click("button:text-is('Queue the training')")
    expect(page.locator(".trouble")).to_contain_text("'half' is no share")
    assert log.input_value() == "half"
    assert page.locator("main[data-live]").count() == 0, "asked for again, a form's answer is a 405"
    log.fill("30 %")
    page.click("button:text-is('Queue the training')")
    page.wait_for_url("**/models/two/runs/**done=queued")
    id_ = page.url.partition("/runs/")[2].partition("?")[0]
    with rt.open(pressed.folder) as opened:
        model = opened.model("two")
        run = model.run(id_)
        shares = {part["part"]: part["share"] for part in run.manifest["parts"]}
        said = [(one.action, one.actor) for one in opened.audit("two", most=20)]
    assert shares["log"] == pytest.approx(30 / 80)
    assert ("asked for a training", "local") in said


def test_a_feature_is_shown_against_the_window_that_is_chosen(visit: Open, pressed: Served) -> None:
    """Before the move the window is like the reference, after it it isn't; the address keeps the choice."""
    page = visit("/models/one/features/income", url=pressed.url)
    page.evaluate("window.stays = true")
    choice = page.locator("select[name=window]")
    days = choice.locator("option").all_inner_texts()
    assert days[0] == "the newest"

    def against() -> str:
        figure = page.locator("section[aria-labelledby=against-title] figure")
        figure.scroll_into_view_if_needed()
        expect(figure).to_have_attribute("data-drawn", "", timeout=20_000)
        if not figure.locator("table").count():
            figure.locator("summary").click()
        return str(figure.locator("table").text_content())

    newest = against()
    choice.select_option(label="5 Jan 2026")
    expect(page).to_have_url(re.compile("window=1"))
    expect(page.locator("section[aria-labelledby=against-title] figure[data-drawn]")).to_have_count(0)
    assert against() != newest
    assert page.evaluate("window.stays")
    page.reload()
    assert choice.locator("option:checked").inner_text() == "5 Jan 2026"


def test_commands_are_copied(visit: Open, pressed: Served) -> None:
    """To the clipboard; where a browser forbids it, they are selected, and the button says what to press."""
    path, allowed = "/models/one/refine", ["clipboard-read", "clipboard-write"]
    page = visit(path, url=pressed.url, permissions=allowed)
    page.click("[data-copy]")
    expect(page.locator("[data-copy]")).to_have_text("Copied")
    command = page.inner_text(".snippet pre")
    assert command.startswith("retrue collect one")
    assert page.evaluate("navigator.clipboard.readText()") == command
    page = visit("/jobs", url=pressed.url, permissions=[])  # one of its own, as it gets a script
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.goto(pressed.url + path)
    page.click("[data-copy]")
    expect(page.locator("[data-copy]")).to_have_text("Selected: press Ctrl+C")
    assert page.evaluate("getSelection().toString()") == command
    expect(page.locator("[data-copy]")).to_have_text("Copy")


def test_an_incident_leads_to_those_of_the_same_time(visit: Open, pressed: Served) -> None:
    """Of the other model, which is named, and back again."""
    address = f"{pressed.url}/api/v1/models/one/incidents"
    found = next(one for one in httpx.get(address, timeout=30).json() if "income" in one["sentence"])
    page = visit(f"/models/one/incidents/{found['id']}", url=pressed.url)
    other = page.locator("#related li", has=page.locator("a[href^='/models/two/']"), has_text="income").first
    assert "two," in other.locator("small").inner_text()
    other.locator("a").click()
    page.wait_for_url("**/models/two/incidents/**")
    assert page.locator(f"#related a[href$='/{found['id']}']").count() == 1
