"""Whatever a page lets people do is done by a test: told from the application's routes, the templates and the tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest
from tests.server.auth.test_routes import flat, methods

import retrue as rt
from retrue.server import pages
from retrue.server.app import create_app

TEMPLATES = Path(pages.__file__).parents[1] / "templates"
TESTS = Path(__file__).parents[1]
FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
BUTTON = re.compile(r"<button\b((?:[^>{]|\{\{.*?\}\}|\{%.*?%\})*)>(.*?)</button>", re.DOTALL)
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|<[^>]*>", re.DOTALL)
SET = re.compile(r"\{% set (\w+) = (.+?) %\}")
ACT = re.compile(r'act\("(\w+)", "([^"]+)"')
"""A form of one button, as the incident's page makes several."""
PRESSING = {"click", "locator", "post"}
"""Calls of a test that name a button, or an address."""
ANY = "\0"
"""What stands for a part of an address that isn't known before."""


def attribute(text: str, name: str) -> str:
    """An attribute of an element; "" where it has none."""
    found = re.search(rf'\b{name}="([^"]*)"', text)
    return found[1] if found else ""


def forms(template: str) -> Iterator[tuple[str, set[str]]]:
    """The addresses that a template's forms post to, each with the words on its buttons."""
    named = named_in(template)
    for head, body in FORM.findall(template):
        own, action = set[str](), attribute(head, "action")
        for given, inner in BUTTON.findall(body):
            elsewhere = attribute(given, "formaction")
            words = pieces(inner) | pieces(attribute(given, "aria-label"))
            if attribute(given, "formmethod") == "post" or elsewhere:
                yield known(elsewhere or action, named), words
            else:
                own |= words
        if attribute(head, "method") == "post" and "{{ what }}" not in action:
            yield known(action, named), own
        elif "{{ what }}" in action:
            for what, word in ACT.findall(template):
                yield known(action.replace("{{ what }}", what), named), {word}


def pieces(text: str) -> set[str]:
    """The words of a text that stand between what is filled in."""
    return {one for part in JINJA.split(text) if len(one := part.strip(" %")) > 2}


def known(address: str, named: Mapping[str, str] = MappingProxyType({})) -> str:
    """An address with what a template has named; what else is filled in isn't known."""
    return JINJA.sub(ANY, re.sub(r"\{\{ (\w+) \}\}", lambda found: named.get(found[1], ANY), address))


def named_in(template: str) -> dict[str, str]:
    """The addresses that a template gives a name: `{% set here = base ~ "/labelling" %}`."""
    named: dict[str, str] = {}
    for name, said in SET.findall(template):
        parts = (part.strip() for part in said.split("~"))
        named[name] = "".join(one.strip('"') if one.startswith('"') else named.get(one, ANY) for one in parts)
    return named


def fits(address: str, path: str) -> bool:
    """Whether an address may be that of a route: what isn't known stands for one step of it."""
    pattern = "[^/]+".join(map(re.escape, address.split(ANY)))
    return re.fullmatch(pattern, re.sub(r"\{\w+\}", "x", path)) is not None


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Every page's route that changes something."""
    with rt.open(tmp_path_factory.mktemp("pressed") / "store") as workspace:
        every = list(flat(create_app(workspace).routes))
    return sorted(one.path for one in every if "POST" in methods(one) and not one.path.startswith("/api/"))


def pressed_by(files: Iterable[Path]) -> set[str]:
    """Texts by which tests find what they press, and whole addresses that they post to."""
    found = set[str]()
    for file in files:
        calls = (node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
        for call in calls:
            name = getattr(call.func, "attr", "")
            if name in PRESSING and call.args:
                found |= {text(call.args[0])}
    return found


def text(node: ast.AST) -> str:
    """A text as far as it is written down."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return "".join(map(text, node.values)) if isinstance(node, ast.JoinedStr) else ANY


def unpressed(every: Sequence[tuple[str, set[str]]], pressed: Collection[str]) -> list[str]:
    """The forms that no test presses; forms of the same words are pressed in as many ways as there are addresses."""
    missing = list[str]()
    for address, words in every:
        same = {other for other, theirs in every if theirs & words}
        told = {one for one in pressed if one == address or any(word in one for word in words)}
        missing += [f"{address}: {sorted(words)}"] if len(told) < len(same) and address not in pressed else []
    return missing


@pytest.fixture(scope="module")
def every() -> list[tuple[str, set[str]]]:
    """Every form that changes something."""
    return [one for file in TEMPLATES.glob("*.html") for one in forms(file.read_text(encoding="utf-8"))]


def test_every_route_that_changes_something_has_a_form_and_every_form_a_route(
    every: list[tuple[str, set[str]]], routes: list[str]
) -> None:
    assert len(routes) > 25
    assert [path for path in routes if not any(fits(address, path) for address, _ in every)] == []
    assert [address for address, _ in every if not any(fits(address, path) for path in routes)] == []


def test_every_form_is_pressed_by_a_test(every: list[tuple[str, set[str]]]) -> None:
    assert unpressed(every, pressed_by(TESTS.rglob("test_*.py"))) == []


def test_a_form_that_nobody_presses_is_found() -> None:
    """One with words of its own, one that shares them with another, one whose button has its own address."""
    page = """<form method="post" action="{{ base }}/a"><button>Burn {{ it }} down</button></form>
    <form action="/b" method="post"><button>Remove</button></form>
    <form action="/c" method="post"><button aria-label="Remove {{ one }}">x</button></form>
    <form action="/d" method="get"><button>Show</button><button formmethod="post" formaction="/e">Add</button></form>"""
    made = list(forms(page))
    assert made == [
        (f"{ANY}/a", {"Burn", "down"}),
        ("/b", {"Remove"}),
        ("/c", {"Remove"}),
        ("/e", {"Add"}),
    ]
    assert unpressed(made[:3], {"text=Remove", "button:text-is('Burn it')"}) == ["/b: ['Remove']", "/c: ['Remove']"]
    assert unpressed(made[:3], {"text=Remove", "[aria-label='Remove it']", "/e"}) == [f"{ANY}/a: ['Burn', 'down']"]
