"""An incident's page in a real browser: offline, without a complaint, its map drawn, readable on a phone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from playwright.sync_api import expect

from retrue.core.column import ColumnProfile
from retrue.core.grid import CategoricalGrid
from retrue.explain.contributions import Contributions
from retrue.explain.features import Feature
from retrue.explain.finding import Finding
from retrue.explain.joint import JointChange
from retrue.explain.neighbours import Nearest
from retrue.explain.sharing import Sharing
from retrue.explain.since import Course
from retrue.explain.standing import Reason, Standing
from retrue.judge.cost import Cost
from retrue.judge.incident import Incident, State
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.report.incident_page import page
from retrue.slices import Slice

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from tests.tabs import Tabs

DAYS = [f"2026-01-{i + 1:02}T00:00:00+00:00" for i in range(31)]
WINDOW = (DAYS[15], DAYS[16])
HOSTILE = "</script><script>alert(1)</script>"
MOVED = Verdict(VerdictKind.DRIFTING, "moved by KS 0.3, 2 % of rows", "ks", HOSTILE, window=WINDOW)


def course() -> Course:
    """A column that changes on the sixteenth."""
    grid = CategoricalGrid(("a", "b"), ())
    counts = [np.array([share, 1_000 - share, *([0] * (grid.bins - 2))]) for share in [500] * 15 + [700] * 15]
    windows = tuple(replace(grid.empty(), counts=one) for one in counts)
    return Course(HOSTILE, windows, tuple(pairwise(DAYS)), 10)


INCIDENT = Incident(
    "abc123", "loans", VerdictKind.DEGRADED, State.OPEN, WINDOW[0], None, (HOSTILE,), (MOVED,),
    f"Since 16 January 2026, {HOSTILE} moved: 2 % of rows",
)  # fmt: skip


COST = Cost("roc_auc", -0.331, (-0.35, -0.312), estimated=False)


@dataclass(frozen=True)
class Told:
    """An explanation made by hand, with names that would be code if anything let them."""

    incident: Incident = INCIDENT
    since: str = WINDOW[0]
    features: tuple[Feature, ...] = (Feature(HOSTILE, MOVED),)
    slices: tuple[Finding, ...] = (
        Finding(Slice.parse("region = 'south'"), "loss", (0.2, 0.6), (0.38, 0.42), 3360, 100.0, 90.0, (0.1, 0.6)),
    )
    cost: Cost | None = COST
    course: Course | None = field(default_factory=course)
    sharing: Sharing | None = None
    joint: JointChange | None = None
    kept: float = 1.0
    standings: tuple[Standing, ...] = ()
    outcome: tuple[str, ...] = ()
    contributions: Contributions | None = None
    distributions: Mapping[str, tuple[ColumnProfile, ColumnProfile]] = field(default_factory=dict)
    examples: pl.DataFrame = field(default_factory=lambda: pl.DataFrame({"id": ["a"], "region": [HOSTILE]}))


@pytest.fixture
def opened(tabs: Tabs, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page from disk with the network cut; whatever it complains of fails the test."""
    width, scheme = request.param
    path, trouble = tmp_path / "incident.html", list[str]()
    path.write_text(page(Told()), encoding="utf-8")
    told = {
        "console": lambda message: trouble.append(message.text),
        "pageerror": lambda error: trouble.append(str(error)),
        "dialog": lambda dialog: trouble.append(dialog.message),
    }
    with tabs.tab(width=width, height=800, scheme=scheme, told=told, offline=True) as tab:
        tab.goto(path.as_uri())
        yield tab
    assert trouble == []


@pytest.mark.parametrize("opened", [(1280, "light"), (1280, "dark"), (390, "light")], indirect=True)
def test_it_draws_its_map_and_fits_the_screen(opened: Page) -> None:
    """900 cells, a frame and two dotted lines; nothing scrolls sideways, and hostile names do nothing."""
    opened.locator("figure").scroll_into_view_if_needed()
    expect(opened.locator("figure[data-drawn]")).to_have_count(1)
    assert opened.locator(".plot svg .mark-rect.role-mark path").count() == 901
    assert opened.locator(".plot svg .mark-rule.role-mark line").count() == 2
    assert opened.evaluate("document.documentElement.scrollWidth") <= opened.viewport_size["width"]  # type: ignore[index]


@pytest.mark.parametrize("opened", [(1280, "light")], indirect=True)
def test_the_first_screen_answers(opened: Page) -> None:
    """What happened, since when, what shape, what it costs, which columns, what now."""
    assert opened.locator("h1").inner_text().startswith("Since 16 January 2026, ")
    assert opened.locator(".facts dt").all_inner_texts() == ["Since", "Shape", "Cost", "Columns"]
    assert "Sudden on 16 January 2026, and it lasts" in opened.locator(".facts").inner_text()
    assert "retrue collect loans" in opened.locator("header").inner_text()
    box = opened.locator("header").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 800


def test_since_is_the_date_of_the_title_and_an_earlier_change_stands_below_it() -> None:
    facts = page(Told(since="2026-01-14T00:00:00+00:00")).partition('class="facts"')[2].partition("</dl>")[0]
    assert "16 January 2026" in facts
    assert "it lasts, what it shows changed on 14 January 2026" in facts


def test_examples_stand_above_the_nearest_row_of_the_reference() -> None:
    """Names and values of either can't become markup; a row that has none says so."""
    there = pl.DataFrame({"id": ["r"], "region": [HOSTILE]})
    near = Standing(0.4, 0.4, (), Nearest(there, np.array([0.05]), 0.05, 0.1))
    none = Standing(1.0, 1.0, (Reason(HOSTILE, "", "is missing"),), Nearest(there.clear(), np.zeros(0), 0.7, 0.1))
    text = page(Told(examples=pl.DataFrame({"id": ["a", "b"], "region": [HOSTILE, None]}), standings=(near, none)))
    rows = text.partition('id="examples"')[2].partition("</section>")[0]
    assert rows.index("nearest, 0.05") < rows.index("nothing like it: the nearest is 0.7 away")
    assert "Row 2: an edge case because" in rows
    assert "<script>" not in rows


def test_the_guilty_columns_are_drawn_before_and_after() -> None:
    both = course().windows
    text = page(Told(course=None, distributions={"region": (both[-1], both[0])}))
    assert text.partition('id="rows"')[2].partition("</section>")[0].count("<figure") == 1


def test_it_ends_with_what_to_do() -> None:
    text = page(Told()).partition('id="now"')[2]
    for command in ("retrue collect loans", "roc_auc[region = ", "retrue acknowledge loans abc123", "--for 3d"):
        assert command in text


def test_an_incident_about_no_column_has_no_map() -> None:
    text = page(Told(course=None, features=(), slices=(), cost=None, examples=pl.DataFrame()))
    assert "<figure" not in text
    assert "Not known: there are no labels, and no estimate" in text
