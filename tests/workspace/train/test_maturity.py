"""How far a young log has matured, against the definition of it, event by event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np
import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from retrue.workspace.train.maturity import ENOUGH, NEWEST, PROVABLE, covered_until, cut_of

START = datetime(2024, 1, 1, tzinfo=UTC)
STRETCHES = st.lists(
    st.tuples(st.integers(20, 220), st.integers(1, 40), st.sampled_from([0.0, 0.5, 0.9, 0.96, 1.0])), max_size=5
)
"""Of a log: how many events, how many of them at once, and the share that is labelled."""


def log(stretches: list[tuple[int, int, float]], seed: int) -> pl.DataFrame:
    """Events in any order."""
    rng, second = np.random.default_rng(seed), 0
    rows: list[tuple[datetime, int | None]] = []
    for count, at_once, share in stretches:
        for number in range(count):
            second += number % at_once == 0
            rows.append((START + timedelta(seconds=second), 1 if rng.random() < share else None))
    rng.shuffle(rows)
    return pl.DataFrame(rows, schema={"at": pl.Datetime("us", "UTC"), "y": pl.Int64}, orient="row")


def by_definition(events: list[tuple[datetime, bool]]) -> datetime | None:
    """The latest start of a last fifth of a quarter that is labelled as asked, both to 95 %; None where none is."""
    found = None
    for end in sorted({at for at, _ in events}):
        before = [one for one in events if one[0] <= end]
        quarter_since = before[len(before) * 3 // 4][0]
        quarter = [one for one in before if one[0] >= quarter_since]
        fifth = quarter[len(quarter) - len(quarter) // 5 :]
        vouched = before[: len(before) - len(fifth)]
        if len(quarter) >= ENOUGH and covered(quarter) and covered(fifth):
            found = max(vouched[-1][0], found or vouched[-1][0])
    return found


def covered(events: list[tuple[datetime, bool]]) -> bool:
    """Whether 95 % of them have a label."""
    return sum(known for _, known in events) >= Fraction(95, 100) * len(events)


@given(STRETCHES, st.integers(0, 99))
@example([(200, 1, 1.0), (200, 30, 0.0), (220, 40, 1.0), (220, 7, 1.0), (100, 1, 0.0)], 0)
@example([(220, 1, 1.0), (220, 1, 1.0), (60, 1, 0.9)], 1)
def test_a_young_log_has_matured_as_far_as_its_definition_says(
    stretches: list[tuple[int, int, float]], seed: int
) -> None:
    """The quarter, its fifth, and what happened at once, which is of one side."""
    frame = log(stretches, seed)
    told = by_definition([(at, y is not None) for at, y in frame.sort("at", maintain_order=True).rows()])
    expected = datetime.fromtimestamp(0, UTC) if told is None else told + timedelta(microseconds=1)
    assert covered_until(frame, "at", "y") == expected


@given(st.integers(4, 2_000), st.integers(1, 600))
def test_what_came_lately_is_held_out_and_no_more_than_a_quarter(events: int, gap: int) -> None:
    """One event a second. Of a log of up to four gaps it is the quarter; of a longer one what a gap brought, or 106."""
    times = pl.Series([START + timedelta(seconds=second) for second in range(events)])
    newest, quarter = (cut_of(times, holdout, gap) for holdout in (NEWEST, 0.25))
    held, provable = int((times >= newest).sum()), min(PROVABLE, events // 2)
    assert provable <= held <= max(int((times >= quarter).sum()), provable)
    assert held <= max(gap, provable)
    if events <= 4 * gap:
        assert newest == quarter
