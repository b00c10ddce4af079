"""Thresholds that a user chooses: what a rule holds a value against, and where that comes from.

    0.02   2 %                      a constant
    1.1 * reference   reference + 5 %     what the reference has
    3 sigma   -3 sigma              so many standard deviations above (below) the mean of earlier windows
    5 mad                           the same from the median and the median absolute deviation: outliers don't bend it
    quantile(0.99)                  a quantile of earlier windows
    ... over 28d                    only windows of the last 28 days
    ... at the same hour            against windows at the same hour | weekday | hour of week: a seasonal baseline

Pure arithmetic on one number for each window. Where the history is too short to tell, the answer says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

import numpy as np

from retrue.core.state import Floats
from retrue.errors import MetricError

LEAST = 10
"""Earlier windows that it takes to know how a metric varies."""
SEASONS = 4
"""Earlier windows of one phase (Mondays, say) that it takes to know its level."""
NORMAL = 1.482602218505602
"""Standard deviations of a normal distribution in its median absolute deviation: 1 / Phi^-1(3/4)."""

Say: TypeAlias = Callable[[float], str]
Unit: TypeAlias = Literal["sigma", "mad"]
PHASES: dict[str, Callable[[datetime], int]] = {
    "hour": lambda at: at.hour,
    "weekday": lambda at: at.weekday(),
    "hour of week": lambda at: 24 * at.weekday() + at.hour,
}
"""Where in a day or a week a window begins, on the wall clock of the model's time zone."""


@dataclass(frozen=True, slots=True)
class Relative:
    """A multiple of what the reference has, and something added: `1.1 * reference + 0.01`."""

    factor: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Spread:
    """So many standard deviations from the mean, or scaled MADs from the median, of earlier windows: `3 sigma`.

    Args:
        times: how many; negative ones lie below.
        unit: "sigma", or "mad": 1.4826 times the median absolute deviation, a standard deviation where all is normal
            (Rousseeuw and Croux 1993, "Alternatives to the median absolute deviation", section 1).
    """

    times: float
    unit: Unit


@dataclass(frozen=True, slots=True)
class Quantile:
    """The value that a share of earlier windows stays below: `quantile(0.99)`."""

    share: float


Term: TypeAlias = float | Relative | Spread | Quantile


@dataclass(frozen=True, slots=True)
class Range:
    """From one threshold to another, ends included: `between 400 and 900`, `within 3 sigma`."""

    low: Term
    high: Term


Bound: TypeAlias = Term | Range


@dataclass(frozen=True, slots=True)
class History:
    """Which earlier windows count.

    Args:
        over: seconds back from the window judged; None: all.
        same: "hour", "weekday" or "hour of week"; None: windows of any time.
    """

    over: float | None = None
    same: str | None = None


ALL = History()


@dataclass(frozen=True)
class Series:
    """A metric over windows, oldest first.

    Args:
        starts: when each window begins, in the model's time zone.
        values: the metric there, [windows]; NaN where it couldn't be measured.
    """

    starts: tuple[datetime, ...] = ()
    values: Floats = field(default_factory=lambda: np.empty(0))

    def before(self, at: datetime | None, over: float | None = None) -> Series:
        """The windows that begin before a time, at most so many seconds before, and that have a value."""
        known = np.isfinite(self.values)
        if at is not None:
            back = [(at - start).total_seconds() for start in self.starts]
            known &= np.array([0 < ago <= (over or math.inf) for ago in back], dtype=bool)
        return Series(tuple(s for s, keep in zip(self.starts, known, strict=True) if keep), self.values[known])


@dataclass(frozen=True, slots=True)
class Level:
    """What a threshold comes to.

    Args:
        value: the number; None where it can't be told.
        because: where it comes from, or why it can't be told; empty for a constant.
    """

    value: float | None
    because: str = ""


def level(
    term: Term, say: Say, *, reference: float | None, past: Series, history: History = ALL, at: datetime | None = None
) -> Level:
    """Say what a threshold comes to.

    Args:
        term: the threshold.
        say: how the metric's values are said.
        reference: what the reference has; None where that isn't known.
        past: the metric over windows; those before `at` count.
        history: which of them.
        at: when the window judged begins.

    >>> past = Series(tuple(datetime(2026, 1, day) for day in range(1, 13)), np.array([9.0, 11.0] * 6))
    >>> level(Spread(3, "mad"), "{:g}".format, reference=None, past=past)
    Level(value=14.447..., because='3 mad (1.4826 each) from the median 10 of 12 earlier windows')
    """
    if isinstance(term, Relative):
        return _of_reference(term, say, reference)
    if isinstance(term, Spread | Quantile):
        return _of_history(term, say, past.before(at, history.over), history.same, at)
    return Level(float(term))


