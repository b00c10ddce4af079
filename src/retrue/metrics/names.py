"""Names of figures that stand for a metric: its estimate, what labels said beyond that, how it differs between groups.

roc_auc ─┬─ estimated_roc_auc          what labels would say
         ├─ concept_drift_roc_auc      realised - estimated: what the inputs don't explain
         └─ roc_auc_gap, roc_auc_ratio between the values of a column: the greatest less, or over, the least
"""

from __future__ import annotations

ESTIMATED, CONCEPT_DRIFT = "estimated_", "concept_drift_"
"""What such a name begins with."""
IMPACT = "impact"
"""What a column's move is expected to change the model's metric by; the point's note names that metric."""


def estimated(metric: str) -> str:
    """The name of a metric's estimate.

    >>> estimated("roc_auc")
    'estimated_roc_auc'
    """
    return ESTIMATED + metric


def concept_drift(metric: str) -> str:
    """The name of what labels said of a metric beyond its estimate.

    >>> concept_drift("roc_auc")
    'concept_drift_roc_auc'
    """
    return CONCEPT_DRIFT + metric


def is_estimated(name: str) -> bool:
    """Whether a name is that of an estimate.

    >>> is_estimated("estimated_f1"), is_estimated("concept_drift_f1"), is_estimated("f1")
    (True, False, False)
    """
    return name.startswith(ESTIMATED)


def is_concept_drift(name: str) -> bool:
    """Whether a name is that of concept drift.

    >>> is_concept_drift("concept_drift_f1"), is_concept_drift("f1")
    (True, False)
    """
    return name.startswith(CONCEPT_DRIFT)


def metric_of(name: str) -> str:
    """The metric that a name stands for; any other name stands for itself.

    >>> metric_of("estimated_roc_auc"), metric_of("concept_drift_recall@cat"), metric_of("psi")
    ('roc_auc', 'recall@cat', 'psi')
    """
    return name.removeprefix(CONCEPT_DRIFT) if is_concept_drift(name) else name.removeprefix(ESTIMATED)


GAP, RATIO = "_gap", "_ratio"
"""What the name of a comparison of groups ends with."""


def is_between_groups(name: str) -> bool:
    """Whether a name is that of a gap or a ratio between groups.

    >>> is_between_groups("accuracy_gap"), is_between_groups("precision_ratio@0.3"), is_between_groups("accuracy")
    (True, True, False)
    """
    return name.partition("@")[0].endswith((GAP, RATIO))


def grouped_metric(name: str) -> str:
    """The metric whose gap or ratio a name is that of.

    >>> grouped_metric("accuracy_gap"), grouped_metric("estimated_precision_ratio@0.3")
    ('accuracy', 'estimated_precision@0.3')
    """
    base, at, parameter = name.partition("@")
    return base.removesuffix(GAP).removesuffix(RATIO) + at + parameter
