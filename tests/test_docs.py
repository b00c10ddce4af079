"""The docs are checked: the code in them runs, and each command, metric and setting is in them.

A page's ```python blocks run from top to bottom in one namespace, in an empty folder. A ```pycon block is a doctest in
the same namespace. A block that can't run here says so: ```python notest.
"""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<code>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(page: Path) -> list[tuple[str, str, int]]:
    """Give each block of a page that is to run, as (language, code, first line)."""
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        language = fence["info"].strip()
        if language in {"python", "pycon"}:
            code = re.sub(f"^{fence['indent']}", "", fence["code"], flags=re.MULTILINE)
            found.append((language, code, text.count("\n", 0, fence.start("code")) + 1))
    return found


def run(page: Path) -> None:
    """Run all blocks of a page, with the page's own line numbers in tracebacks."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    for language, code, line in blocks(page):
        if language == "python":
            exec(compile("\n" * (line - 1) + code, page, "exec"), namespace)  # noqa: S102 - our own docs
        else:
            check(doctest.DocTestParser().get_doctest(code, namespace, page.name, str(page), line - 1), namespace)


def check(example: doctest.DocTest, namespace: dict[str, object]) -> None:
    """Run one ```pycon block, compare what it prints, and keep the names it defines."""
    said: list[str] = []
    failed = doctest.DocTestRunner(optionflags=FLAGS).run(example, out=said.append, clear_globs=False).failed
    assert failed == 0, "".join(said)
    namespace.update(example.globs)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_the_code_on_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(page)
