"""Metrics: pure functions of profiles, one small file each, registered by name; see `retrue.metrics.registry`."""

from retrue.metrics.measure import Measure
from retrue.metrics.registry import Metric, get, metric, registered

__all__ = ["Measure", "Metric", "get", "metric", "registered"]
