"""Files are read once each, whatever their names, and one that is bad keeps no other back."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest
from tests.conftest import needed
from tests.sources.conftest import expected, ids, register, rows, taken

import retrue as rt
from retrue.sources import SourceChangedError, files


def test_new_files_are_taken_and_old_ones_are_not_read_again(model: rt.Model, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "day=1").mkdir(parents=True)
    rows(0, 30).write_parquet(folder / "day=1" / "a.parquet")
    model.set_sources(events={"files": str(folder)})
    assert taken(model) == 30
    assert taken(model) == 0
    rows(30, 40).write_parquet(folder / "b.parquet")
    (folder / "_SUCCESS").touch()
    (folder / "_temporary").mkdir()
    rows(0, 90).write_parquet(folder / "_temporary" / "c.parquet")
    assert taken(model) == 10
    assert ids(model) == expected(0, 40)


def test_a_file_that_is_half_written_fails_in_words_and_is_taken_when_it_is_whole(
    model: rt.Model, tmp_path: Path
) -> None:
    rows(0, 10).write_parquet(tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(whole[:-200])
    rows(10, 20).write_parquet(tmp_path / "b.parquet")
    model.set_sources(events=rt.source(files=f"{tmp_path}/*.parquet"))
    with pytest.raises(rt.TableError, match=r"corrupt Parquet file .* in a\.parquet.*cut off"):
        model.pull()
    assert ids(model) == expected(10, 20)
    (tmp_path / "a.parquet").write_bytes(whole)
    assert taken(model) == 10
    assert ids(model) == expected(0, 20)


def test_a_file_that_was_rewritten_is_told_once_and_read_again_where_rows_have_an_id(
    model: rt.Model, tmp_path: Path
) -> None:
    rows(0, 10).write_parquet(tmp_path / "a.parquet")
    model.set_sources(events={"files": f"{tmp_path}/*.parquet"})
    assert taken(model) == 10
    rows(0, 12).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(SourceChangedError, match=r"a\.parquet was written again .* rows with a known id are ignored"):
        model.pull()
    model.pull()
    assert ids(model) == expected(0, 12)
    assert len(model.quarantine()) == 0


def test_without_an_id_a_rewritten_file_is_told_once_and_left_out(store: rt.Workspace, tmp_path: Path) -> None:
    model = register(store, id=None, label=None)
    rows(0, 10).write_parquet(tmp_path / "a.parquet")
    model.set_sources(events={"files": f"{tmp_path}/*.parquet"})
    assert taken(model) == 10
    rows(0, 12).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(SourceChangedError, match="the next attempt leaves them out"):
        model.pull()
    assert taken(model) == 0


def test_a_large_file_is_taken_in_chunks_and_read_on_inside(
    model: rt.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "ROWS", 7)
    rows(0, 30).write_parquet(tmp_path / "a.parquet")
    source = rt.source(files=f"{tmp_path}/*.parquet")
    chunks = list(source.after({}, ids=True))
    assert sum(len(chunk.frame) for chunk in chunks) == 30
    state = source.fold(None, {"begun": {f"{tmp_path}/a.parquet": [*source_mark(tmp_path / "a.parquet"), 14]}})
    rest = [name for chunk in source.after({"": state}, ids=True) for name in chunk.frame["id"]]
    assert rest == expected(14, 30)


def source_mark(path: Path) -> list[str]:
    """A file's size and change time."""
    facts = path.stat()
    return [f"{facts.st_size}:{facts.st_mtime_ns}"]


def test_a_folder_that_is_away_fails_in_words(model: rt.Model, tmp_path: Path) -> None:
    model.set_sources(events={"files": f"{tmp_path}/gone/**/*.parquet"})
    with pytest.raises(rt.TableError, match=r"no such folder .* is it mounted"):
        model.pull()


def test_an_object_store_is_listed_by_url(tmp_path: Path) -> None:
    """`obstore` lists `file://` as it lists `s3://`: the same code, without a server."""
    needed("obstore")
    (tmp_path / "day=1").mkdir()
    rows(0, 5).write_parquet(tmp_path / "day=1" / "a.parquet")
    found = files.listed_remote(f"file://{tmp_path}/**/*.parquet")
    assert [os.path.basename(name) for name in found] == ["a.parquet"]  # noqa: PTH119 - a URL
    (mark,) = found.values()
    assert mark.startswith(f"{(tmp_path / 'day=1' / 'a.parquet').stat().st_size}:")


def test_files_are_a_reference_and_a_side_of_a_comparison(tmp_path: Path) -> None:
    rows(0, 200).write_parquet(tmp_path / "a.parquet")
    rows(200, 400).rename({"x": "ix"}).with_columns(pl.lit(1).alias("extra")).write_parquet(tmp_path / "b.parquet")
    other = rt.source(files=str(tmp_path / "b.parquet"), columns={"x": "ix"})
    assert rt.read_table(other).columns == ("id", "at", "p", "extra", "x")
    assert rt.compare(rt.source(files=str(tmp_path / "a.parquet")), other).to_dict()["columns"]
