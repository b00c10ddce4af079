"""`retrue.toml`, typed: what can be said in Python can be said in a file, except code.

    [store]
    path = "store"                       # relative to the file

    [models.flights]
    reference = "train.parquet"
    id = "flight_id"
    time = "scheduled"
    label = "late"
    score = "p_late"
    slices = ["origin", "carrier"]
    window = "1d"
    grace = "2h"
    alarm_budget = "1 per 30d"
    rules = ["missing(precip) <= 0.02"]

An unknown key is an error that names the nearest known one, so that a typing error doesn't watch nothing in silence.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from retrue.errors import ConfigError, nearest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

FILE = "retrue.toml"

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhdw])", re.ASCII)
_BUDGET = re.compile(r"(\d+(?:\.\d+)?) per (\d+(?:\.\d+)?)? ?(d|day|days|w|week|weeks)", re.ASCII)
_A_DURATION = 'a length of time such as "90s", "15m", "1h", "1d" or "2w"'
_A_BUDGET = 'false alarms in a time, such as "1 per 30d" or "2 per week"'


@dataclass(frozen=True)
class AlarmBudget:
    """How many false alarms somebody accepts in how many days, over everything that is watched for one model.

    >>> AlarmBudget.parse("2 per week")
    AlarmBudget(alarms=2.0, days=7.0)
    >>> print(AlarmBudget(1, 30))
    1 per 30d
    """

    alarms: float
    days: float

    @classmethod
    def parse(cls, text: str) -> AlarmBudget:
        """Read `1 per 30d` or `2 per week`.

        Raises:
            ConfigError: the text says something else, or zero.
        """
        found = _BUDGET.fullmatch(text.strip())
        days = 0.0 if found is None else float(found[2] or 1) * (7 if found[3].startswith("w") else 1)
        if found is None or float(found[1]) <= 0 or days <= 0 or math.isinf(float(found[1]) + days):
            raise ConfigError(f"an alarm budget {text!r}", expected=_A_BUDGET)
        return cls(float(found[1]), days)

    def __str__(self) -> str:
        """Print it as `parse` reads it."""
        return f"{self.alarms:.12g} per {self.days:.12g}d"


def parse_duration(text: str) -> timedelta:
    """Read a length of time.

    Raises:
        ConfigError: it isn't one.

    >>> parse_duration("90s") == parse_duration("1.5m")
    True
    """
    found = _DURATION.fullmatch(text.strip())
    try:
        if found is not None:
            return timedelta(**{_UNITS[found[2]]: float(found[1])})
    except OverflowError:
        pass  # longer than Python can count is as wrong as anything else
    raise ConfigError(f"{text!r} as a length of time", expected=_A_DURATION)


def _text(value: object, expected: str) -> str:
    if isinstance(value, str) and value.strip():
        return value
    raise ValueError(expected)


def _duration(value: object) -> timedelta:
    try:
        return parse_duration(_text(value, _A_DURATION))
    except ConfigError as error:
        raise ValueError(error.expected) from None


def _budget(value: object) -> AlarmBudget:
    try:
        return AlarmBudget.parse(_text(value, _A_BUDGET))
    except ConfigError as error:
        raise ValueError(error.expected) from None


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError(f"{_A_DURATION}, above zero")
    return value


def _score(value: object) -> object:
    columns = list(value.values()) if isinstance(value, dict) else [value]
    if columns and all(isinstance(column, str) and column for column in columns):
        return value
    raise ValueError("a column, or a table of columns by class")


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError):
        raise ValueError('a time zone such as "UTC" or "America/New_York"') from None
    return value


Name = Annotated[str, StringConstraints(min_length=1)]
Names = Annotated[tuple[Name, ...], Field(strict=False)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
ModelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]


class SettingsTable(BaseModel):
    """What all tables of the file share: no key that isn't known, no value that isn't of its type, no change later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class StoreSettings(SettingsTable):
    """`[store]`: where the store is, a folder or a URL; a folder is relative to the file."""

    path: Name | None = None
    catalog: Name | None = None
    """Where its catalog is, where not in the folder: `postgresql://user@host/database`, or another folder."""
    engine: Name | None = None
    """Where references are learned and the lake is recounted: `local`, or `spark`."""


