"""A map of a column of vectors, texts or images: where rows of the reference and of a window lie, and what grew.

sample of both ──principal components (or UMAP, t-SNE)──> points
profiles of the clusters ──shares with intervals──────> clusters that grew, with example members
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from retrue.core.grid import CategoricalGrid
from retrue.core.grids import Grids
from retrue.core.profile import Profile
from retrue.core.project import vectors
from retrue.core.state import Floats
from retrue.errors import RetrueError
from retrue.metrics.quality.shares import wilson
from retrue.tables import Table

Method = Literal["pca", "umap", "tsne"]

POINTS = 1_000
"""Rows of each side on the map."""
EXAMPLES = 3
"""Members told of a cluster that grew."""
NEEDED = ("pc1", "pc2", "cluster", "cluster_distance")
"""Projections that the map is made of."""
LONGEST = 80
"""Characters shown of an example."""


@dataclass(frozen=True, slots=True)
class MapCluster:
    """A cluster of the reference on the map.

    Attributes:
        name: as in the column's `cluster`.
        reference, window: its share of the rows on each side.
        grew: whether its share grew by more than chance.
        place: where its middle lies on the map.
        examples: members in the window, the most typical first.
    """

    name: str
    reference: float
    window: float
    grew: bool
    place: tuple[float, float]
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class EmbeddingMap:
    """Rows of the reference and of a window in two dimensions.

    Attributes:
        column: of the events.
        method: what made the dimensions.
        reference, window: float64[n, 2], at most `POINTS` rows of each side.
        clusters: of the reference, the largest first.
    """

    column: str
    method: Method
    reference: Floats
    window: Floats
    clusters: tuple[MapCluster, ...]

    @property
    def grown(self) -> tuple[MapCluster, ...]:
        """The clusters that grew, the one that grew most first."""
        return tuple(sorted((one for one in self.clusters if one.grew), key=lambda one: one.reference - one.window))

    def to_dict(self) -> dict[str, Any]:
        """Plain values: points rounded to three decimals."""
        return {
            "method": self.method,
            "reference": np.round(self.reference, 3).tolist(),
            "window": np.round(self.window, 3).tolist(),
            "clusters": [
                {
                    "name": one.name,
                    "reference": one.reference,
                    "window": one.window,
                    "grew": one.grew,
                    "place": [round(at, 3) for at in one.place],
                    "examples": list(one.examples),
                }
                for one in self.clusters
            ],
        }


def mapped_columns(grids: Grids) -> list[str]:
    """The columns of the events that can be mapped: those with the projections that a map is made of."""
    columns = dict.fromkeys(source.column for source in grids.sources.values())
    return [column for column in columns if all(f"{column}.{name}" in grids.columns for name in NEEDED)]


def maps_between(
    grids: Grids, reference: Table, window: Table, *, profiles: tuple[Profile, Profile], id: str | None = None
) -> dict[str, EmbeddingMap]:
    """Map every column that can be mapped, from a sample of both tables; none where rows are weighted.

    Args:
        grids: the reference's.
        reference: its table.
        window: the window's.
        profiles: of the window and of the reference.
        id: the column that names an event.
    """
    found = {}
    for column in mapped_columns(grids) if grids.weight is None else ():
        if column in window.dtypes and column in reference.dtypes:
            wanted = [column] if id is None or id not in window.dtypes or id == column else [column, id]
            sides = reference.sample([column], POINTS), window.sample(wanted, POINTS)
            made = embedding_map(grids, column, *sides, profiles, id=id)
            if made is not None:
                found[column] = made
    return found


def embedding_map(
    grids: Grids,
    column: str,
    reference: pl.DataFrame,
    window: pl.DataFrame,
    profiles: tuple[Profile, Profile],
    *,
    id: str | None = None,
    method: Method = "pca",
) -> EmbeddingMap | None:
    """Map a column; None where a side has nothing to show.

    Args:
        grids: the reference's, with what projections learned.
        column: of the events, one of `mapped_columns`.
        reference: rows of it; at most `POINTS` are shown.
        window: rows of it, likewise.
        profiles: of the window and of the reference, which the clusters' shares are taken from.
        id: the column that names an event, for the examples of what is no text.
        method: "pca" needs nothing more; "umap" needs `retrue[map]`; "tsne" is slow.

    Raises:
        RetrueError: UMAP isn't installed.
    """
    names = [f"{column}.{name}" for name in NEEDED]
    sides = [projected(grids, names, frame.head(POINTS)) for frame in (reference, window)]
    if not all(side.height for side in sides):
        return None
    before, after = laid_out(grids, column, sides, (reference, window), method)
    shares = tuple(profile.columns[f"{column}.cluster"] for profile in profiles)
    grid = shares[1].grid
    if not isinstance(grid, CategoricalGrid):
        return None
    found = []
    for i, name in enumerate(grid.categories):
        now, was = (float(side.counts[i]) for side in shares)
        members = sides[1].filter(pl.col("cluster") == name).sort("distance")
        held = [p[(s["cluster"] == name).to_numpy()] for p, s in zip((before, after), sides, strict=True)]
        places = np.concatenate(held)
        if not len(places):
            continue
        grew = wilson(now, shares[0].n)[0] > wilson(was, shares[1].n)[1]
        told = examples(window, members["row"].head(EXAMPLES), column, id) if grew else ()
        middle = np.median(places, axis=0)
        part = (was / max(shares[1].n, 1), now / max(shares[0].n, 1))
        found.append(MapCluster(name, *part, grew, (float(middle[0]), float(middle[1])), told))
    return EmbeddingMap(column, method, before, after, tuple(found))


def projected(grids: Grids, names: list[str], frame: pl.DataFrame) -> pl.DataFrame:
    """The rows that have a place, as columns row, x, y, cluster, distance."""
    values = dict(grids.each(frame, names))
    x, y, cluster, distance = (values[name] for name in names)
    if x.dtype != pl.Float64 or cluster.dtype != pl.String:
        return pl.DataFrame()  # a projection failed, which its own verdict tells
    made = pl.DataFrame({"row": np.arange(frame.height), "x": x, "y": y, "cluster": cluster, "distance": distance})
    return made.filter(pl.col("x").is_finite() & pl.col("y").is_finite() & pl.col("cluster").is_not_null())


def laid_out(
    grids: Grids, column: str, sides: list[pl.DataFrame], frames: tuple[pl.DataFrame, pl.DataFrame], method: Method
) -> tuple[Floats, Floats]:
    """float64[n, 2] of each side, by the method."""
    if method == "pca":
        before, after = (side.select("x", "y").to_numpy() for side in sides)
        return before, after
    learned = grids.sources[f"{column}.pc1"].learned
    fields: Mapping[str, Any] = {} if learned is None else learned.fields
    parts = [vectors.read(f[column].gather(s["row"]), fields).matrix for f, s in zip(frames, sides, strict=True)]
    if method == "umap":
        return by_umap(*parts)
    from sklearn.manifold import TSNE

    # t-SNE can't place new points: both sides are laid out together.
    both = np.concatenate(parts)
    perplexity = min(30.0, max((len(both) - 1) / 3, 1.0))
    found = np.asarray(TSNE(init="pca", perplexity=perplexity, random_state=0).fit_transform(both), np.float64)
    return found[: len(parts[0])], found[len(parts[0]) :]


def by_umap(before: Floats, after: Floats) -> tuple[Floats, Floats]:
    """UMAP (McInnes et al. 2018), fitted on the reference.

    Raises:
        RetrueError: it isn't installed.
    """
    try:
        from umap import UMAP
    except ImportError:
        raise RetrueError("a map by UMAP needs umap-learn", hint='pip install "retrue[map]"') from None
    model = UMAP(n_components=2, random_state=0).fit(before)
    return np.asarray(model.embedding_, np.float64), np.asarray(model.transform(after), np.float64)


def examples(frame: pl.DataFrame, rows: pl.Series, column: str, id: str | None) -> tuple[str, ...]:
    """Name rows: a text by its beginning, anything else by its id, or where it is in the sample."""
    if frame[column].dtype == pl.String:
        return tuple(shortened(str(text)) for text in frame[column].gather(rows).to_list())
    if id is not None and id in frame.columns:
        return tuple(f"{id} {value}" for value in frame[id].gather(rows).to_list())
    return tuple(f"row {row + 1} of the sample" for row in rows.to_list())


def shortened(text: str) -> str:
    """A text in a line.

    >>> shortened("so\\n good"), len(shortened("x" * 200))
    ('so good', 80)
    """
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
