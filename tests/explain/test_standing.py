"""How a single event stands: an edge case because of this and that, or like many rows of the reference."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from tests.explain.test_places import grids_of, mixed

from retrue.explain.standing import Standings, written

USUAL = {"x": 0.1, "twin": 0.1, "long": 1.0, "c": "a"}


@pytest.fixture(scope="module")
def standings() -> Standings:
    """What was learned of 5,000 rows of two numbers that go together, a long tail and a category."""
    reference = mixed(np.random.default_rng(1), 5_000)
    return Standings(grids_of(reference), reference)


def alone(standings: Standings, **values: object) -> str:
    """What is said of one event."""
    return str(standings.of(pl.DataFrame([USUAL | values]))[0])


def test_a_usual_row_is_no_edge_case_and_has_neighbours(standings: Standings) -> None:
    one = standings.of(pl.DataFrame([USUAL]))[0]
    assert not one.edge_case
    assert one.because == ()
    assert one.nearest.rows.height == 3
    assert str(one).startswith("no edge case: odder than ")


def test_an_unseen_category_is_the_reason_named_first(standings: Standings) -> None:
    assert alone(standings, c="never").startswith("an edge case because c 'never' is new: odder than 99.9")


def test_a_number_beyond_the_reference_is_the_reason_named_first(standings: Standings) -> None:
    assert alone(standings, long=1e12).startswith("an edge case because long 1,000,000,000,000 is beyond the reference")


def test_two_values_that_do_not_go_together_are_named_both(standings: Standings) -> None:
    one = standings.of(pl.DataFrame([USUAL | {"x": 1.5, "twin": -1.5}]))[0]
    assert set(map(str, one.because)) == {"x 1.50 doesn't go with the rest", "twin −1.50 doesn't go with the rest"}


def test_an_event_of_nulls_only_is_an_edge_case_without_neighbours(standings: Standings) -> None:
    one = standings.of(pl.DataFrame([dict.fromkeys(USUAL)]))[0]
    assert one.edge_case
    assert not one.nearest
    assert "c is missing, as in no row of the reference" in map(str, one.because)
    assert "nothing like it in the reference" in str(one)


def test_an_event_that_lacks_all_columns_counts_as_null(standings: Standings) -> None:
    without, nulls = pl.DataFrame({"other": [1]}), pl.DataFrame([dict.fromkeys(USUAL)])
    assert standings.score(without) == pytest.approx(standings.score(nulls))


def test_an_event_is_judged_alone_as_among_others(standings: Standings) -> None:
    events = pl.concat([mixed(np.random.default_rng(2), 50), pl.DataFrame([USUAL | {"c": "never"}])])
    one_by_one = [standings.score(events[at : at + 1])[0] for at in range(events.height)]
    assert one_by_one == standings.score(events).tolist()


def test_the_score_of_usual_rows_is_uniform(standings: Standings) -> None:
    """One in ten is odder than nine tenths of the reference."""
    scores = standings.score(mixed(np.random.default_rng(3), 4_000))
    assert scores.min() >= 0
    assert scores.max() < 1
    assert (scores > 0.9).mean() == pytest.approx(0.1, abs=5 * np.sqrt(0.1 / 4_000))


def test_it_is_given_as_plain_values(standings: Standings) -> None:
    said = standings.of(pl.DataFrame([USUAL]))[0].to_dict()
    assert json.loads(json.dumps(said)) == said
    assert list(said["neighbours"][0]["row"]) == list(USUAL)
    assert 0 <= said["forest_score"] <= 1


def test_no_events_have_no_standing(standings: Standings) -> None:
    assert standings.of(pl.DataFrame([USUAL]).clear()) == ()


def test_long_texts_are_cut() -> None:
    assert written("x" * 500) == f"'{'x' * 39}…'"
