"""A sample follows from the ids alone, and says what all of the events say, within its intervals."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrue.core.hashing import hash64
from retrue.core.state import Floats
from retrue.errors import ConfigError, SliceError
from retrue.refine.collect.estimates import weighted_mean, weighted_total
from retrue.schema import Schema
from retrue.store.keeping import CONTENT, PROBABILITY, Keep, content, sampled
from retrue.store.layout import Layout

AT = datetime(2026, 3, 1, tzinfo=UTC)
LAYOUT = Layout("id", "at", "v", "y", types={"x": "Float64", "city": "String", "p": "Float64"})
KEEP = Keep(0.2, ("x > 1.5",), ("id", "at", "v", "p"))


def events(seed: int, n: int = 600, *, first: int = 0) -> pl.DataFrame:
    """Events of one segment, as the cycle has them."""
    rng = np.random.default_rng(seed)
    ids = pl.Series("id", [f"{seed}-{row}" for row in range(first, first + n)])
    return pl.DataFrame(
        {
            "id": ids, "at": pl.Series([AT] * n), "v": ["1"] * n, "x": rng.normal(size=n),
            "city": rng.choice(["JFK", "LGA"], n), "p": rng.random(n), "_seq": pl.Series([1] * n),
            "_n": np.arange(n), "_date": pl.Series([date(2026, 3, 1)] * n), "_h": hash64(ids),
        }
    )  # fmt: skip


def rows(frame: pl.DataFrame) -> set[tuple[object, ...]]:
    return set(frame.select("id", "x", "city", "p", PROBABILITY, CONTENT).rows())


def test_a_row_is_kept_whole_by_its_id_or_by_a_slice_and_the_others_narrow() -> None:
    whole = events(1)
    kept = KEEP.thinned(whole, LAYOUT, {"city"})
    narrow = kept.filter(pl.col(CONTENT).is_not_null())
    assert kept.sort("_n").select("id", "p", "city").equals(whole.select("id", "p", "city")), "what counting needs"
    assert narrow["x"].null_count() == narrow.height
    assert narrow.height == kept.height - kept["x"].is_not_null().sum()
    edge = kept.filter(pl.col("x") > 1.5)
    assert edge["id"].sort().equals(whole.filter(pl.col("x") > 1.5)["id"].sort())
    assert edge[PROBABILITY].unique().to_list() == [1.0]
    assert narrow[PROBABILITY].unique().to_list() == [0.2]


def test_everything_is_kept_before_there_is_a_reference() -> None:
    kept = KEEP.thinned(events(1), LAYOUT, None)
    assert kept[CONTENT].null_count() == kept.height
    assert kept[PROBABILITY].unique().to_list() == [1.0]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), cuts=st.lists(st.integers(0, 80), max_size=4), share=st.floats(0.01, 0.99))
def test_the_sample_is_the_same_however_events_are_cut_and_ordered(seed: int, cuts: list[int], share: float) -> None:
    whole, keep = events(seed, 80), Keep(share, ("x > 1.5 OR city = 'LGA' AND p < 0.1",), KEEP.columns)
    mixed = whole.sample(fraction=1.0, shuffle=True, seed=seed)
    edges = [0, *sorted(cuts), 80]
    parts = [mixed[start:end] for start, end in pairwise(edges) if end > start]
    together = pl.concat([keep.thinned(part, LAYOUT, ()) for part in parts])
    assert rows(together) == rows(keep.thinned(whole, LAYOUT, ()))


VALUES = {
    "n": st.none() | st.floats() | st.just(-0.0), "i": st.none() | st.integers(-(2**63), 2**63 - 1),
    "s": st.none() | st.text(max_size=3), "b": st.none() | st.booleans(),
    "d": st.none() | st.dates(), "l": st.none() | st.lists(st.integers(0, 2), max_size=2),
}  # fmt: skip
TYPES = {"n": pl.Float64(), "i": pl.Int64(), "s": pl.String(), "b": pl.Boolean(), "d": pl.Date(),
         "l": pl.List(pl.Int64())}  # fmt: skip
ROW = st.fixed_dictionaries(dict(VALUES))


@settings(max_examples=40, deadline=None)
@given(first=ROW, second=ROW, order=st.permutations(list(VALUES)), lacking=st.sets(st.sampled_from(sorted(VALUES))))
def test_contents_are_equal_where_every_value_is(
    first: dict[str, object], second: dict[str, object], order: list[str], lacking: set[str]
) -> None:
    """Polars' own comparison is the oracle: nulls equal nulls, NaN equals NaN, 0.0 equals -0.0."""
    pair = pl.DataFrame([first, second], schema=TYPES)
    equal = pair.select(pl.all_horizontal(pl.all().first().eq_missing(pl.all().last()))).item()
    own = content(pair, LAYOUT)
    assert (own[0] == own[1]) == equal
    short = pair[:1].select([name for name in order if name not in lacking or first[name] is not None])
    assert content(short, LAYOUT)[0] == own[0], "columns without values, and their order, say nothing"


def held(said: tuple[float, float] | None, truth: float) -> bool:
    return said is not None and said[0] <= truth <= said[1]


