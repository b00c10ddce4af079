"""One window that an estimator is asked about: what each expert believes of its rows, and what they make together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from retrue.core.outcome import BinaryOutcome
from retrue.core.outcome_grid import BinaryGrid
from retrue.core.state import Bools, Floats
from retrue.estimate import caution
from retrue.estimate.answer import Answer, Belief, Widening, ask, blend, extremes
from retrue.estimate.calibrate import expits, logits
from retrue.estimate.estimate import Estimate
from retrue.estimate.events import Events, moments, normalised
from retrue.estimate.expected import Scale
from retrue.estimate.features import with_scores
from retrue.estimate.importance import Domain, tell_apart
from retrue.estimate.learned import Learned
from retrue.estimate.pape import weighted_isotonic, weighted_line
from retrue.estimate.record import Matured, stretch, weigh, withhold
from retrue.estimate.shift import LabelShift, label_shift

PRIORS: Mapping[str, float] = {"outcome model": 1.0, "pape": 1.0, "cbpe": 0.0}
"""The experts of the blend, and how much each counts before there is a record."""
DOUBT = 0.25
"""What an expert that doesn't count without a record counts for with one."""


@dataclass(frozen=True, eq=False)
class Question:
    """One window that an estimator is asked about."""

    of: Learned
    frame: pl.DataFrame
    events: Events
    names: tuple[str, ...]
    by_time: bool = False

    @cached_property
    def codes(self) -> Floats:
        """float64[m, d]: the coded features of the window's rows that have a score."""
        return self.of.features.codes(self.frame)[self.events.places]

    @cached_property
    def inputs(self) -> tuple[Floats, Floats, list[bool]]:
        """What rows of the reference and the window are told apart by: features, or scores where there are none."""
        if self.codes.shape[1]:
            return self.of.codes, self.codes, self.of.features.categorical
        return self.of.events.scores, self.events.scores, [False] * self.of.events.scores.shape[1]

    @cached_property
    def domain(self) -> Domain:
        """How much each reference row tells about this window."""
        return tell_apart(*self.inputs, self.times)

    @cached_property
    def times(self) -> tuple[Floats, Floats] | None:
        """When the reference's rows and the window's were; None where either has no time, or nobody asked for it."""
        found = moments(self.frame, self.of.time) if self.by_time else None
        if found is None or self.of.times is None:
            return None
        return self.of.times[self.of.events.places], found[self.events.places]

    @cached_property
    def beyond(self) -> Bools:
        """bool[m]: rows with a value or a score that the reference never had."""
        low, high = self.of.events.scores.min(axis=0), self.of.events.scores.max(axis=0)
        outside = ((self.events.scores < low) | (self.events.scores > high)).any(axis=1)
        return np.asarray(self.of.features.beyond(self.codes) | outside)

    @cached_property
    def alone(self) -> Bools:
        """bool[m]: rows that the reference has no like of."""
        return np.asarray(self.beyond | self.domain.alone)

    @property
    def apart(self) -> float:
        """The share of such rows."""
        return float(self.alone.mean())

    @cached_property
    def shift(self) -> LabelShift | None:
        """What base rate the scores would tell if nothing else had moved."""
        if not isinstance(self.of.grid, BinaryGrid) or not isinstance(self.of.outcome, BinaryOutcome):
            return None
        return label_shift(self.of.grid.count(self.frame), self.of.outcome)

    # --- experts ---

    def believe(self, method: str) -> Belief:
        """What one expert believes of each row."""
        parts = [EXPERTS[method](self, place) for place in range(len(self.of.classes))]
        return Belief.of(normalised(np.stack(parts, axis=-1)))

    def by_score(self, place: int) -> Floats:
        """float64[folds, m]: the calibrated score (CBPE)."""
        return self.of.classes[place].calibration.each(self.events.scores[:, place])

    def by_model(self, place: int) -> Floats:
        """float64[folds, m]: the outcome model."""
        learned, score = self.of.classes[place], self.events.scores[:, place]
        rows, _ = with_scores(self.codes, self.events.scores, self.of.features.categorical)
        each = learned.calibration.each(score)
        return expits(logits(each) + learned.correction.each(rows, each.shape[0]))

    def by_line(self, place: int) -> Floats:
        """float64[folds, m]: weighted Platt scaling (PAPE)."""
        learned, score = self.of.classes[place], self.events.scores[:, place]
        evidence = self.domain.evidence
        return weighted_line(learned.calibration, learned.own, learned.label, evidence, self.of.folds, score)

    def by_isotonic(self, place: int) -> Floats:
        """float64[folds, m]: weighted isotonic regression (M-CBPE)."""
        learned, score = self.of.classes[place], self.events.scores[:, place]
        return weighted_isotonic(learned.score, learned.label, self.domain.weights, self.of.folds, score)

    def answers(self, method: str) -> dict[str, Answer]:
        """Every metric by one expert."""
        if method == "importance":
            return weighted_reference(self)
        return ask(self.events.cells, self.believe(method), self.names, self.events.n)

    # --- answers ---

    def by_one(self, method: str, past: Sequence[Matured]) -> Estimate:
        """The estimate of one expert."""
        return self.said(method, {method: self.answers(method)}, past)

    def blended(self, past: Sequence[Matured]) -> Estimate:
        """The blend of the experts."""
        return self.said("auto", {expert: self.answers(expert) for expert in PRIORS}, past)

    def said(self, method: str, experts: Mapping[str, Mapping[str, Answer]], past: Sequence[Matured]) -> Estimate:
        """The estimate that experts make together."""
        widening, warnings = self.caution(self.believe("cbpe").chance, past)
        shares = {name: self.shares(name, experts, past) for name in self.names}
        plain = experts.get("cbpe") if len(experts) > 1 else None
        found = {
            name: blend(
                name,
                [experts[e][name] for e in counts],
                list(counts.values()),
                widening,
                plain[name] if plain else None,
            )
            for name, counts in shares.items()
        }
        values = {
            expert: {name: a.reading.value for name, a in answers.items() if a.reading.value is not None}
            for expert, answers in experts.items()
        }
        how = HOW.get(method) or how_blended(shares, len(past), self.domain.effective)
        said = Estimate(method, how, self.events.n, found, warnings, experts=values, stretched=widening.stretch)
        return withhold(said, past)

    def shares(
        self, name: str, experts: Mapping[str, Mapping[str, Answer]], past: Sequence[Matured]
    ) -> dict[str, float]:
        """The experts that count for one metric, and how much."""
        if len(experts) == 1:
            return dict.fromkeys(experts, 1.0)
        weights = self.weights(name, experts["outcome model"], past)
        return {expert: weight for expert, weight in weights.items() if weight > 0}

    def weights(self, name: str, answers: Mapping[str, Answer], past: Sequence[Matured]) -> dict[str, float]:
        """How much each expert of the blend counts for one metric; `answers` tell what chance alone does."""
        reading = answers[name].reading
        if not past or reading.value is None:
            return dict(PRIORS)
        by_chance = reading.error * Scale.of(name).slope(reading.value)
        return weigh(past, name, {expert: prior or DOUBT for expert, prior in PRIORS.items()}, by_chance)

    def caution(self, chance: Floats, past: Sequence[Matured]) -> tuple[Widening, tuple[str, ...]]:
        """What widens the intervals, and why in words."""
        bounds: dict[str, list[float]] = {name: [] for name in self.names}
        said = []
        if self.apart > caution.LEAST:
            said.append(caution.some_unlike(self.apart, self.events.n))
            merge(bounds, extremes(self.events.cells, chance, self.alone, self.names))
        if self.shift is not None and self.shift.evident:
            said.append(caution.rates_moved(self.shift))
            merge(bounds, caution.with_base_rate(self.events.cells, chance, self.shift, self.names))
        wider = {name: stretch(past, name) for name in self.names}
        said += caution.past_misses(wider)
        left_out = self.frame.height - self.events.n
        said += caution.left_out(left_out, self.frame.height)
        return Widening(bounds, wider), tuple(said)


