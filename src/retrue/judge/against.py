"""Against: what a window is compared with.

| text                         | a window is compared with                                     |
| ---------------------------- | ------------------------------------------------------------- |
| `training`                   | the reference that the model was registered with              |
| `previous`                   | the window before it                                          |
| `last 7d`                    | all events of the seven days before it                        |
| `same hour last week`        | the window that began a week before (`day`: the same)         |
| `same hour yesterday`        | the window that began a day before                            |
| `2024-01-01 to 2024-02-01`   | the events of these days, the last one left out (UTC)         |
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from retrue.errors import ConfigError

DAY = 86_400.0
UNITS = {"h": 3_600.0, "d": DAY, "w": 7 * DAY}
_LAST = re.compile(r"last (\d+)([hdw])", re.ASCII)
_SAME = re.compile(r"same (?:hour|day|window) (yesterday|last week)")
_FIXED = re.compile(r"(\S+) to (\S+)")
_EXPECTED = (
    '"training", "previous", "last 7d", "same hour last week", "same hour yesterday" or "2024-01-01 to 2024-02-01"'
)


@dataclass(frozen=True, slots=True)
class Against:
    """What windows are compared with: the training data, or logged events of another time.

    Args:
        text: as it was written.
        back: seconds from a window's start back to where that begins; None: not from the window's start.
        length: seconds that it lasts; 0: as long as the window.
        fixed: its start and end in seconds since 1970, where it is always the same.

    >>> Against.parse("last 7d").span(0.0, 3_600.0) == (-7 * 86_400.0, 0.0)
    True
    >>> Against.parse("same hour last week").span(604_800.0, 3_600.0)
    (0.0, 3600.0)
    """

    text: str = "training"
    back: float | None = None
    length: float = 0.0
    fixed: tuple[float, float] | None = None

    @classmethod
    def parse(cls, text: str) -> Against:
        """Read what a user wrote.

        Raises:
            ConfigError: it is none of these.
        """
        said = " ".join(text.split())
        last, same, fixed = _LAST.fullmatch(said), _SAME.fullmatch(said), _FIXED.fullmatch(said)
        if said == "training":
            return cls()
        if said == "previous":
            return cls(said, back=0.0)
        if last and int(last[1]) > 0:
            length = int(last[1]) * UNITS[last[2]]
            return cls(said, back=length, length=length)
        if same:
            return cls(said, back=DAY if same[1] == "yesterday" else 7 * DAY)
        if fixed:
            since, until = (_moment(end, text) for end in fixed.groups())
            if since < until:
                return cls(said, fixed=(since, until))
        raise ConfigError(f"a window compared with {text!r}", expected=_EXPECTED)

    @property
    def training(self) -> bool:
        """Whether it is the data that the model was registered with."""
        return self.back is None and self.fixed is None

    def span(self, start: float, window: float) -> tuple[float, float] | None:
        """Give where it begins and ends for the window of so many seconds that starts there; None for training."""
        if self.fixed is not None or self.back is None:
            return self.fixed
        since = start - (self.back or window)
        return since, since + (self.length or window)


def _moment(text: str, whole: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"a window compared with {whole!r}", expected=_EXPECTED) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
