"""A trial says better, worse, futile or go on, by slice, whenever it is asked, and is seldom wrong."""

from __future__ import annotations

import numpy as np
import pytest

from retrue.core.state import Floats
from retrue.refine.trial import Judged, Stream, judge, shadowed, split, split_warning


def losses(rng: np.random.Generator, n: int, rate: float) -> Floats:
    """Zeros and ones."""
    return (rng.random(n) < rate).astype(np.float64)


def shadow(n: int, rates: tuple[float, float], seed: int = 0) -> Judged:
    """A shadow of so many events."""
    rng = np.random.default_rng(seed)
    stream = shadowed("all events", losses(rng, n, rates[0]), losses(rng, n, rates[1]))
    return judge([stream], "error_rate", "2", rate=100.0)


def test_a_better_challenger_stops_the_trial() -> None:
    found = shadow(3_000, (0.3, 0.2))
    assert (found.stop, found.outcome) == (True, "better")
    assert found.advice.startswith("stop: version 2 is better by 0.")


def test_a_worse_challenger_stops_the_trial() -> None:
    assert shadow(3_000, (0.2, 0.3)).advice.startswith("stop: version 2 is worse by 0.")


def test_what_is_not_known_yet_goes_on_with_how_much_is_needed() -> None:
    """A hundred steps a day; the gain is a sixth."""
    found = shadow(800, (0.30, 0.25))
    assert (found.stop, found.outcome) == (False, "open")
    assert found.advice.startswith("go on: about ")
    assert found.needed is not None
    assert found.days == pytest.approx(found.needed / 100)


def test_a_gain_that_is_certainly_too_small_is_futile() -> None:
    """Models that are nearly the same: less than a tenth of the loss is at stake."""
    rng = np.random.default_rng(0)
    champion = losses(rng, 40_000, 0.3)
    found = judge([shadowed("all events", champion, champion)], "error_rate", "2", rate=100.0, margin=0.1)
    assert found.advice.startswith("stop for futility: version 2 gains less than is worth a change")


def test_a_trial_that_would_take_too_long_is_futile() -> None:
    found = judge([Stream("all events", np.tile([0.5, -0.5], 50), 0.2, 0.2)], "brier", "2", rate=1.0)
    assert found.outcome == "futile"
    assert "more days at this rate" in found.advice


def test_few_rows_tell_nothing() -> None:
    assert shadow(10, (1.0, 0.0)).advice == "go on: 10 rows with matured labels, needs 50"
    empty = judge([shadowed("all events", np.empty(0), np.empty(0))], "brier", "2", rate=0.0)
    assert empty.standings[0].gain is None


def test_a_slice_that_loses_is_named() -> None:
    rng = np.random.default_rng(0)
    first, second = losses(rng, 4_000, 0.5), losses(rng, 4_000, 0.2)
    worse = shadowed("city = 'JFK'", losses(rng, 1_000, 0.1), losses(rng, 1_000, 0.4))
    found = judge([shadowed("all events", first, second), worse], "error_rate", "2", rate=100.0)
    assert found.outcome == "better"
    assert "but worse where city = 'JFK' by 0.28 of error rate" in found.advice


def test_looking_often_at_slices_too_is_wrong_at_most_5_percent() -> None:
    """Two equal versions, four slices, forty looks each: how often anything at all is ever claimed."""
    claimed = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        first, second, place = losses(rng, 2_000, 0.3), losses(rng, 2_000, 0.3), rng.integers(0, 4, 2_000)
        streams = [shadowed("all events", first, second)]
        streams += [shadowed(f"{k}", first[place == k], second[place == k]) for k in range(4)]
        found = judge(streams, "error_rate", "2", rate=100.0).standings
        claimed += any(low > 0 or high < 0 for one in found for _, _, low, high in one.path)
    assert claimed / 60 <= 0.05


@pytest.mark.parametrize("share", [0.5, 0.1, 0.8])
def test_split_traffic_is_matched_by_day_whatever_its_shares(share: float) -> None:
    """Days differ by far more than versions do; their difference is found all the same."""
    rng = np.random.default_rng(3)
    day = np.repeat(np.arange(20), 1_000)
    challenged = rng.random(day.size) < share
    hard = np.where(day % 2, 0.6, 0.1)
    loss = (rng.random(day.size) < hard + np.where(challenged, 0.0, 0.1)).astype(np.float64)
    found = split("all events", loss, challenged, day, share)
    assert found.gains.mean() == pytest.approx(0.1, abs=0.03)
    assert np.abs(found.gains).max() <= 1
    least = min(share, 1 - share)
    assert found.gains.size == pytest.approx(least * day.size, rel=0.1)


def test_numbers_are_compared_by_absolute_error() -> None:
    rng = np.random.default_rng(0)
    streams = [shadowed("all events", rng.exponential(5.0, 5_000), rng.exponential(4.0, 5_000))]
    assert judge(streams, "mae", "2", rate=10.0).advice.startswith("stop: version 2 is better by 1.2 of MAE")


def test_a_split_as_said_is_no_warning() -> None:
    rng = np.random.default_rng(0)
    assert split_warning(rng.random(5_000) < 0.1, 0.1) is None
    assert split_warning(np.ones(10, np.bool_), 0.1) is None
    assert "not 10 % to 90 % as said" in str(split_warning(rng.random(5_000) < 0.2, 0.1))


def test_what_is_said_is_plain_values_with_its_path() -> None:
    said = shadow(3_000, (0.3, 0.2)).to_dict()
    assert said["standings"][0]["path"][-1][0] == 3_000
    assert len(said["standings"][0]["path"]) <= 40
