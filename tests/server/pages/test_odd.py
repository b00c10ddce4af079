"""Addresses of pages as nobody should type them: whatever stands in one, no answer is a 5xx."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import httpx
import pytest
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.server.auth.test_routes import flat, methods
from tests.server.conftest import Served
from tests.server.pages.conftest import HOSTILE

import retrue as rt
from retrue.server.app import create_app

EXAMPLES = 8
"""Addresses of each page: with all pages less than a minute."""
ODD = (
    "", " ", "0", "-1", "1e999", "nan", "9" * 30, "None", "null", "true", "2026-13-45", "2026-01-08T00:00",
    "0001-01-01",
    "9999-12-31T23:59:59.999999", "..", "../../etc/passwd", "%00", "\0", "\ud7ff\U0010ffff", HOSTILE, "' OR 1=1 --",
    "income > ", "income > 1 AND (", "moved reference", "moved 2026-01-05..2026-01-04", "a" * 3_000, "[]", "{}", "30",
)  # fmt: skip
"""What stands where something else is expected."""
TALK = {"/live", "/static/{name}"}


@dataclass(frozen=True)
class Page:
    """A route that answers a page, a figure or a part of one."""

    path: str
    steps: tuple[str, ...]
    asked: tuple[str, ...]


def pages_of(routes: list[APIRoute]) -> Iterator[Page]:
    """Every route that is asked by GET, beside the API, which `test_api_fuzz` asks."""
    for route in routes:
        if "GET" in methods(route) and not route.path.startswith("/api/") and route.path not in TALK:
            asked = {
                one.alias for inner in (route.dependant, *route.dependant.dependencies) for one in inner.query_params
            }
            yield Page(route.path.replace(":path}", "}"), tuple(route.param_convertors), tuple(sorted(asked)))


def addresses(page: Page, known: dict[str, str]) -> st.SearchStrategy[tuple[str, list[tuple[str, str]]]]:
    """Addresses of a page: steps that are there, most of the time; any of its parameters, once or twice."""
    odd = st.sampled_from(ODD)
    steps = st.fixed_dictionaries(
        {name: st.one_of(st.just(known.get(name, "1")), st.just(known.get(name, "1")), odd) for name in page.steps}
    )
    filled = steps.map(lambda found: page.path.format(**{name: quote(one, safe="") for name, one in found.items()}))
    names = st.sampled_from([*page.asked, "nothing"])
    return st.tuples(filled, st.lists(st.tuples(names, odd | st.text(max_size=20)), min_size=1, max_size=4))


@pytest.mark.slow
def test_no_page_fails_however_it_is_asked(store: Served) -> None:
    """The same addresses each time; also of a model that has seen nothing."""
    with rt.open(store.folder) as opened:
        pages = list(pages_of(list(flat(create_app(opened).routes))))
        incident = opened.model("moved").incidents()[0].id
    assert len(pages) > 30
    known = {"model": "moved", "id": incident, "column": "income", "kind": "missing", "key": "shape"}
    wrong, told = list[str](), Counter[int]()
    with httpx.Client(base_url=store.url, timeout=60, headers={"Accept": "text/html"}) as client:
        for page in pages:
            wrong += faults(client, page, known, told)
    assert not wrong, "\n".join(wrong)
    assert told[200] > told.total() / 4
    assert {404, 422} <= set(told)
    assert 429 not in told


def faults(client: httpx.Client, page: Page, known: dict[str, str], told: Counter[int]) -> list[str]:
    """What a page answered that it shouldn't have."""
    found: dict[int, str] = {}

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(addresses(page, known))
    def ask(asked: tuple[str, list[tuple[str, str]]]) -> None:
        path, params = asked
        answer = client.get(
            path or "/", params=[(name, one.encode("utf-8", "replace").decode()) for name, one in params]
        )
        told[answer.status_code] += 1
        if answer.status_code >= 500:
            found.setdefault(answer.status_code, f"{answer.status_code} {answer.url}"[:400])

    ask()
    return list(found.values())