@pytest.mark.parametrize("keep", [Keep(0.1), Keep(0.1, ("x > 1.5",))], ids=["share", "edge cases besides"])
def test_intervals_of_the_sample_hold_what_all_events_say(keep: Keep) -> None:
    """A feature's mean, a slice's share, totals, accuracy and Brier score by slice: 95 % of 160 samples.

    The sample is drawn by new ids each time, from the same events; of 160 samples 95 % is 152 +- 2.8.
    """
    base = events(7, 1500)
    label = np.random.default_rng(8).random(1500) < base["p"].to_numpy()
    loss = {"accuracy": (label == (base["p"] > 0.5).to_numpy()).astype(float), "brier": (label - base["p"]) ** 2}
    table = base.with_columns(**{name: pl.Series(values) for name, values in loss.items()})
    city = base["city"] == "JFK"
    truth = {
        "mean": base["x"].mean(), "share": city.mean(), "total": base["x"].sum(),
        **{name: table[name].filter(city).mean() for name in loss},
    }  # fmt: skip
    hits = dict.fromkeys(truth, 0)
    for seed in range(160):
        drawn = table.with_columns(hash64(pl.Series([f"{seed}/{row}" for row in range(1500)])).alias("_h"))
        rows_ = keep.thinned(drawn, LAYOUT, {"city", *loss}).filter(pl.col(CONTENT).is_null())
        x, p = rows_["x"].to_numpy(), rows_[PROBABILITY].to_numpy()
        own = (rows_["city"] == "JFK").to_numpy()
        said = {
            "mean": weighted_mean(x, p),
            "share": weighted_mean(own.astype(float), p),
            "total": weighted_total(x, p),
        }
        said |= {name: weighted_mean(rows_[name].to_numpy()[own], p[own]) for name in loss}
        for name, one in said.items():
            hits[name] += held(one.interval, float(truth[name]))  # type: ignore[arg-type]
    assert all(0.89 <= count / 160 <= 1.0 for count in hits.values()), hits


def test_the_even_sample_needs_no_weights() -> None:
    """Edge cases are always kept: the plain mean of what is kept is wrong, that of the even sample right."""
    whole = events(3, 20_000)
    keep = Keep(0.1, ("x > 1.5",), ("id",))
    layout = Layout("id", "at", "v", "y", keep=keep.to_dict())
    lake = keep.thinned(whole, layout, ()).lazy()
    kept, even, every = (sampled(lake, layout, which).collect() for which in ("kept", "even", "all"))
    spread = 1 / np.sqrt(even.height)
    assert abs(mean(even["x"]) - mean(whole["x"])) < 4 * spread < mean(kept["x"]) - mean(whole["x"])
    assert even.height == pytest.approx(2_000, abs=200)
    assert (every.height, "x" in every.columns, PROBABILITY in even.columns) == (20_000, False, False)
    with pytest.raises(ConfigError, match=r"unknown sample 'evn'.*did you mean 'even'"):
        sampled(lake, layout, "evn")  # type: ignore[arg-type]


def mean(values: pl.Series) -> float:
    numbers: Floats = values.to_numpy()
    return float(numbers.mean())


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("5 %", Keep(0.05)), ("100 %", Keep()), (None, Keep()), ({}, Keep()), ({"share": 0.5}, Keep(0.5)),
        (0.5, Keep(0.5)),
        ({"share": "1 %", "always": "x > 1", "columns": ["x"]}, Keep(0.01, ("x > 1",), ("x",))),
    ],
)  # fmt: skip
def test_what_is_kept_is_read(said: object, expected: Keep) -> None:
    assert Keep.of(said) == expected  # type: ignore[arg-type]
    assert Keep.of(expected.to_dict()) == (expected or Keep())


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("0 %", "a share of 0 %"), (0, "a share of 0 %"), (True, "True is no share"), ([1], "is no share"),
        ("200", "'200' is no share"), ({"share": 2}, "a share of 200 %"),
        ({"always": "x > 1"}, "None is no share"), ({"share": "5 %", "slices": []}, "unknown 'slices'"),
        ({"share": "5 %", "columns": [1]}, r"columns = \[1\]"), ({"share": "5 %", "always": {}}, None),
    ],
)  # fmt: skip
def test_what_isnt_understood_is_refused(said: object, reason: str | None) -> None:
    if reason is None:
        assert Keep.of(said) == Keep(0.05)  # type: ignore[arg-type]
        return
    with pytest.raises(ConfigError, match=reason):
        Keep.of(said)  # type: ignore[arg-type]


def test_a_keep_is_fitted_to_its_model() -> None:
    """All that the schema says beside features is kept of every event; slices of the label can't be."""
    table = pl.DataFrame({"id": ["a", "b"], "x": [1.0, 2.0], "z": [1.0, 2.0], "p": [0.1, 0.9], "y": [0, 1]})
    schema = Schema.infer(table, id="id", label="y", score="p", slices=["z"])
    layout = Layout.of(schema)
    assert set(Keep(0.5).fitted(schema, layout).columns) == {"id", "_time", "_version", "p", "z"}
    assert "x" in Keep(0.5, columns=("x",)).fitted(schema, layout).columns
    with pytest.raises(SliceError, match="reads the label"):
        Keep(0.5, ("y = 1",)).fitted(schema, layout)
    with pytest.raises(SliceError, match="unknown column 'q'"):
        Keep(0.5, ("q = 1",)).fitted(schema, layout)
    with pytest.raises(ConfigError, match="unknown column 'q'"):
        Keep(0.5, columns=("q",)).fitted(schema, layout)