class MlflowSettings(SettingsTable):
    """`[mlflow]`: where promoted models are registered; nowhere without a `tracking_uri` or `MLFLOW_TRACKING_URI`."""

    tracking_uri: Name | None = None
    experiment: Name = "retrue"
    registered_model: Name = "{model}"
    """The name of the registered model; `{model}` stands for the model's own."""


class ModelSettings(SettingsTable):
    """`[models.NAME]`: what `register` takes. Roles name columns; what is left out is inferred from the reference."""

    reference: Name | dict[Name, Any] | None = None
    """A path or URL, or what `rt.source` takes."""
    validation: Name | None = None
    id: Name | None = None
    time: Name | None = None
    version: Name | None = None
    label: Name | None = None
    score: Annotated[Name | dict[str, Name] | None, BeforeValidator(_score)] = None
    prediction: Name | None = None
    latency: Name | None = None
    weight: Name | None = None
    value: Name | None = None
    features: Names | None = None
    slices: Names = ()
    feedback: Names = ()
    kinds: dict[Name, Name] | None = None
    projections: dict[Name, Names] | None = None
    task: Name | None = None
    positive: Name | None = None
    value_matrix: dict[Name, float | dict[Name, float]] | None = None
    timezone: Annotated[Name, AfterValidator(_zone)] = "UTC"
    window: Annotated[Duration, AfterValidator(_positive)] | None = None
    grace: Duration | None = None
    maturity: Duration | None = None
    coverage: Annotated[float, Field(gt=0, le=1, strict=False)] | None = None
    alarm_budget: Annotated[AlarmBudget, BeforeValidator(_budget)] | None = None
    rules: Names = ()
    calm: Annotated[int, Field(ge=1)] | None = None
    against: Name = "training"
    longer: Annotated[tuple[Annotated[Duration, AfterValidator(_positive)], ...], Field(strict=False)] = ()
    group: Name | None = None
    impact: Name | None = None
    estimate: Name = "auto"
    watch: Names = ()
    privacy: dict[Name, Name] | None = None
    keep: Name | dict[Name, Any] | None = None
    """Which events are kept whole: registering checks it (`retrue.store.keeping`)."""
    retraining: dict[Name, Any] | None = None
    """`[models.NAME.retraining]`, as it stands there: the model's options check it (`retrue.refine.policy`)."""
    sources: dict[Name, dict[Name, Any]] | None = None
    """`[models.NAME.sources.events]` and so on, as they stand there: who pulls checks them (`retrue.sources`)."""

    def options(self) -> dict[str, Any]:
        """Give what was said about watching: window, grace, budget (as text), rules and so on; see `_OPTIONS`."""
        said = {name: getattr(self, name) for name in _OPTIONS if name in self.model_fields_set}
        return {name: str(value) if isinstance(value, AlarmBudget) else value for name, value in said.items()}

    def roles(self) -> dict[str, Any]:
        """Give what was said about columns, as keywords for `Schema.infer`."""
        return {name: getattr(self, name) for name in self.model_fields_set - {"reference", "validation", *_OPTIONS}}


_OPTIONS = (
    "window", "grace", "maturity", "coverage", "alarm_budget", "rules", "calm", "against", "longer", "group", "impact",
    "estimate", "watch", "retraining",
)  # fmt: skip


class TrainerSettings(SettingsTable):
    """`[trainers.NAME]`: what the jobs of a service may train with; code is named, never sent."""

    fit: Name
    """`MODULE:NAME`: a function, an unfitted estimator or a recipe, on the service's side."""
    seconds: Annotated[float, Field(gt=0, strict=False)] = 3_600.0
    memory: Annotated[int, Field(gt=0)] | None = None


class Config(SettingsTable):
    """A whole `retrue.toml`."""

    store: StoreSettings = StoreSettings()
    models: dict[ModelName, ModelSettings] = {}
    server: dict[Name, Any] = {}
    """`[server]`, as it stands there: the service checks it (`retrue.server.settings`)."""
    retention: dict[Name, Any] = {}
    """`[retention]`, as it stands there: upkeep checks it (`retrue.store.retention`)."""
    channels: Annotated[tuple[dict[Name, Any], ...], Field(strict=False)] = ()
    """`[[channels]]`, as they stand there: who sends messages checks them (`retrue.jobs.channels`)."""
    mlflow: MlflowSettings = MlflowSettings()
    trainers: dict[Name, TrainerSettings] = {}
    """`[trainers.NAME]`: what the service may train with."""


