"""Train: fit a function, an estimator or a recipe in a process of its own, and score with what it gives.

lesson ──> desk (a folder) ──> runner ── starts ──> child ── fits, scores ──> desk: model, scores, outcome
                                  └── time, memory, what it says ──> Outcome
"""

from retrue.refine.train.boosters import LightGBM, XGBoost
from retrue.refine.train.fitting import Fit, Recipe, train
from retrue.refine.train.keras_nets import Keras
from retrue.refine.train.lesson import Lesson
from retrue.refine.train.nets import Torch
from retrue.refine.train.scoring import score
from retrue.refine.train.trainer import Trainer

__all__ = ["Fit", "Keras", "Lesson", "LightGBM", "Recipe", "Torch", "Trainer", "XGBoost", "score", "train"]
