"""Vectors: what a row is depends on that row alone, and what is no vector is told apart."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from retrue.core.grids import Grids, Source, learn_column
from retrue.core.project import REGISTRY, Learned, apply, clusters, components, learn, mixture, reason_of
from retrue.core.project.vectors import KINDS
from retrue.core.state import Floats
from retrue.schema import Column, Kind

REFERENCE_ROWS = 400
DIRECTIONS = np.random.default_rng(7).normal(size=(12, 12)) * np.arange(12, 0, -1)[:, None]


def vectors(seed: int, rows: int) -> Floats:
    """Vectors of 12 numbers, spread more along some directions than along others."""
    return np.asarray(np.random.default_rng(seed).normal(size=(rows, 12)) @ DIRECTIONS, np.float64)


def column(matrix: Floats) -> pl.Series:
    """Vectors as a column of lists."""
    return pl.Series("v", matrix.tolist(), dtype=pl.List(pl.Float64))


def seen(name: str, window: pl.Series, reference: pl.Series, kind: Kind = Kind.EMBEDDING) -> Floats:
    """A window through a projection that learned from a reference; NaN where it has no value."""
    learned = learn(REGISTRY[name].family, reference, kind)
    assert not learned.failed
    return np.asarray(apply(learned, [name], window)[name].cast(pl.Float64).fill_null(float("nan")).to_numpy())


REFERENCE = column(vectors(0, REFERENCE_ROWS))
VECTORS = [one for one in REGISTRY.values() if one.kinds == KINDS]


def test_principal_components_are_those_of_scikit_learn() -> None:
    """Standardised scores and the distance from what is rebuilt, up to the sign that is fixed here."""
    matrix, window = vectors(0, REFERENCE_ROWS), vectors(1, 50)
    fitted = PCA().fit(matrix)
    scores = fitted.transform(window) / (fitted.singular_values_ / np.sqrt(len(matrix)))
    for i in range(3):
        found = seen(f"pc{i + 1}", column(window), REFERENCE)
        sign = np.sign(fitted.components_[i][np.abs(fitted.components_[i]).argmax()])
        assert found == pytest.approx(scores[:, i] * sign, abs=2e-6)
    k = np.asarray(learn(components.FAMILY, REFERENCE, Kind.EMBEDDING).fields["deviations"]).size
    some = PCA(k).fit(matrix)
    rest, usual = (np.linalg.norm(m - some.inverse_transform(some.transform(m)), axis=1) for m in (window, matrix))
    assert seen("reconstruction_error", column(window), REFERENCE) == pytest.approx(rest / usual.mean(), abs=1e-5)


def test_large_vectors_have_nearly_the_components_of_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(300, 5)) * [9, 7, 5, 3, 2] @ rng.normal(size=(5, 500)) + rng.normal(size=(300, 500))
    directions, variances = components.principal(matrix - matrix.mean(axis=0))
    fitted = PCA(3).fit(matrix)
    assert np.abs(np.vecdot(directions[:3], fitted.components_)) == pytest.approx(1, abs=1e-6)
    assert variances[:3] == pytest.approx(fitted.explained_variance_ * 299 / 300, rel=1e-6)


def test_the_nearest_cluster_is_the_nearest() -> None:
    centres = np.array([[0.0] * 12, [50.0] * 12, [-50.0] * 12])
    rng = np.random.default_rng(0)
    owner = np.repeat([0, 0, 0, 1, 1, 2], 50)
    reference = column(centres[owner] + rng.normal(size=(300, 12)))
    learned = learn(clusters.FAMILY, reference, Kind.EMBEDDING)
    found = np.asarray(learned.fields["centres"]).reshape(-1, 12)
    ids = seen("cluster", reference, reference).astype(int) - 1
    matrix = np.array(reference.to_list())
    apart = np.linalg.norm(matrix[:, None] - found[None], axis=2)
    assert ids.tolist() == apart.argmin(axis=1).tolist()
    usual = float(np.asarray(learned.fields["usual"])[0])
    assert seen("cluster_distance", reference, reference) == pytest.approx(apart.min(axis=1) / usual, abs=2e-6)
    assert np.bincount(ids).tolist() == sorted(np.bincount(ids), reverse=True)
    assert all(len(set(owner[ids == i])) == 1 for i in range(len(found)))


def test_density_is_the_log_likelihood_of_scikit_learns_mixture() -> None:
    window = column(vectors(5, 30))
    learned = learn(mixture.FAMILY, REFERENCE, Kind.EMBEDDING)
    k = np.asarray(learned.fields["deviations"]).size
    model = GaussianMixture(np.asarray(learned.fields["shares"]).size, covariance_type="diag")
    model.weights_ = np.asarray(learned.fields["shares"])
    model.means_ = np.asarray(learned.fields["centres"]).reshape(-1, k)
    model.covariances_ = np.asarray(learned.fields["variances"]).reshape(-1, k)
    model.precisions_cholesky_ = 1 / np.sqrt(model.covariances_)
    along = mixture.coordinates(np.array(window.to_list()), learned.fields)
    assert seen("density", window, REFERENCE) == pytest.approx(model.score_samples(along) / k, abs=2e-6)


def test_an_autoencoder_rebuilds_what_it_knows_better_than_what_it_does_not() -> None:
    """A closed curve in six dimensions, which no few components rebuild, and the same numbers without their order."""
    angle = np.random.default_rng(1).uniform(0, 6, 1_300)
    curve = np.column_stack([wave(k * angle) for k in (1, 2, 3) for wave in (np.cos, np.sin)])
    reference, window = column(curve[:1_000]), curve[1_000:]
    rng = np.random.default_rng(0)
    shuffled = np.column_stack([rng.permutation(window[:, i]) for i in range(6)])
    known, strange = (np.median(seen("autoencoder_error", column(m), reference)) for m in (window, shuffled))
    assert strange > 2 * known


def test_random_directions_are_standardised_and_fixed() -> None:
    found = seen("random1", REFERENCE, REFERENCE)
    assert (found.mean(), found.std()) == pytest.approx((0, 1), abs=1e-5)
    assert stats.kstest(found, seen("random1", REFERENCE, REFERENCE)).statistic == 0


BAD = [
    None,
    [1.0] * 11,
    [],
    [float("nan")] + [1.0] * 11,
    [float("inf")] + [1.0] * 11,
    [None] + [1.0] * 11,
    [1e308] * 12,
]


@cache
def learned_of(name: str) -> Learned:
    """What a projection learns of the reference."""
    return learn(REGISTRY[name].family, REFERENCE, Kind.EMBEDDING)


@pytest.mark.parametrize("one", VECTORS, ids=lambda one: one.name)
def test_what_is_no_vector_is_nan_and_null_is_null(one: object) -> None:
    """Nulls, other lengths, NaN, infinity and null inside, numbers too large to square."""
    name = getattr(one, "name")  # noqa: B009 - parametrised by objects
    window, learned = pl.Series("v", [[0.5] * 12, *BAD], dtype=pl.List(pl.Float64)), learned_of(name)
    values = apply(learned, [name], window)[name]
    if values.dtype == pl.String:
        assert values[1:-1].null_count() == 6
        return
    assert values.is_null().to_list() == [False, True] + [False] * 6
    assert values.is_nan().fill_null(value=False).to_list() == [False, False] + [True] * 6


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=0, max_size=5), st.sampled_from(VECTORS))
def test_a_row_has_the_same_value_in_any_batch(cuts: list[int], one: object) -> None:
    """Bit for bit: a value that is an atom of the grid must stay in its bin."""
    name = getattr(one, "name")  # noqa: B009 - drawn objects
    matrix = np.repeat(vectors(2, 20), 3, axis=0)
    window, edges = column(matrix), [0, *sorted(cuts), 60]
    learned = learned_of(name)
    whole = apply(learned, [name], window)[name]
    parts = [apply(learned, [name], window[a:b])[name] for a, b in pairwise(edges)]
    assert pl.concat(parts).equals(whole)
    assert whole[0] == whole[1] == whole[2]


TEXTS = pl.Series("t", [" ".join(f"w{(i * k) % 37}" for k in range(1, 9)) for i in range(200)])


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.EMBEDDING])
def test_grids_of_projections_survive_bytes_and_count_the_same(kind: Kind) -> None:
    series = TEXTS if kind == Kind.TEXT else REFERENCE
    names = tuple(one.name for one in REGISTRY.values() if kind in one.kinds)
    learned = learn_column(Column(series.name, kind, str(series.dtype), "", names), series)
    grids = Grids({s.name: p.grid for s, p in learned.items()}, {s.name: s for s in learned})
    again, frame = Grids.from_bytes(grids.to_bytes()), pl.DataFrame({series.name: series.reverse()})
    assert again.digest == grids.digest
    assert again.count(frame).agrees(grids.count(frame))
    assert (grids.count(frame[:70]) + grids.count(frame[70:])).agrees(grids.count(frame))


def test_texts_about_the_same_lie_together() -> None:
    """Two topics without common words: another topic is further from the clusters than a known one."""
    rng = np.random.default_rng(0)
    topics = [[f"{t}{i}" for i in range(30)] for t in ("bill", "ship", "game")]
    said = [pl.Series("t", [" ".join(rng.choice(topic, 10)) for _ in range(150)]) for topic in topics]
    reference = pl.concat(said[:2])
    known, other = (seen("cluster_distance", one, reference, Kind.TEXT).mean() for one in said[1:])
    assert other > known * 1.15
    ids = [set(seen("cluster", one, reference, Kind.TEXT).tolist()) for one in said[:2]]
    assert ids[0].isdisjoint(ids[1])


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (pl.Series("v", [[1.0, 2.0]] * 5), "only 5 rows of the reference can be read"),
        (pl.Series("v", [[1.0, 2.0]] * 50), "all vectors of the reference are equal"),
        (pl.Series("v", ["text"] * 50), "values of type String are no vectors"),
        (pl.Series("v", [None] * 50, dtype=pl.List(pl.Float64)), "only 0 rows"),
        (pl.Series("v", [[]] * 50, dtype=pl.List(pl.Float64)), "only 0 rows"),
    ],
)
def test_what_cannot_be_learned_is_told(reference: pl.Series, reason: str) -> None:
    for name in ("pc1", "cluster"):
        values = Source("v", name, learn(REGISTRY[name].family, reference, Kind.EMBEDDING)).of(reference)
        assert reason in str(reason_of(values))


def test_short_vectors_have_as_many_components_as_numbers() -> None:
    pairs = column(vectors(0, 100)[:, :2])
    found = learn_column(Column("v", Kind.EMBEDDING, "List(Float64)", ""), pairs)
    names = [source.projection for source in found]
    assert ("pc2" in names, "pc3" in names, "reconstruction_error" in names) == (True, False, False)


@pytest.mark.parametrize(
    ("name", "series", "numbers"),
    [
        ("norm", pl.Series([[3.0, 4.0], [0.0, 0.0], None, []]), [5.0, 0.0, None, 0.0]),
        ("norm", pl.Series([[3, 4]], dtype=pl.Array(pl.Int64, 2)), [5.0]),
        ("norm", pl.Series([b"\x03\x04"]), [5.0]),
        ("dimension", pl.Series([[3.0, 4.0], [1.0], None, []]), [2.0, 1.0, None, 0.0]),
    ],
)
def test_length_and_dimension_need_no_reference(name: str, series: pl.Series, numbers: list[float | None]) -> None:
    learned = learn(REGISTRY[name].family, series, Kind.EMBEDDING)
    assert apply(learned, [name], series)[name].to_list() == numbers


def test_the_norm_of_what_is_no_vector_is_nan() -> None:
    values = apply(
        learn(REGISTRY["norm"].family, REFERENCE, Kind.EMBEDDING), ["norm"], pl.Series([[1.0, None], [1e200, 1.0]])
    )
    assert values["norm"].is_nan().to_list() == [True, True]
