"""What a judge may be told: the budget, the sizes worth telling, the rows it takes."""

from __future__ import annotations

from dataclasses import dataclass, field

from retrue.core.per_event import is_mean_name
from retrue.judge.budget import Budget
from retrue.metrics import get


@dataclass(frozen=True, slots=True)
class Settings:
    """How strictly to judge. The defaults are meant to be left alone.

    Args:
        budget: false alarms accepted, over all tests.
        looks: how often everything is judged within the budget's days: 720 for hourly windows in 30 days, 30 for daily
            ones. Two tables compared by hand count as one look a day.
        min_rows: fewer rows than this, in the window or the reference, are not comparable.
        rise: the smallest rise of a bad share (missing, unseen, out of range ...) worth telling, as a share of rows.
        least_bad: and the fewest bad rows.
        drift: the smallest distance worth telling; None takes the distance's own.
        cost: the smallest change of a metric between 0 and 1 worth telling: what is certainly below it is a small
            impact.
        relative_cost: the same for metrics in the label's units, as a share of the reference's value.
        uncovered: the smallest share of rows where the model was never evaluated worth telling.
        impact: the metric that what moves cost is told in, such as "f1", "value_per_event" or "mean(revenue)"; None
            takes the task's main one that is a mean over events: accuracy, MAE or NDCG.
        estimated: whether performance is estimated too while labels are missing: these tests share the budget.
        watch: the features that may alarm by themselves; what is found about others is a notice. Empty: all may.
        signals: watched signals: the share of each is a test of its own.
    """

    budget: Budget = field(default_factory=Budget)
    looks: float = 30.0
    min_rows: int = 50
    rise: float = 0.01
    least_bad: int = 5
    drift: float | None = None
    cost: float = 0.01
    relative_cost: float = 0.05
    uncovered: float = 0.02
    impact: str | None = None
    estimated: bool = False
    watch: tuple[str, ...] = ()
    signals: int = 0

    def worth_telling(self, metric: str, value: float | None) -> float:
        """Give the smallest change of a metric worth telling: points of its range, else a share of its value.

        Args:
            metric: a registered metric, or the mean of a column, which has no range.
            value: what the reference has.

        >>> Settings().worth_telling("accuracy", 0.9), Settings().worth_telling("mae", 20.0)
        (0.01, 1.0)
        """
        low, high = (None, None) if is_mean_name(metric) else get(metric).range
        if low is not None and high is not None:
            return self.cost * (high - low)
        return self.relative_cost * abs(value or 0.0)

    def alpha(self, tests: int) -> float:
        """Give the false-alarm probability of one test where `tests` are made at each look.

        >>> round(Settings().alpha(26), 5)
        0.00128
        """
        return self.budget.alpha(max(tests, 1) * self.looks)
