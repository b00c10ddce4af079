"""Rules between two columns, and ids that occur once."""

import polars as pl
import pytest

from retrue.core.extra import RowRule
from retrue.core.grids import Grids
from retrue.core.profile import Profile
from retrue.judge.rows import judge_repeats, judge_row_rules
from retrue.judge.verdict import VerdictKind
from retrue.metrics import get

GRIDS = Grids({}, {}, None, (RowRule("start", "<=", "end"),))


def profile(broken: int, kept: int) -> Profile:
    """So many rows that break `start <= end`, and so many that keep it."""
    return GRIDS.count(pl.DataFrame({"start": [2] * broken + [1] * kept, "end": [1] * broken + [1] * kept}))


@pytest.mark.parametrize(
    ("window", "reference", "kind"),
    [
        ((0, 100), (0, 100), VerdictKind.TRUE),
        ((1, 99), (0, 100), VerdictKind.BROKEN),  # one row is enough where none ever did
        ((11, 89), (10, 90), VerdictKind.TRUE),  # within chance of what the reference does itself
        ((40, 60), (10, 90), VerdictKind.BROKEN),
    ],
)
def test_a_row_rule_is_broken_by_more_rows_than_in_the_reference(
    window: tuple[int, int], reference: tuple[int, int], kind: VerdictKind
) -> None:
    """A rule that the reference keeps admits no exception; one that it breaks admits as many, and chance."""
    [found] = judge_row_rules(profile(*window), profile(*reference))
    assert found.kind is kind
    assert found.metric == "rule_broken"
    assert found.value == pytest.approx(window[0] / 100)


def test_rows_with_nulls_only_cannot_be_judged() -> None:
    """Nothing to compare is said, not guessed."""
    nulls = GRIDS.count(
        pl.DataFrame({"start": [None, None], "end": [1, 2]}, schema={"start": pl.Int64, "end": pl.Int64})
    )
    [found] = judge_row_rules(nulls, profile(0, 10))
    assert found.kind is VerdictKind.NOT_COMPARABLE


def test_repeated_ids_are_named() -> None:
    """The verdict says how many rows repeat an id, and which ids."""
    ids = pl.DataFrame({"id": ["a", "b", "b", "b", "c"]})
    measure = get("duplicates").compute(ids, pl.DataFrame({"id": ["x", "y"]}), id="id")
    found = judge_repeats("id", measure, 5)
    assert found.kind is VerdictKind.BROKEN
    assert found.value == pytest.approx(2 / 5)
    assert "'b' 3 times" in found.reason
