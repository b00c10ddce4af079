"""Weighted calibration: the score's calibration as it would be if the reference had the window's inputs.

M-CBPE, also called PAPE (Bialek, Kuberski and Perrakis 2024, "Estimating model performance under covariate shift
without labels", arXiv 2401.08348, section 4): calibrate on the reference with its rows weighted by the density ratio,
so that P(y | score) is the window's even where inputs moved inside a score. Two forms:

* `m-cbpe`: weighted isotonic regression, which follows any shape and needs many effective rows;
* `pape`: a weighted line on the logits around the unweighted calibration, held by a ridge, which needs few.
"""

from __future__ import annotations

import numpy as np

from retrue.core.state import Floats, Ints
from retrue.estimate.calibrate import Calibration, isotonic, logits, platt


def weighted_isotonic(score: Floats, label: Floats, weight: Floats, folds: Ints, window: Floats) -> Floats:
    """float64[folds, m]: P(y = 1) in the window by weighted isotonic regression without each fold.

    Args:
        score: float64[n], of the reference.
        label: float64[n], 0 or 1.
        weight: float64[n], the density ratio.
        folds: int64[n].
        window: float64[m], scores of the window.
    """
    parts = [folds != k for k in range(int(folds.max()) + 1)]
    return np.stack([isotonic(score[part], label[part], weight[part])(window) for part in parts])


def weighted_line(
    calibration: Calibration, own: Floats, label: Floats, evidence: Floats, folds: Ints, window: Floats
) -> Floats:
    """float64[folds, m]: P(y = 1) in the window by weighted Platt scaling without each fold.

    Args:
        calibration: the unweighted one.
        own: float64[n], the reference's cross-fitted P(y = 1).
        label: float64[n], 0 or 1.
        evidence: float64[n], the density ratio scaled to the effective number of rows.
        folds: int64[n].
        window: float64[m], scores of the window.
    """
    z = logits(own)
    parts = [folds != k for k in range(int(folds.max()) + 1)]
    lines = [platt(z[part], label[part], evidence[part]) for part in parts]
    return np.stack([line(logits(chance)) for line, chance in zip(lines, calibration.each(window), strict=True)])
