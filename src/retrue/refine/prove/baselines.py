"""Baselines: what one would say of each event without any model. A model that can't beat them isn't worth its trouble.

* "the usual": always the same: the share of each class among the rows that were trained on, or the median.
* "the last label": the label that became known last before the event. A label that came later isn't used, whatever
  event it belongs to.
* "a day before" (or a week, or four): the mean label of the events of the same hour, the shortest of these times ago
  in which labels come.

What a model before the champion would have said is added by who has its artefact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from retrue.core.state import Floats

HOUR, DAY = 3_600.0, 86_400.0
SEASONS: Mapping[str, float] = {"a day before": DAY, "a week before": 7 * DAY, "four weeks before": 28 * DAY}
IN_TIME = 0.95
"""A season is long enough if so large a share of the labels come within it."""


@dataclass(frozen=True)
class Past:
    """Labelled events in any order.

    Attributes:
        time: float64[events], seconds since 1970.
        known: float64[events], when the label came.
        label: float64[events]; see `Duel`.
    """

    time: Floats
    known: Floats
    label: Floats


def baselines(trained: Floats, past: Past, times: Floats, classes: int) -> dict[str, Floats]:
    """What each baseline says of events at these times.

    Args:
        trained: labels of the rows that the challenger was trained on.
        past: labelled events, those that are asked about among them.
        times: float64[rows], seconds since 1970.
        classes: how many there are: 2 gives the probability of the second, more one for each; 0: the label is a number.

    Returns:
        By name float64[rows] or float64[rows, classes], NaN where nothing is known.
    """
    found = {"the usual": np.repeat(usual(trained, classes), times.size, axis=0)}
    if past.time.size:
        found["the last label"] = last_label(past, times, classes)
        late = np.quantile(past.known - past.time, IN_TIME)
        season = next((name for name, length in SEASONS.items() if late <= length - HOUR), None)
        if season is not None:
            found[season] = season_before(past, times, SEASONS[season], classes)
    return found


def coded(label: Floats, classes: int) -> Floats:
    """float64[rows] or float64[rows, classes]: labels as scores that are sure."""
    return label if classes <= 2 else (label[:, None] == np.arange(classes)).astype(np.float64)


def usual(trained: Floats, classes: int) -> Floats:
    """float64[1] or float64[1, classes]: what is said of every event."""
    if classes == 0:
        return np.array([np.median(trained)])
    return np.asarray(coded(trained, classes).mean(axis=0, keepdims=True))


def last_label(past: Past, times: Floats, classes: int) -> Floats:
    """The label that became known last before each time."""
    order = np.argsort(past.known, kind="stable")
    place = np.searchsorted(past.known[order], times, side="left") - 1
    said = coded(past.label[order], classes)[np.maximum(place, 0)]
    said[place < 0] = np.nan
    return said


def season_before(past: Past, times: Floats, season: float, classes: int) -> Floats:
    """The mean label of the events of half an hour around the same time, a season before; those that came in time."""
    ready = past.known - past.time <= season - HOUR / 2
    order = np.argsort(past.time[ready], kind="stable")
    when, label = past.time[ready][order], coded(past.label[ready][order], classes)
    total = np.concatenate([np.zeros((1, *label.shape[1:])), np.cumsum(label, axis=0)])
    ends = [np.searchsorted(when, times - season + side * HOUR / 2) for side in (-1, 1)]
    count = (ends[1] - ends[0]).astype(np.float64)
    count[count == 0] = np.nan
    return np.asarray((total[ends[1]] - total[ends[0]]) / (count if label.ndim == 1 else count[:, None]))
