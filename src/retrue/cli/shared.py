"""What several commands share: options with one spelling, opening a store, printing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrue.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from retrue.workspace import Model, Workspace

StoreOption = Annotated[
    str, typer.Option("--store", "-s", envvar="RETRUE_STORE", help="The store's folder.", metavar="DIR")
]
ModelArgument = Annotated[str, typer.Argument(help="The model's name.", metavar="MODEL")]
TableArgument = Annotated[str, typer.Argument(help="A path, glob or URL of Parquet, CSV, NDJSON or Delta.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
NowOption = Annotated[str | None, typer.Option("--now", help="The time to judge at (ISO); now unless given.")]
AtOption = Annotated[str | None, typer.Option("--at", help="When the rows arrived (ISO); now unless given.")]
IdRole = Annotated[str | None, typer.Option("--id", help="Column that names an event.", rich_help_panel="Roles")]
TimeRole = Annotated[str | None, typer.Option("--time", help="Column with the event time.", rich_help_panel="Roles")]
LabelRole = Annotated[str | None, typer.Option("--label", help="Column with the truth.", rich_help_panel="Roles")]
ScoreRole = Annotated[
    list[str] | None,
    typer.Option(
        "--score",
        help="Column with the score; for several classes CLASS=COLUMN, once for each class.",
        rich_help_panel="Roles",
    ),
]
PredictionRole = Annotated[
    str | None, typer.Option("--prediction", help="Column with the prediction.", rich_help_panel="Roles")
]
TaskRole = Annotated[
    str | None,
    typer.Option("--task", help="binary, multiclass, regression or ranking; inferred.", rich_help_panel="Roles"),
]
SliceRole = Annotated[
    list[str] | None, typer.Option("--slice", help="Column that parts the events into slices.", rich_help_panel="Roles")
]
KindRole = Annotated[
    list[str] | None,
    typer.Option("--kind", help="COLUMN=KIND where the guess is wrong.", rich_help_panel="Roles"),
]
DEFAULT_STORE = "store"


def roles(
    *,
    id: str | None = None,
    time: str | None = None,
    label: str | None = None,
    score: list[str] | None = None,
    prediction: str | None = None,
    task: str | None = None,
    slice: list[str] | None = None,
    kind: list[str] | None = None,
) -> dict[str, Any]:
    """Roles from the command line as `Schema.infer` takes them; those that weren't given are left out."""
    said: dict[str, Any] = {"id": id, "time": time, "label": label, "prediction": prediction, "task": task}
    said["score"] = scores(score)
    said["slices"] = tuple(slice) if slice else None
    said["kinds"] = pairs(kind, "--kind") or None
    return {name: value for name, value in said.items() if value is not None}


def scores(given: list[str] | None) -> str | dict[str, str] | None:
    """One score column, or one for each class."""
    if not given:
        return None
    if len(given) == 1 and "=" not in given[0]:
        return given[0]
    return pairs(given, "--score")


def pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """Read NAME=VALUE texts.

    Raises:
        ConfigError: one has no `=`.

    >>> pairs(["a=1"], "--max")
    {'a': '1'}
    """
    found = {}
    for text in given or []:
        name, sign, value = text.rpartition("=")
        if not sign or not name or not value:
            raise ConfigError(f"{text!r} can't be read", where=option, expected="NAME=VALUE")
        found[name.strip()] = value.strip()
    return found


def moment(text: str | None, option: str) -> datetime | None:
    """Read an ISO time; UTC where it names no zone.

    Raises:
        ConfigError: it isn't one.
    """
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"{text!r} is no time", where=option, expected="something like 2013-03-01T12:00+00:00"
        ) from error


def open_store(folder: str, *, create: bool = False) -> Workspace:
    """Open the store; commands other than `register` don't make one."""
    from retrue.workspace import open as open_workspace

    return open_workspace(folder, create=create)


def open_model(folder: str, name: str) -> Model:
    """Open a model of the store."""
    return open_store(folder).model(name)


def console(*, err: bool = False) -> Console:
    """The terminal."""
    from rich.console import Console

    return Console(stderr=err, highlight=False, soft_wrap=False)


def print_json(value: Mapping[str, Any] | list[Any]) -> None:
    """Print JSON as `to_dict()` gives it; times as ISO text."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str))
