"""The commands on the page about the command line run, in their order, on files of the names that the page gives."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import polars as pl
from tests.cli.conftest import Call, Files

from retrue.cli.app import app

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
OUT_OF_TRUE = ("check",)
"""Commands that find something on these files, and say so by their exit status."""


def commands() -> list[list[str]]:
    """The lines that somebody would type."""
    return [
        shlex.split(line) for line in re.findall(r"^\$ retrue (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    ]


def test_the_commands_on_the_page_run(call: Call, files: Files, tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes(files.reference.read_bytes())
    (tmp_path / "fit.py").write_bytes(files.fit.read_bytes())
    (tmp_path / "rules.txt").write_text("accuracy >= 0.6\nrows within 5 mad\n", encoding="utf-8")
    (tmp_path / "labels.csv").write_bytes(files.labels.read_bytes())
    late = pl.read_ndjson(files.drifted).with_columns(pl.col("at").cast(pl.String).str.to_datetime(time_zone="UTC"))
    pl.concat([pl.read_csv(files.calm, try_parse_dates=True), late], how="vertical_relaxed").write_csv("events.csv")
    for command in commands():
        said = call(*command)
        assert said.status == int(command[0] in OUT_OF_TRUE), said
    assert (tmp_path / "report.html").exists()


def test_the_page_walks_through_most_commands() -> None:
    import typer

    known = set(getattr(typer.main.get_command(app), "commands", {}))
    assert known - {command[0] for command in commands()} == {
        "acknowledge",
        "agent",
        "backup",
        "consume",
        "demo",
        "doctor",
        "export",
        "feedback",
        "forget",
        "golden",
        "import",
        "jobs",
        "logs",
        "mark",
        "marker",
        "migrate",
        "models",
        "move-catalog",
        "notify",
        "pull",
        "quarantine",
        "queue",
        "recount",
        "resolve",
        "restore",
        "serve",
        "signals",
        "snooze",
        "token",
        "trial",
        "upkeep",
        "verify",
    }
