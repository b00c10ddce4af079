"""What metrics say of an outcome, of one window or over many; a metric that fails costs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

import numpy as np

from retrue.core.outcome import Outcome
from retrue.judge.performance import Past
from retrue.metrics import Measure, Metric, registered
from retrue.metrics.business.value_per_event import UNSAID
from retrue.metrics.measure import Z95

Of = TypeVar("Of")
Said = TypeVar("Said")


class WhenAsked(Mapping[str, Said], Generic[Of, Said]):
    """What is said of each of some things, measured once it is asked for: a check needs few of them, a report all.

    Such as what every metric says of each column, or what each metric says of one.

    Args:
        things: of what, by name.
        measure: what is said of one, by its name and itself.

    >>> squares = WhenAsked({"two": 2, "none": None}, lambda _, number: number * number)
    >>> squares["two"], list(squares)
    (4, ['two', 'none'])
    """

    def __init__(self, things: Mapping[str, Of], measure: Callable[[str, Of], Said]) -> None:
        self._things, self._measure = things, measure
        self._known: dict[str, Said] = {}

    def __getitem__(self, name: str) -> Said:
        if name not in self._known:
            self._known[name] = self._measure(name, self._things[name])
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __len__(self) -> int:
        return len(self._things)

    def __repr__(self) -> str:
        return repr(dict(self))

    def __reduce__(self) -> tuple[type[dict[str, Said]], tuple[dict[str, Said]]]:
        """Another process, and a copy, get what was measured."""
        return dict, (dict(self),)


def safely(metric: Metric, *inputs: object, **options: object) -> Measure:
    """Compute a metric; where it fails, the failure is its note. One bad metric or column never costs the rest."""
    try:
        return metric.compute(*inputs, **options)
    except Exception as error:  # noqa: BLE001 - a metric may be a user's, and may fail in any way
        return Measure(None, note=f"{metric.name} failed: {type(error).__name__}: {error}")


def measure_outcome(outcome: Outcome | None, names: Iterable[str] | None = None) -> dict[str, Measure]:
    """Every metric of the outcome's task, or those named, but what predictions are worth where nobody said."""
    if outcome is None:
        return {}
    wanted = None if names is None else set(names)
    metrics = [m for m in registered(of="outcome") if outcome.task in m.tasks and (wanted is None or m.name in wanted)]
    found = {metric.name: safely(metric, outcome) for metric in metrics}
    return {name: measure for name, measure in found.items() if measure.note != UNSAID}


def past(measures: Sequence[Measure]) -> Past:
    """A metric over windows with its standard errors."""
    values = [np.nan if m.value is None else m.value for m in measures]
    errors = [np.nan if m.interval is None else (m.interval[1] - m.interval[0]) / (2 * Z95) for m in measures]
    return Past(np.array(values), np.array(errors))
