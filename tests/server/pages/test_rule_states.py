"""A rule's state on the page of monitors is that of its own verdict, whatever other rules say in like words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
from tests.server.conftest import START, loans, registered

import retrue as rt
from retrue.server.pages.monitors import RuleRow, Wish, rule_rows, sentence_of
from retrue.server.pages.rule_states import rule_states
from retrue.store import rows

RULES = ["mean(p) <= 0.4", "mean(p)[region = 'north'] <= 0.4", "max(p)<=0.4", "mean(income) >= 10"]


def stated(model: rt.Model, rules: list[str]) -> list[RuleRow]:
    """What the page says of each rule."""
    with model.store.catalog.read() as tx:
        standing = rule_states(tx.connection, model)
    return rule_rows(Wish(tuple(rules), "1 per 30d", "1", "0"), [""] * len(rules), rules, standing)


def states(model: rt.Model) -> list[str]:
    """The same in words."""
    return [one.state for one in stated(model, RULES)]


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
        assert [one.partition(" on ")[0] for one in found[::2]] == ["broken", "broken"]
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


def test_a_rule_that_could_not_be_judged_did_not_hold(tmp_path: Path) -> None:
    """What says how it stands is the newest window in which it could be."""
    rules = ["accuracy >= 0.995", "accuracy <= 1", "mean(income) >= 10"]
    registered(tmp_path, rules=rules)
    table = loans(0, 2_880)
    with rt.open(tmp_path) as store:
        model = store.model("loans")
        model.log(table.drop("y"))
        model.label(table.head(1_440).select("id", "y"))
        model.check(START + timedelta(days=3))
        found = stated(model, rules)
        newest, before = (f"{START + timedelta(days=days):%-d %b %Y}" for days in (1, 0))
        assert found[0].state.startswith(f"not judged on {newest}: no labels; broken on {before}: accuracy is ")
        assert found[1].state == f"not judged on {newest}: no labels; held on {before}"
        assert found[2].state == f"held on {newest}"
        assert [one.tone for one in found] == ["warn", "calm", "calm"]
        assert sentence_of(model, found).endswith("; 1 broken when last judged")
