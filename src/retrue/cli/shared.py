"""What several commands share: options with one spelling, the store and its settings, printing, whole files."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrue.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from retrue.tables import Table
    from retrue.workspace import Model, Workspace

STORE = "store"
"""Where a store is, unless somebody says otherwise."""
CATALOG = "catalog.db"
"""The file by which a folder is known to be a store."""
PIPED = 120
"""Columns to write for where nobody's terminal says how many it has."""
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        "-s",
        envvar="RETRUE_STORE",
        show_envvar=False,
        help="The store's folder or URL. Otherwise RETRUE_STORE, \\[store] path of retrue.toml, or ./store.",
        metavar="DIR",
    ),
]
CatalogOption = Annotated[
    str | None, typer.Option("--catalog", help="Its catalog, as postgresql://...; otherwise as it was.", metavar="URL")
]
ModelArgument = Annotated[str, typer.Argument(help="The model's name.", metavar="MODEL")]
AnyModelArgument = Annotated[
    str | None, typer.Argument(help="The model's name; all models unless given.", metavar="[MODEL]")
]
TableArgument = Annotated[
    str, typer.Argument(help="A path, glob or URL of Parquet, CSV, NDJSON or Delta.", metavar="TABLE")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
HtmlOption = Annotated[
    Path | None,
    typer.Option("--html", help="Also write the report as one page that opens offline.", metavar="FILE"),
]
NowOption = Annotated[
    str | None, typer.Option("--now", help="The time to judge at (ISO, UTC); now unless given.", metavar="TIME")
]
AtOption = Annotated[
    str | None, typer.Option("--at", help="When the rows arrived (ISO, UTC); now unless given.", metavar="TIME")
]

ROLES = "Roles of columns"
IdRole = Annotated[
    str | None, typer.Option("--id", help="What names an event.", rich_help_panel=ROLES, metavar="COLUMN")
]
TimeRole = Annotated[
    str | None, typer.Option("--time", help="The event time.", rich_help_panel=ROLES, metavar="COLUMN")
]
LabelRole = Annotated[str | None, typer.Option("--label", help="The truth.", rich_help_panel=ROLES, metavar="COLUMN")]
ScoreRole = Annotated[
    list[str] | None,
    typer.Option(
        "--score",
        help="The score; for several classes CLASS=COLUMN, once for each class.",
        rich_help_panel=ROLES,
        metavar="COLUMN",
    ),
]
PredictionRole = Annotated[
    str | None, typer.Option("--prediction", help="The prediction.", rich_help_panel=ROLES, metavar="COLUMN")
]
TaskRole = Annotated[
    str | None,
    typer.Option(
        "--task", help="binary, multiclass, regression or ranking; inferred.", rich_help_panel=ROLES, metavar="TASK"
    ),
]
SliceRole = Annotated[
    list[str] | None,
    typer.Option(
        "--slice",
        help="What parts the events into slices: one for each frequent value.",
        rich_help_panel=ROLES,
        metavar="COLUMN",
    ),
]
WeightRole = Annotated[
    str | None,
    typer.Option("--weight", help="How many events a row stands for.", rich_help_panel=ROLES, metavar="COLUMN"),
]
ValueRole = Annotated[
    str | None,
    typer.Option("--value", help="What an event is worth, in money.", rich_help_panel=ROLES, metavar="COLUMN"),
]
WorthRole = Annotated[
    list[str] | None,
    typer.Option(
        "--worth", help="What tp, fp, fn or tn is worth; once for each.", rich_help_panel=ROLES, metavar="CELL=VALUE"
    ),
]
ImpactOption = Annotated[
    str | None,
    typer.Option("--impact", help="The metric to tell in what moves cost, such as f1.", metavar="METRIC"),
]
EngineOption = Annotated[
    str, typer.Option("--engine", help="Where rows are counted: local, or spark.", metavar="ENGINE")
]
StoreEngineOption = Annotated[
    str | None,
    typer.Option("--engine", help="Where rows are counted: local, or spark; as the store says.", metavar="ENGINE"),
]
KeepOption = Annotated[str | None, typer.Option(help="Keep so many events whole: '5 %'.", metavar="SHARE")]
KeepAlwaysOption = Annotated[
    list[str] | None, typer.Option(help="Keep events of this slice whole besides.", metavar="SLICE")
]
KindRole = Annotated[
    list[str] | None,
    typer.Option("--kind", help="COLUMN=KIND where the guess is wrong.", rich_help_panel=ROLES, metavar="COLUMN=KIND"),
]
ProjectionRole = Annotated[
    list[str] | None,
    typer.Option(
        "--projection",
        help="COLUMN=NAME,... what a text, vector or image is seen through.",
        rich_help_panel=ROLES,
        metavar="COLUMN=NAME",
    ),
]


# --- what was said ----------------------------------------------------------------------------------------------------


PositiveRole = Annotated[
    str | None,
    typer.Option(
        "--positive",
        help="The label that counts as 1, where the guess is wrong.",
        rich_help_panel=ROLES,
        metavar="LABEL",
    ),
]


def roles(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The roles among a command's arguments, as `Schema.infer` takes them; those that weren't given are left out."""
    plain = ("id", "time", "label", "prediction", "task", "positive", "weight", "value")
    said = {name: arguments.get(name) for name in plain}
    said |= {"score": scores(arguments.get("score")), "kinds": pairs(arguments.get("kind"), "--kind") or None}
    named = pairs(arguments.get("projection"), "--projection")
    said["projections"] = {column: tuple(names.split(",")) for column, names in named.items()} or None
    said["slices"] = tuple(arguments.get("slice") or ()) or None
    said["value_matrix"] = worths(arguments.get("worth"))
    return {name: value for name, value in said.items() if value is not None}


def scores(given: list[str] | None) -> str | dict[str, str] | None:
    """One score column, or one for each class.

    >>> scores(["p"]), scores(["cat=p_cat", "dog=p_dog"])
    ('p', {'cat': 'p_cat', 'dog': 'p_dog'})
    """
    if not given:
        return None
    if len(given) == 1 and "=" not in given[0]:
        return given[0]
    return pairs(given, "--score")


def worths(given: list[str] | None) -> dict[str, float] | None:
    """What each cell of the confusion matrix is worth.

    Raises:
        ConfigError: one is no number.

    >>> worths(["tp=100", "fp=-5"])
    {'tp': 100.0, 'fp': -5.0}
    """
    try:
        return {name: float(worth) for name, worth in pairs(given, "--worth").items()} or None
    except ValueError as error:
        raise ConfigError(f"--worth {' '.join(given or ())}", expected="CELL=VALUE, such as tp=100") from error


def pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """Read NAME=VALUE texts.

    Raises:
        ConfigError: one has no `=`, or a name comes twice.

    >>> pairs(["a=1", "origin = 'JFK'=0.5"], "--mix")
    {'a': '1', "origin = 'JFK'": '0.5'}
    """
    found: dict[str, str] = {}
    for text in given or []:
        name, _, value = (part.strip() for part in text.rpartition("="))
        if not name or not value:
            raise ConfigError(f"{text!r} can't be read", where=option, expected="NAME=VALUE")
        if name in found:
            raise ConfigError(f"{name!r} is given twice", where=option, expected="each name once")
        found[name] = value
    return found


def moment(text: str | None, option: str) -> datetime | None:
    """Read an ISO time; UTC where it names no zone.

    Raises:
        ConfigError: it isn't one.

    >>> moment("2026-02-01", "--now")
    datetime.datetime(2026, 2, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    if text is None:
        return None
    try:
        said = datetime.fromisoformat(text)
    except ValueError as error:
        expected = "something like 2026-03-01 or 2026-03-01T12:00+01:00"
        raise ConfigError(f"{text!r} is no time", where=option, expected=expected) from error
    return said if said.tzinfo is not None else said.replace(tzinfo=UTC)


def read_rows(source: str) -> Table:
    """A table with at least one row.

    Raises:
        TableError: it can't be read, or is empty: somebody who names a file means rows.
    """
    from retrue.errors import TableError
    from retrue.tables import read

    table = read(source)
    if table.count_rows() == 0:
        raise TableError("a table without rows", where=table.name, expected="at least one row")
    return table


# --- the store --------------------------------------------------------------------------------------------------------


def store_named(given: str | None) -> str:
    """The store's folder or URL: from the command line, the environment, `retrue.toml`, or `./store`.

    Raises:
        ConfigError: `retrue.toml` isn't understood, or nobody said that it is this folder.
    """
    from retrue.config import load

    said = given or load().store.path
    if said is None and Path(CATALOG).exists() and not Path(STORE, CATALOG).exists():
        hint = "say that it is meant: --store . (or `retrue serve .`)"
        raise ConfigError(
            f"no store {STORE!r} in this folder, which is a store itself", where=str(Path.cwd()), hint=hint
        )
    return said or STORE


def store_folder(given: str | None) -> str:
    """The store's folder on this machine; of a store at a URL it is made.

    Raises:
        ConfigError: `retrue.toml` isn't understood, a URL without a catalog, or nobody said that it is this folder.
    """
    folder = store_named(given)
    if "://" in folder:
        from retrue.store.home import Home

        return str(Home.of(folder, store_catalog()).begin())
    return folder


def store_catalog(given: str | None = None) -> str | None:
    """Where the store's catalog is: from the command line, `RETRUE_CATALOG`, or `retrue.toml`; else the folder says."""
    from retrue.config import load

    return given or os.environ.get("RETRUE_CATALOG") or load().store.catalog


def store_engine(given: str | None = None) -> str:
    """Where the store counts rows: from the command line, `RETRUE_ENGINE`, or `retrue.toml`; else in this process.

    Raises:
        ConfigError: there is no such engine.
    """
    from retrue.config import load

    said = given or os.environ.get("RETRUE_ENGINE") or load().store.engine or "local"
    if said != "local":
        from retrue.engine.opening import check_engine

        check_engine(said)
    return said


COMMAND: ContextVar[ExitStack | None] = ContextVar("COMMAND", default=None)
"""What is closed once the command that runs now has ended: a catalog on a server keeps connections for each store."""


@contextmanager
def one_command() -> Iterator[None]:
    """Close the stores that a command opens once it has ended."""
    with ExitStack() as opened:
        token = COMMAND.set(opened)
        try:
            yield
        finally:
            COMMAND.reset(token)


def open_store(given: str | None, *, create: bool = False, engine: str | None = None) -> Workspace:
    """Open the store; commands other than `register` don't make one.

    Raises:
        StoreError: there is none, or it can't be opened.
        ConfigError: an unknown engine.
    """
    from retrue.cli.looking import refuse_none
    from retrue.workspace import open as open_workspace

    folder, catalog = store_folder(given), store_catalog()
    if not create:
        refuse_none(folder, catalog)
    return closed_after(open_workspace(folder, catalog=catalog, create=create, engine=store_engine(engine)))


def closed_after(opened: Workspace) -> Workspace:
    """The same store, closed once the command has ended."""
    command = COMMAND.get()
    if command is not None:
        command.callback(opened.close)
    return opened


def open_model(given: str | None, name: str) -> Model:
    """Open a model of the store."""
    return open_store(given).model(name)


def same_store(given: str | None) -> str:
    """What the next command needs to find the same store; nothing where it finds it anyway."""
    return f" --store {given}" if given and given != os.environ.get("RETRUE_STORE") else ""


# --- printing ---------------------------------------------------------------------------------------------------------


def console(*, err: bool = False) -> Console:
    """The terminal; a pipe or a file gets `COLUMNS`, or 120, columns."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPED
    return Console(stderr=err, highlight=False, markup=False, emoji=False, width=width)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show that something is going on, where somebody is looking; leaves nothing behind."""
    if not sys.stderr.isatty():
        yield
        return
    with console(err=True).status(what):
        yield


def print_json(value: Mapping[str, Any] | list[Any]) -> None:
    """Print JSON as `to_dict()` gives it; times as ISO text, and null for what is no number."""
    typer.echo(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def plain(value: Any) -> Any:
    """What JSON can hold of a value.

    >>> plain({"at": date(2026, 1, 5), "x": float("nan"), "n": (1, 2)})
    {'at': '2026-01-05', 'x': None, 'n': [1, 2]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)
