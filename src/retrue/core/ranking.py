"""Ranking outcomes: lists of items, best first, against the items that turned out relevant. All at k items.

With g_i = 1 where item i of the list is relevant, R relevant items and m = min(R, k):

* hit rate: 1 where any g_i = 1;
* reciprocal rank: 1 / the position of the first hit;
* NDCG: sum g_i / log2(i + 1) over the same sum for a perfect list (Jarvelin and Kekalainen 2002);
* average precision: sum over hits of (hits so far / position) / m.

A list with no relevant item scores 0; an item that is repeated counts at its first position.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from retrue.core.outcome import RankingOutcome
from retrue.core.outcome_grid import OutcomeGrid, column, roles, unroles
from retrue.core.state import Fields, Floats, Ints, Sums
from retrue.core.weighing import amount, only

ITEMS = 16_384
"""The most popular items of the reference that keep their share; any other counts as share 0."""


@dataclass(frozen=True, eq=False)
class RankingGrid(OutcomeGrid):
    """Counts ranked lists; `items` and `shares` are the reference's most recommended items."""

    task: ClassVar[str] = "ranking"
    score_metric: ClassVar[str] = "ndcg"
    label: str | None
    prediction: str | None
    k: int
    items: tuple[str, ...]
    shares: Floats

    @classmethod
    def fit(cls, frame: pl.DataFrame, label: str | None, prediction: str | None, k: int = 10) -> RankingGrid:
        """Learn how often the reference recommended each item."""
        items = as_lists(column(frame, prediction)).list.head(k).explode().drop_nulls()
        ranked = items.alias("v").value_counts(name="n").sort(["n", "v"], descending=[True, False]).head(ITEMS)
        return cls(label, prediction, k, tuple(ranked["v"]), ranked["n"].to_numpy() / max(len(items), 1))

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(c for c in (self.label, self.prediction) if c is not None)

    def count(self, frame: pl.DataFrame, weights: Floats | None = None) -> RankingOutcome:
        per_list = self.per_list(frame)
        names = ("hit_rate", "ndcg", "mrr", "map", "popularity")
        waiting = np.ones(frame.height, np.bool_)
        waiting[per_list["row"].to_numpy()] = False
        own = only(weights, ~waiting)
        losses = {name: Sums.of(per_list[name].to_numpy(), own) for name in names}
        return RankingOutcome(self.k, losses, amount(waiting, weights))

    def per_list(self, frame: pl.DataFrame) -> pl.DataFrame:
        """One row for each labelled list: `row` and the five values."""
        lists = pl.DataFrame(
            {
                "item": as_lists(column(frame, self.prediction)).list.head(self.k),
                "relevant": as_lists(column(frame, self.label)),
            }
        ).with_row_index("row")
        lists = lists.filter(pl.col("relevant").is_not_null())
        shown = self.shown(lists)
        per_list = shown.group_by("row").agg(
            hit_rate=pl.col("hit").max().cast(pl.Float64),
            dcg=(pl.col("hit") / (pl.col("at") + 1).log(2)).sum(),
            mrr=(pl.col("hit") / pl.col("at")).max(),
            precision=(pl.col("hit") * pl.col("hit").cum_sum() / pl.col("at")).sum(),
            popularity=pl.col("share").mean(),
        )
        possible = pl.min_horizontal(pl.col("relevant").list.drop_nulls().list.n_unique(), self.k)
        joined = lists.select("row", possible=possible).join(per_list, on="row", how="left").fill_null(0)
        perfect = np.concatenate([[1.0], np.cumsum(1 / np.log2(np.arange(2, self.k + 2)))])
        ideal = pl.Series(perfect[joined["possible"].to_numpy()])
        return joined.sort("row").with_columns(
            ndcg=pl.col("dcg") / ideal, map=pl.col("precision") / pl.max_horizontal("possible", 1)
        )

    def shown(self, lists: pl.DataFrame) -> pl.DataFrame:
        """One row for each shown item: `row`, `at` (1 is first), `hit` (0 or 1), `share` in the reference."""
        shown = lists.select("row", "item").explode("item").drop_nulls("item")
        shown = shown.unique(["row", "item"], keep="first", maintain_order=True)
        shown = shown.with_columns(at=pl.int_range(1, pl.len() + 1).over("row").cast(pl.Float64))
        relevant = lists.select("row", item="relevant").explode("item").unique()
        known = pl.DataFrame({"item": pl.Series(self.items, dtype=pl.String), "share": self.shares})
        hits = shown.join(relevant.with_columns(hit=pl.lit(1.0)), on=["row", "item"], how="left", maintain_order="left")
        return hits.join(known, on="item", how="left", maintain_order="left").fill_null(0)

    def event_scores(self, frame: pl.DataFrame) -> Floats:
        found = np.full(frame.height, np.nan)
        per_list = self.per_list(frame)
        found[per_list["row"].to_numpy()] = per_list["ndcg"].to_numpy()
        return found

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {
            "columns": roles(self.label, self.prediction),
            "k": np.array([self.k]),
            "items": list(self.items),
            "shares": self.shares,
        }

    @classmethod
    def from_own_fields(cls, fields: Fields) -> RankingGrid:
        label, prediction = unroles(fields["columns"])
        shares = np.asarray(fields["shares"], np.float64)
        return cls(label, prediction, int(fields["k"][0]), tuple(map(str, fields["items"])), shares)


def as_lists(series: pl.Series) -> pl.Series:
    """Lists of texts: a single item becomes a list of one; null stays null."""
    if isinstance(series.dtype, pl.Array):
        series = series.arr.to_list()
    if isinstance(series.dtype, pl.List):
        return series.cast(pl.List(pl.String))
    if series.dtype == pl.Null:
        return series.cast(pl.List(pl.String))
    single = series.cast(pl.String).alias("v").to_frame()
    return single.select(pl.when(pl.col("v").is_not_null()).then(pl.concat_list("v")).alias("v"))["v"]
