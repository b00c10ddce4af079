"""A Delta table is read commit by commit: appended rows once, compaction never, rewrites and lost history in words."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from tests.conftest import needed
from tests.sources.conftest import expected, ids, register, rows, taken
from tests.store.objects import s3

import retrue as rt
from retrue.sources import SourceChangedError


def append(folder: Path, first: int, last: int) -> None:
    """Append events to the table, partitioned by a number and a date."""
    frame = rows(first, last).with_columns(part=pl.lit(first % 3), day=pl.lit(date(2024, 5, 1)))
    frame.write_delta(folder, mode="append", delta_write_options={"partition_by": ["part", "day"]})


@pytest.fixture
def table(tmp_path: Path, model: rt.Model) -> Path:
    """A table of 20 events in two commits, all taken."""
    folder = tmp_path / "delta"
    append(folder, 0, 10)
    append(folder, 10, 20)
    model.set_sources(events={"delta": str(folder)})
    assert taken(model) == 20
    return folder


def test_commits_are_taken_once_each_with_their_partition_columns(model: rt.Model, table: Path) -> None:
    assert taken(model) == 0
    append(table, 20, 25)
    append(table, 25, 30)
    assert taken(model) == 10
    found = model.events().collect()
    assert ids(model) == expected(0, 30)
    assert found.filter(pl.col("id") == "e27")["part"].to_list() == [25 % 3]


def test_compaction_adds_nothing(model: rt.Model, table: Path) -> None:
    append(table, 20, 30)
    DeltaTable(table).optimize.compact()
    DeltaTable(table).optimize.z_order(["id"])
    assert taken(model) == 10
    assert ids(model) == expected(0, 30)


@pytest.mark.parametrize("time", ["at", None])
def test_rewritten_rows_are_told_once_and_known_by_their_ids(
    store: rt.Workspace, tmp_path: Path, time: str | None
) -> None:
    model, table = register(store, time=time), tmp_path / "delta"
    append(table, 0, 20)
    model.set_sources(events={"delta": str(table)})
    assert taken(model) == 20
    append(table, 20, 25)  # taken before the change is told
    DeltaTable(table).delete("id = 'e3'")
    append(table, 25, 30)
    with pytest.raises(SourceChangedError, match=r"version 2 rewrote or deleted rows \(DELETE\).*known id are ignored"):
        model.pull()
    model.pull()
    assert ids(model) == expected(0, 30)
    assert len(model.quarantine()) == 0


def test_without_ids_rewritten_rows_are_left_out(store: rt.Workspace, tmp_path: Path) -> None:
    model = register(store, "n", id=None, label=None)
    append(tmp_path / "t", 0, 10)
    model.set_sources(events={"delta": str(tmp_path / "t")})
    assert taken(model) == 10
    append(tmp_path / "t", 10, 12)
    DeltaTable(tmp_path / "t").update({"x": "0.5"}, predicate="x = 3.0")
    append(tmp_path / "t", 12, 15)
    with pytest.raises(SourceChangedError, match="the next attempt leaves them out"):
        model.pull()
    assert taken(model) == 3
    assert len(model.events().collect()) == 15


def test_a_log_that_lost_its_history_is_told_once_and_read_anew(model: rt.Model, table: Path) -> None:
    append(table, 20, 25)
    append(table, 25, 30)
    DeltaTable(table).create_checkpoint()
    for version in range(3):
        (table / "_delta_log" / f"{version:020}.json").unlink()
    with pytest.raises(SourceChangedError, match=r"version 2 is gone from its log .* reads the whole table again"):
        model.pull()
    model.pull()
    assert ids(model) == expected(0, 30)


def test_files_that_were_compacted_and_vacuumed_before_they_were_read_are_told_once(
    model: rt.Model, table: Path
) -> None:
    append(table, 20, 25)
    append(table, 25, 30)
    DeltaTable(table).optimize.compact()
    DeltaTable(table).vacuum(0, enforce_retention_duration=False, dry_run=False)
    with pytest.raises(SourceChangedError, match=r"a file of version 3 is gone.*reads the whole table again"):
        model.pull()
    model.pull()
    assert ids(model) == expected(0, 30)


def test_a_partition_s_empty_text_is_no_value_whenever_it_is_read(store: rt.Workspace, tmp_path: Path) -> None:
    """As Delta's protocol has it: what comes again with the whole table is equal to what came with its commit."""
    model, folder = register(store), tmp_path / "delta"
    model.set_sources(events={"delta": str(folder)})
    for first in (0, 10):
        frame = rows(first, first + 10).with_columns(city=pl.lit(""))
        frame.write_delta(folder, mode="append", delta_write_options={"partition_by": ["city"]})
        assert taken(model) == 10
    assert model.events().collect()["city"].to_list() == [None] * 20


def test_a_file_that_the_present_version_needs_is_waited_for(model: rt.Model, table: Path) -> None:
    append(table, 20, 25)
    lost = next(table.glob("part=2/*/*.parquet"))
    lost.rename(table / "elsewhere")
    for _ in range(2):
        with pytest.raises(rt.TableError, match="a Delta table that can't be read: No such file"):
            model.pull()
    (table / "elsewhere").rename(lost)
    assert taken(model) == 5


