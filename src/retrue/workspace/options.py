"""What a user may say about a model when it is registered: windows, budget, rules. Kept as JSON in the catalog."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from retrue.errors import ConfigError, nearest
from retrue.judge.budget import Budget
from retrue.judge.incident import Hysteresis
from retrue.judge.settings import Settings

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
MONTH = 30 * 86_400


def seconds(text: str | timedelta | float) -> float:
    """Read a length of time.

    Raises:
        ConfigError: it isn't one.

    >>> seconds("90m"), seconds("1d"), seconds(timedelta(hours=2))
    (5400.0, 86400.0, 7200.0)
    """
    if isinstance(text, timedelta):
        return text.total_seconds()
    if isinstance(text, int | float):
        return float(text)
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", text)
    if found is None:
        raise ConfigError(f"{text!r} is no length of time", expected="something like '15m', '1h', '1d' or '2w'")
    return float(found[1]) * UNITS[found[2]]


@dataclass(frozen=True)
class Options:
    """How a model is watched.

    Attributes:
        window: seconds of a base window.
        grace: seconds after a window's end before it is judged: events come late.
        maturity: seconds after an event until its label is final; None learns it from the delays of the labels.
        coverage: share of a window's events that need a label before its performance is judged.
        alarm_budget: false alarms accepted, such as "1 per 30d".
        rules: what must hold besides, as text.
        calm: judged windows without alarm until an incident is over.
    """

    window: float = 86_400.0
    grace: float = 0.0
    maturity: float | None = None
    coverage: float = 0.9
    alarm_budget: str = "1 per 30d"
    rules: tuple[str, ...] = ()
    calm: int = 2

    @classmethod
    def of(cls, given: Mapping[str, Any], window: float) -> Options:
        """Read what a user gave; `window` is used where they gave none.

        Raises:
            ConfigError: an unknown option, or a value that isn't understood.
        """
        unknown = sorted(set(given) - set(cls.__dataclass_fields__))
        if unknown:
            raise ConfigError(f"unknown option {unknown[0]!r}", hint=nearest(unknown[0], cls.__dataclass_fields__))
        rules: Sequence[str] = given.get("rules") or ()
        maturity = given.get("maturity")
        options = cls(
            window=seconds(given["window"]) if given.get("window") is not None else window,
            grace=seconds(given.get("grace") or 0.0),
            maturity=None if maturity is None else seconds(maturity),
            coverage=float(given.get("coverage", cls.coverage)),
            alarm_budget=str(given.get("alarm_budget") or cls.alarm_budget),
            rules=(rules,) if isinstance(rules, str) else tuple(rules),
            calm=int(given.get("calm", cls.calm)),
        )
        if options.window <= 0 or options.grace < 0:
            raise ConfigError(
                f"a window of {options.window:g} s", expected="more than 0 s, and a grace of at least 0 s"
            )
        options.settings()
        return options

    def settings(self) -> Settings:
        """How strictly to judge: the budget over all looks at windows of this length."""
        return Settings(budget=Budget.parse(self.alarm_budget), looks=MONTH / self.window)

    def hysteresis(self) -> Hysteresis:
        """When an incident ends."""
        return Hysteresis(calm=self.calm)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "rules": list(self.rules)}


def suggested_window(rows: int, span: float) -> float:
    """The shortest of an hour, a day and a week that is expected to hold about 1,000 rows.

    Args:
        rows: of the reference.
        span: seconds from its first event to its last.

    >>> suggested_window(50_000, 60 * 86_400.0)
    604800.0
    """
    for unit in ("h", "d"):
        if span > 0 and rows * UNITS[unit] / span >= 900:
            return float(UNITS[unit])
    return float(UNITS["w"]) if span > 0 else float(UNITS["d"])
