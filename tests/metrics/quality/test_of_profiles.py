"""Metrics of whole profiles and of tables: rows, freshness, row rules, duplicates."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from retrue.core.extra import RowRule, TimeSpan
from retrue.core.grids import Grids
from retrue.core.profile import Profile
from retrue.errors import MetricError
from retrue.metrics import get, registered
from retrue.metrics.quality.shares import wilson

GRIDS = Grids({}, {}, None, (RowRule("sent", "<=", "arrived"), RowRule("price", ">", "cost"), TimeSpan("t")))
NEWEST = datetime(2024, 5, 1, 12, tzinfo=UTC)
WINDOW = GRIDS.count(
    pl.DataFrame(
        {
            "sent": [1, 5, 3, None],
            "arrived": [2, 4, 3, 1],
            "price": [9.0, 1.0, 1.0, 1.0],
            "cost": [5.0, 5.0, 5.0, 0.5],
            "t": [datetime(2024, 5, 1, tzinfo=UTC), NEWEST, None, None],
        }
    )
)
REFERENCE = GRIDS.count(
    pl.DataFrame({"sent": [1, 1], "arrived": [2, 0], "price": [2, 2], "cost": [1, 1], "t": [None, None]})
)


def test_rows_are_all_events() -> None:
    found = get("rows").compute(WINDOW, REFERENCE)
    assert (found.value, found.reference) == (4, 2)


def test_the_worst_rule_is_told_and_all_are_named() -> None:
    found = get("rule_broken").compute(WINDOW, REFERENCE)
    assert (found.value, found.reference) == (0.5, 0.0)
    assert found.interval == wilson(2, 4)
    assert found.names == (("price > cost", 2), ("sent <= arrived", 1))


def test_one_rule_is_told_by_name() -> None:
    """Rows with a null on either side don't count."""
    found = get("rule_broken").compute(WINDOW, REFERENCE, rule="sent <= arrived")
    assert (found.value, found.reference) == (1 / 3, 0.5)


def test_an_unknown_rule_is_refused_with_the_nearest() -> None:
    with pytest.raises(MetricError, match=r"did you mean 'price > cost'\?"):
        get("rule_broken").compute(WINDOW, REFERENCE, rule="prices > cost")


def test_freshness_is_the_age_of_the_newest_event() -> None:
    """The present comes in as an argument: metrics read no clock."""
    assert get("freshness").compute(WINDOW, REFERENCE, now=NEWEST.timestamp() + 90).value == 90
    assert get("freshness").compute(WINDOW, REFERENCE).note == "the present isn't known: pass now="
    assert get("freshness").compute(REFERENCE, REFERENCE, now=0.0).note == "no rows to measure"


@pytest.mark.parametrize("metric", registered(of="profile"), ids=lambda metric: metric.name)
def test_a_profile_of_nothing_breaks_no_metric(metric: object) -> None:
    nothing = Profile(0, {})
    found = metric.compute(nothing, nothing)  # type: ignore[attr-defined]
    assert found.value == 0 or found.note


class TestDuplicates:
    WINDOW = pl.DataFrame({"id": ["a", "b", "a", "a", None, None], "x": [1, 2, 3, 4, 5, 6]})
    REFERENCE = pl.DataFrame({"id": ["a", "b"]})

    def test_repeats_count_and_the_first_of_each_does_not(self) -> None:
        """Two of four ids repeat an earlier one; null ids are no ids."""
        found = get("duplicates").compute(self.WINDOW, self.REFERENCE, id="id")
        assert (found.value, found.reference, found.names) == (0.5, 0.0, (("a", 3),))

    @pytest.mark.parametrize("id", [None, "nothing"])
    def test_without_ids_there_are_no_duplicates(self, id: str | None) -> None:
        found = get("duplicates").compute(self.WINDOW, self.REFERENCE, id=id)
        assert (found.value, found.note) == (None, "no id column")

    def test_an_empty_table_has_no_share(self) -> None:
        assert get("duplicates").compute(self.WINDOW.clear(), self.REFERENCE, id="id").note == "no rows to measure"

    def test_it_cannot_be_merged_and_says_so(self) -> None:
        assert not get("duplicates").mergeable
