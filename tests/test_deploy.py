"""What runs the service elsewhere is sound, as far as that can be told without running it; pipelines' gates are run."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from tests.conftest import program

import retrue as rt
from retrue.cli.app import app as command_line

ROOT = Path(__file__).parents[1]
DEPLOY, PIPELINES = ROOT / "deploy", ROOT / "examples" / "pipelines"


def test_the_dockerfile_is_sound() -> None:
    """By hadolint; what it copies is there, and what it starts is a command with these options."""
    said = subprocess.run([beside("hadolint"), DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "")
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    copied = [one for line in re.findall(r"^COPY (?!--)(.*)$", text, re.MULTILINE) for one in line.split()[:-1]]
    assert copied
    assert all((ROOT / one).exists() for one in copied)
    (command,) = re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)
    assert serves(ast.literal_eval(command))


@pytest.mark.parametrize("file", ["deploy/Dockerfile", "docs/deploy.md"])
def test_a_folder_is_never_installed_by_the_lock(file: str) -> None:
    """The lock has hashes, and pip refuses a folder wherever it has one: the image was never built so."""
    commands = re.findall(r"pip install([^&\n\\]*)", (ROOT / file).read_text(encoding="utf-8"))
    folders = [one for one in commands if re.search(r"(^|[\s\"'])\.(\[|[\s\"']|$)", one)]
    assert folders
    assert [one for one in folders if ".lock" in one or "--no-deps" not in one] == []


SERVED = ("server", "postgres", "s3", "azure", "gcs", "kafka", "otel", "oidc")
"""The extras that docs/deploy.md promises of an image and of a machine that serves."""


def test_the_service_is_installed_with_all_that_it_may_be_told_to_use() -> None:
    """By one lock, in the versions that the tests run with; what is extra names its distributions in pyproject.toml."""
    lock = "requirements-service.lock"
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    used = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8") + page
    assert set(re.findall(r"requirements[\w-]*\.lock", used)) == {lock}
    assert all(f"`{extra}`" in page for extra in SERVED)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    wanted = {re.split(r"[\[<>=;]", one)[0].strip() for extra in SERVED for one in extras[extra]} - {"retrue"}
    pins, tested = pinned(lock), pinned("requirements-dev.lock")
    assert wanted <= set(pins)
    assert pins.items() <= tested.items()


def pinned(lock: str) -> dict[str, str]:
    """The distributions of a lock file with their versions."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;]+)", text, re.MULTILINE))


def test_the_unit_of_systemd_is_sound(tmp_path: Path) -> None:
    """By systemd itself, with a program that is here in place of the one that is installed."""
    text = (DEPLOY / "retrue.service").read_text(encoding="utf-8")
    (command,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    assert serves(shlex.split(command)[1:])
    unit = tmp_path / "retrue.service"
    unit.write_text(text.replace(shlex.split(command)[0], sys.executable), encoding="utf-8")
    said = subprocess.run(
        [program("systemd-analyze"), "verify", unit], capture_output=True, text=True, check=False, timeout=60
    )
    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.parametrize("name", ["github-actions.yml", "airflow_gate.py"])
@pytest.mark.parametrize(("moved", "status"), [(0.0, 0), (3.0, 1)])
def test_a_gate_opens_for_what_is_true_and_no_other(tmp_path: Path, name: str, moved: float, status: int) -> None:
    """Its own command, on tables where it looks for them."""
    command = gate_of(name).replace("{{ ds }}", "today")
    first, second = (Path(one) for one in re.findall(r"\S+\.parquet", command))
    rng = np.random.default_rng(0)
    for path, shift in ((first, 0.0), (second, moved)):
        (tmp_path / path.relative_to(path.anchor)).parent.mkdir(exist_ok=True)
        pl.DataFrame({"x": rng.normal(shift, 1, 3_000)}).write_parquet(tmp_path / path.relative_to(path.anchor))
    (tmp_path / "reports").mkdir()
    said = shlex.split(re.sub(r"(?<= )/", "", command))
    run = subprocess.run(
        [sys.executable, "-m", *said], cwd=tmp_path, env=dict(os.environ), capture_output=True, check=False, timeout=60
    )
    assert run.returncode == status, run.stderr


def test_the_gate_of_github_installs_what_it_has_fetched() -> None:
    """Retrue isn't on PyPI: what another registry has by that name is not ours."""
    steps = yaml.safe_load((PIPELINES / "github-actions.yml").read_text(encoding="utf-8"))["jobs"]["gate"]["steps"]
    fetched = [
        f"./{one['with']['path']}" for one in steps if "path" in one.get("with", {}) and "checkout" in one["uses"]
    ]
    installed = [
        one["run"].removeprefix("pip install ") for one in steps if one.get("run", "").startswith("pip install")
    ]
    assert installed
    assert installed == fetched


def test_dagsters_check_asks_for_what_a_comparison_has() -> None:
    """Dagster isn't here; the names that it reads of ours are."""
    tree = ast.parse((PIPELINES / "dagster_gate.py").read_text(encoding="utf-8"))
    calls = [one for one in ast.walk(tree) if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name)]
    assert {one.attr for one in calls if one.value.id == "rt"} == {"compare"}  # type: ignore[attr-defined]
    found = rt.compare({"x": np.zeros(60)}, {"x": np.zeros(60)})
    assert {one.attr for one in calls if one.value.id == "found"} == {"verdicts", "exit_status"}  # type: ignore[attr-defined]
    assert (found.exit_status, [verdict.alarms for verdict in found.verdicts]) == (0, [False])


def gate_of(name: str) -> str:
    """The command that a pipeline runs."""
    text = (PIPELINES / name).read_text(encoding="utf-8")
    if name.endswith(".yml"):
        steps = yaml.safe_load(text)["jobs"]["gate"]["steps"]
        return next(str(one["run"]) for one in steps if one.get("run", "").startswith("retrue"))
    told = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.keyword))
    texts = (one.value for one in told if isinstance(one, ast.Constant) and isinstance(one.value, str))
    return next(one for one in texts if one.startswith("retrue"))


def serves(said: list[str]) -> bool:
    """Whether that is `serve` with options that it has."""
    assert any(
        one.callback is not None and one.callback.__name__ == "serve" for one in command_line.registered_commands
    )
    return said[0] == "serve" and {one for one in said if one.startswith("--")} <= {"--host", "--port"}


def beside(name: str) -> Path:
    """A program of the environment that runs this."""
    found = Path(sys.executable).with_name(name)
    if not found.exists():
        pytest.fail(f"no {name}: make dev") if os.environ.get("CI") else pytest.skip(f"no {name}: make dev")
    return found