def needs_reference(bound: Bound) -> bool:
    """Whether the threshold depends on the reference."""
    return any(isinstance(term, Relative) for term in terms(bound))


def needs_history(bound: Bound) -> bool:
    """Whether the threshold depends on earlier windows."""
    return any(isinstance(term, Spread | Quantile) for term in terms(bound))


def terms(bound: Bound) -> tuple[Term, ...]:
    """The one threshold, or the two ends of a range."""
    return (bound.low, bound.high) if isinstance(bound, Range) else (bound,)


# --- what it comes to -------------------------------------------------------------------------------------------------


def _of_reference(term: Relative, say: Say, reference: float | None) -> Level:
    if reference is None:
        return Level(None, "the reference has no such value")
    added = "" if not term.offset else f" {'+' if term.offset > 0 else '−'} {say(abs(term.offset))}"
    times = "" if term.factor == 1 else f"{term.factor:g} times "
    return Level(term.factor * reference + term.offset, f"{times}the reference's {say(reference)}{added}")


def _of_history(term: Spread | Quantile, say: Say, past: Series, same: str | None, at: datetime | None) -> Level:
    if same is None or at is None:
        mine = past.values
    else:
        phase = PHASES[same]
        mine = past.values[[phase(start) == phase(at) for start in past.starts]]
    said = f"{len(mine)} earlier window{'' if len(mine) == 1 else 's'}{f' at the same {same}' if same else ''}"
    least = _least(term, same)
    if len(mine) < least:
        return Level(None, f"{said}, needs {least}")
    if isinstance(term, Quantile):
        return Level(float(np.quantile(mine, term.share)), f"the {100 * term.share:g} % quantile of {said}")
    middle, spread = _baseline(term.unit, mine, past, same)
    centre = "mean" if term.unit == "sigma" else "median"
    because = f"{abs(term.times):g} {term.unit} ({say(spread)} each) from the {centre} {say(middle)} of {said}"
    return Level(middle + term.times * spread, because)


def _least(term: Spread | Quantile, same: str | None) -> int:
    """Earlier windows needed: enough that some may lie beyond a quantile."""
    if isinstance(term, Quantile):
        return max(LEAST, math.ceil(round(1 / min(term.share, 1 - term.share), 6)))
    return LEAST if same is None else SEASONS


def _baseline(unit: Unit, mine: Floats, past: Series, same: str | None) -> tuple[float, float]:
    """The level of a window's phase, and how far windows usually lie from the level of theirs.

    The levels differ by phase, the spread is pooled over all of them: four Mondays tell where Mondays are, not how much
    they vary. A residual from the mean of m windows is short by (m - 1) / m in its square, which is made up for; not in
    the MAD of one long group, which is that of SciPy.
    """
    middle = float(np.mean(mine) if unit == "sigma" else np.median(mine))
    groups = [mine] if same is None else _by_phase(past, PHASES[same])
    fair = unit == "sigma" or same is not None
    rest = np.concatenate([_residuals(unit, group, fair=fair) for group in groups if len(group) > 1])
    spread = math.sqrt(float(np.mean(rest**2))) if unit == "sigma" else NORMAL * float(np.median(np.abs(rest)))
    return middle, max(spread, 1e-9 * abs(middle))  # so that a constant past isn't left by its own rounding


def _by_phase(past: Series, phase: Callable[[datetime], int]) -> list[Floats]:
    phases = np.array([phase(start) for start in past.starts])
    return [past.values[phases == one] for one in np.unique(phases)]


def _residuals(unit: Unit, group: Floats, *, fair: bool) -> Floats:
    middle = group.mean() if unit == "sigma" else np.median(group)
    return np.asarray((group - middle) * (math.sqrt(len(group) / (len(group) - 1)) if fair else 1.0))


# --- its text ---------------------------------------------------------------------------------------------------------

NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?\s*%?"
_CONSTANT = re.compile(NUMBER)
_SPREAD = re.compile(rf"({NUMBER})\s*(sigma|mad)\b")
_RELATIVE = re.compile(rf"(?:({NUMBER})\s*\*\s*)?reference(?:\s*([-+])\s*((?![-+]){NUMBER}))?")
_QUANTILE = re.compile(rf"quantile\s*\(\s*({NUMBER})\s*\)")
_RANGE = re.compile(r"between\s+(.+?)\s+and\s+(.+)")
_WITHIN = re.compile(r"within\s+(.+)")
_HISTORY = re.compile(
    r"(?P<bound>.*?)(?:\s+at\s+the\s+same\s+(?P<same>hour\s+of\s+week|hour|weekday))?(?:\s+over\s+(?P<over>[\d.]+[smhdw]))?"
)
WORDS = (
    "between", "and", "within", "reference", "sigma", "mad", "quantile", "over", "at", "the", "same", "hour", "weekday",
    "of", "week",
)  # fmt: skip
"""Every word that a threshold may have."""


