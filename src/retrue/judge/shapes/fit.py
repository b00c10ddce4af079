"""How well each template fits: evidence for every kind of shape against "nothing but wander".

The vectors' first three principal scores are fitted by generalised least squares under each kind of noise. A template's
gain is its log-likelihood over that of no shape, at the best noise of each, less half a log T for each column (Schwarz
1978, "Estimating the dimension of a model"). A kind's evidence is the mean over the places it may be at, which is what
the best place would have to pay for having been chosen (Kass and Raftery 1995, "Bayes factors", section 4).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from retrue.core.state import Floats
from retrue.judge.shapes.templates import Family, Noise, ShapeKind, Templates

SCORES = 3
"""Principal scores that are looked at."""
LEAST_NOISE = 0.5
"""The residual variance isn't believed to be below this share of the sampling variance."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """What the templates say of one column.

    Attributes:
        evidence: for each kind, in nats over "no shape".
        kind: the kind with the most evidence.
        start: the first window of its best template; -1 where it has none.
        stop: the first window after it; T where it lasts.
        fade: windows after which 1/e of it is left; 0 where it doesn't fade.
        period: seconds; 0 where it doesn't repeat.
        columns: float64[T, q], the template itself.
        noise: the kind of noise under which that fits best.
    """

    evidence: Mapping[ShapeKind, float]
    kind: ShapeKind
    start: int
    stop: int
    fade: float
    period: float
    columns: Floats
    noise: Noise


def principal_scores(vectors: Floats, rows: Floats, noise: float) -> Floats:
    """Give the first principal scores of the windows' vectors, weighted by rows, [T, 1 to 3].

    Those that sampling alone explains are left out: below the edge noise (1 + sqrt(K / T))^2 (Marchenko and Pastur
    1967) a score's direction is that of the noise.
    """
    centred = vectors - np.average(vectors, axis=0, weights=rows)
    weights = np.sqrt(rows / np.median(rows))[:, None]
    _, size, directions = np.linalg.svd(centred * weights, full_matrices=False)
    count, cells = vectors.shape
    above = size**2 / count > noise * (1 + math.sqrt(cells / count)) ** 2
    return np.asarray(centred @ directions[: max(int(above[:SCORES].sum()), 1)].T, np.float64)


def fit(scores: Floats, templates: Templates, noise: float) -> Fit:
    """Try every template on the scores.

    Args:
        scores: principal scores, [T, J].
        templates: what to try.
        noise: sampling variance of a usual window.
    """
    floor, still, best = LEAST_NOISE * noise, np.full(scores.shape[1], -np.inf), np.full((1, 1), -np.inf)
    for one in templates.noises:
        squares = np.einsum("tj,tj->j", scores, one.precision @ scores)
        still = np.maximum(still, likelihood(squares, scores.shape[0], floor, one.level))
        products = one.projected.T @ scores
        each = [explain(family, gram, products) for family, gram in zip(templates.families, one.grams, strict=True)]
        squares = squares - np.concatenate(each)
        best = np.maximum(best, likelihood(squares, scores.shape[0], floor, one.level))
    return weigh(best - still, scores, templates, floor)


def likelihood(squares: Floats, count: int, floor: float, level: float) -> Floats:
    """Log-likelihood of residuals with these sums of squares, their variance estimated."""
    variance = np.maximum(squares / (count - 1), floor)
    return -0.5 * (count - 1) * np.log(variance) - 0.5 * squares / variance + level


def explain(family: Family, inverse: Floats, products: Floats) -> Floats:
    """What each template takes off the sum of squares, [L, J], from its inverse Gram matrix.

    Of a jump that decays in part both parts must go the same way, else it is one that builds up.
    """
    if family.width == 1:
        along = products[family.columns[:, 0]] - products[family.less]
        return np.asarray(along**2 * inverse[:, :, 0], np.float64)
    along = products[family.columns]
    sizes = inverse @ along
    explained = np.asarray((along * sizes).sum(axis=1), np.float64)
    if family.kind is ShapeKind.DECAYING:
        explained[sizes[:, 0] * sizes[:, 1] < 0] = 0.0
    return explained


def weigh(gains: Floats, scores: Floats, templates: Templates, floor: float) -> Fit:
    """Weigh the kinds by the log-likelihoods that templates gain over no shape, [L, J]."""
    families, price = templates.families, 0.5 * math.log(scores.shape[0])
    evidence: dict[ShapeKind, float] = {}
    best: dict[ShapeKind, tuple[float, int, int]] = {}
    ends = np.cumsum([family.size for family in families])
    for i, (family, own) in enumerate(zip(families, np.split(gains, ends[:-1]), strict=True)):
        if family.size:
            worth = together(own - price * family.width)
            size = float(np.logaddexp.reduce(worth)) - math.log(family.size)
            evidence[family.kind] = float(np.logaddexp(evidence.get(family.kind, -np.inf), size))
            best[family.kind] = max(best.get(family.kind, (-np.inf, 0, 0)), (size, i, int(worth.argmax())))
    kind = max(evidence, key=lambda one: evidence[one])
    _, i, place = best[kind]
    family, columns = families[i], templates.columns(i, place)
    return Fit(
        evidence,
        kind,
        int(family.start[place]),
        int(family.stop[place]),
        float(family.fade[place]),
        family.period,
        columns,
        noise_under(columns, scores[:, 0], templates, floor),
    )


def together(gains: Floats) -> Floats:
    """Add up the gains of the scores that show a template, [L]; of none where none does the largest."""
    summed = np.maximum(gains, 0.0).sum(axis=1)
    return np.asarray(np.where((gains > 0).any(axis=1), summed, gains.max(axis=1)), np.float64)


def noise_under(columns: Floats, score: Floats, templates: Templates, floor: float) -> Noise:
    """Give the noise under which a template fits the first score best."""

    def fits(noise: Noise) -> float:
        left = residuals(score[:, None], columns, noise)[:, 0]
        return float(likelihood(left @ noise.precision @ left, score.size, floor, noise.level))

    return max(templates.noises, key=fits)


def residuals(vectors: Floats, columns: Floats, noise: Noise) -> Floats:
    """Take a template off the vectors, each direction fitted on its own, [T, K]."""
    weighted = noise.precision @ columns
    sizes = np.linalg.lstsq(columns.T @ weighted, weighted.T @ vectors, rcond=None)[0]
    return np.asarray(vectors - columns @ sizes, np.float64)
