"""What a user may say about a model when it is registered: windows, budget, rules. Kept as JSON in the catalog."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from retrue.config import parse_duration
from retrue.errors import ConfigError, nearest
from retrue.judge.against import Against
from retrue.judge.budget import Budget
from retrue.judge.grouping import Hysteresis
from retrue.judge.settings import Settings
from retrue.refine.policy import RetrainingPolicy

HOUR, DAY, WEEK = 3600.0, 86_400.0, 604_800.0
DENSE = 900
"""Rows that a window should hold, more or less."""

ESTIMATES = ("auto", "cbpe", "off")
"""How performance can be estimated without labels."""


def seconds(text: str | timedelta | float) -> float:
    """Read a length of time.

    Raises:
        ConfigError: it isn't one.

    >>> seconds("90m"), seconds(timedelta(hours=2))
    (5400.0, 7200.0)
    """
    length = parse_duration(text) if isinstance(text, str) else text
    found = length.total_seconds() if isinstance(length, timedelta) else float(length)
    if not math.isfinite(found):
        raise ConfigError(f"{text!r} as a length of time", expected="a number of seconds, or a text such as 90m")
    return found


@dataclass(frozen=True)
class Options:
    """How a model is watched.

    Attributes:
        window: seconds of a base window.
        grace: seconds after a window's end before it is judged: events come late.
        maturity: seconds after an event until its label is final. None: `retrain` learns it from the delays of the
            labels, and `check` waits for `coverage`, for what it has seen of the delays is what came early.
        coverage: share of a window's events that need a label before its performance is judged, unless the labels have
            matured.
        alarm_budget: false alarms accepted, such as "1 per 30d".
        rules: what must hold besides, as text.
        calm: judged windows without alarm until an incident is over.
        against: what a window is compared with: "training", "previous", "last 7d", "same hour last week" ...
        longer: seconds of longer windows that are judged besides, as sums of base windows: slow drift shows in them.
        group: models of one group share one alarm budget, in equal parts; None: it is this model's alone.
        impact: the metric that what moves cost is told in; None: the task's main one.
        estimate: how performance is estimated while labels are missing: "auto" from rows, "cbpe" from profiles, "off".
        watch: the features that may alarm by themselves, what is found about others being a notice; none: all may.
        retraining: when to retrain, and what it is worth (`retrue.refine.policy.RetrainingPolicy`), as plain values.
    """

    window: float = 86_400.0
    grace: float = 0.0
    maturity: float | None = None
    coverage: float = 0.9
    alarm_budget: str = "1 per 30d"
    rules: tuple[str, ...] = ()
    calm: int = 2
    against: str = "training"
    longer: tuple[float, ...] = ()
    group: str | None = None
    impact: str | None = None
    estimate: str = "auto"
    watch: tuple[str, ...] = ()
    retraining: Mapping[str, Any] = field(default_factory=dict)

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
            coverage=number(given, "coverage", cls.coverage),
            alarm_budget=str(given.get("alarm_budget") or cls.alarm_budget),
            rules=(rules,) if isinstance(rules, str) else tuple(rules),
            calm=int(number(given, "calm", cls.calm)),
            against=Against.parse(given.get("against") or cls.against).text,
            longer=tuple(sorted({seconds(length) for length in given.get("longer") or ()})),
            group=None if given.get("group") is None else str(given["group"]),
            impact=None if given.get("impact") is None else str(given["impact"]),
            estimate=str(given.get("estimate") or cls.estimate),
            watch=(given["watch"],) if isinstance(given.get("watch"), str) else tuple(given.get("watch") or ()),
            retraining=RetrainingPolicy.of(given.get("retraining")).to_dict() if given.get("retraining") else {},
        )
        if options.window <= 0 or options.grace < 0:
            raise ConfigError(
                f"a window of {options.window:g} s", expected="more than 0 s, and a grace of at least 0 s"
            )
        if not 0 <= options.coverage <= 1:
            raise ConfigError(f"a coverage of {options.coverage:g}", expected="a share of a window's events, 0 to 1")
        if options.maturity is not None and options.maturity < 0:
            raise ConfigError(f"labels that mature after {options.maturity:g} s", expected="at least 0 s")
        if options.estimate not in ESTIMATES:
            expected, hint = ", ".join(ESTIMATES), nearest(options.estimate, ESTIMATES)
            raise ConfigError(f"unknown estimate {options.estimate!r}", expected=expected, hint=hint)
        odd = [length for length in options.longer if length <= options.window or length % options.window]
        if odd:
            raise ConfigError(f"longer windows of {odd[0]:g} s", expected=f"a multiple of {options.window:g} s")
        options.settings(), options.hysteresis()
        return options

    def settings(self, window: float | None = None, *, sharing: int = 1) -> Settings:
        """How strictly to judge: each length of windows has an equal share of the budget for all looks at it.

        Args:
            window: seconds of the windows; left out, the base windows.
            sharing: models that share the budget, this one included.
        """
        budget = Budget.parse(self.alarm_budget)
        share = Budget(budget.alarms / (1 + len(self.longer)) / sharing, budget.days)
        looks, estimated = budget.days * DAY / (window or self.window), self.estimate != "off"
        return Settings(budget=share, looks=looks, impact=self.impact, estimated=estimated, watch=self.watch)

    @property
    def policy(self) -> RetrainingPolicy:
        """When to retrain, and what it is worth."""
        return RetrainingPolicy.of(self.retraining)

    def hysteresis(self) -> Hysteresis:
        """When an incident ends."""
        return Hysteresis(calm=self.calm)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "rules": list(self.rules), "longer": list(self.longer), "watch": list(self.watch)}


def number(given: Mapping[str, Any], name: str, usual: float) -> float:
    """A number among the options.

    Raises:
        ConfigError: it isn't one.
    """
    try:
        return float(given.get(name, usual))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name} is {given[name]!r}", expected="a number") from error


def suggested_window(rows: int, span: float) -> float:
    """The shortest of an hour, a day and a week that is expected to hold about 1,000 rows.

    Args:
        rows: of the reference.
        span: seconds from its first event to its last.

    >>> suggested_window(50_000, 60 * 86_400.0)
    604800.0
    """
    for unit in (HOUR, DAY):
        if span > 0 and rows * unit / span >= DENSE:
            return unit
    return WEEK if span > 0 else DAY
