"""When to retrain: what a gain is worth, what labels and runs cost, and when a run may start by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import polars as pl

from retrue.config import parse_duration
from retrue.errors import ConfigError, nearest
from retrue.refine.mix import Mix

WHEN = ("manual", "incident", "schedule", "benefit")
"""When retraining may be started: by people, by a degraded model, by the calendar, or where it pays."""
DAY = 86_400.0
LENGTHS = ("every", "gap", "horizon")
MIXED = ("parts", "by", "balance", "most", "unique", "trusted", "seed")
"""What may be said of a mix."""


@dataclass(frozen=True)
class RetrainingPolicy:
    """When to retrain, and what it is worth: `[models.NAME.retraining]` of retrue.toml.

    Money is in any unit, the same for all of it.

    Args:
        when: one of `WHEN`.
        every: seconds between runs by the calendar.
        gap: seconds that lie between two runs at least.
        horizon: seconds that a gain is counted for: until the world has moved on.
        point: value of a point of the metric for one row: 0.01 of a share such as ROC AUC or accuracy, 1 % of the
            reference's value of an error such as MAE.
        label: cost of a label; 0 where they come by themselves.
        run: cost of a run.
        trainer: the registered trainer that a run uses; None: nothing is started.
        mix: what a run learns from: `parts`, shares by name, and else what `Mix` takes; None: the usual mix.
        refit: whether a run fits again on all matured labels, its holdout's among them, for what is served (`Mix`).
    """

    when: str = "manual"
    every: float = 30 * DAY
    gap: float = 7 * DAY
    horizon: float = 30 * DAY
    point: float = 0.001
    label: float = 0.0
    run: float = 1.0
    trainer: str | None = None
    mix: Mapping[str, Any] | None = None
    refit: bool = True

    @classmethod
    def of(cls, given: RetrainingPolicy | Mapping[str, Any] | None) -> RetrainingPolicy:
        """Read what somebody said, such as `{"when": "benefit"}`; lengths as text such as "7d", or seconds.

        Raises:
            ConfigError: an unknown key, or a value that isn't understood.

        >>> RetrainingPolicy.of({"when": "benefit", "gap": "2w", "label": 0.05}).gap
        1209600.0
        """
        if isinstance(given, RetrainingPolicy):
            return given
        if given is not None and not isinstance(given, Mapping):
            raise ConfigError(f"{given!r}", where="retraining", expected='a table such as {"when": "benefit"}')
        known, said = [one.name for one in fields(cls)], dict(given or {})
        unknown = sorted(set(said) - set(known))
        if unknown:
            raise ConfigError(
                f"unknown key {unknown[0]!r}",
                where="retraining",
                expected=", ".join(known),
                hint=nearest(unknown[0], known),
            )
        if said.get("when", "manual") not in WHEN:
            raise ConfigError(f"when = {said['when']!r}", where="retraining", expected=", ".join(WHEN))
        trainer = said.pop("trainer", None)
        if trainer is not None and not (isinstance(trainer, str) and trainer):
            raise ConfigError(f"trainer = {trainer!r}", where="retraining", expected="a registered trainer's name")
        mix, refit = said.pop("mix", None), said.pop("refit", True)
        if not isinstance(refit, bool):
            raise ConfigError(f"refit = {refit!r}", where="retraining", expected="true or false")
        numbers = {name: amount(name, value) for name, value in said.items() if name != "when"}
        told = None if mix is None else mixed(mix)
        return cls(when=said.get("when", "manual"), trainer=trainer, mix=told, refit=refit, **numbers)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; lengths in seconds."""
        return asdict(self)


@dataclass(frozen=True)
class Named:
    """A part of a mix by its name, before its rows are read."""

    name: str
    frame: pl.DataFrame = field(default_factory=pl.DataFrame)


def mixed(said: Any) -> dict[str, Any]:
    """What a run learns from, as somebody said it; the parts themselves are looked for when a run is to start.

    Raises:
        ConfigError: no parts, an unknown setting, or what `Mix` refuses.

    >>> mixed({"parts": {"reference": 1, "collected": 1}, "balance": "class"})["balance"]
    'class'
    """
    parts = said.get("parts") if isinstance(said, Mapping) else None
    if not isinstance(parts, Mapping) or not all(is_number(share) for share in parts.values()):
        expected = 'shares by part, such as {"parts": {"reference": 0.5, "log": 0.5}}'
        raise ConfigError(f"mix = {said!r}", where="retraining", expected=expected)
    for name in said:
        if name not in MIXED:
            hint = nearest(name, MIXED)
            raise ConfigError(f"unknown key {name!r}", where="retraining.mix", expected=", ".join(MIXED), hint=hint)
    settings = {name: value for name, value in said.items() if name != "parts"}
    try:
        Mix([(Named(str(name)), share) for name, share in parts.items()], **settings)
    except TypeError as error:
        raise ConfigError(f"mix = {said!r}", where="retraining", expected="settings as rt.Mix takes them") from error
    return {"parts": dict(parts), **settings}


def is_number(value: Any) -> bool:
    """Whether it is one."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def amount(name: str, value: Any) -> float:
    """A length in seconds, or an amount of money.

    Raises:
        ConfigError: it is neither, or below zero.
    """
    if isinstance(value, str) and name in LENGTHS:
        return parse_duration(value).total_seconds()
    if hasattr(value, "total_seconds"):
        return float(value.total_seconds())
    wanted = 'a length of time such as "7d"' if name in LENGTHS else "a number, at least 0"
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ConfigError(f"{name} = {value!r}", where="retraining", expected=wanted)
    return float(value)
