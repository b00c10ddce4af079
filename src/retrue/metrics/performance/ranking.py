"""Ranking at k: the mean over lists of a value that each list has, cut at the model's k (`retrue.core.ranking`)."""

from __future__ import annotations

from functools import partial

from retrue.core.outcome import RankingOutcome
from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import mean_fraction, without
from retrue.metrics.registry import metric
from retrue.schema import Task

at_k = partial(metric, family="performance", of="outcome", tasks=(Task.RANKING,), range=(0, 1))


@at_k("hit_rate", unit="share", better="higher", source="also called recall at k with one relevant item")
def hit_rate(outcome: RankingOutcome) -> Measure:
    """Share of lists with at least one relevant item among the first k.

    >>> from retrue.metrics.performance.arrays import ranking
    >>> hit_rate(ranking([["a"], ["b"]], [["c", "a"], ["c", "d"]])).value
    0.5
    """
    return per_list(outcome, "hit_rate")


@at_k("ndcg", better="higher", source="Jarvelin and Kekalainen 2002; sklearn.metrics.ndcg_score")
def ndcg(outcome: RankingOutcome) -> Measure:
    """Normalised discounted cumulative gain of the first k: the sum of 1 / log2(1 + position) of hits over its best.

    >>> from retrue.metrics.performance.arrays import ranking
    >>> ndcg(ranking([["a"]], [["c", "a"]])).value
    0.63...
    """
    return per_list(outcome, "ndcg")


@at_k("mrr", better="higher", source="Voorhees 1999")
def mrr(outcome: RankingOutcome) -> Measure:
    """Mean of 1 / the position of the first relevant item, 0 where none is among the first k.

    >>> from retrue.metrics.performance.arrays import ranking
    >>> mrr(ranking([["a"]], [["c", "a"]])).value
    0.5
    """
    return per_list(outcome, "mrr")


@at_k("map", better="higher", source="Buckley and Voorhees 2000, at k")
def mean_average_precision(outcome: RankingOutcome) -> Measure:
    """Mean over lists of the average precision at the positions of hits among the first k.

    >>> from retrue.metrics.performance.arrays import ranking
    >>> mean_average_precision(ranking([["a", "b"]], [["a", "c", "b"]])).value
    0.83...
    """
    return per_list(outcome, "map")


@at_k("popularity", unit="share", source="average recommendation popularity, Yin et al. 2012")
def popularity(outcome: RankingOutcome) -> Measure:
    """Mean share that the shown items had among what the reference showed: popularity bias.

    >>> from retrue.metrics.performance.arrays import ranking
    >>> popularity(ranking([["a"], ["b"]], [["a"], ["a"]])).value
    1.0
    """
    return per_list(outcome, "popularity")


def per_list(outcome: RankingOutcome, name: str) -> Measure:
    """The mean of one of the values that the outcome sums by list."""
    sums = outcome.losses[name]
    return mean_fraction(sums) if sums.n else without(outcome)
