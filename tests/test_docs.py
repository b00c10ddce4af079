"""The docs are checked: the code in them runs, and what is generated from the code is in them.

A page's ```python blocks run from top to bottom in one namespace, in an empty folder and a process of its own; what
they print is what a ```text block right below one says, `...` standing for anything. A ```pycon block is a doctest in
the same namespace. A block that can't run here is fenced as ```py.
"""

from __future__ import annotations

import doctest
import importlib.util
import io
import re
import subprocess
import sys
import tomllib
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<code>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    """What is to run of a page: in which language, what, from which line on, and what is said that it prints."""

    language: str
    code: str
    line: int
    said: str | None


def blocks(page: Path) -> list[Block]:
    """Give each block of a page that is to run."""
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        language = fence["info"].strip()
        if language in {"python", "pycon"}:
            code, below = unindented(fence), FENCE.match(text, fence.end() + 2)
            said = unindented(below) if below is not None and below["info"].strip() == "text" else None
            found.append(Block(language, code, text.count("\n", 0, fence.start("code")) + 1, said))
    return found


def unindented(fence: re.Match[str]) -> str:
    """What a fence holds."""
    return re.sub(f"^{fence['indent']}", "", fence["code"], flags=re.MULTILINE)


def run(page: Path) -> None:
    """Run all blocks of a page, with the page's own line numbers in tracebacks."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    for language, code, line, said in blocks(page):
        if language == "pycon":
            check(doctest.DocTestParser().get_doctest(code, namespace, page.name, str(page), line - 1), namespace)
            continue
        with redirect_stdout(io.StringIO()) as printed:
            exec(compile("\n" * (line - 1) + code, page, "exec"), namespace)  # noqa: S102 - our own docs
        if said is not None and not doctest.OutputChecker().check_output(said, printed.getvalue(), FLAGS):
            sys.exit(f"{page.name}, line {line}: the page says\n{said}\nwhere this prints\n{printed.getvalue()}")


def check(example: doctest.DocTest, namespace: dict[str, object]) -> None:
    """Run one ```pycon block, compare what it prints, and keep the names it defines."""
    said: list[str] = []
    if doctest.DocTestRunner(optionflags=FLAGS).run(example, out=said.append, clear_globs=False).failed:
        sys.exit("".join(said))
    namespace.update(example.globs)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_the_code_on_a_page_runs(page: Path, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, __file__, page], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def load(script: str) -> ModuleType:
    """Import a file of scripts/, which is no package."""
    spec = importlib.util.spec_from_file_location(script, ROOT / "scripts" / f"{script}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generated() -> ModuleType:
    """Give the hooks that write the generated parts of the docs."""
    return load("docs_hooks")


def test_every_generated_part_has_its_place(generated: ModuleType) -> None:
    """A marker that no page holds would leave the metrics or the commands out of the docs."""
    texts = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [marker for marker in generated.WRITERS if marker not in texts] == []


def test_every_metric_is_in_the_docs(generated: ModuleType) -> None:
    from retrue.metrics import registered

    written = generated.metrics()
    assert [metric.name for metric in registered() if f"| `{metric.name}` |" not in written] == []


def test_every_command_is_in_the_docs(generated: ModuleType) -> None:
    """Each command of `retrue --help` has a section, and each of its options a line."""
    done = subprocess.run([sys.executable, "-m", "retrue", "--help"], capture_output=True, text=True, check=True)
    commands = re.findall(r"^│ ([a-z][a-z-]*) ", done.stdout, re.MULTILINE)
    assert "compare" in commands
    assert [name for name in commands if f"## retrue {name}\n" not in generated.commands()] == []


def test_every_setting_is_in_the_docs() -> None:
    from retrue.config import ModelSettings, StoreSettings

    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    settings = [*StoreSettings.model_fields, *ModelSettings.model_fields]
    assert [name for name in settings if f"| `{name}` |" not in page] == []


def test_every_table_of_the_catalog_is_in_the_docs() -> None:
    from retrue.store.tables import metadata

    page = (ROOT / "docs" / "store.md").read_text(encoding="utf-8")
    assert [name for name in metadata.tables if f"| `{name}` |" not in page] == []


def test_every_extra_that_is_named_can_be_installed() -> None:
    """By pages, notebooks and messages; the Start page says how, as long as Retrue is not on PyPI."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    files = [*PAGES, *(ROOT / "examples").rglob("*.ipynb"), *(ROOT / "src").rglob("*.py")]
    texts = "\n".join(file.read_text(encoding="utf-8") for file in files)
    named = {one for said in re.findall(r"(?:retrue|\"\.)\[([a-z0-9,]+)\]", texts) for one in said.split(",")}
    assert named <= set(extras)
    assert '--editable ".[' in (ROOT / "docs" / "index.md").read_text(encoding="utf-8")


def test_pictures_are_small_and_shown() -> None:
    """What `make pictures` takes; each is a WebP below 150 kB."""
    pictures = sorted((ROOT / "docs" / "pictures").iterdir())
    texts = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [one.name for one in pictures if one.stat().st_size > 150_000 or one.suffix != ".webp"] == []
    assert [one.name for one in pictures if f"(pictures/{one.name})" not in texts] == []


@pytest.mark.slow
def test_the_built_site_fetches_nothing(tmp_path: Path) -> None:
    """Scripts, styles, fonts and pictures come from the site itself, so it works offline and tells nobody.

    What is generated takes most of a build's time and brings no files of its own: `make check` builds it, strictly.
    """
    config = ROOT / f".{tmp_path.name}.yml"  # in the folder that its paths are told from
    config.write_text("INHERIT: mkdocs.yml\nstrict: false\nhooks: []\nplugins: [search]\n", encoding="utf-8")
    build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "-f", str(config), "--site-dir", str(tmp_path)]
    try:
        done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    finally:
        config.unlink()
    assert done.returncode == 0, done.stdout + done.stderr
    fetched = re.compile(
        r'<(?:script|img|iframe|link [^>]*rel="(?:stylesheet|preconnect|icon)")[^>]*(?:src|href)="(https?:)?//'
    )
    pages = {page.name: page.read_text(encoding="utf-8") for page in tmp_path.rglob("*.html")}
    assert "index.html" in pages
    assert [name for name, text in pages.items() if fetched.search(text)] == []


@pytest.mark.parametrize(
    ("docstring", "shown"),
    [
        ("Text.", "Text."),
        (">>> 1\n1\n\nText.", "```pycon\n>>> 1\n1\n```\n\nText."),
        ("Text:\n>>> 1\n1", "Text:\n\n```pycon\n>>> 1\n1\n```"),
        ("a ──> b", "```text\na ──> b\n```"),
        ("```text\na ──> b\n```", "```text\na ──> b\n```"),
    ],
)
def test_examples_and_drawings_in_docstrings_become_code_blocks(docstring: str, shown: str) -> None:
    assert load("docs_docstrings").fenced(docstring) == shown


if __name__ == "__main__":
    run(Path(sys.argv[1]))
