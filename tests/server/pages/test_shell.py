"""What every page has: its policy, its digest, assets for ever, errors in words."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import httpx
import pytest

import retrue as rt
from retrue.server.assets import OWN, SHARED, asset

HTML = {"Accept": "text/html"}


def test_a_browser_is_told_an_error_in_words(client: httpx.Client) -> None:
    """What is missing, and where to go on; the status is told too, and the policy holds on error pages."""
    answer = client.get("/nowhere", headers=HTML)
    assert answer.status_code == 404
    assert "<h1>No page at this address</h1>" in answer.text
    assert "/nowhere" in answer.text
    assert '<a href="/">To the overview</a>' in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]


def test_a_program_is_told_an_error_as_json(client: httpx.Client) -> None:
    """The API answers JSON whoever asks."""
    assert client.get("/nowhere").json()["error"]["what"] == "not found"
    assert client.get("/api/v1/nowhere", headers=HTML).json()["error"]["what"] == "not found"


def test_an_asset_lasts_for_ever_under_its_digest(client: httpx.Client) -> None:
    """Its address changes with its content; under another digest it is asked for again."""
    for name in (*OWN, *SHARED):
        answer = client.get(asset(name).address)
        assert "immutable" in answer.headers["cache-control"]
        assert answer.content == asset(name).content
        assert gzip.decompress(asset(name).packed) == asset(name).content
    old = client.get("/static/pages.css?v=old")
    assert old.headers["cache-control"] == "no-cache"
    assert client.get("/static/pages.css", headers={"If-None-Match": old.headers["etag"]}).status_code == 304


def test_an_unknown_asset_names_the_nearest(client: httpx.Client) -> None:
    """Only the files that are listed are ever given."""
    answer = client.get("/static/page.css")
    assert answer.status_code == 404
    assert answer.json()["error"]["hint"] == "did you mean 'pages.css'?"
    assert client.get("/static/..%2Fapp.py").status_code == 404


def test_scripts_of_others_come_with_their_licences() -> None:
    """Each vendored script says what it is, and its licence stands beside it."""
    folder = Path(rt.__file__).parent / "server" / "static"
    assert "htmx 2." in (folder / "htmx.js").read_text(encoding="utf-8")[:80]
    licences = (folder / "LICENSES.txt").read_text(encoding="utf-8")
    assert "Zero-Clause BSD" in licences
    assert "Copyright (c) 2022 Leon Sorokin" in licences


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("htmx.js", "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"),
        ("uplot.js", "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"),
        ("uplot.css", "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04"),
    ],
)
def test_vendored_files_are_what_their_packages_hold(name: str, digest: str) -> None:
    """Nobody has touched them: below the line that says what it is, each is the npm package's file, by its SHA-256."""
    text = (Path(rt.__file__).parent / "server" / "static" / name).read_text(encoding="utf-8")
    own = text.partition("\n")[2].removesuffix("\n")
    assert hashlib.sha256(own.encode()).hexdigest() == digest