def load(path: str | Path | None = None) -> Config:
    """Read a configuration.

    Args:
        path: the file; None looks for `retrue.toml` in the current folder and those above it, and gives the defaults
            where there is none.

    Returns:
        The settings; the store's path is absolute (a URL stays as it is).

    Raises:
        ConfigError: the file is missing, isn't TOML, or says something that isn't understood; the message names the
            key, what it says, and what was expected.
    """
    file = find() if path is None else Path(path)
    if file is None:
        return Config()
    try:
        said = tomllib.loads(read_text(file, f"a {FILE}"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{error}", where=str(file), expected="TOML") from None
    config = parse(said, where=str(file))
    if config.store.path is None or "://" in config.store.path:
        return config
    folder = (file.absolute().parent / Path(config.store.path).expanduser()).resolve()
    return config.model_copy(update={"store": config.store.model_copy(update={"path": str(folder)})})


def read_text(file: Path, expected: str) -> str:
    """A whole file of text.

    Raises:
        ConfigError: it isn't there, can't be read, or isn't UTF-8; `expected` says what it should have been.
    """
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"no file {str(file)!r}", expected=expected) from None
    except OSError as error:
        raise ConfigError(f"{str(file)!r} can't be read ({error.strerror})", expected=expected) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"byte {error.start} isn't UTF-8", where=str(file), expected="text in UTF-8") from None


def find(start: Path | None = None) -> Path | None:
    """Look for `retrue.toml` in a folder (the current one) and those above it."""
    folder = (start or Path.cwd()).absolute()
    return next((each / FILE for each in (folder, *folder.parents) if (each / FILE).is_file()), None)


def parse(said: Mapping[str, Any], *, where: str = FILE) -> Config:
    """Check settings that were read from somewhere.

    Raises:
        ConfigError: the first key that isn't understood.
    """
    return validated(Config, said, where=where)


T = TypeVar("T", bound=SettingsTable)


def validated(kind: type[T], said: Mapping[str, Any], *, where: str) -> T:
    """Check a table of settings.

    Raises:
        ConfigError: the first key that isn't understood.
    """
    try:
        return kind.model_validate(said)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise _explained(kind, details[0], len(details) - 1, where) from None


def _explained(kind: type[SettingsTable], detail: ErrorDetails, others: int, where: str) -> ConfigError:
    """Say a pydantic error as we say things: the key, what it says, what was expected, the fix."""
    path = [str(part) for part in detail["loc"] if part != "[key]"]
    if isinstance(detail["loc"][-1], int):
        path[-2:] = [f"{path[-2]}[{path[-1]}]"]
    table, key = path[:-1], path[-1]
    place = f"[{'.'.join(table)}] of {where}" if table else where
    more = f" ({others} more)" if others else ""
    if detail["type"] == "extra_forbidden":
        known = list((kind if not table else _part(table)).model_fields)
        return ConfigError(
            f"unknown key {key!r}{more}", where=place, expected=", ".join(known), hint=nearest(key, known)
        )
    if detail["loc"][-1] == "[key]":
        return ConfigError(f"the name {key!r}{more}", where=place, expected="letters, digits and . _ - (at most 100)")
    if detail["type"] == "missing":
        return ConfigError(f"no key {key!r}{more}", where=place, expected="it, as it has no default")
    got = repr(detail["input"]) if len(repr(detail["input"])) <= 60 else repr(detail["input"])[:59] + "…"
    return ConfigError(f"{key} = {got}{more}", where=place, expected=_expected(detail))


def _part(table: list[str]) -> type[SettingsTable]:
    if len(table) == 1:
        return StoreSettings
    return TrainerSettings if table[0] == "trainers" else ModelSettings


def _expected(detail: ErrorDetails) -> str:
    """Give the words for what was expected: our own where a check of ours failed, else pydantic's."""
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    return _WORDS.get(detail["type"], detail["msg"].removeprefix("Input should be ").lower())


_WORDS = {
    "string_type": "text",
    "string_too_short": "text that isn't empty",
    "tuple_type": "a list of texts",
    "dict_type": "a table",
    "model_type": "a table",
    "int_type": "a whole number",
    "float_type": "a number",
}
