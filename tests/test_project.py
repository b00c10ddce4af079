"""The project as a whole: what importing it loads, what its files may hold, and that nothing is left unsaid."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import FunctionType, ModuleType

import pytest
from tests import conftest

import retrue

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "retrue"
PYTHON_FILES = sorted(
    path for folder in ("src", "tests", "benchmarks", "scripts") for path in (ROOT / folder).rglob("*.py")
)
MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages([str(SOURCE)], "retrue.")
    if found.name != "retrue.__main__" and ".migrations" not in found.name
)

METHODS = (FunctionType, classmethod, staticmethod, property, cached_property)
HEAVY = {"alembic", "altair", "deltalake", "duckdb", "pandas", "pyarrow", "scipy", "sklearn", "sqlalchemy"}
DISTRIBUTIONS = {"sklearn": "scikit-learn", "starlette": "fastapi"}  # import name -> name to install, where they differ

# Assembled, so that this file doesn't hold what it forbids.
HOSTS = tuple(map(".".join, (("pypi", "org"), ("pythonhosted", "org"), ("registry", "npmjs"), ("deb", "debian"))))
MACHINE_PATH = re.compile(r"(?<![\w.<-])/(work|root|tmp|opt)/\w")


def loaded_by(statement: str) -> set[str]:
    """Run one statement in a fresh interpreter and give the top-level names of all modules that it loaded."""
    code = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def tracked() -> list[Path]:
    """List the files that git knows; a source archive without git has only what was tracked anyway."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def texts() -> Iterator[tuple[str, str]]:
    """Give each tracked text file that people here wrote (vendored code is not ours to edit), as (name, text)."""
    for path in tracked():
        if "static" in path.parts:
            continue
        try:
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_importing_retrue_loads_nothing_heavy() -> None:
    """`import retrue` is cheap because no library is loaded before it is used, not even Polars or NumPy."""
    assert loaded_by("import retrue") & (HEAVY | {"numpy", "polars", "rich", "typer"}) == set()


def test_the_command_line_loads_nothing_heavy() -> None:
    """`retrue --help` answers at once because commands import what they need when they run."""
    assert loaded_by("import retrue.cli") & (HEAVY | {"numpy", "polars"}) == set()


def test_every_public_name_can_be_had() -> None:
    """Each name in `__all__` is where the lazy map says it is."""
    assert [name for name in retrue.__all__ if getattr(retrue, name, None) is None] == []


def test_dir_lists_exactly_the_public_names() -> None:
    assert dir(retrue) == sorted(retrue.__all__)


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'retrue' has no attribute 'truth'"):
        _ = retrue.truth


def test_no_module_is_called_like_a_public_name() -> None:
    """Importing `retrue.x` sets the attribute `x` on the package, and would overwrite a public name `x`."""
    assert {found.name for found in pkgutil.iter_modules([str(SOURCE)])} & set(retrue.__all__) == set()


def test_python_m_retrue_is_the_command() -> None:
    answer = subprocess.run([sys.executable, "-m", "retrue", "--help"], capture_output=True, text=True, check=True)
    assert "compare" in answer.stdout


def test_everything_public_is_documented() -> None:
    """Modules, classes, functions and methods have a docstring; an override may inherit its own."""
    modules = [importlib.import_module(name) for name in MODULES]
    assert len(modules) > 500
    things = [(module.__name__, module) for module in modules] + [one for module in modules for one in public(module)]
    assert [label for label, thing in things if not inspect.getdoc(thing)] == []


