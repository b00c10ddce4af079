"""Performance: how well predictions met the labels, from outcome profiles, so it is known for any window and slice.

    events ──OutcomeGrid.count──> Outcome ──metric──> Measure(value, interval, error, note)

Each metric is a function of one outcome; `difference` sets two outcomes against each other. Intervals are 95 % and come
from counts and sums alone: Wilson for shares, DeLong for ROC AUC, the delta method for averages over classes. Metrics
that read the confusion matrix take a parameter: `precision@0.3` is at a threshold, `recall@cat` is of one class.
"""
