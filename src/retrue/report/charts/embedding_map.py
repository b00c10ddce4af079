"""The picture of a map: points of the reference and the window, and the clusters that grew by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retrue.judge.words import percent
from retrue.report.charts.picture import Field, Picture, position, short
from retrue.report.theme import REFERENCE, WINDOW

if TYPE_CHECKING:
    from retrue.explain.embedding_map import EmbeddingMap, MapCluster

AXES = {"pca": "principal components", "umap": "UMAP", "tsne": "t-SNE"}


def embedding_map(found: EmbeddingMap) -> Picture:
    """Show where rows lie: the reference in grey, the window over it, what grew in orange."""
    spots = label_spots(found)
    rows: list[dict[str, Any]] = [cluster_row(one, spots.get(one.name)) for one in found.clusters]
    for side, points in ((REFERENCE, found.reference), (WINDOW, found.window)):
        rows += [{"side": side, "x": position(x), "y": position(y)} for x, y in points.tolist()]
    fields = (
        Field("cluster", "cluster"),
        Field(REFERENCE, REFERENCE, "share"),
        Field(WINDOW, WINDOW, "share"),
        Field("examples", "such as"),
    )
    shown = f"{len(found.reference):,} rows of the reference and {len(found.window):,} of the window"
    note = f"{shown}, by {AXES[found.method]}"
    return Picture("embedding-map-grown" if found.grown else "embedding-map", finding(found), rows, fields, note)


NAMED = 4
"""Clusters that are named on the map; the table tells all."""
GAP = 0.08
"""Least distance between two names, as a share of the map's height."""


def label_spots(found: EmbeddingMap) -> dict[str, float]:
    """Where the names of clusters that grew are written: above their middles, and apart from each other."""
    heights = [*found.reference[:, 1].tolist(), *found.window[:, 1].tolist()]
    gap, spots, last = GAP * (max(heights) - min(heights)), dict[str, float](), float("-inf")
    for one in sorted(found.grown[:NAMED], key=lambda one: one.place[1]):
        last = max(one.place[1] + gap / 2, last + gap)
        spots[one.name] = last
    return spots


def cluster_row(one: MapCluster, spot: float | None) -> dict[str, Any]:
    """Write a cluster, with a name on the map where it has a spot."""
    row: dict[str, Any] = {
        "cluster": one.name,
        REFERENCE: round(one.reference, 6),
        WINDOW: round(one.window, 6),
        "examples": "; ".join(one.examples),
    }
    if spot is not None:
        said = f"cluster {one.name}: {percent(one.reference)} → {percent(one.window)}"
        row |= {
            "side": "grown",
            "x": position(one.place[0]),
            "y": position(one.place[1]),
            "at": position(spot),
            "name": said,
        }
    return row


def finding(found: EmbeddingMap) -> str:
    """Say which cluster grew most, and what is in it."""
    name = short(found.column)
    if not found.grown:
        return f"{name}: no cluster of the reference grew"
    most = found.grown[0]
    such = f", such as “{short(most.examples[0], 50)}”" if most.examples else ""
    return f"{name}: cluster {most.name} grew from {percent(most.reference)} to {percent(most.window)} of rows{such}"
