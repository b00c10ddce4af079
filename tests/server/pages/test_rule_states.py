"""A rule's state on the page of monitors is that of its own verdict, whatever other rules say in like words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
from tests.server.conftest import START, loans, registered

import retrue as rt
from retrue.server.pages.monitors import Wish, rule_rows, standing_of
from retrue.store import rows

RULES = ["mean(p) <= 0.4", "mean(p)[region = 'north'] <= 0.4", "max(p)<=0.4", "mean(income) >= 10"]


def states(model: rt.Model) -> list[str]:
    """What the page says of each rule."""
    with model.store.catalog.read() as tx:
        standing = standing_of(tx.connection, model)
    return [one.state for one in rule_rows(Wish(tuple(RULES), "1 per 30d", "1", "0"), [""] * 4, RULES, standing)]


def test_each_rule_has_its_own_state(tmp_path: Path) -> None:
    registered(tmp_path, rules=RULES, slices=["region"])
    table = loans(0, 1_440)
    with rt.open(tmp_path) as store:
        model = store.model("loans")
        assert states(model) == ["not judged yet"] * 4
        north = pl.when(pl.col("region") == "north").then(0.3).otherwise(0.7)
        model.log(table.drop("y").with_columns(p=north))
        model.check(START + timedelta(days=2))
        found = states(model)
        assert [one.partition(":")[0] for one in found[::2]] == ["broken", "broken"]
        assert "mean" in found[0]
        assert "max" in found[2]
        assert found[1].startswith("held")
        assert found[3].startswith("held")
        with store.store.catalog.write() as tx:
            for row in tx.find(rows.VerdictRow, model="loans"):
                tx.remove(rows.VerdictRow, number=row.number)
                old = {name: value for name, value in row.body.items() if name != "rule"}
                tx.add(replace(row, body=old))
        assert states(model) == ["not judged yet"] * 4, "by an earlier version: the next check tells"
