"""A trainer: what is fitted, and within what limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from retrue.errors import ConfigError

HOUR = 3_600.0


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

    >>> Trainer.of(len).seconds
    3600.0
    """

    fit: Any
    seconds: float = HOUR
    memory: int | None = None
    isolated: bool = True

    def __post_init__(self) -> None:
        """Refuse limits that nothing can keep."""
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
        if isinstance(fit, cls):
            return fit
        if isinstance(fit, type) or not (callable(fit) or hasattr(fit, "fit") or hasattr(fit, "learn")):
            raise ConfigError(
                f"{fit!r} as a trainer",
                expected="fit(table, weights), an unfitted estimator, or a recipe such as rt.Torch",
            )
        return cls(fit)

    @property
    def kind(self) -> str:
        """What is fitted, in a word.

        >>> from sklearn.linear_model import LogisticRegression
        >>> Trainer(LogisticRegression()).kind
        'LogisticRegression'
        """
        return str(getattr(self.fit, "__qualname__", None) or type(self.fit).__name__)
