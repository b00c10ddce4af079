"""On a real cluster: what two workers count is what one machine counts, also when one of them is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
from tests.conftest import lacking
from tests.engine.spark.cluster import cluster, environment, java

from retrue.demo.flights import load
from retrue.engine import local
from retrue.schema import Schema
from retrue.tables import read

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What the driver says of the flights of New York: which fields differ from those of one machine."""
    if not find_spec("pyspark"):
        lacking("pyspark", "make dev")
    if not java():
        lacking("java", "apt-get install default-jre-headless")
    folder = tmp_path_factory.mktemp("cluster")
    write_flights(folder)
    with cluster(folder) as (address, workers):
        command = [sys.executable, "-m", "tests.engine.spark.cluster", address, str(folder), str(workers[0])]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def write_flights(folder: Path) -> None:
    """Flights in files of very different lengths, and grids of the first of them."""
    frame = load()
    (folder / "events").mkdir()
    cuts = [0, 1, 1, 5_000, 40_000, 60_000]
    for i, (start, end) in enumerate(pairwise(cuts)):
        frame[start:end].write_parquet(folder / "events" / f"{i}.parquet")
    first = frame[:10_000]
    grids = local.fit_reference(read(first), Schema.infer(first)).grids
    (folder / "grids").write_bytes(grids.to_bytes())


def test_parquet_is_counted_as_on_one_machine(told: dict[str, list[str]]) -> None:
    """Integers to the last bit, sums to 1e-12, over files of one row, none, and many."""
    assert told["parquet"] == []


def test_a_partitioned_delta_table_needs_no_jar(told: dict[str, list[str]]) -> None:
    """Its files are read as the log names them; the values of its folders keep the log's type."""
    assert told["delta"] == []


def test_a_killed_worker_costs_no_row(told: dict[str, list[str]]) -> None:
    """A worker and its executor are killed in the middle: what they had counted is counted again, once."""
    assert told["killed"] == []
