"""Prove: champion and challenger on the same rows that neither has learned from, with paired intervals.

contests     one metric on one set of rows: both values, the difference, how sure it is
duels        the metrics, each with the standard error of the paired difference
calibration  whether what a model says in 100 of 100 cases is what happens
baselines    what one would say without any model
pace         how long an answer takes, both in turns
"""

from retrue.refine.prove.baselines import Past, baselines
from retrue.refine.prove.calibration import Calibration, calibrate
from retrue.refine.prove.contests import MIN_ROWS, Contest, beside, contest, prove
from retrue.refine.prove.duels import Duel, midranks, paired_auc, paired_mean
from retrue.refine.prove.pace import Pace, pace

__all__ = [
    "MIN_ROWS",
    "Calibration",
    "Contest",
    "Duel",
    "Pace",
    "Past",
    "baselines",
    "beside",
    "calibrate",
    "contest",
    "midranks",
    "pace",
    "paired_auc",
    "paired_mean",
    "prove",
]
