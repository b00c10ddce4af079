"""Every page: it can be read in light and dark, fits every screen, is reached by keyboard; and a picture of each."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from tests.server.conftest import Served
from tests.server.pages.conftest import HOSTILE, Open
from tests.server.pages.looks import looks_right
from tests.tabs import Tabs

import retrue as rt
from retrue.server import pages

MOVED = "/models/moved"
SIDES = "a=moved+2026-01-05..2026-01-08&b=moved+2026-01-09.."
PAGES = {
    "overview": "/",
    "model": MOVED,
    "feature": f"{MOVED}/features/income",
    "feature-of-words": f"{MOVED}/features/{quote(HOSTILE, safe='')}",
    "incidents": "/incidents",
    "incident": f"{MOVED}/incidents/{{incident}}?evidence=now",
    "compare": f"/compare?{SIDES}",
    "compare-model": f"{MOVED}/compare",
    "slices": f"{MOVED}/slices",
    "monitors": f"{MOVED}/monitors",
    "signals": "/models/edges/signals",
    "refine": f"{MOVED}/refine",
    "labelling": f"{MOVED}/labelling",
    "work": "/jobs?idle=1",
    "quarantine": "/quarantine?model=edges",
    "settings": "/settings",
    "audit": "/audit?verify=1",
}
ELSEWHERE = {"error": "below", "login": "auth/test_login.py", "run": "test_refine.py", "first": "test_shell.py"}
"""Pages that are looked at in other tests, as they need another server."""
TEMPLATES = Path(pages.__file__).parents[1] / "templates"


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_every_page_looks_right(visit: Open, store: Served, shots: Path, name: str) -> None:
    """One load each: contrast, widths from 320 pixels up, the skip link, two pictures."""
    with rt.open(store.folder) as opened:
        incident = next(one.id for one in opened.model("moved").incidents() if "income" in one.columns)
    looks_right(visit(PAGES[name].format(incident=incident)), shots, name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "path", "said"),
    [
        ("error", "/models/clam", "Did you mean 'calm'?"),
        ("waiting", "/models/waiting", "No events yet"),
        ("before", "/models/calm?days=7&until=2020-01-01", "No window with events in this time. Back to now"),
    ],
)
def test_a_page_that_has_nothing_to_show_looks_right(
    tabs: Tabs, store: Served, shots: Path, name: str, path: str, said: str
) -> None:
    """In words, with a way on; nothing is asked for that isn't there but the page itself."""
    refused: list[str] = []
    told = {"response": lambda answer: refused.extend([answer.url] * (answer.status >= 400))}
    with tabs.tab(told=told) as page:
        page.goto(store.url + path)
        assert said in page.inner_text("main")
        looks_right(page, shots, name)
    assert [one for one in refused if one != store.url + path] == []


def test_no_page_is_left_out() -> None:
    """Each template of a page is looked at here or where it is said."""
    every = {one.stem for one in TEMPLATES.glob("*.html") if 'extends "base.html"' in one.read_text(encoding="utf-8")}
    assert every - {*PAGES, *ELSEWHERE} == set()
