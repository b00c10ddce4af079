"""Which columns changed together, from rows: pairs are named, and what columns do by themselves isn't told."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from retrue.core.state import Floats
from retrue.errors import SchemaError
from retrue.explain.apart import auc_parts
from retrue.explain.joint import find_joint
from retrue.explain.pairs import changed_pairs, correlated, cramers_v
from retrue.schema import Kind

KINDS = {"x": Kind.NUMERIC, "y": Kind.NUMERIC, "z": Kind.NUMERIC, "c": Kind.CATEGORICAL, "d": Kind.CATEGORICAL}


def rows(n: int, seed: int, rho: float = 0.0, same: float = 0.0) -> pl.DataFrame:
    """Numbers x and y correlate by rho; d repeats c in a share of the rows; z has many zeros."""
    rng = np.random.default_rng(seed)
    x, noise = rng.normal(size=(2, n))
    c, d = (rng.choice(list("abcd"), n) for _ in range(2))
    return pl.DataFrame(
        {
            "x": x,
            "y": rho * x + math.sqrt(1 - rho * rho) * noise,
            "z": np.where(rng.random(n) < 0.5, 0.0, rng.exponential(size=n)),
            "c": c,
            "d": np.where(rng.random(n) < same, c, d),
        }
    )


def test_a_correlation_that_turned_is_named_with_its_interval() -> None:
    """The rank correlation is SciPy's, and the interval holds the change."""
    before, after = rows(4_000, 1), rows(2_000, 2, rho=-0.6)
    found = find_joint(after, before, list(KINDS), KINDS)
    pair = found.pairs[0]
    assert (pair.left, pair.right, pair.measure) == ("x", "y", "rank correlation")
    assert pair.after == pytest.approx(stats.spearmanr(after["x"], after["y"]).statistic, abs=0.02)
    assert pair.interval[0] < 6 / math.pi * math.asin(-0.3) < pair.interval[1]  # Spearman's rho of a normal copula
    assert {name for name, _ in found.features[:2]} == {"x", "y"}
    assert found.changed
    assert found.examples.height == 5
    assert found.sentence.startswith("Columns changed together: x and y: rank correlation ")
    assert json.loads(json.dumps(found.to_dict()))["pairs"][0]["columns"] == ["x", "y"]


def test_categories_that_go_together_are_named() -> None:
    found = find_joint(rows(2_000, 2, same=0.5), rows(4_000, 1), list(KINDS), KINDS)
    assert [(pair.left, pair.right, pair.measure) for pair in found.pairs] == [("c", "d", "Cramér's V")]
    assert found.pairs[0].before < 0.1
    assert found.pairs[0].after > 0.4


def test_numbers_that_moved_by_themselves_are_not_told() -> None:
    """Another scale, another mean, another share of zeros: ranks on each side's own are the same."""
    moved = rows(3_000, 2).with_columns(x=3 * pl.col("x") + 1, z=pl.when(pl.col("x") > 0).then(0.0).otherwise("z"))
    alone = rows(3_000, 3).with_columns(x=3 * pl.col("x") + 1, z=pl.col("z").clip(0.3))
    before = rows(3_000, 1)
    assert not find_joint(alone, before, ["x", "y", "z"], KINDS).changed
    assert find_joint(moved, before, ["x", "y", "z"], KINDS).changed  # here z now hangs on x


def test_without_a_change_nothing_is_told() -> None:
    """No pair in 20 searches at 1 % each; nor a classifier at 0.1 %."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        sides = [np.column_stack([rng.random((700, 3)), rng.integers(0, 4, (700, 2))]) for _ in range(2)]
        assert changed_pairs(list("xyzcd"), sides[0], sides[1], [False] * 3 + [True] * 2) == []
    same = find_joint(rows(1_000, 5), rows(3_000, 6), list(KINDS), KINDS)
    assert not same.changed
    assert same.sentence.startswith("Columns go together as they did: a classifier can't tell the rows apart (AUC 0.")
    assert (same.features, same.examples.height) == ((), 0)


def test_the_auc_and_its_error_are_those_of_scikit_learn_and_a_bootstrap() -> None:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 600)
    chance: Floats = np.round(rng.normal(size=600) + 0.5 * label, 1).astype(np.float64)
    auc, variance = auc_parts(chance, label)
    assert auc == pytest.approx(roc_auc_score(label, chance))
    draws = (rng.integers(0, 600, 600) for _ in range(300))
    spread = np.std([auc_parts(chance[draw], label[draw])[0] for draw in draws])
    assert math.sqrt(variance) == pytest.approx(spread, rel=0.15)


def test_measures_of_pairs_are_the_known_ones() -> None:
    rng = np.random.default_rng(0)
    x = rng.random(500)
    ranks = stats.rankdata(x), stats.rankdata(x + 0.3 * rng.random(500))
    assert correlated(*ranks, 1.96)[0] == pytest.approx(stats.spearmanr(*ranks).statistic)
    table = np.array([[30.0, 10.0, 5.0], [8.0, 40.0, 9.0]])
    plain = stats.contingency.association(table.astype(int), method="cramer")
    assert cramers_v(1_000 * table) == pytest.approx(plain, abs=1e-3)
    assert cramers_v(np.outer([3.0, 5.0], [2.0, 2.0])) == 0


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (rows(50, 1), "50 rows, needs 100"),
        (
            rows(500, 1).with_columns(y=pl.lit(1.0), z=pl.lit(None), c=pl.lit("a"), d=pl.lit("a")),
            "it takes two columns",
        ),
    ],
)
def test_what_cannot_be_compared_says_why(frame: pl.DataFrame, said: str) -> None:
    found = find_joint(frame, rows(500, 2), list(KINDS), KINDS)
    assert (found.auc, found.changed) == (None, False)
    assert said in (found.note or "")
    assert found.sentence.startswith("What columns do together can't be compared: ")


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(SchemaError, match="unknown column 'xx'"):
        find_joint(rows(200, 1), rows(200, 2), ["xx"], {"xx": Kind.NUMERIC})