def parse_bound(text: str, *, words: bool) -> tuple[Bound, History]:
    """Read a threshold.

    Args:
        text: its text, perhaps with `over ...` or `at the same ...` behind it.
        words: whether it follows no comparison, and so begins with `between` or `within`.

    Raises:
        MetricError: it says something else; `expected` tells what.

    >>> parse_bound("within 3 sigma over 4w", words=True)
    (Range(low=Spread(...), high=Spread(times=3.0, unit='sigma')), History(over=2419200.0, same=None))
    """
    found = _HISTORY.fullmatch(text.strip())
    said = found["bound"] if found else text
    bound = _range(said) if words else _term(said)
    history = History(_seconds(found["over"]), found["same"] and " ".join(found["same"].split())) if found else ALL
    if history != ALL and not needs_history(bound):
        raise MetricError(
            f"{said!r} doesn't depend on earlier windows", expected="no `over` or `at the same` behind it"
        )
    return bound, history


def _range(text: str) -> Range:
    within, between = _WITHIN.fullmatch(text), _RANGE.fullmatch(text)
    if within:
        term = _term(within[1])
        if not isinstance(term, Spread) or term.times <= 0:
            raise MetricError(f"within {within[1]!r}", expected="'within 3 sigma' or 'within 5 mad'")
        return Range(Spread(-term.times, term.unit), term)
    if between is None:
        raise MetricError(f"{text!r}", expected="'between 1 and 2', 'within 3 sigma' or 'within 5 mad'")
    low, high = _term(between[1]), _term(between[2])
    if isinstance(low, float) and isinstance(high, float) and low > high:
        raise MetricError(f"{text!r} has its ends the wrong way round", expected=f"'between {high:g} and {low:g}'")
    return Range(low, high)


def _term(text: str) -> Term:
    if _CONSTANT.fullmatch(text):
        return _number(text)
    if found := _SPREAD.fullmatch(text):
        return Spread(_number(found[1]), "sigma" if found[2] == "sigma" else "mad")
    if found := _QUANTILE.fullmatch(text):
        share = _number(found[1])
        if not 0 < share < 1:
            raise MetricError(f"{text!r}", expected="a share above 0 and below 1, such as quantile(0.99)")
        return Quantile(share)
    if found := _RELATIVE.fullmatch(text):
        sign = -1.0 if found[2] == "-" else 1.0
        return Relative(_number(found[1] or "1"), sign * _number(found[3] or "0"))
    raise MetricError(f"{text!r}", expected="a number, '1.1 * reference', '3 sigma', '5 mad' or 'quantile(0.99)'")


def _number(text: str) -> float:
    number = float(text.rstrip("% \t\n")) / (100 if text.endswith("%") else 1)
    if not math.isfinite(number):
        raise MetricError(f"{text!r}", expected="a number that a computer can hold")
    return number


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    from retrue.config import parse_duration  # late: pydantic takes 60 ms, and `compare` never comes here

    return parse_duration(text).total_seconds()


def print_bound(bound: Bound, history: History = ALL) -> str:
    """Print a threshold as `parse_bound` reads it.

    >>> print_bound(Range(Relative(0.9), Relative(1.1, -2)), ALL)
    'between 0.9 * reference and 1.1 * reference - 2'
    """
    if not isinstance(bound, Range):
        said = _printed(bound)
    elif isinstance(bound.high, Spread) and bound.high.times > 0 and bound.low == _mirrored(bound.high):
        said = f"within {_printed(bound.high)}"
    else:
        said = f"between {_printed(bound.low)} and {_printed(bound.high)}"
    same = f" at the same {history.same}" if history.same else ""
    return said + same + (f" over {print_duration(history.over)}" if history.over else "")


def _mirrored(term: Spread) -> Spread:
    return Spread(-term.times, term.unit)


def _printed(term: Term) -> str:
    if isinstance(term, Spread):
        return f"{_plain(term.times)} {term.unit}"
    if isinstance(term, Quantile):
        return f"quantile({_plain(term.share)})"
    if isinstance(term, Relative):
        times = "" if term.factor == 1 else f"{_plain(term.factor)} * "
        added = "" if not term.offset else f" {'+' if term.offset > 0 else '-'} {_plain(abs(term.offset))}"
        return f"{times}reference{added}"
    return _plain(float(term))


def _plain(number: float) -> str:
    return repr(float(number)).removesuffix(".0")


def print_duration(seconds: float) -> str:
    """Print a length of time in the largest unit that it is a whole number of.

    >>> print_duration(1_209_600.0), print_duration(90.0)
    ('2w', '90s')
    """
    units = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60}
    exact = f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"  # never as 1e+06s
    return next((f"{seconds / size:.0f}{unit}" for unit, size in units.items() if seconds % size == 0), exact)
