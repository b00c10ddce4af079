"""Collecting: which of a slice's rows to take, with what probability, and what the sample says of all of them.

events --slices--> matched rows, each with its reasons --Policy--> Collected: the rows, each with its probability
                                                                      └── .mean(...): unbiased for all that matched
"""

from retrue.refine.collect.collected import ORDER, PROBABILITY, REASONS, Collected, collect, matching
from retrue.refine.collect.policy import Policy

__all__ = ["ORDER", "PROBABILITY", "REASONS", "Collected", "Policy", "collect", "matching"]
