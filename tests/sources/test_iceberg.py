"""An Iceberg table is read snapshot by snapshot: appended rows once, rewrites and expired history in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import needed
from tests.sources.conftest import expected, ids, register, rows, taken

import retrue as rt
from retrue.sources import SourceChangedError

needed("pyiceberg")
needed("pyarrow")


class Warehouse:
    """A catalog in a SQLite file, with one table."""

    def __init__(self, folder: Path, name: str | None = None) -> None:
        from pyiceberg.catalog import load_catalog

        place = {"type": "sql", "uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}/lake"}
        self.place = place | ({"name": name} if name else {})
        self.said = {"iceberg": "ns.events", "catalog": self.place}
        self.catalog = load_catalog(name or "retrue", **place)
        self.catalog.create_namespace("ns")
        self.create()

    def create(self) -> None:
        """Make the table, without rows."""
        self.catalog.create_table("ns.events", schema=rows(0, 1).to_arrow(compat_level=rt_level()).schema)

    @property
    def table(self) -> Any:
        """The table as it is now."""
        return self.catalog.load_table("ns.events")

    def append(self, first: int, last: int) -> None:
        """Append events."""
        self.table.append(rows(first, last).to_arrow(compat_level=rt_level()))


def rt_level() -> Any:
    """Arrow types that pyiceberg knows."""
    import polars as pl

    return pl.CompatLevel.oldest()


@pytest.fixture
def warehouse(tmp_path: Path, model: rt.Model) -> Warehouse:
    """A table of 20 events in two snapshots, all taken."""
    made = Warehouse(tmp_path)
    made.append(0, 10)
    made.append(10, 20)
    model.set_sources(events=made.said)
    assert taken(model) == 20
    return made


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
class TestSnapshots:
    def test_snapshots_are_taken_once_each(self, model: rt.Model, warehouse: Warehouse) -> None:
        assert taken(model) == 0
        warehouse.append(20, 25)
        warehouse.append(25, 30)
        assert taken(model) == 10
        assert ids(model) == expected(0, 30)
        assert rt.read_table(rt.source(**warehouse.said)).rows == 30

    def test_rewritten_rows_are_told_once_and_known_by_their_ids(self, model: rt.Model, warehouse: Warehouse) -> None:
        warehouse.append(20, 25)
        warehouse.table.delete("id = 'e3'")
        warehouse.append(25, 30)
        with pytest.raises(SourceChangedError, match=r"rewrote or deleted rows \(overwrite\).*known id are ignored"):
            model.pull()
        model.pull()
        assert ids(model) == expected(0, 30)
        assert len(model.quarantine()) == 0

    def test_a_snapshot_without_rows_of_its_own_has_the_columns_that_are_renamed(
        self, model: rt.Model, warehouse: Warehouse
    ) -> None:
        """A delete of whole files writes none; the source isn't stuck behind it."""
        model.set_sources(events={**warehouse.said, "columns": {"x": "x"}})
        warehouse.table.delete("x >= 0")
        warehouse.append(20, 25)
        with pytest.raises(SourceChangedError, match=r"rewrote or deleted rows \(delete\)"):
            model.pull()
        model.pull()
        assert ids(model) == expected(0, 25)

    def test_snapshots_that_expired_are_told_once_and_the_table_is_read_anew(
        self, model: rt.Model, warehouse: Warehouse
    ) -> None:
        gone = warehouse.table.current_snapshot().snapshot_id
        warehouse.append(20, 25)
        warehouse.append(25, 30)
        warehouse.table.maintenance.expire_snapshots().by_id(gone).commit()
        with pytest.raises(SourceChangedError, match=r"snapshot \d+ is gone .* reads the whole table again"):
            model.pull()
        model.pull()
        assert ids(model) == expected(0, 30)

    def test_nothing_is_lost_where_only_the_snapshot_that_was_read_last_expired(
        self, store: rt.Workspace, tmp_path: Path
    ) -> None:
        """The one behind it names it, as Java's Iceberg leaves it (pyiceberg forgets the name): no id is needed."""
        model, made = register(store, id=None, label=None), Warehouse(tmp_path)
        model.set_sources(events=made.said)
        made.append(0, 10)
        assert taken(model) == 10
        read = made.table.current_snapshot().snapshot_id
        made.append(10, 15)
        made.table.maintenance.expire_snapshots().by_id(read).commit()
        place = Path(made.table.metadata_location.removeprefix("file://"))
        metadata = json.loads(place.read_text())
        metadata["snapshots"][0]["parent-snapshot-id"] = read
        place.write_text(json.dumps(metadata))
        assert taken(model) == 5

    def test_another_table_of_the_name_and_none_are_told(self, model: rt.Model, warehouse: Warehouse) -> None:
        warehouse.catalog.drop_table("ns.events")
        with pytest.raises(rt.TableError, match=r"Table does not exist: ns\.events"):
            model.pull()
        warehouse.create()
        assert taken(model) == 0
        warehouse.append(15, 30)
        with pytest.raises(SourceChangedError, match="another table has taken its place"):
            model.pull()
        model.pull()
        assert ids(model) == expected(0, 30)


def test_a_table_can_be_reached_without_reading_it(warehouse: Warehouse) -> None:
    rt.source(**warehouse.said, columns={"income": "x"}).reach(1)
    with pytest.raises(rt.TableError, match=r"no column 'xx' in ns.events: expected 'id', 'at', 'x', 'p'"):
        rt.source(**warehouse.said, columns={"income": "xx"}).reach(1)
    with pytest.raises(rt.TableError, match=r"an Iceberg table that can't be read: .* in ns.gone"):
        rt.source(**{**warehouse.said, "iceberg": "ns.gone"}).reach(1)


def test_a_value_of_the_environment_is_in_no_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOBODY_SAYS", "geheim")
    away = {"type": "sql", "uri": "sqlite:///${NOBODY_SAYS}/no/db", "warehouse": f"file://{tmp_path}"}
    for catalog in ({"type": "${NOBODY_SAYS}"}, away):
        with pytest.raises(rt.TableError, match="an Iceberg table that can't be read: ") as told:
            rt.source(iceberg="ns.events", catalog=catalog).reach(1)
        assert "geheim" not in str(told.value)


def test_a_catalog_is_called_as_it_says(tmp_path: Path) -> None:
    """A catalog in SQL finds a table only under the name that made it; pyiceberg's configuration may say the rest."""
    made = Warehouse(tmp_path, "prod")
    made.append(0, 10)
    assert rt.read_table(rt.source(**made.said)).rows == 10
    unnamed = {key: value for key, value in made.place.items() if key != "name"}
    with pytest.raises(rt.TableError, match=r"Table does not exist.*'retrue' here: say it as catalog\.name"):
        rt.read_table(rt.source(iceberg="ns.events", catalog=unnamed))
