"""The application: help, exit statuses, and what becomes of errors."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from tests.cli.conftest import Call, Files

from retrue.cli import app as application
from retrue.cli.app import app, run
from retrue.errors import RefusedError, StoreError
from retrue.version import VERSION

SCRIPT = Path(sys.executable).with_name("retrue")
COMMANDS = [
    *("compare", "reference", "suggest"),
    *("register", "log", "label", "feedback", "check", "quarantine", "forget", "models", "pull", "consume"),
    *("incidents", "explain", "acknowledge", "snooze", "resolve", "mark", "performance", "backtest"),
    *("collect", "retrain", "queue", "runs", "golden", "prove", "promote", "rollback", "verify"),
    "decide",
    *("backup", "restore", "move-catalog", "migrate", "recount", "upkeep", "doctor"),
    *("serve", "jobs", "logs", "agent"),
    "audit",
    *("import", "export"),
    "demo",
    *("signals", "tasks", "trial", "notify", "marker", "token"),  # groups of commands come last
]


def started(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a process of its own."""
    command = [str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **options)  # type: ignore[call-overload, no-any-return]


def cpu_seconds(*command: str) -> float:
    """CPU seconds of the quickest of three runs: what the command costs, whatever else the machine does."""
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent)


# --- help -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_every_command(call: Call, arguments: list[str]) -> None:
    said = call(*arguments)
    assert said.status == 0
    assert [name for name in COMMANDS if not re.search(rf"│ {name} ", said.out)] == []


def test_every_command_is_listed_here() -> None:
    """A command that is added comes into the tests above by this one."""
    assert list(getattr(typer.main.get_command(app), "commands", {})) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_a_sentence_for_each_option(command: str) -> None:
    found = getattr(typer.main.get_command(app), "commands", {})[command]
    assert len((found.help or "").splitlines()[0]) <= 64, "longer than its line in `retrue --help`"
    named = [param for param in found.params if param.name != "help"]
    assert [param.name for param in named if not getattr(param, "help", "")] == []


def test_the_version_is_told(call: Call) -> None:
    assert call("--version").out == f"retrue {VERSION}\n"


def test_help_comes_in_0_7_seconds() -> None:
    assert cpu_seconds(str(SCRIPT), "--help") <= 0.7


def test_importing_takes_half_a_second_at_most() -> None:
    assert cpu_seconds(sys.executable, "-c", "import retrue") <= 0.5


def test_help_loads_nothing_heavy() -> None:
    heavy = ("polars", "numpy", "scipy", "sklearn", "sqlalchemy", "deltalake", "altair", "sqlglot")
    code = (
        f"from retrue.cli.app import run; run(['--help']); import sys; print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frobnicate"], "error: no such command 'frobnicate'. Hint: retrue --help"),
        (["compare", "a"], "error: missing argument 'window'. Hint: retrue compare --help"),
        (
            ["check", "--nope"],
            "error: no such option: --nope (possible options: --now, --store). Hint: ",
        ),
    ],
)
def test_a_wrong_command_line_is_one_line_and_status_2(call: Call, arguments: list[str], said: str) -> None:
    assert call(*arguments).error.lower().startswith(said.lower())


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let opening a store fail."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("retrue.cli.shared.open_store", fail)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (StoreError("gone", where="x", hint="look"), 2, "error: gone in x. Hint: look"),
        (RefusedError(["it is worse"]), 1, "refused: it is worse"),
        (typer.Abort(), 130, "stopped"),
        (MemoryError(), 2, "error: out of memory. Hint: give fewer columns or rows"),
        (OSError(28, "No space left on device", "f"), 2, "error: No space left on device in f"),
    ],
)
def test_each_kind_of_error_has_its_words_and_status(
    call: Call, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, said: str
) -> None:
    failing(monkeypatch, error)
    done = call("models")
    assert (done.status, done.err) == (status, said + "\n")


def test_dashboards_without_a_folder_are_told_the_whole_command(call: Call, tmp_path: Path) -> None:
    """And it works as it stands."""
    said, _, hint = call("export", "grafana").error.partition(" Hint: retrue ")
    assert said == "error: 5 dashboards, and no folder: expected --output FOLDER."
    assert call(*hint.split()).status == 0
    assert len(list((tmp_path / "grafana").iterdir())) == 5


def test_a_fault_of_ours_says_so_with_the_place_and_no_traceback(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RETRUE_DEBUG", raising=False)
    failing(monkeypatch, KeyError("key"))
    done = call("models")
    assert done.status == 70
    assert re.fullmatch(
        rf"error: this is a bug in retrue {re.escape(VERSION)}: KeyError: 'key' \(cli.models.py:\d+\)\. "
        r"Hint: run it again with RETRUE_DEBUG=1 for the traceback, .*\n",
        done.err,
    )


def test_debugging_shows_the_traceback(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRUE_DEBUG", "1")
    failing(monkeypatch, KeyError("key"))
    assert "Traceback (most recent call last)" in call("models").err


def test_a_panic_of_polars_is_told_as_a_bug(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rust's panics are no `Exception`: nothing else would catch them."""

    class PanicException(BaseException):
        pass

    failing(monkeypatch, PanicException("index out of bounds"))
    done = call("models")
    assert (done.status, "PanicException: index out of bounds" in done.err) == (70, True)


def test_stopping_is_status_130(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """As shells have it; nothing is said, for whoever pressed the key knows."""
    failing(monkeypatch, KeyboardInterrupt())
    assert call("models").status == 130


def test_leaving_early_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit):
        application.settled(SystemExit(3))


# --- the installed command --------------------------------------------------------------------------------------------


def test_the_installed_command_gives_the_exit_status(files: Files, tmp_path: Path) -> None:
    assert started("compare", files.reference, files.reference, cwd=tmp_path).returncode == 0
    assert started("compare", files.reference, files.drifted, "--fail-on", "drifting", cwd=tmp_path).returncode == 1
    assert started("compare", files.reference, "nothing.csv", cwd=tmp_path).returncode == 2


def test_python_m_retrue_is_the_same_command() -> None:
    done = subprocess.run([sys.executable, "-m", "retrue", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"retrue {VERSION}\n"


def test_a_reader_that_has_enough_is_no_error(files: Files, tmp_path: Path) -> None:
    """As in `retrue compare ... --json | head -1`."""
    command = f"'{SCRIPT}' compare '{files.reference}' '{files.reference}' --json | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, cwd=tmp_path)  # noqa: S602
    assert (done.stdout, done.stderr) == ("{", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_finds_no_room_is_an_error(files: Files, tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [str(SCRIPT), "compare", str(files.reference), str(files.reference), "--json"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, "error: No space left on device\n")


def test_output_has_no_colours_where_nobody_looks(files: Files, tmp_path: Path) -> None:
    done = started("compare", files.reference, files.drifted, cwd=tmp_path, env={**os.environ, "TERM": "xterm"})
    assert "\x1b" not in done.stdout


def test_run_gives_the_status_of_main(call: Call) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["retrue", "--version"])
        assert run() == 0
