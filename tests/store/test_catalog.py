"""The catalog: typed rows in and out, one transaction or nothing, and no migration without being asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, cast

import pytest

from retrue.errors import StoreError, StoreVersionError
from retrue.store import migrations, rows
from retrue.store.catalog import HEAD, KNOWN, Catalog, columns_of, migrate
from retrue.store.sqlite_file import backup
from retrue.store.tables import metadata


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog.open(tmp_path / "catalog.db")
    with catalog.write() as tx:
        tx.add(rows.Model("m", {}))
        tx.add(rows.Task("of annotations", "m", "open", 1, 1))
    yield catalog
    catalog.close()


def example(kind: type[rows.Row]) -> rows.Row:
    """A row of made-up values."""
    made: dict[str, object] = {"str": "m", "int": 1, "bytes": b"x", "Body": {"a": [1]}, "float | None": 0.5}
    wanted = [f for f in fields(cast("Any", kind)) if f.default is MISSING and f.default_factory is MISSING]
    given = {f.name: made[str(f.type)] for f in wanted}
    return kind(**given | ({"task": "of annotations"} if kind is rows.Annotation else {}))


@pytest.mark.parametrize("kind", [k for k in rows.ROWS if k not in (rows.Model, rows.Audit)])
def test_every_kind_of_row_comes_out_as_it_went_in(catalog: Catalog, kind: type[rows.Row]) -> None:
    with catalog.write() as tx:
        row = tx.add(example(kind))
        assert row in tx.find(kind)
        tx.put(row)
        assert tx.find(kind).count(row) == 1
        assert tx.remove(kind) >= 1


@pytest.mark.parametrize("kind", rows.ROWS)
def test_rows_and_tables_have_the_same_columns(kind: type[rows.Row]) -> None:
    assert columns_of(kind) == {column.name for column in metadata.tables[kind.table].columns}


def test_migrations_make_the_tables_that_the_code_expects(catalog: Catalog) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with catalog.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_known_migrations_are_those_in_the_package() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [HEAD]
    assert tuple(reversed([step.revision for step in script.walk_revisions()])) == KNOWN


def test_a_failed_transaction_leaves_nothing(catalog: Catalog) -> None:
    with pytest.raises(RuntimeError), catalog.write() as tx:  # noqa: PT012
        tx.add(rows.Version("m", "1", "champion"))
        raise RuntimeError
    with catalog.read() as tx:
        assert tx.find(rows.Version) == ()


def test_put_replaces_the_row_of_the_same_key(catalog: Catalog) -> None:
    with catalog.write() as tx:
        tx.put(rows.Version("m", "1", "champion"), rows.Version("m", "2", "shadow"))
        tx.put(rows.Version("m", "1", "retired"))
        assert [v.stage for v in tx.find(rows.Version, model="m")] == ["retired", "shadow"]
        assert tx.get(rows.Version, model="m", version=["2", "3"]) == rows.Version("m", "2", "shadow")


def test_applied_advances_one_by_one(catalog: Catalog) -> None:
    with catalog.write() as tx:
        tx.advance("m", 1)
    for segment in (1, 3):
        with pytest.raises(StoreError, match="applied by someone else"), catalog.write() as tx:
            tx.advance("m", segment)
    with catalog.read() as tx:
        assert tx.applied("m") == 1


def test_numbers_count_up(catalog: Catalog) -> None:
    with catalog.write() as tx:
        numbers = [tx.add(rows.Audit(1, "me", "promote")).number for _ in range(3)]
    assert numbers == [1, 2, 3]


@pytest.mark.parametrize(
    "change", ["update audit set actor = 'somebody else'", "delete from audit", "update audit set digest = null"]
)
def test_entries_of_the_audit_log_are_neither_changed_nor_deleted(catalog: Catalog, change: str) -> None:
    with catalog.write() as tx:
        entry = tx.add(rows.Audit(1, "me", "promote"))
    with pytest.raises(StoreError, match="the audit log only grows"), catalog.write() as tx:
        tx.connection.exec_driver_sql(change)
    with pytest.raises(StoreError, match="the audit log only grows"), catalog.write() as tx:
        tx.put(entry)
    with catalog.read() as tx:
        assert tx.find(rows.Audit) == (entry,)


def test_numbered_rows_are_read_a_page_at_a_time(catalog: Catalog) -> None:
    with catalog.write() as tx:
        for model in ("m", "n", "m", "m"):
            tx.add(rows.Audit(1, "me", "promote", model))
        assert [row.number for row in tx.after(rows.Audit, 1, 2)] == [2, 3]
        assert [row.number for row in tx.latest(rows.Audit, 2)] == [4, 3]
        assert [row.number for row in tx.latest(rows.Audit, 9, 4, model="m")] == [3, 1]


def test_facts_are_kept_and_replaced(catalog: Catalog) -> None:
    with catalog.write() as tx:
        assert tx.fact("colour") is None
        tx.set_fact("colour", "blue")
        tx.set_fact("colour", "grey")
        assert tx.fact("colour") == "grey"


def test_windows_are_found_by_range(catalog: Catalog) -> None:
    with catalog.write() as tx:
        tx.put(*(rows.Window("m", "1", start, 1, 0, 1) for start in (0, 10, 20)))
        assert [w.start for w in tx.between(rows.Window, 5, 20, model="m")] == [10]
        assert tx.newest(rows.Window, "start", model="m") == 20
        assert tx.remove_between(rows.Window, None, 15, model="m") == 2


def test_what_belongs_to_a_model_goes_with_it_except_the_audit_log(catalog: Catalog) -> None:
    with catalog.write() as tx:
        tx.add(rows.Version("m", "1", "champion"))
        tx.add(rows.Audit(1, "me", "remove", "m"))
        tx.remove(rows.Model, name="m")
        assert (tx.find(rows.Version), len(tx.find(rows.Audit))) == ((), 1)


def path_of(catalog: Catalog) -> Path:
    """The file that a catalog is."""
    assert isinstance(catalog.place, Path)
    return catalog.place


def revise(path: Path, revision: str) -> None:
    with sqlite3.connect(path) as db:
        db.execute("update alembic_version set version_num = ?", (revision,))
    db.close()


def test_a_newer_catalog_is_refused(catalog: Catalog) -> None:
    revise(path_of(catalog), "9999")
    with pytest.raises(StoreVersionError, match=r"written by a newer version.*upgrade Retrue"):
        Catalog.open(path_of(catalog))
    with pytest.raises(StoreVersionError, match="newer version"):
        migrate(catalog)


def test_an_older_catalog_asks_for_a_migration_and_open_makes_none(catalog: Catalog) -> None:
    revise(path_of(catalog), KNOWN[0])
    with pytest.raises(StoreVersionError, match="run: retrue migrate"):
        Catalog.open(path_of(catalog))
    assert catalog.revision() == KNOWN[0]


def test_a_backup_holds_everything(catalog: Catalog) -> None:
    copy = backup(path_of(catalog), "before-9999")
    other = Catalog.open(copy)
    with other.read() as tx:
        assert [m.name for m in tx.find(rows.Model)] == ["m"]
    other.close()


def test_there_must_be_a_catalog_where_none_is_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store here"):
        Catalog.open(tmp_path / "none.db", create=False)


def test_a_setting_is_set_by_the_first_who_asks(catalog: Catalog) -> None:
    assert catalog.setting("store", "a") == "a"
    assert catalog.setting("store", "b") == "a"
