"""Train: run the user's `fit(table, weights)`, or a scikit-learn estimator, and score with what it gives."""

from retrue.refine.train.fitting import Fit, train
from retrue.refine.train.scoring import score

__all__ = ["Fit", "score", "train"]