def public(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Give each public function and class that a module defines, and the public methods of each class."""
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if isinstance(thing, FunctionType):
            yield f"{module.__name__}.{name}", thing
        elif isinstance(thing, type):
            yield f"{module.__name__}.{name}", thing
            yield from methods(thing)


def methods(cls: type) -> Iterator[tuple[str, object]]:
    """Give the public methods and properties of a class; looked up on the class, they inherit docstrings.

    A protocol describes its members in its own docstring, a base class those that it declares as attributes, and a
    function that is a field's default is no method.
    """
    if getattr(cls, "_is_protocol", False):
        return
    declared = {name for base in cls.__mro__[1:] for name in vars(base).get("__annotations__", {})}
    for name, member in vars(cls).items():
        label = f"{cls.__qualname__}.{name}"
        default = isinstance(member, FunctionType) and member.__qualname__ != label
        if not default and name not in declared and not name.startswith("_") and isinstance(member, METHODS):
            yield f"{cls.__module__}.{label}", getattr(cls, name)


def test_no_file_is_longer_than_400_lines() -> None:
    """A file that grows past 400 lines hides a second noun."""
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in PYTHON_FILES}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_the_lock_files_hold_no_addresses() -> None:
    """A lock says what and which bytes, never where from: that is the business of whoever installs."""
    said = re.compile(r"#.*|[a-z0-9-]+==[\w.]+( ; [^/]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    strange = [
        (path.name, line)
        for path in sorted(ROOT.glob("requirements*.lock"))
        for line in path.read_text().splitlines()
        if not said.fullmatch(line)
    ]
    assert strange == []


def test_no_file_names_a_package_registry_or_a_path_of_some_machine() -> None:
    found = [
        (name, line)
        for name, text in texts()
        for line in text.splitlines()
        if any(host in line for host in HOSTS) or MACHINE_PATH.search(line)
    ]
    assert found == []


def test_modules_import_only_what_the_base_install_has() -> None:
    """What is imported at the top of a module must be a declared dependency; optional things are imported inside.

    The service may import at the top what its own extra brings: nothing but the service loads it.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base, extras = named(project["dependencies"]), project["optional-dependencies"]
    own = {"server": named(extras["server"]) | named(extras["client"]), "client": named(extras["client"])}
    foreign = {
        (str(path.relative_to(ROOT)), name)
        for path in SOURCE.rglob("*.py")
        for name in top_level_imports(ast.parse(path.read_text()))
        if name not in sys.stdlib_module_names
        and DISTRIBUTIONS.get(name, name.replace("_", "-"))
        not in base | own.get(path.relative_to(SOURCE).parts[0], set())
    }
    assert foreign == set()


def named(requirements: list[str]) -> set[str]:
    """The names of distributions that are required, and of this project."""
    return {re.split(r"[><=!~\[ ;]", line)[0] for line in requirements} | {"retrue"}


def top_level_imports(tree: ast.Module) -> set[str]:
    """Give the top-level names of all modules imported when a file is loaded (not under TYPE_CHECKING)."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_no_test_skips_unsaid_in_ci() -> None:
    """What CI lacks is a failure there: tests ask `needed`, `program` or `lacking` of tests.conftest for it."""
    word = "importor" + "skip"
    assert [path.name for path in PYTHON_FILES if word in path.read_text(encoding="utf-8")] == []


def test_what_is_lacking_is_skipped_here_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the lock doesn't have it for this platform."""
    monkeypatch.setattr(conftest, "IN_CI", False)
    with pytest.raises(pytest.skip.Exception, match="no_such_module"):
        conftest.needed("no_such_module")
    monkeypatch.setattr(conftest, "IN_CI", True)
    with pytest.raises(pytest.fail.Exception, match="no_such_module"):
        conftest.needed("no_such_module")
    with pytest.raises(pytest.skip.Exception, match="for this platform"):
        conftest.needed("no_such_module", locked=False)


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    """Migrations, templates and vendored files are in the wheel, not only in this checkout."""
    source = tmp_path / "checkout"
    wanted = {str(path.relative_to(ROOT / "src")) for path in tracked() if path.is_relative_to(SOURCE)}
    for path in tracked():
        copy = source / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", tmp_path, source], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("retrue-*.whl")
    assert wanted - set(zipfile.ZipFile(wheel).namelist()) == set()
