"""`retrue.toml`, the environment and the command line: which of them wins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Call, Files

FILE = """
[store]
path = "kept/here"

[models.loans]
reference = "{reference}"
id = "loan_id"
time = "at"
label = "defaulted"
score = "p_default"
slices = ["region"]
window = "1d"
rules = ["missing(income) <= 0.02"]
"""


@pytest.fixture
def configured(call: Call, files: Files, tmp_path: Path) -> Path:
    """Write the file beside a copy of the reference."""
    (tmp_path / "ref.parquet").write_bytes(files.reference.read_bytes())
    (tmp_path / "retrue.toml").write_text(FILE.format(reference="ref.parquet"), encoding="utf-8")
    return tmp_path


def test_the_file_is_enough(call: Call, configured: Path) -> None:
    said = json.loads(call("register", "loans", "--json").out)
    assert said["schema"]["id"] == "loan_id"
    assert said["schema"]["slices"] == ["region"]
    assert said["options"]["window"] == 86_400
    assert said["options"]["rules"] == ["missing(income) <= 0.02"]
    assert (configured / "kept" / "here" / "catalog.db").exists()
    assert json.loads(call("models", "--json").out)[0]["model"] == "loans"


def test_the_command_line_wins(call: Call, configured: Path) -> None:
    given = ("--window", "1w", "--score", "income", "--rule", "missing(age) <= 0.1", "--store", "elsewhere")
    said = json.loads(call("register", "loans", *given, "--json").out)
    assert said["options"]["window"] == 7 * 86_400
    assert said["options"]["rules"] == ["missing(age) <= 0.1"]
    assert (said["schema"]["score"], said["schema"]["label"]) == ("income", "defaulted")
    assert (configured / "elsewhere" / "catalog.db").exists()


def test_the_environment_wins_over_the_file(call: Call, configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRUE_STORE", "by-environment")
    call("register", "loans")
    assert (configured / "by-environment" / "catalog.db").exists()
    assert not (configured / "kept").exists()


def test_the_file_counts_in_the_folders_below(call: Call, configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths in it are relative to it."""
    below = configured / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert call("register", "loans").status == 0
    assert (configured / "kept" / "here" / "catalog.db").exists()


def test_a_model_needs_a_reference_from_somewhere(call: Call, configured: Path) -> None:
    error = call("register", "others").error
    assert error.startswith("error: no reference for 'others': expected --reference TABLE, or reference = ... under [")


def test_a_wrong_setting_names_the_file_and_the_key(call: Call, configured: Path) -> None:
    (configured / "retrue.toml").write_text("[models.loans]\nlabl = 'x'\n", encoding="utf-8")
    assert "unknown key 'labl' in [models.loans] of " in call("register", "loans").error
    assert "unknown key 'labl'" in call("models").error


def test_a_store_at_a_url_has_a_catalog_on_this_machine(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The catalog's folder remembers the URL; another URL's is refused, and so is what no store can be at."""
    said = call("models", "--store", "s3://bucket/x").error
    assert said.startswith("error: s3://bucket/x needs a catalog in open: expected a folder on this machine")
    monkeypatch.setenv("RETRUE_CATALOG", str(tmp_path / "home"))
    assert call("models", "--store", "s3://bucket/x").error.startswith(f"error: no store here in {tmp_path / 'home'}")
    assert (tmp_path / "home" / "lake.url").read_text() == "s3://bucket/x\n"
    said = call("models", "--store", "s3://bucket/y").error
    assert said.startswith("error: the catalog belongs to another lake")
    assert "'ftp://bucket/x' is no store" in call("models", "--store", "ftp://bucket/x").error


def test_a_store_is_only_made_by_registering(call: Call, tmp_path: Path) -> None:
    assert call("models").error == (
        "error: no store here in store. Hint: say where it is with --store, or begin one with `retrue register`"
    )
    assert list(tmp_path.iterdir()) == []


def test_inside_a_stores_folder_the_store_must_be_named(call: Call, tmp_path: Path) -> None:
    """Nobody means a store inside a store; named, it is found."""
    (tmp_path / "catalog.db").write_bytes(b"")
    for typed in (["models"], ["serve", "--port", "0"]):
        assert "no store 'store' in this folder, which is a store itself" in call(*typed).err
        assert "Hint: say that it is meant: --store . (or `retrue serve .`)" in call(*typed).err
    assert "which is a store itself" not in call("models", "--store", "elsewhere").err


def test_the_doctor_says_which_settings_were_read(call: Call, tmp_path: Path) -> None:
    assert "the defaults, as there is no retrue.toml" in call("doctor").out
    file = tmp_path / "retrue.toml"
    file.write_text("", encoding="utf-8")
    assert json.loads(call("doctor", "--json").out)["settings"] == str(file)
