"""A trainer: what is fitted, and within what limits."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from typing import Any

from retrue.errors import ConfigError

HOUR = 3_600.0
EXPECTED = "fit(table, weights), an unfitted estimator, or a recipe such as rt.Torch"


@dataclass(frozen=True)
class Trainer:
    """Something to fit, in a process of its own, within limits.

    Args:
        fit: a function of a table and weights, an unfitted estimator or pipeline, or a recipe (`Torch`, `Keras`,
            `LightGBM`, `XGBoost`, anything with `learn(lesson)`).
        seconds: it may take; then it is ended, and the run has failed.
        memory: bytes it may hold, with the processes that it starts; None: as much as there is.
        isolated: in a process of its own, so that nothing it does harms this one. False runs it here, without limits:
            to step through it with a debugger, or where a test must see what it saw.

    >>> Trainer.of(lambda table, weights: None).seconds
    3600.0
    """

    fit: Any
    seconds: float = HOUR
    memory: int | None = None
    isolated: bool = True

    def __post_init__(self) -> None:
        """Refuse what can't be fitted, and limits that nothing can keep."""
        known = hasattr(self.fit, "fit") or hasattr(self.fit, "learn")
        if isinstance(self.fit, type) or not (known or takes_two(self.fit)):
            raise ConfigError(f"{self.fit!r} as a trainer", expected=EXPECTED)
        if self.seconds <= 0:
            raise ConfigError(f"{self.seconds:g} seconds for a training", expected="more than 0")
        if self.memory is not None and self.memory <= 0:
            raise ConfigError(f"{self.memory} bytes for a training", expected="more than 0, or None")

    @classmethod
    def of(cls, fit: Any) -> Trainer:
        """A trainer as it is; anything else with the usual limits.

        Raises:
            ConfigError: nothing that can be fitted.
        """
        return fit if isinstance(fit, cls) else cls(fit)

    @property
    def kind(self) -> str:
        """What is fitted, in a word.

        >>> from sklearn.linear_model import LogisticRegression
        >>> Trainer(LogisticRegression()).kind
        'LogisticRegression'
        """
        return str(getattr(self.fit, "__qualname__", None) or type(self.fit).__name__)


def takes_two(fit: Any) -> bool:
    """Whether something can be called with a table and weights, as far as it tells.

    >>> takes_two(lambda table, weights, depth=3: None), takes_two(lambda table: None)
    (True, False)
    """
    try:
        signature(fit).bind(None, None)
    except TypeError:
        return False
    except ValueError:  # written in C, it may not tell
        return True
    return True
