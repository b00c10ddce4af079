"""Paths, globs, folders and Delta tables, and what is said when they can't be read."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import deltalake
import polars as pl
import pytest

from retrue.errors import TableError
from retrue.tables import read
from retrue.tables.files import located


@pytest.mark.parametrize("name", ["nope.parquet", "nope.csv", "nope", "no/such/folder/x.ndjson"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(TableError, match=f"no such file in .*{name}"):
        read(tmp_path / name)


def test_a_pattern_that_matches_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"no file matches in '.*\*\.parquet'"):
        read(str(tmp_path / "*.parquet"))


@pytest.mark.parametrize(
    ("name", "hint"), [("a.xlsx", ".parquet, .pq"), ("a.json", "is .ndjson"), ("a", "no extension")]
)
def test_an_unknown_extension_names_the_known_ones(tmp_path: Path, name: str, hint: str) -> None:
    (tmp_path / name).write_text("x")
    with pytest.raises(TableError, match=hint):
        read(tmp_path / name)


def test_parquet_is_not_packed_again(tmp_path: Path) -> None:
    (tmp_path / "a.parquet.gz").write_text("x")
    with pytest.raises(TableError, match=r"unknown extension '\.parquet\.gz'"):
        read(tmp_path / "a.parquet.gz")


def test_a_folder_that_is_no_delta_table_says_how_to_name_its_files(tmp_path: Path) -> None:
    (tmp_path / "day=1").mkdir()
    (tmp_path / "day=1" / "a.csv").write_text("x\n1\n")
    with pytest.raises(TableError, match=r"no Delta table in .*Hint: .*/\*\*/\*\.csv'"):
        read(tmp_path)


def test_a_broken_delta_log_is_a_table_error(tmp_path: Path) -> None:
    (tmp_path / "_delta_log").mkdir()
    with pytest.raises(TableError, match="Delta table that can't be read"):
        read(tmp_path)


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "footer", "page"])
def test_a_corrupt_parquet_file_is_named_as_that(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "events.parquet"
    pl.DataFrame({"s": ["abc" * 9, "d"] * 5_000, "i": range(10_000)}).write_parquet(path)
    whole = path.read_bytes()
    damaged = {
        "empty": b"",
        "text": b"a,b\n1,2\n" * 9,
        "cut": whole[: len(whole) // 2],
        "footer": whole[:-200] + b"\x00" * 190 + whole[-10:],
        "page": whole[:20] + b"\xff" * 40 + whole[60:],
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(TableError, match=r"a corrupt Parquet file .* in events\.parquet: expected .*Hint:"):
        list(read(path).batches())


def test_the_corrupt_one_of_many_files_is_named(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        pl.DataFrame({"x": [1]}).write_parquet(tmp_path / f"{name}.parquet")
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    with pytest.raises(TableError, match=r"in b\.parquet"):
        read(str(tmp_path / "*.parquet"))


def test_files_of_a_glob_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name, value in (("b", 2), ("c", 3), ("a", 1)):
        pl.DataFrame({"x": [value]}).write_parquet(tmp_path / f"{name}.parquet")
    table = read(str(tmp_path / "*.parquet"))
    assert table.collect()["x"].to_list() == [1, 2, 3]
    assert table.name.endswith("*.parquet")


def test_files_with_other_columns_or_wider_types_are_read_together(tmp_path: Path) -> None:
    """What a file lacks is null in its rows; integers become floats where another file has floats."""
    pl.DataFrame({"a": [1], "b": [2]}).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame({"a": [1.5], "c": ["x"]}).write_parquet(tmp_path / "2.parquet")
    table = read(str(tmp_path / "*.parquet"))
    assert table.dtypes == {"a": pl.Float64, "b": pl.Int64, "c": pl.String}
    assert pl.concat(table.batches()).rows() == [(1.0, 2, None), (1.5, None, "x")]


def test_files_whose_types_do_not_go_together_are_an_error(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame({"a": [[1]]}).write_parquet(tmp_path / "2.parquet")
    with pytest.raises(TableError):
        read(str(tmp_path / "*.parquet"))


def test_files_of_two_formats_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    pl.DataFrame({"x": [1]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(TableError, match="two formats: CSV and Parquet"):
        read(str(tmp_path / "*"))


def test_folders_named_key_equals_value_are_columns(tmp_path: Path) -> None:
    for day in ("2024-05-01", "2024-05-02"):
        (tmp_path / f"day={day}").mkdir()
        pl.DataFrame({"x": [1]}).write_parquet(tmp_path / f"day={day}" / "part.parquet")
    table = read(str(tmp_path / "**" / "*.parquet"))
    assert table.collect().rows() == [(1, dt.date(2024, 5, 1)), (1, dt.date(2024, 5, 2))]


def test_a_partitioned_delta_table_with_a_column_added_later_is_whole(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"x": range(4), "day": [dt.date(2024, 1, 1 + i // 2) for i in range(4)], "p": ["a b", "c"] * 2}
    )
    deltalake.write_deltalake(tmp_path / "t", frame, partition_by=["day", "p"])
    later = frame.with_columns(x=pl.col("x") + 4, z=pl.lit(0.5))
    deltalake.write_deltalake(tmp_path / "t", later, mode="append", schema_mode="merge")
    table = read(tmp_path / "t")
    expected = pl.concat([frame, later], how="diagonal").sort("x")
    assert table.collect().sort("x").equals(expected)
    assert (table.columnar, table.count_rows()) == (True, 8)


def test_a_delta_table_with_deletion_vectors_is_refused(tmp_path: Path) -> None:
    """They would be read as rows that are still there."""
    table = deltalake.write_deltalake(tmp_path / "t", pl.DataFrame({"x": [1]}))
    assert table is None
    log = tmp_path / "t" / "_delta_log" / "00000000000000000000.json"
    protocol = '{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],'
    protocol += '"writerFeatures":["deletionVectors"]}}'
    lines = [protocol if "protocol" in line else line for line in log.read_text().splitlines()]
    log.write_text("\n".join(lines) + "\n")
    with pytest.raises(TableError, match=r"Delta table (with deletion vectors|that can't be read)"):
        read(tmp_path / "t")


def test_file_urls_and_home_folders_are_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a b.csv").write_text("x\n1\n")
    assert read((tmp_path / "a b.csv").as_uri()).rows == 1
    assert read("~/a b.csv").rows == 1
    assert located(Path("a.csv")) == "a.csv"


def test_a_list_of_urls_is_refused() -> None:
    with pytest.raises(TableError, match="a list with URLs"):
        read(["http://localhost/a.csv", "b.csv"])


@pytest.mark.parametrize("url", ["ftp://host/x.csv", "s33://host/x.parquet", "nonsense://host/table"])
def test_an_unknown_scheme_names_the_known_ones(url: str) -> None:
    with pytest.raises(TableError, match=r"unknown scheme .*expected http, https, file, s3"):
        read(url)


@pytest.mark.slow
def test_an_object_store_that_cannot_be_reached_is_a_table_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "x"}.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    with pytest.raises(TableError):
        read("s3://bucket/events.parquet")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_table_error(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x\n1\n")
    path.chmod(0)
    with pytest.raises(TableError, match="no permission"):
        read(path)


STREAM = """
import re, sys
from pathlib import Path
from retrue.tables import read
table = read(sys.argv[1])
columns = [[name] for name in table.columns] if table.columnar else [None]
rows = [sum(batch.height for batch in table.batches(names)) for names in columns]
print(rows[0], int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""
"""Streams a file; prints its rows and the peak memory in MB (not `ru_maxrss`, which a child inherits)."""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_ten_million_rows_are_streamed_in_little_memory(tmp_path: Path, form: str) -> None:
    """Far less than the 800 MB that the table takes when it is held."""
    rows, path = 10_000_000, tmp_path / f"big.{form}"
    million = pl.LazyFrame({"i": pl.int_range(rows // 10, eager=True)})
    million = million.with_columns([(pl.col("i") * k / 7).alias(f"x{k}") for k in range(9)])
    if form == "parquet":
        pl.concat([million] * 10).sink_parquet(path, row_group_size=1_000_000)
    else:  # the same text ten times: writing numbers down takes longer than reading them
        header, _, text = million.collect().write_csv(float_precision=2).partition("\n")
        path.write_text(f"{header}\n{text * 10}", encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", STREAM, str(path)], capture_output=True, text=True, check=True)
    found, peak = map(int, done.stdout.split())
    assert found == rows
    assert peak < 600
