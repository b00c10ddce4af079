"""Profiles: hours make days, and what is stored comes back, or is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from retrue.core.extra import RowRule, TimeSpan
from retrue.core.grid import CategoricalGrid, Grid, NumericGrid
from retrue.core.grids import Grids, Source
from retrue.core.outcome_grid import BinaryGrid, score_cuts
from retrue.core.profile import FORMAT, MAGIC, Profile, bytes_to_frame, frame_to_bytes, state_of
from retrue.errors import ProfileError

NAMES = ("x/y", "", "grid", "column0", "a\x00b", "ünï", "0/counts")
"""Column names that a careless format takes for its own."""


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    """500 events: awkward column names, specials, unseen categories, a label that is known for some."""
    rng = np.random.default_rng(5)
    columns: dict[str, pl.Series] = {name: pl.Series(rng.normal(size=500)) for name in NAMES}
    columns["city"] = pl.Series(rng.choice(["a", "b", "", "ä/ö"], 500))
    columns["score"] = pl.Series(rng.uniform(size=500))
    columns["label"] = pl.Series(rng.choice(["no", "yes", "none"], 500)).replace("none", None)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    columns["time"] = pl.Series([start + timedelta(minutes=i) for i in range(500)])
    row = pl.int_range(pl.len())
    return pl.DataFrame(columns).with_columns(
        pl.when(row % 7 > 0).then(pl.col("x/y")).alias("x/y"),
        pl.when(row % 9 > 0).then(pl.col("grid")).otherwise(float("nan")).alias("grid"),
    )


@pytest.fixture(scope="module")
def grids(frame: pl.DataFrame) -> Grids:
    """Grids fitted on the first half: the second holds values out of range."""
    half = frame.head(250)
    columns: dict[str, Grid] = {name: NumericGrid.fit(half[name]) for name in NAMES}
    columns["city"] = CategoricalGrid.fit(half["city"].head(9))
    outcome = BinaryGrid("label", "score", None, "yes", score_cuts(half["score"].to_numpy()))
    sources = {name: Source(name) for name in columns}
    return Grids(columns, sources, outcome, (RowRule("x/y", "<=", "grid"), TimeSpan("time")))


def test_hours_make_a_day(frame: pl.DataFrame, grids: Grids) -> None:
    parts = [grids.count(frame.filter(pl.int_range(pl.len()) % 6 == part)) for part in range(6)]
    assert sum(parts[1:], parts[0]).agrees(grids.count(frame))


def test_a_profile_survives_bytes_and_arrow(frame: pl.DataFrame, grids: Grids) -> None:
    profile = grids.count(frame)
    for again in (Profile.from_bytes(profile.to_bytes()), Profile.from_arrow(profile.to_arrow())):
        assert again.agrees(profile)
        assert list(again.columns) == list(profile.columns)


def test_a_profile_without_its_grids_is_lean_and_wants_them_back(frame: pl.DataFrame, grids: Grids) -> None:
    profile = grids.count(frame)
    lean = profile.to_bytes(grids=False)
    assert len(lean) < len(profile.to_bytes())
    assert Profile.from_bytes(lean, grids.columns).agrees(profile)
    with pytest.raises(ProfileError, match="pass the grids"):
        Profile.from_bytes(lean)


def test_an_arrow_table_of_another_library_comes_in(frame: pl.DataFrame, grids: Grids) -> None:
    profile = grids.count(frame)
    assert Profile.from_arrow(profile.to_arrow().to_arrow()).agrees(profile)


def test_the_empty_profile_survives(grids: Grids) -> None:
    empty = grids.empty()
    assert empty.rows == 0
    assert Profile.from_bytes(empty.to_bytes()).agrees(empty)
    assert Profile.from_bytes(Profile(0, {}).to_bytes()).rows == 0


def test_coarsening_keeps_every_row(frame: pl.DataFrame, grids: Grids) -> None:
    merged = grids.count(frame).coarsen(grids.coarse.columns)
    assert merged.agrees(grids.coarse.count(frame))


@pytest.mark.parametrize("damage", ["cut short", "one bit", "another header", "nothing", "no checksum"])
def test_damaged_bytes_are_refused(damage: str, frame: pl.DataFrame, grids: Grids) -> None:
    """An Arrow reader that is given damaged bytes may give other numbers, or end the process."""
    data = grids.count(frame).to_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    broken = {
        "cut short": data[:-20],
        "one bit": bytes(flipped),
        "another header": b"PAR1" + data[4:],
        "nothing": b"",
        "no checksum": data[:8],
    }
    with pytest.raises(ProfileError, match=r"damaged|no profile"):
        Profile.from_bytes(broken[damage])


def test_every_flipped_bit_is_noticed(grids: Grids) -> None:
    data = grids.count(pl.DataFrame({"": [1.0]})).to_bytes()
    for at in range(0, len(data), 13):
        flipped = bytearray(data)
        flipped[at] ^= 4
        with pytest.raises(ProfileError):
            Profile.from_bytes(bytes(flipped))


def test_a_newer_format_is_refused_with_what_to_do(grids: Grids) -> None:
    data = grids.empty().to_bytes()
    newer = MAGIC + (FORMAT + 1).to_bytes(2, "big") + data[6:]
    with pytest.raises(ProfileError, match=rf"profile format {FORMAT + 1}: expected at most {FORMAT}. Hint: upgrade"):
        Profile.from_bytes(newer)


def test_bytes_of_something_else_are_refused(grids: Grids) -> None:
    with pytest.raises(ProfileError, match="hold no profile"):
        Profile.from_bytes(grids.to_bytes())
    with pytest.raises(ProfileError, match="hold no grids"):
        Grids.from_bytes(grids.empty().to_bytes())
    with pytest.raises(ProfileError, match="no column"):
        Profile.from_arrow(pl.DataFrame({"field": ["rows"]}))
    with pytest.raises(ProfileError):
        bytes_to_frame(frame_to_bytes(pl.DataFrame())[:12])


def test_profiles_of_different_things_do_not_add_up(frame: pl.DataFrame, grids: Grids) -> None:
    less = Grids({"": grids.columns[""]}, {"": Source("")})
    with pytest.raises(ProfileError, match="only one of them"):
        grids.count(frame) + less.count(frame)
    with pytest.raises(ProfileError, match="only one of them"):
        grids.count(frame).subtract(less.count(frame))


def test_an_unknown_state_is_refused_with_what_to_do() -> None:
    with pytest.raises(ProfileError, match=r"unknown state 'sketch'. Hint: import the module"):
        state_of("sketch")
