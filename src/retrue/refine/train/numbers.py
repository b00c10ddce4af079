"""A lesson in numbers, for learners that take nothing else; and what such a learner says, as predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import polars as pl

from retrue.core.state import Floats, Ints
from retrue.errors import ConfigError, RetrueError
from retrue.refine.train.encode import Encoder
from retrue.refine.train.lesson import Lesson

SPARED = 0.1
"""The share of the rows that tells when to stop."""


@dataclass(frozen=True, eq=False)
class Numbers:
    """A lesson in numbers.

    Attributes:
        encoder: made the rows, and will make those that are predicted.
        rows: float64[rows, inputs].
        truth: the places of the classes, int64[rows]; a regression's labels, float64[rows].
        parts: int64 each: the rows to learn from, and those that tell when to stop.
        classes: the classes, sorted; None for a regression.
        mean, sd: of a regression's labels, where `truth` is scaled by them; else 0 and 1.
    """

    encoder: Encoder
    rows: Floats
    truth: Any
    parts: tuple[Ints, Ints]
    classes: Any
    mean: float = 0.0
    sd: float = 1.0

    @classmethod
    def of(cls, lesson: Lesson, spared: float = SPARED, *, scaled: bool = False) -> Numbers:
        """Encode a lesson, and part it.

        Args:
            lesson: what is to be learned from.
            spared: the share of the rows that tells when to stop; 0, or too few rows to part: all learn and all tell.
            scaled: inputs and labels standardised, words one-hot, as nets want them.
        """
        encoder = Encoder.learn(lesson.table, lesson.features, scaled=scaled)
        rows = encoder(lesson.table)
        telling = np.random.default_rng(lesson.seed).random(len(rows)) < spared
        both = np.ones(len(rows)) if telling.all() or not telling.any() else telling * 0
        parts = (np.flatnonzero(both + ~telling), np.flatnonzero(both + telling))
        if lesson.task != "regression":
            return cls(encoder, rows, lesson.codes, parts, np.array(lesson.classes))
        labels = lesson.targets
        mean, sd = (float(labels.mean()), float(labels.std()) or 1.0) if scaled else (0.0, 1.0)
        return cls(encoder, rows, (labels - mean) / sd, parts, None, mean, sd)

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of inputs and outputs: one output for each class, or one."""
        return self.rows.shape[1], 1 if self.classes is None else len(self.classes)

    def learner(self, said: Callable[[Floats], Any]) -> Learned:
        """A model of what answers rows of numbers."""
        return Learned(self.encoder, said, self.classes, self.mean, self.sd)


@dataclass(frozen=True)
class Learned:
    """A trained learner of numbers.

    Attributes:
        encoder: makes its rows.
        said: its answers to float64[rows, inputs]: probabilities (one of two classes, or of each), or numbers.
        classes_: the classes; None for a regression.
        mean, sd: what a regression's answers are scaled by.
    """

    encoder: Encoder
    said: Callable[[Floats], Any]
    classes_: Any
    mean: float = 0.0
    sd: float = 1.0

    def predict(self, table: pl.DataFrame) -> Floats:
        """float64[rows] of a regression, float64[rows, classes] of a classifier."""
        said = np.asarray(self.said(self.encoder(table)), np.float64)
        if self.classes_ is None:
            return said.reshape(-1) * self.sd + self.mean
        return np.column_stack([1 - said, said]) if said.ndim == 1 else said


def refuse_made(given: Any, where: str) -> None:
    """Refuse a net where a function is expected that makes one: a fresh one is made for each training.

    Raises:
        ConfigError: it is a net.
    """
    made = hasattr(given, "parameters") or hasattr(given, "compile")
    if not isinstance(given, type) and (made or not callable(given)):
        expected = "a class, or a function of the numbers of inputs and outputs, that makes it"
        raise ConfigError(f"a {type(given).__name__}", where=where, expected=expected)


def library(name: str, called: str) -> Any:
    """A library that only some trainers need.

    Raises:
        RetrueError: it isn't installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise RetrueError(f"{called} is not installed", hint=f'pip install "retrue[{name}]"') from error
