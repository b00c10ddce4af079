"""The benchmarks still run, at sizes too small to tell a time from."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import polars as pl
import pytest
from benchmarks import __main__ as parts
from benchmarks import data, process, shape, streams, venvs


def said(*arguments: object) -> str:
    """What `python -m benchmarks ...` prints."""
    return process.run([sys.executable, "-m", "benchmarks", *map(str, arguments)]).said


def test_comparing_prints_a_row_for_each_way(tmp_path: Path) -> None:
    out = said("compare", "--rows", 2_000, "--repeat", 1, "--peers", "", "--folder", tmp_path)
    assert "retrue compare, stored reference" in out
    assert list(tmp_path.iterdir()) == [], "it cleans up behind itself"


def test_counting_measures_the_pass_and_both_ways_of_decoding(tmp_path: Path) -> None:
    out = said("counting", "--rows", 2_000, "--repeat", 1, "--folder", tmp_path)
    assert [name in out for name in ("counting pass", "pyarrow read_table", "pyarrow iter_batches")] == [True] * 3


def test_the_tensor_has_a_profile_for_each_window_and_slice() -> None:
    """24 windows x (20 slices and all rows)."""
    assert "504 profiles of 21 columns" in said("tensor", "--rows", 20_000, "--repeat", 1)


def test_starting_loads_nothing_heavy() -> None:
    assert "a comparison loads none of the heavy libraries" in said("startup", "--repeat", 1)


def test_labels_join(tmp_path: Path) -> None:
    assert "rows/s" in said("label", "--events", 3_000, "--labels", 300, "--days", 2, "--folder", tmp_path)


def test_alarms_are_counted_against_the_budget() -> None:
    """Hourly, daily and with a short reference; five worlds each."""
    out = said("alarms", "--quick", "--parts", "budget", "--columns", 2)
    assert [out.count(kind) for kind in ("hourly", "daily  ", "few  ")] == [5, 5, 5]


def test_shapes_are_told() -> None:
    """Strong jumps in sixty windows, half of them of numbers and half of categories."""
    found, _ = shape.told(60, 0.5, streams.World(), "sudden", 10)
    assert found["sudden"] >= 8


def test_an_expected_change_is_shared_out() -> None:
    assert "sharing out 5,000 x 16" in said("impact", "--chunks", 0, "--rows", 5_000)


@pytest.mark.slow
def test_watching_a_call_is_measured() -> None:
    """A hundred calls: each is sent, and costs its caller far less than a millisecond."""
    out = said("watch", "--calls", 100, "--rate", 1_000)
    assert "'dropped': 0" in out
    assert all(float(p50) < 500 for p50 in re.findall(r"p50 +([\d.-]+) us", out))


def test_every_part_is_in_the_docs() -> None:
    told = (process.ROOT / "docs" / "benchmarks.md").read_text()
    assert [part for part in parts.PARTS if f"`{part}`" not in told] == []


def test_an_unknown_benchmark_is_told() -> None:
    with pytest.raises(process.Failed, match="unknown benchmark 'speed'; expected startup"):
        said("speed")


def test_the_table_is_as_described_and_always_the_same(tmp_path: Path) -> None:
    """20 numbers, 5 texts and a score; the file holds every piece."""
    data.write(tmp_path / "t.parquet", 1, 3_000)
    read = pl.read_parquet(tmp_path / "t.parquet")
    assert [read.select(kind).width for kind in (pl.selectors.float(), pl.selectors.string())] == [21, 5]
    assert read.equals(data.table(1, 3_000))
    assert read["zeros_1"].eq(0).mean() == pytest.approx(0.6, abs=0.05)


def test_the_peers_are_pinned() -> None:
    peers = (venvs.EVIDENTLY, venvs.NANNYML, venvs.WHYLOGS)
    assert all("==" in requirement for peer in peers for requirement in peer.requirements)
    assert all(peer.script.exists() for peer in peers)
