"""Suggested rules: what is proposed, and that the false alarms told are those that the rules would have raised."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retrue as rt
from retrue.judge.rules import Rule
from retrue.judge.suggest import Suggestions
from retrue.judge.suggest.proposals import others, rounded

START = datetime(2026, 1, 5, tzinfo=UTC)


def table(days: int = 20, a_day: int = 100) -> pl.DataFrame:
    """Rows of some days; `rare` has a category that one day alone has, `burst` nulls on every fifth day."""
    rng, n = np.random.default_rng(3), days * a_day
    day = np.arange(n) // a_day
    low = rng.uniform(10, 20, n)
    return pl.DataFrame(
        {
            "key": [f"k{i}" for i in range(n)],
            "at": [START + timedelta(days=int(d), minutes=int(i % a_day)) for i, d in enumerate(day)],
            "low": low,
            "mid": low + rng.uniform(0, 3, n),
            "high": low + rng.uniform(3, 9, n),
            "share": rng.random(n),
            "city": rng.choice(["a", "it's"], n),
            "rare": np.where(rng.permutation(n) < days, day.astype(str), "usual"),
            "burst": [None if d == 7 and i % 2 else 1.5 + i % 3 for i, d in enumerate(day)],
        }
    )


@pytest.fixture(scope="module")
def found() -> Suggestions:
    return rt.suggest(table(), id="key", time="at")


def rules(found: Suggestions) -> set[str]:
    return {str(one.rule) for one in found.rules}


def test_each_column_gets_what_it_keeps(found: Suggestions) -> None:
    expected = {
        "missing(low) <= 0", "min(share) >= 0", "max(share) <= 1", "rows[city NOT IN ('a', 'it''s')] = 0", "rows >= 50",
        "mismatch(share) <= 0",
    }  # fmt: skip
    assert expected <= rules(found)
    assert (found.windows, found.by) == (20, "1d")


def test_relations_between_columns_are_found_and_those_that_follow_left_out(found: Suggestions) -> None:
    related = {rule for rule in rules(found) if rule.startswith("rows[") and " > " in rule}
    assert related == {"rows[low > mid] = 0", "rows[low > high] = 0"} or related == {
        "rows[low > mid] = 0",
        "rows[mid > high] = 0",
    }


def test_what_would_alarm_on_many_windows_is_told_and_not_proposed(found: Suggestions) -> None:
    """Days show categories that no other day has: a closed set would alarm on nearly every new day."""
    (shaky,) = [one for one in found.shaky if "rare" in str(one.rule)]
    assert shaky.rate is not None
    assert shaky.rate > 0.5
    assert not [rule for rule in rules(found) if rule.startswith("rows[rare")]


def test_the_false_alarms_are_those_of_each_window_against_the_others(found: Suggestions) -> None:
    """One day in twenty has nulls: made from the others, `missing(burst) <= 0` alarms on that day."""
    (one,) = [
        one for one in (*found.rules, *found.shaky) if one.rule.metric == "missing" and one.rule.column == "burst"
    ]
    assert (one.windows, one.alarms, one.rate) == (20, 1, 0.05)


def test_all_that_is_proposed_holds_on_the_reference(found: Suggestions) -> None:
    said = rt.compare(table(), table(), id="key", time="at", rules=[one.rule for one in found.rules]).verdicts
    assert [one.reason for one in said if one.rule and one.kind.value != "true"] == []


def test_the_confidence_is_the_lower_end_of_clopper_and_pearson() -> None:
    """59 of 59: 0.05 ** (1 / 59); 58 of 59: scipy.stats.binomtest(58, 59, alternative="greater"), exact interval."""
    from retrue.judge.suggest import Suggestion

    rule = Rule.parse("missing(x) <= 0")
    assert Suggestion(rule, "", 59, 0).confidence == pytest.approx(0.05 ** (1 / 59))
    assert Suggestion(rule, "", 59, 1).confidence == pytest.approx(0.9221021, abs=1e-6)
    assert Suggestion(rule, "", 0, 0).confidence == 0.0


def test_a_table_without_time_is_cut_into_stretches_and_says_so() -> None:
    found = rt.suggest({"x": list(range(400)), "y": [1.5, 2.5] * 200})
    assert (found.windows, found.by, found.unique) == (20, "rows", ("x",))
    assert "as no time was named" in found.to_toml()


def test_a_range_far_from_zero_is_bounded_near_what_was_seen() -> None:
    """A year is neither at least 0 nor at most 2100; an amount that starts near 0 may reach it."""
    found = rt.suggest({"year": [2015, 2016, 2017.5, 2018] * 100, "amount": [5.0, 40.0, 90.0, 60.0] * 100})
    assert {"min(year) >= 2014.7", "max(year) <= 2018.3", "min(amount) >= 0"} <= rules(found)


def test_windows_are_said_as_settings_write_them_and_numbers_listed_in_their_order() -> None:
    codes = table().with_columns(code=pl.Series([i % 12 + 1 for i in range(2_000)]))
    found = rt.suggest(codes, id="key", time="at", window=604_800, kinds={"code": "categorical"})
    assert found.by == "1w"
    assert "windows of 1w of the reference; each left out" in found.to_toml()
    assert "rows[code NOT IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)] = 0" in rules(found)


def test_a_window_of_one_row_makes_no_rule_of_how_many_there_are() -> None:
    """`rows >= 0.5` could never alarm: a window without rows is none."""
    alone = table(days=12).filter((pl.col("at").dt.day() != 7) | (pl.col("at").dt.minute() < 1))
    alone = alone.filter((pl.col("at").dt.day() != 7) | (pl.col("at").dt.hour() < 1))
    found = rt.suggest(alone, id="key", time="at")
    assert not [one for one in (*found.rules, *found.shaky) if one.rule.metric == "rows" and one.rule.slice is None]


def test_what_is_printed_is_toml_whose_rules_parse() -> None:
    names = {'q"\n]': [1.0, 2.5, None] * 40, "t\n# x": ["a", 'b"', "c\n"] * 40}
    found = rt.suggest(names)
    said = tomllib.loads(found.to_toml("loans"))["models"]["loans"]["rules"]
    assert [str(Rule.parse(text)) for text in said] == [str(one.rule) for one in found.rules]


def test_what_many_columns_keep_stands_together_under_one_comment() -> None:
    """Whoever edits them sees the rules with figures first, and takes the strict ones out as a block."""
    table = {name: [1.0, 2.5] * 60 for name in ("a", "b c", "d")} | {"e": [4, 9, 13, 18] * 30}
    found = rt.suggest(table, kinds={"e": "numeric"})
    written = found.to_toml("loans")
    said = tomllib.loads(written)["models"]["loans"]["rules"]
    assert sorted(said) == sorted(str(one.rule) for one in found.rules)
    lines = written.splitlines()
    at = lines.index('    "missing(a) <= 0", "missing(\\"b c\\") <= 0", "missing(d) <= 0", "missing(e) <= 0",')
    assert lines[at - 1] == (
        "    # Never missing in the reference; each: 0 false alarms in 20 windows, kept by at least 86 %"
    )
    assert said.index("missing(a) <= 0") > said.index("max(d) <= 2.7")
    assert '"max(e) <= 20", # 4 to 18 seen;' in written


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_the_best_of_the_others_is_that(values: list[float]) -> None:
    array = np.array(values)
    expected = [max(values[:i] + values[i + 1 :]) for i in range(len(values))]
    assert others(array, np.max).tolist() == expected


@given(st.floats(-1e9, 1e9))
def test_rounding_goes_away_from_the_values(value: float) -> None:
    assert rounded(value, up=False) <= value + 1e-9 * abs(value)
    assert rounded(value, up=True) >= value - 1e-9 * abs(value)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.floats(), st.integers(-5, 5)), st.sampled_from(["a", "", None])), min_size=1
    )
)
def test_no_table_breaks_it(rows: list[tuple[float | None, str | None]]) -> None:
    found = rt.suggest([{"x": x, "c": c, "d": c} for x, c in rows])
    assert found.windows >= 1