EXPERTS: Mapping[str, Callable[[Question, int], Floats]] = {
    "cbpe": Question.by_score,
    "outcome model": Question.by_model,
    "pape": Question.by_line,
    "m-cbpe": Question.by_isotonic,
}
"""What each expert believes of one class."""

HOW = {
    "cbpe": "the calibrated score says how likely each prediction is right",
    "m-cbpe": "the score, calibrated on reference rows weighted to look like the window (isotonic)",
    "pape": "the calibrated score, corrected on reference rows weighted to look like the window",
    "outcome model": "boosted trees correct the calibrated score by the features",
    "importance": "the reference's own labels, its rows weighted to look like the window",
}
"""What each method does, in words."""


def how_blended(shares: Mapping[str, Mapping[str, float]], past: int, effective: float) -> str:
    """What the blend did and why, in words."""
    rows = f"the reference is worth {effective:,.0f} rows that look like the window"
    if not past:
        return f"mean of the outcome model and PAPE, which err in different ways; {rows}"
    main = next((shares[name] for name in ("accuracy", *shares) if name in shares), {})
    whole = sum(main.values()) or 1.0
    said = ", ".join(f"{expert} {100 * weight / whole:.0f} %" for expert, weight in main.items())
    return f"experts weighed by their errors in the last windows with labels ({past} given): {said}; {rows}"


def merge(bounds: dict[str, list[float]], more: Mapping[str, Sequence[float]]) -> None:
    """Add values to those of each metric."""
    for name, values in more.items():
        bounds[name] += values


def weighted_reference(question: Question) -> dict[str, Answer]:
    """Every metric of the reference's own labels, weighted to look like the window."""
    of, domain = question.of, question.domain
    weight = domain.weights * of.events.n / domain.weights.sum()
    label = of.events.label[:, 0] if of.events.label.shape[1] == 1 else of.events.label
    folds = int(of.folds.max()) + 1
    whole = replace(of.events.cells, weight=weight)
    belief = Belief(label, np.zeros((0, *label.shape)))
    found = ask(whole, belief, question.names, domain.effective)
    parts = [
        ask(replace(whole, weight=weight * (of.folds != k)), belief, question.names, domain.effective)
        for k in range(folds)
    ]
    return {
        name: Answer(one.reading, tuple(v for p in parts if (v := p[name].reading.value) is not None))
        for name, one in found.items()
    }
