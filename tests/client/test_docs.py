"""The pages about the service are true: their curl commands work, and every operation is described."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.client.conftest import make, reference
from tests.client.served import serving

DOCS = Path(__file__).parents[2] / "docs"
COMMAND = re.compile(r"^\$ (curl .*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the model `flights`."""
    with serving(make(tmp_path_factory.mktemp("docs") / "store")) as address:
        yield address


@pytest.mark.slow
@pytest.mark.parametrize("page", ["client.md", "api.md"])
def test_every_curl_command_of_a_page_is_answered(page: str, url: str, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    reference().write_parquet(tmp_path / "train.parquet")
    commands = COMMAND.findall((DOCS / page).read_text(encoding="utf-8"))
    assert commands
    for command in commands:
        environment = {**os.environ, "RETRUE_URL": url}
        ran = subprocess.run(
            ["sh", "-c", f"{command} --fail-with-body"],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"
        json.loads(ran.stdout)


def test_every_operation_says_what_it_does(url: str) -> None:
    paths = httpx.get(f"{url}/openapi.json").json()["paths"]
    silent = [
        f"{method} {path}"
        for path, methods in paths.items()
        for method, said in methods.items()
        if not said.get("description") and not said.get("summary")
    ]
    assert silent == []


def test_names_of_operations_are_unique(url: str) -> None:
    paths = httpx.get(f"{url}/openapi.json").json()["paths"]
    names = [said["operationId"] for methods in paths.values() for said in methods.values()]
    assert len(set(names)) == len(names)
