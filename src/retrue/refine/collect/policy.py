"""Policies: how many of the rows that match are taken, and which. One line of text each, as rules and budgets have.

    always                    all of them
    10 %                      each with the same probability, by itself
    200                       at most so many in all
    200 per day               at most so many of each day (of event time, in the model's time zone)
    200 per day by benefit    ... the more probably the more a row brings, look-alikes sharing one row's part

`by` takes any numeric column, also a derived one: `benefit` is what a label is expected to tell (see the table of
derived columns), `entropy`, `latency` ...
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import polars as pl

from retrue.core.state import Floats, Ints
from retrue.core.values import number_rows
from retrue.errors import ConfigError
from retrue.refine.collect.sampling import Draw, bounded, by_budget, by_share
from retrue.slice_sql.tree import quote_name

MOST = 10_000_000
"""The largest budget."""
_POLICY = re.compile(
    r"""\s*(?:(?P<always>always) | (?P<share>\d+(?:\.\d+)?)\s*% | (?P<budget>\d[\d_,]*)(?P<day>\s+(?:per|a)\s+day)?
        (?:\s+by\s+(?P<by>"(?:[^"]|"")+"|\S+))?)\s*""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Policy:
    """How many rows to take, and which.

    Args:
        share: the probability of each row; 1 where there is a budget.
        budget: the most rows; None: no such limit.
        daily: whether the budget is that of each day.
        by: the column that says what a row brings; None: all rows are alike.

    >>> print(Policy.parse("2,000 a day by entropy"))
    2000 per day by entropy
    """

    share: float = 1.0
    budget: int | None = None
    daily: bool = False
    by: str | None = None

    def __post_init__(self) -> None:
        """Refuse what takes nothing."""
        if not 0 < self.share <= 1:
            raise ConfigError(
                f"a share of {100 * self.share:g} %", where="policy", expected="more than 0, at most 100 %"
            )
        if self.budget is not None and not 1 <= self.budget <= MOST:
            expected = f"at least 1, at most {MOST:,}"
            raise ConfigError(f"a budget of {self.budget:,} rows", where="policy", expected=expected)

    @classmethod
    def parse(cls, text: str) -> Policy:
        """Read a policy's text.

        Raises:
            ConfigError: it says something else, or takes nothing.
        """
        found = _POLICY.fullmatch(text)
        if found is None:
            expected = "'always', '10 %', '200', '200 per day' or '200 per day by benefit'"
            raise ConfigError(f"{text!r} is no policy", where="policy", expected=expected)
        if found["always"]:
            return cls()
        if found["share"]:
            return cls(share=float(found["share"]) / 100)
        by = found["by"]
        column = by[1:-1].replace('""', '"') if by and by.startswith('"') else by
        return cls(budget=int(found["budget"].replace(",", "").replace("_", "")), daily=bool(found["day"]), by=column)

    @classmethod
    def of(cls, policy: str | Policy | None, budget: int | None = None) -> Policy:
        """Take a policy, its text, or only a budget in all.

        Raises:
            ConfigError: it can't be understood, or both are given.
        """
        if policy is None:
            return cls(budget=budget) if budget is not None else cls()
        if budget is not None:
            raise ConfigError(
                "a policy and a budget", where="collect", expected="one of them", hint=f"'{budget} per day'"
            )
        return cls.parse(policy) if isinstance(policy, str) else policy

    def __str__(self) -> str:
        """Print it as `parse` reads it."""
        if self.budget is None:
            return "always" if self.share == 1 else f"{100 * self.share:.10g} %"
        by = "" if self.by is None else f" by {quote_name(self.by)}"
        return f"{self.budget}{' per day' if self.daily else ''}{by}"

    def draw(self, matched: pl.DataFrame, number: Floats, looks: Ints | None = None) -> Draw:
        """Choose among the rows of one day, or of all time.

        Args:
            matched: the rows that match, with the column `by`.
            number: float64[rows], inside (0, 1): the number of each (`retrue.core.hashing.numbers`).
            looks: int64[rows], which rows look alike; only where there is a `by`.

        Raises:
            ConfigError: there is no such column, or it is no number.
        """
        if self.budget is None:
            return (
                by_share(number, self.share) if self.share < 1 else Draw(np.arange(number.size), np.ones(number.size))
            )
        return by_budget(number, self.budget, None if self.by is None else bounded(self.benefit(matched), looks))

    def benefit(self, matched: pl.DataFrame) -> Floats:
        """float64[rows]: what each row brings.

        Raises:
            ConfigError: there is no such column, or it is no number.
        """
        if self.by not in matched.columns:
            raise ConfigError(f"no column {self.by!r} to choose by", where="policy", expected="a numeric column")
        column = matched[self.by]
        if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
            raise ConfigError(f"column {self.by!r} is {column.dtype}", where="policy", expected="a numeric column")
        return number_rows(column).fill_null(0.0).to_numpy()
