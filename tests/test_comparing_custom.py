"""Metrics of users, and columns that can't be read: one that fails costs nothing else."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from tests.test_comparing import CALM, PLANTED, REFERENCE, ROLES

import retrue as rt
from retrue.core.column import ColumnProfile
from retrue.core.outcome import BinaryOutcome, Outcome
from retrue.metrics import registry


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test register what it likes, and forget it afterwards."""
    registry.load()
    monkeypatch.setattr(registry, "_METRICS", dict(registry._METRICS))


@pytest.mark.usefixtures("own_registry")
def test_metrics_of_users_are_in_the_answer() -> None:
    """Of a column, of labels and predictions, of two profiles, of two tables."""

    @rt.metric("spread", family="quality", of="column", kinds=(rt.Kind.NUMERIC,))
    def spread(window: ColumnProfile, reference: ColumnProfile) -> float:
        """Greatest less least value."""
        return window.moments.max - window.moments.min

    @rt.metric("positives", family="performance", of="outcome", tasks=(rt.Task.BINARY,))
    def positives(outcome: Outcome) -> float:
        """Events whose label is 1."""
        assert isinstance(outcome, BinaryOutcome)
        return float(outcome.counts[:, 1].sum())

    @rt.metric("growth", family="business", of="profile")
    def growth(window: rt.Profile, reference: rt.Profile) -> float:
        """Rows for each row of the reference."""
        return window.rows / reference.rows

    @rt.metric("returning", family="business", of="tables")
    def returning(window: pl.DataFrame, reference: pl.DataFrame) -> rt.Measure:
        """Share of ids that the reference has."""
        return rt.Measure(float(window["id"].is_in(reference["id"].implode()).sum()) / window.height, 1.0)

    window = pl.concat([CALM, REFERENCE])
    found = rt.compare(REFERENCE, window, **ROLES).to_dict()
    amounts = window["amount"].to_numpy()
    assert found["columns"]["amount"]["metrics"]["spread"]["value"] == amounts.max() - amounts.min()
    assert "spread" not in found["columns"]["city"]["metrics"]
    performance = found["performance"]
    assert (performance["positives"]["window"], performance["positives"]["reference"]) == (
        window["y"].sum(),
        REFERENCE["y"].sum(),
    )
    assert performance["growth"]["window"] == 2
    assert (performance["returning"]["window"], performance["returning"]["reference"]) == (0.5, 1.0)


@pytest.mark.usefixtures("own_registry")
@pytest.mark.parametrize("of", ["column", "outcome", "profile", "tables"])
def test_a_metric_that_fails_costs_nothing_else(of: Any) -> None:
    expected = rt.compare(REFERENCE, CALM, **ROLES).to_dict()

    def fails(*inputs: object) -> float:
        """Fail."""
        raise ZeroDivisionError("of course")

    rt.metric("fails", family="business", of=of, kinds=(rt.Kind.NUMERIC,), tasks=(rt.Task.BINARY,))(fails)
    found = rt.compare(REFERENCE, CALM, **ROLES)
    answer = found.to_dict()
    if of == "column":
        own = [column["metrics"].pop("fails") for column in answer["columns"].values() if column["kind"] == "numeric"]
        assert found.columns["amount"].metrics["fails"].note == "fails failed: ZeroDivisionError: of course"
    else:
        own = [answer["performance"].pop("fails")]
    assert {measured.get("value", measured.get("window")) for measured in own} == {None}
    assert answer == expected


def test_a_column_that_cannot_be_read_costs_nothing_else() -> None:
    """Bytes, structs, and numbers that never were finite: nothing to compare them by, and the rest is judged."""
    odd = {"raw": pl.lit(b"\x00\xff"), "pair": pl.struct(a=1), "far": pl.lit(float("inf")), "none": pl.lit(None)}
    found = rt.compare(REFERENCE.with_columns(**odd), PLANTED["missing"][0](CALM).with_columns(**odd), **ROLES)
    assert found.verdicts[0].column == "amount"
    assert set(REFERENCE.columns) - {"id"} <= set(found.columns)


# --- the answer as JSON ---------------------------------------------------------------------------------------------
