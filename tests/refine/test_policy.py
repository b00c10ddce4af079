"""A policy is read strictly: what isn't understood is an error that says what is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from retrue.errors import ConfigError
from retrue.refine.policy import RetrainingPolicy


def test_lengths_are_texts_or_seconds_and_the_rest_numbers() -> None:
    found = RetrainingPolicy.of(
        {"when": "benefit", "gap": "2w", "every": timedelta(days=1), "horizon": 60, "label": 0.5, "run": 9}
    )
    assert (found.when, found.gap, found.every, found.horizon, found.label, found.run) == (
        "benefit", 1_209_600, 86_400, 60, 0.5, 9,
    )  # fmt: skip


def test_by_default_people_decide() -> None:
    assert RetrainingPolicy.of(None) == RetrainingPolicy() == RetrainingPolicy.of(RetrainingPolicy().to_dict())
    assert (RetrainingPolicy().when, RetrainingPolicy().trainer) == ("manual", None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"wen": "benefit"}, "unknown key 'wen'.*did you mean 'when'"),
        ({"when": "always"}, "when = 'always'.*manual, incident, schedule, benefit"),
        ({"gap": "soon"}, "'soon' as a length of time"),
        ({"label": "5"}, "label = '5'.*a number"),
        ({"run": -1}, "run = -1"),
        ({"run": True}, "run = True"),
        ({"trainer": 3}, "trainer = 3.*a registered trainer"),
        ("benefit", "'benefit'.*a table"),
    ],
)
def test_what_is_not_understood_is_told(given: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        RetrainingPolicy.of(given)
