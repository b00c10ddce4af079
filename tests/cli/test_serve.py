"""`retrue serve`: what it refuses before it listens."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

import pytest
from tests.cli.conftest import Call


def test_it_refuses_to_listen_elsewhere_without_authentication(call: Call, tmp_path: Path) -> None:
    said = call("serve", str(tmp_path), "--host", "0.0.0.0")  # noqa: S104 - refused
    assert (said.status, "'0.0.0.0'" in said.err) == (2, True)


def test_a_port_that_is_taken_is_told(call: Call, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = call("serve", str(tmp_path), "--port", str(taken.getsockname()[1]))
    assert (said.status, "Hint: choose another --port" in said.err) == (2, True)


@pytest.mark.parametrize("place", ["a file", "/proc/store"])
def test_what_can_not_be_a_store_is_told_before_it_serves(call: Call, tmp_path: Path, place: str) -> None:
    """One error, and no word of serving before it."""
    (tmp_path / "a file").touch()
    folder = tmp_path / place
    said = call("serve", str(folder), "--port", "0")
    assert (said.status, said.out) == (2, "")
    assert said.err.count("error:") == 1
    assert all(part in said.err for part in (str(folder), "expected a folder", "Hint: name a folder"))


def test_a_key_that_is_unknown_is_told(call: Call, tmp_path: Path) -> None:
    (tmp_path / "retrue.toml").write_text("[server]\nprot = 80\n", encoding="utf-8")
    said = call("serve", "store")
    assert (said.status, "did you mean 'port'?" in said.err) == (2, True)


def test_a_missing_extra_says_what_to_install(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvicorn" else real(name))
    said = call("serve", str(tmp_path))
    assert said.err == 'error: the service needs uvicorn. Hint: pip install "retrue[server]"\n'
