"""What a window is compared with, from the words for it."""

from __future__ import annotations

import pytest

from retrue.errors import ConfigError
from retrue.judge.against import DAY, Against

HOUR = 3_600.0
START = 1_700_000_000.0


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("training", None),
        ("previous", (START - HOUR, START)),
        ("last 7d", (START - 7 * DAY, START)),
        ("last 24h", (START - DAY, START)),
        ("last 2w", (START - 14 * DAY, START)),
        ("same hour last week", (START - 7 * DAY, START - 7 * DAY + HOUR)),
        ("same day last week", (START - 7 * DAY, START - 7 * DAY + HOUR)),
        (" same  hour yesterday ", (START - DAY, START - DAY + HOUR)),
        ("2024-01-01 to 2024-02-01", (1_704_067_200.0, 1_706_745_600.0)),
        ("2024-01-01T00:00:00+01:00 to 2024-01-02", (1_704_063_600.0, 1_704_153_600.0)),
    ],
)
def test_words_name_a_time(text: str, span: tuple[float, float] | None) -> None:
    assert Against.parse(text).span(START, HOUR) == span
    assert Against.parse(text).training is (span is None)


@pytest.mark.parametrize(
    "text", ["", "last", "last 0d", "last 7 days", "same hour", "2024-01-01", "2024-02-01 to 2024-01-01", "then to now"]
)
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match='expected "training", "previous"'):
        Against.parse(text)
