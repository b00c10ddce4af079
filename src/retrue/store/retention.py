"""How long things are kept: by age, for the whole store and, where somebody says so, for one model.

    [retention]                      # retrue.toml; or the preference "retention" of the catalog, which wins
    events = "365d"                  # events and their labels
    feedback = "365d"
    quarantine = "30d"
    logs = "30d"

    [retention.models.flights]
    events = "90d"

Profiles, figures, verdicts and incidents stay: they are small, and no event can be told from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Any

from retrue.config import parse_duration
from retrue.errors import ConfigError, nearest

OF_MODELS = ("events", "feedback", "quarantine", "runs")
"""What a model may have its own age for."""


@dataclass(frozen=True)
class Retention:
    """Ages after which things go; None: never.

    Attributes:
        events: events, by their time, and their labels with them.
        feedback: what users did, by the time of its event.
        quarantine: rows that were set aside, by their arrival.
        runs: what runs that became no version were trained on, and their models, after their last change.
        logs: lines that jobs, trainings and the server said.
        jobs: jobs that are done.
        deliveries: messages that got there, or never will.
        models: what is different for some models.
    """

    events: timedelta | None = None
    feedback: timedelta | None = None
    quarantine: timedelta | None = None
    runs: timedelta | None = timedelta(days=365)
    logs: timedelta | None = timedelta(days=30)
    jobs: timedelta | None = timedelta(days=30)
    deliveries: timedelta | None = timedelta(days=90)
    models: Mapping[str, Mapping[str, timedelta | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, said: Mapping[str, Any], where: str = "retention") -> Retention:
        """Read ages such as "90d"; None or "never" keeps for ever.

        Raises:
            ConfigError: an unknown key, or no length of time above zero.

        >>> Retention.of({"events": "52w", "models": {"flights": {"events": "90d"}}}).of_model("flights").events
        datetime.timedelta(days=90)
        """
        known = [item.name for item in fields(cls)]
        own = said.get("models") or {}
        if not isinstance(own, Mapping) or not all(isinstance(ages, Mapping) for ages in own.values()):
            raise ConfigError(f"models = {own!r}", where=where, expected="a table of ages for each model")
        ages = _ages({name: age for name, age in said.items() if name != "models"}, known, where)
        models = {name: _ages(ages, OF_MODELS, f"{where}.models.{name}") for name, ages in own.items()}
        return replace(cls(), **ages, models=models)

    def of_model(self, name: str) -> Retention:
        """The same, with what is different for one model."""
        return replace(self, **self.models.get(name, {}), models={})

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `of` reads them."""
        ages = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "models"}
        return {**_texts(ages), "models": {name: _texts(own) for name, own in self.models.items()}}


def _ages(said: Mapping[str, Any], known: list[str] | tuple[str, ...], where: str) -> dict[str, Any]:
    for name in said:
        if name not in known:
            hint = nearest(name, known)
            raise ConfigError(f"unknown key {name!r}", where=where, expected=", ".join(known), hint=hint)
    return {name: _age(name, value, where) for name, value in said.items()}


def _age(name: str, value: object, where: str) -> timedelta | None:
    if value is None or value == "never":
        return None
    age = value if isinstance(value, timedelta) else timedelta(0)
    if isinstance(value, str):
        with suppress(ConfigError):  # which knows neither the name nor where it stands
            age = parse_duration(value)
    if age <= timedelta(0):
        raise ConfigError(f"{name} = {value!r}", where=where, expected='a length of time such as "90d", or "never"')
    return age


def _texts(ages: Mapping[str, timedelta | None]) -> dict[str, str]:
    """Ages as text.

    >>> _texts({"logs": timedelta(days=30), "jobs": timedelta(hours=36), "events": None})
    {'logs': '30d', 'jobs': '36h', 'events': 'never'}
    """
    return {name: "never" if age is None else _text(age) for name, age in ages.items()}


def _text(age: timedelta) -> str:
    seconds = age.total_seconds()
    unit, length = next(
        (u, n) for u, n in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)) if seconds % n == 0 or n == 1
    )
    return f"{seconds / length:.12g}{unit}"
