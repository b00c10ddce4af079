"""How a metric's values read, by what the registry knows about it: percentages, points, and which way is worse."""

from __future__ import annotations

from functools import cache

from retrue.errors import MetricError
from retrue.metrics.names import metric_of


@cache
def known(name: str, what: str) -> object:
    """Give what the registry knows about a metric; None for one that isn't registered in this process."""
    from retrue.metrics import get

    try:
        return getattr(get(name), what)
    except MetricError:
        return None


def is_share(name: str) -> bool:
    """Tell whether a metric is a share of rows, which reads as a percentage; distances read as numbers.

    >>> is_share("missing"), is_share("ks"), is_share("unheard_of")
    (True, False, False)
    """
    return known(name, "unit") == "share" and known(name, "family") != "drift"


def is_business(name: str) -> bool:
    """Tell whether a metric says what events are worth rather than how a column is distributed.

    >>> is_business("total"), is_business("ks")
    (True, False)
    """
    return known(name, "family") == "business"


def in_points(name: str | None) -> bool:
    """Tell whether changes of a metric read as points; so they do where it isn't known what changes.

    >>> in_points("accuracy"), in_points("mae"), in_points(None), in_points("concept_drift_accuracy")
    (True, False, True, True)
    """
    return name is None or known(metric_of(name), "range") == (0, 1)


def is_loss(change: float, name: str | None) -> bool:
    """Tell whether a change of a metric is one for the worse.

    >>> is_loss(0.1, "accuracy"), is_loss(0.1, "mae")
    (False, True)
    """
    return change > 0 if name is not None and known(name, "better") == "lower" else change < 0
