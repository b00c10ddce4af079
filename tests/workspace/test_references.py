"""References: a version names a file, and never one elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.client.conftest import ROLES, reference

import retrue as rt


@pytest.mark.parametrize("version", ["../../evil", "..", "a/b", "a\\b", "", "\0", "x" * 101])
def test_a_version_leads_to_no_other_folder(tmp_path: Path, version: str) -> None:
    with rt.open(tmp_path / "store") as store:
        with pytest.raises(rt.SchemaError, match="can't name a version"):
            store.register("flights", reference(), version=version, **ROLES)
        assert store.models() == []
    assert list(tmp_path.rglob("*.parquet")) == []


@pytest.mark.parametrize("version", ["1", "2026-01-05", "v1.2+b", "mai 2026", "größer"])
def test_usual_names_of_versions_are_taken(tmp_path: Path, version: str) -> None:
    with rt.open(tmp_path / "store") as store:
        assert store.register("flights", reference(), version=version, **ROLES).version == version
