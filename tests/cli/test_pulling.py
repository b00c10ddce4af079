"""`retrue pull`: what is new in sources, by hand."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from retrue.cli.app import run


def test_pull_takes_what_the_file_describes_and_says_what_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = pl.DataFrame({"id": range(500), "x": [float(i % 7) for i in range(500)]})
    rows.write_parquet("reference.parquet")
    rows.head(20).rename({"x": "amount"}).write_parquet("new.parquet")
    Path("retrue.toml").write_text(
        '[models.m]\nreference = { files = "reference.parquet" }\nid = "id"\nestimate = "off"\n'
        '[models.m.sources.events]\nfiles = "new.parquet"\ncolumns = { x = "amount" }\n'
        '[models.m.sources.feedback]\nfiles = "gone/*.parquet"\n'
    )
    assert run(["register", "m"]) == 0
    capsys.readouterr()
    assert run(["pull", "m", "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["m"]["events"]["accepted"] == 20
    assert "no such folder in " in err
    assert run(["pull"]) == 2
    assert "m, events:" in capsys.readouterr().out


def test_pull_without_a_source_says_how_to_describe_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    pl.DataFrame({"x": range(500)}).write_parquet("reference.parquet")
    assert run(["register", "m", "--reference", "reference.parquet"]) == 0
    assert run(["pull", "m"]) == 2
    assert "[models.m.sources.events] in retrue.toml" in capsys.readouterr().err
    assert run(["pull"]) == 0
    assert "No model has a source" in capsys.readouterr().out
