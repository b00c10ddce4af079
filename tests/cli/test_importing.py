"""`retrue import`: rules as TOML, or into a model."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from tests.cli.conftest import Call, Files

import retrue as rt


def test_rules_are_printed_or_adopted_and_what_is_left_is_said(call: Call, files: Files, tmp_path: Path) -> None:
    suite = tmp_path / "suite.json"
    expectations = [
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "income"}},
        {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "region", "regex": "x"}},
    ]
    suite.write_text(json.dumps({"name": "s", "expectations": expectations}), encoding="utf-8")
    said = call("import", "gx", str(suite))
    assert (said.status, tomllib.loads(said.out)) == (0, {"models": {"NAME": {"rules": ["missing(income) <= 0"]}}})
    assert "1 rule, 0 watched anyway, 1 without a counterpart" in said.err
    assert "slices have no regular expressions" in said.out
    assert call("register", "loans", "--reference", str(files.reference), "--id", "loan_id", "--time", "at").status == 0
    for _ in range(2):
        assert call("import", "gx", str(suite), "--model", "loans").status == 0
    with rt.open("store") as store:
        assert store.model("loans").options.rules == ("missing(income) <= 0",)


def test_a_file_of_another_kind_is_an_error(call: Call, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}", encoding="utf-8")
    said = call("import", "evidently", str(tmp_path / "x.json"))
    assert said.status == 2
    assert "it has no metrics of Evidently" in said.err
    for tool in ("gx", "evidently", "tfdv"):
        missing = call("import", tool, tmp_path / "nothing").error
        assert missing == f"error: no file {str(tmp_path / 'nothing')!r}: expected what the tool wrote"
    assert "can't be read (Is a directory)" in call("import", "tfdv", tmp_path).error
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    assert "byte 0 isn't UTF-8" in call("import", "tfdv", tmp_path / "bytes").error


def test_rules_are_suggested_for_a_table_and_for_a_model(call: Call, files: Files) -> None:
    said = call("suggest", str(files.reference), "--id", "loan_id", "--time", "at", "--label", "defaulted")
    table = tomllib.loads(said.out)["models"]["NAME"]["rules"]
    assert "missing(income) <= 0" in table
    roles = ("--id", "loan_id", "--time", "at", "--label", "defaulted")
    assert call("register", "loans", "--reference", str(files.reference), *roles).status == 0
    told = json.loads(call("suggest", "loans", "--json").out)
    assert "missing(income) <= 0" in [one["rule"] for one in told["rules"]]
    assert call("suggest", "nobody").status == 2
