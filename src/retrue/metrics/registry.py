"""The registry of metrics: one object each, in one small file, that says what it measures, in what unit, how exactly.

Reports, checks, monitors, JSON and the docs table read the registry; to add a metric, decorate a function.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, Literal, TypeAlias, TypeVar

from retrue.errors import MetricError, nearest
from retrue.metrics.groups import gap, ratio
from retrue.metrics.measure import Measure
from retrue.metrics.names import GAP, grouped_metric, is_between_groups, is_estimated, metric_of
from retrue.schema import Kind, Task

Input: TypeAlias = Literal["column", "outcome", "profile", "tables", "estimate", "groups"]

ALL_KINDS = (Kind.NUMERIC, Kind.CATEGORICAL, Kind.BOOLEAN, Kind.DATETIME, Kind.CONSTANT, Kind.EMPTY)
NUMBERS = (Kind.NUMERIC, Kind.DATETIME)
CATEGORIES = (Kind.CATEGORICAL, Kind.BOOLEAN)


@dataclass(frozen=True)
class Metric:
    """A registered metric.

    Attributes:
        name: how rules, JSON and monitors call it.
        family: quality, drift, performance, business or system.
        of: what `compute` takes. "column": (ColumnProfile of the window, ColumnProfile of the reference); "outcome":
            (Outcome), once for each side; "profile": (Profile, Profile); "tables": (two DataFrames) and then it can't
            be merged, so it works in `compare` but not over stored windows; "estimate": nothing, for `check` estimates
            it (`estimated_roc_auc`) or tells it once labels come (`concept_drift_roc_auc`); "groups": (what each value
            of a column has of another metric, by name), such as `roc_auc_gap(sex)`.
        kinds: column kinds it is for ("column").
        tasks: tasks it is for ("outcome").
        range: least and greatest value; None where there is no bound.
        unit: "share", "rows", "value" (the column's own), "sd", "nats", ... or "" for a pure number.
        better: which direction is better for the model, None where neither is.
        error: how exact it is, in words.
        source: paper, section or formula's origin.
        description: first line of the docstring.
        at: what may follow `@` in its name, by task: `precision@0.3` is at a threshold, `recall@cat` of a class.
    """

    name: str
    compute: Callable[..., Measure]
    family: str
    of: Input
    kinds: tuple[Kind, ...] = ()
    tasks: tuple[Task, ...] = ()
    range: tuple[float | None, float | None] = (None, None)
    unit: str = ""
    better: Literal["higher", "lower"] | None = None
    error: str = "exact"
    source: str = ""
    description: str = ""
    at: tuple[tuple[Task, str], ...] = ()

    def with_parameter(self, text: str) -> Metric:
        """The same metric at a threshold, of a class ...: its `compute` gets `at=text`.

        Raises:
            MetricError: it takes none, or `text` is empty.
        """
        if not self.at or not text:
            takes = " or ".join(dict.fromkeys(f"{self.name}@{what}" for _, what in self.at)) or "no parameter"
            raise MetricError(f"unknown metric {self.name + '@' + text!r}", expected=takes)
        description = f"{self.description} (at {text})"
        tasks = tuple(task for task, _ in self.at)
        compute = partial(self.compute, at=text)
        return replace(self, name=f"{self.name}@{text}", compute=compute, tasks=tasks, description=description, at=())

    @property
    def mergeable(self) -> bool:
        """Whether it can be computed from stored profiles."""
        return self.of != "tables"


_METRICS: dict[str, Metric] = {}

Compute = TypeVar("Compute", bound=Callable[..., Measure | float | None])


def metric(
    name: str,
    *,
    family: str = "business",
    of: Input = "column",
    kinds: Iterable[Kind] = ALL_KINDS,
    tasks: Iterable[Task] = (),
    range: tuple[float | None, float | None] = (None, None),
    unit: str = "",
    better: Literal["higher", "lower"] | None = None,
    error: str = "exact",
    source: str = "",
    at: Mapping[Task, str] | None = None,
) -> Callable[[Compute], Compute]:
    """Register the decorated function as a metric; it may return a `Measure` or a plain number.

    With `at`, it takes a keyword `at: str | None`, what followed `@` in the name it was asked for by.

    Raises:
        MetricError: a metric of that name exists already.
    """

    def register(compute: Compute) -> Compute:
        if name in _METRICS and _METRICS[name].compute.__module__ != compute.__module__:
            raise MetricError(f"two metrics are called {name!r}", hint="give yours another name")
        description = (compute.__doc__ or "").strip().split("\n")[0]
        kinds_or_none = tuple(kinds) if of == "column" else ()
        _METRICS[name] = Metric(
            name, measured(compute), family, of, kinds_or_none, tuple(tasks), range, unit, better, error, source,
            description, tuple((at or {}).items()),
        )  # fmt: skip
        return compute

    return register


def measured(compute: Callable[..., Measure | float | None]) -> Callable[..., Measure]:
    """Wrap a function so that it always gives a `Measure` without NaN or infinities."""

    def call(*args: Any, **kwargs: Any) -> Measure:
        found = compute(*args, **kwargs)
        return clean(found if isinstance(found, Measure) else Measure(found))

    call.__module__, call.__doc__, call.__name__ = compute.__module__, compute.__doc__, compute.__name__
    return call


def clean(measure: Measure) -> Measure:
    """Replace what isn't finite by None, with a note.

    >>> clean(Measure(float("nan"))).value is None
    True
    """
    value = finite(measure.value)
    low, high = (finite(x) for x in measure.interval) if measure.interval else (None, None)
    interval = (low, high) if low is not None and high is not None else None
    note = measure.note or ("no finite value" if value is None and measure.value is not None else None)
    return Measure(value, finite(measure.reference), finite(measure.error), interval, note, measure.names)


def finite(value: float | None) -> float | None:
    """The value as a plain float, None where it is missing, NaN or infinite."""
    if value is None:
        return None
    number = float(value)
    return number if abs(number) < float("inf") else None


@cache
def load() -> None:
    """Import every module of the family packages, so that the built-in metrics register themselves."""
    package = importlib.import_module("retrue.metrics")
    for found in pkgutil.walk_packages(package.__path__, "retrue.metrics."):
        importlib.import_module(found.name)


def get(name: str) -> Metric:
    """Find a metric by name, perhaps with a parameter after `@`: `precision@0.3`, `recall@cat`.

    What stands for one is found as well: `estimated_roc_auc`, `concept_drift_roc_auc`, `roc_auc_gap` (see
    `metrics.names`).

    Raises:
        MetricError: there is none (names the nearest), or it takes no parameter.
    """
    load()
    if is_between_groups(name) and name not in _METRICS:
        return between_groups(get(grouped_metric(name)), name)
    if metric_of(name) != name and name not in _METRICS:
        return standing_for(get(metric_of(name)), name)
    if name in _METRICS:
        return _METRICS[name]
    base, _, parameter = name.partition("@")
    if base not in _METRICS:
        raise MetricError(f"unknown metric {name!r}", hint=nearest(base, _METRICS))
    return _METRICS[base].with_parameter(parameter)


def standing_for(found: Metric, name: str) -> Metric:
    """What stands for a metric, as a metric: of the same unit and the same better direction.

    Raises:
        MetricError: nothing stands for this one, since it isn't about outcomes.
    """
    if found.of != "outcome":
        raise MetricError(f"unknown metric {name!r}", expected=f"a metric of performance, which {found.name!r} isn't")
    if is_estimated(name):
        description = f"What labels would say: {found.description}"
        return replace(found, name=name, compute=untold, of="estimate", description=description, at=())
    low, high = found.range
    reach = None if low is None or high is None else high - low
    range_ = (None, None) if reach is None else (-reach, reach)
    description = f"Realised minus estimated, what the inputs don't explain: {found.description}"
    return replace(found, name=name, compute=untold, of="estimate", range=range_, description=description, at=())


def between_groups(found: Metric, name: str) -> Metric:
    """How far a metric differs between groups, as a metric: of fairness, since less is fairer.

    Raises:
        MetricError: it isn't about outcomes.
    """
    if found.of not in ("outcome", "estimate"):
        raise MetricError(f"unknown metric {name!r}", expected=f"a metric of performance, which {found.name!r} isn't")
    low, high = found.range
    if name.partition("@")[0].endswith(GAP):
        top = None if low is None or high is None else high - low
        said = f"The greatest less the least of any group: {found.description}"
        return replace(
            found, name=name, compute=gap, family="fairness", of="groups", range=(0, top), better="lower",
            description=said, at=(),
        )  # fmt: skip
    said = f"The least over the greatest of any group: {found.description}"
    return replace(
        found, name=name, compute=ratio, family="fairness", of="groups", range=(0, 1), unit="", better="higher",
        description=said, at=(),
    )  # fmt: skip


def untold(*_: object) -> Measure:
    """Nothing: no profile tells it alone."""
    return Measure(None, note="told by `check`: see model.performance()")


def registered(*, family: str | None = None, of: Input | None = None) -> list[Metric]:
    """Every metric in order of registration, perhaps only of one family or input."""
    load()
    return [m for m in _METRICS.values() if family in (None, m.family) and of in (None, m.of)]