def test_names_that_a_log_writes_in_percents_are_read(store: rt.Workspace, tmp_path: Path) -> None:
    model, folder = register(store), tmp_path / "a b ä" / "t"
    folder.parent.mkdir()
    cities = ["New York/ä", "a%20b=c", "x y:z"]
    model.set_sources(events={"delta": str(folder)})
    for number, city in enumerate(cities):
        frame = rows(10 * number, 10 * number + 10).with_columns(city=pl.lit(city))
        frame.write_delta(folder, mode="append", delta_write_options={"partition_by": ["city"]})
        assert number == 1 or taken(model) == 10 * max(number, 1)
    assert set(model.events().collect()["city"]) == set(cities)


@pytest.mark.slow
def test_a_table_in_an_object_store_is_read_commit_by_commit(model: rt.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """With names that its address writes in percents, and a commit that is gone from its log."""
    boto, bucket = needed("boto3"), "tables"
    with s3() as port:
        address = f"http://127.0.0.1:{port}"
        said = {"ENDPOINT": address, "ENDPOINT_URL": address, "REGION": "us-east-1", "ALLOW_HTTP": "true"}
        for name, value in {**said, "ACCESS_KEY_ID": "k", "SECRET_ACCESS_KEY": "s"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        boto.client("s3").create_bucket(Bucket=bucket)
        url = f"s3://{bucket}/our events/ü"
        model.set_sources(events={"delta": url})
        for first in (0, 10, 20):
            frame = rows(first, first + 10).with_columns(city=pl.lit("a b/ä%"))
            frame.write_delta(url, mode="append", delta_write_options={"partition_by": ["city"]})
            assert first == 20 or taken(model) == 10
        DeltaTable(url).create_checkpoint()
        boto.client("s3").delete_object(Bucket=bucket, Key=f"our events/ü/_delta_log/{2:020}.json")
        with pytest.raises(SourceChangedError, match="version 2 is gone from its log"):
            model.pull()
        assert taken(model) == 30
        assert ids(model) == expected(0, 30)
        assert set(model.events().collect()["city"]) == {"a b/ä%"}


@pytest.mark.parametrize(
    ("feature", "setting", "why"),
    [
        ("columnMapping", {"delta.columnMapping.mode": "name"}, "with column mapping"),
        ("deletionVectors", {"delta.enableDeletionVectors": "true"}, "with deletion vectors"),
        ("typeWidening", {"delta.enableTypeWidening": "true"}, "that can't be read: .*typeWidening"),
    ],
)
def test_a_table_of_a_feature_that_is_not_read_is_refused_in_words(
    feature: str, setting: dict[str, str], why: str, table: Path
) -> None:
    """As a source, and where it is compared."""
    log, out = table / "_delta_log" / f"{0:020}.json", list[str]()
    for entry in map(json.loads, log.read_text().splitlines()):
        if "protocol" in entry:
            entry["protocol"] = {"minReaderVersion": 3, "minWriterVersion": 7}
            entry["protocol"] |= {"readerFeatures": [feature], "writerFeatures": [feature]}
        if "metaData" in entry:
            fields = json.loads(entry["metaData"]["schemaString"])
            for number, one in enumerate(fields["fields"] if feature == "columnMapping" else (), 1):
                named = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": one["name"]}
                one["metadata"] = named
            entry["metaData"] |= {"configuration": setting, "schemaString": json.dumps(fields)}
        out.append(json.dumps(entry))
    log.write_text("\n".join(out))
    for read in (rt.source(delta=str(table)).reach, lambda _: rt.compare(str(table), str(table))):
        with pytest.raises(rt.TableError, match=f"a Delta table {why}"):
            read(1)


def test_another_table_at_the_same_place_is_told_once(model: rt.Model, table: Path) -> None:
    table.rename(table.with_name("old"))
    append(table, 15, 30)
    with pytest.raises(SourceChangedError, match="another table has taken its place"):
        model.pull()
    model.pull()
    assert ids(model) == expected(0, 30)


def test_a_table_that_is_away_fails_in_words_and_goes_on_when_it_is_back(model: rt.Model, table: Path) -> None:
    table.rename(table.with_name("away"))
    with pytest.raises(rt.TableError, match="does not exist"):
        model.pull()
    table.with_name("away").rename(table)
    append(table, 20, 22)
    assert taken(model) == 2


def test_a_column_that_went_is_said_and_the_batch_comes_again(model: rt.Model, table: Path) -> None:
    model.set_sources(events={"delta": str(table), "columns": {"p": "score"}})
    append(table, 20, 30)
    with pytest.raises(rt.TableError, match=r"no column 'score' in .*'id', 'at'"):
        model.pull()
    model.set_sources(events={"delta": str(table)})
    assert taken(model) == 10
    assert ids(model) == expected(0, 30)
