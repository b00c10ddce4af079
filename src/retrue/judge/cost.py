"""What an incident costs: how far the model's metric has moved, or is expected to have, and whether that is certain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from retrue.errors import MetricError
from retrue.judge.cause import rows_of
from retrue.judge.settings import Settings
from retrue.judge.words import figure, metric_name
from retrue.metrics import get

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Cost:
    """The change of a metric in the windows that alarmed, against the reference.

    Args:
        metric: the registered metric.
        change: window minus reference, in the metric's units.
        interval: its 95 % interval; None where it isn't known.
        estimated: whether no labels tell it: it then is an estimate of performance, or the impact of a column's move.
        reference: the reference's value, where that is known.
        slice: the rows that it is about, as SQL or by name; None: all.
        share: their share of the traffic.

    >>> cost = Cost("accuracy", -0.061, (-0.078, -0.044), True, 0.82)
    >>> cost.loss, round(cost.certain, 3), cost.words()
    ((0.044, 0.078), 0.044, 'accuracy is an estimated 6 points lower (4 to 8)')
    """

    metric: str
    change: float
    interval: Interval | None
    estimated: bool
    reference: float | None = None
    slice: str | None = None
    share: float = 1.0

    @property
    def loss(self) -> Interval | None:
        """The interval of what is lost, positive for the worse, whichever way the metric counts."""
        if self.interval is None:
            return None
        low, high = self.interval
        return (-high, -low) if self.higher_is_better else (low, high)

    @property
    def certain(self) -> float:
        """What is lost at least, of the whole traffic; 0 where nothing certainly is."""
        return 0.0 if self.loss is None else max(0.0, self.loss[0]) * self.share

    @property
    def told(self) -> bool:
        """Whether the change can be told from chance."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]

    @property
    def higher_is_better(self) -> bool:
        """Which way the metric counts."""
        return known(self.metric, "better") != "lower"

    @property
    def in_points(self) -> bool:
        """Whether it is a metric between 0 and 1, whose changes read as points."""
        return known(self.metric, "range") == (0, 1)

    @property
    def harmless(self) -> bool:
        """Whether labels tell that what is lost is less than what is worth telling, at most."""
        loss, worth = self.loss, self.worth
        return not self.estimated and loss is not None and worth is not None and loss[1] < worth

    @property
    def worth(self) -> float | None:
        """The smallest change worth telling, as the judge has it; None where the metric's size isn't known."""
        settings = Settings()
        if self.in_points:
            return settings.cost
        return settings.relative_cost * abs(self.reference) if self.reference else None

    def words(self, *, over: bool = False) -> str:
        """Say it; `over`: as what is past."""
        scale, unit = (100.0, " points") if self.in_points else (1.0, "")
        error = None if self.interval is None else scale * (self.interval[1] - self.interval[0]) / 2 or None
        size = figure(abs(self.change) * scale, error)
        if not size.strip("0."):
            where = self._where()
            guess = ", by an estimate," if self.estimated else ""
            return f"{metric_name(self.metric)}{where} {'was' if over else 'is'}{guess} as before"
        amount = f"{size}{' point' if unit and size == '1' else unit}"
        side = "lower" if self.change < 0 else "higher"
        where = self._where()
        verb, guess = "was" if over else "is", "an estimated " if self.estimated else ""
        return f"{metric_name(self.metric)}{where} {verb} {guess}{amount} {side}{self._ends(scale, error)}"

    def _where(self) -> str:
        return "" if self.slice is None else f" where {rows_of(self.slice)}"

    def _ends(self, scale: float, error: float | None) -> str:
        """The ends of the interval as sizes, the smaller first."""
        if self.interval is None or not self.told:
            return ""
        low, high = sorted(abs(end) * scale for end in self.interval)
        return f" ({figure(low, error)} to {figure(high, error)})"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "interval": None if self.interval is None else list(self.interval)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Cost:
        """Read back what `to_dict` gave."""
        ends = data["interval"]
        return cls(**{**data, "interval": None if ends is None else (float(ends[0]), float(ends[1]))})


def known(metric: str, what: str) -> object:
    """What the registry knows about a metric; None for one that isn't registered in this process."""
    try:
        return getattr(get(metric), what)
    except MetricError:
        return None
