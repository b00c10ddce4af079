"""What a reference keeps comes back from its bytes."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.core import reference
from retrue.core.column import prefixed
from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.core.grids import Grids, Source
from retrue.core.outcome_grid import BinaryGrid
from retrue.core.profile import fields_to_frame, frame_to_bytes
from retrue.core.reference import Reference, window_profiles
from retrue.core.scores import score_bins
from retrue.errors import ProfileError
from retrue.metrics.drift.wasserstein import wasserstein
from retrue.metrics.quality.quantiles import quantile
from retrue.schema import Schema

FRAME = pl.DataFrame(
    {"city": ["a", "b", "a", None], "y": [1, 0, None, 1], "p": [0.9, 0.8, 0.7, 0.6]},
)
GRIDS = Grids(
    {"city": CategoricalGrid.fit(FRAME["city"])},
    {"city": Source("city")},
    BinaryGrid("y", "p", None, "1", np.array([0.5])),
)


def test_a_reference_survives_its_bytes() -> None:
    schema = Schema.infer(FRAME, label="y", score="p")
    found = window_profiles(GRIDS, FRAME, np.array([0, 0, 3600, 3600]))
    windows = tuple(found.values())
    one = Reference(schema, GRIDS, GRIDS.count(FRAME), score_bins(GRIDS, FRAME), windows, tuple(found))
    again = Reference.from_bytes(one.to_bytes())
    assert again.schema == schema
    assert again.grids.digest == GRIDS.digest
    assert again.profile.agrees(one.profile)
    assert [window.rows for window in again.windows] == [2, 2]
    assert again.starts == (0, 3600)
    assert [moment.isoformat()[11:16] for moment in again.moments] == ["00:00", "01:00"]
    assert again.column_windows("city")[0].agrees(windows[0].columns["city"])
    np.testing.assert_array_equal(again.scores["city"].total, one.scores["city"].total)


def test_slices_survive_the_bytes_too() -> None:
    """They are kept without schema and grids, which are the reference's own; what an earlier version wrote has none."""
    schema, coarse = Schema.infer(FRAME, label="y", score="p"), GRIDS.coarse
    own = FRAME.filter(city="a")
    part = Reference(schema, coarse, coarse.count(own), score_bins(coarse, own))
    again = Reference.from_bytes(Reference(schema, GRIDS, GRIDS.count(FRAME), slices={"city = 'a'": part}).to_bytes())
    assert again.slices["city = 'a'"].profile.agrees(part.profile)
    assert again.slices["city = 'a'"].grids.digest == coarse.digest
    np.testing.assert_array_equal(again.slices["city = 'a'"].scores["city"].total, part.scores["city"].total)
    earlier = {name: value for name, value in again.fields().items() if not name.startswith("slice")}
    assert Reference.from_fields(earlier).slices == {}


def test_scores_lie_in_the_bins_of_labelled_events() -> None:
    """One right in a, one wrong in b, one right where the city is missing; the unlabelled event is left out."""
    found = score_bins(GRIDS, FRAME)["city"]
    assert found.n.tolist() == [1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert found.total.tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 0]
    assert score_bins(GRIDS, FRAME.drop("y")) == {}
    assert score_bins(Grids(GRIDS.columns, GRIDS.sources), FRAME) == {}


def test_only_the_last_windows_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "WINDOWS", 2)
    kept = window_profiles(GRIDS, FRAME, np.array([5, 7, 6, 6]))
    assert {start: window.rows for start, window in kept.items()} == {6: 2, 7: 1}


def test_a_reference_of_an_earlier_version_has_windows_without_starts() -> None:
    found = window_profiles(GRIDS, FRAME, np.array([0, 0, 3600, 3600]))
    schema = Schema.infer(FRAME, label="y", score="p")
    one = Reference(schema, GRIDS, GRIDS.count(FRAME), {}, tuple(found.values()), tuple(found))
    earlier = {name: value for name, value in one.fields().items() if name != "starts" and "history" not in name}
    for i, window in enumerate(one.windows):
        earlier |= prefixed(f"window{i}", window.fields(grids=False))
    again = Reference.from_fields(earlier)
    assert (len(again.windows), again.starts, again.moments) == (2, (), ())
    assert again.windows[1].agrees(one.windows[1])


def test_bytes_of_something_else_are_refused() -> None:
    with pytest.raises(ProfileError, match="no reference"):
        Reference.from_bytes(GRIDS.to_bytes())
    with pytest.raises(ProfileError, match="damaged|no profile"):  # noqa: RUF043
        Reference.from_bytes(b"RTRU\x00\x01nothing")


WHOLE = Reference(Schema.infer(FRAME, label="y", score="p"), GRIDS, GRIDS.count(FRAME)).to_bytes()


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 7))
def test_damaged_bytes_are_refused(place: int, bit: int) -> None:
    """One bit turned, or all from some place on lost: never another reference, never another error."""
    turned = bytearray(WHOLE)
    turned[place] ^= 1 << bit
    for damaged in (bytes(turned), WHOLE[:place]):
        with pytest.raises(ProfileError):
            Reference.from_bytes(damaged)


def test_bytes_of_a_newer_version_say_so() -> None:
    """The version is the two bytes after `RTRU`."""
    newer = WHOLE[:4] + (int.from_bytes(WHOLE[4:6], "big") + 1).to_bytes(2, "big") + WHOLE[6:]
    with pytest.raises(ProfileError, match=r"profile format 2: expected at most 1\. Hint: upgrade"):
        Reference.from_bytes(newer)


def test_windows_of_a_reference_keep_counts_without_sums_also_those_that_an_earlier_version_wrote() -> None:
    """Sums of a few values each are as many bytes as the values themselves: most of a reference."""
    values = pl.DataFrame({"x": np.random.default_rng(0).normal(size=8_000)})
    grids = Grids({"x": NumericGrid.fit(values["x"])}, {"x": Source("x")})
    found = window_profiles(grids, values, np.repeat(np.arange(20), 400))
    one = Reference(Schema.infer(values), grids, grids.count(values), {}, tuple(found.values()), tuple(found))
    with_sums = [window.columns["x"] for window in found.values()]
    earlier = one.fields() | {"history/values/column0/sums": np.concatenate([column.sums for column in with_sums])}
    earlier |= {"history/lengths/column0/sums": np.array([column.sums.size for column in with_sums])}
    for again in (Reference.from_bytes(one.to_bytes()), Reference.from_fields(earlier)):
        assert again.profile.agrees(one.profile)
        for kept, own in zip(again.column_windows("x"), with_sums, strict=True):
            assert kept.agrees(own.without_sums())
            assert kept.sums.size == 0
            assert kept.moments == own.moments
            np.testing.assert_array_equal(kept.counts, own.counts)
    assert len(one.to_bytes()) < 0.6 * len(frame_to_bytes(fields_to_frame(earlier)))


def test_what_needs_sums_says_that_only_counts_are_kept() -> None:
    """Counts still add up, to counts, and a quantile is told to the bin."""
    values = pl.Series("x", np.random.default_rng(0).normal(size=1_000))
    column = NumericGrid.fit(values).count(values)
    bare = column.without_sums()
    assert (bare + column).sums.size == 0
    assert (bare + column).counts.tolist() == (2 * column.counts).tolist()
    assert wasserstein(bare, column).value is None
    assert quantile(bare, 0.5).value == pytest.approx(quantile(column, 0.5).value, abs=0.02)
