"""Decide: whether retraining pays by now, and why; broken data are never learned from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from retrue.judge.words import duration, figure, metric_name, minus, percent, rows
from retrue.refine.expected import Expected, Gap, Situation, expected, taught
from retrue.refine.policy import DAY, RetrainingPolicy

LEAST = 100
"""Fewer new labels than this teach nothing."""
PATIENCE = 7
"""Ways to wait that are weighed: a seventh of the least gap between runs, two, ..."""
LOSSES = ("mae", "median_absolute_error", "rmse", "mse", "brier", "log_loss", "error_rate")
"""Metrics of which less is better."""


@dataclass(frozen=True)
class Answer:
    """Whether to retrain.

    Attributes:
        answer: "retrain" or "wait".
        because: why, in words.
        starts: whether the policy lets it start by itself.
        expected: what a run is expected to bring; None where nobody can tell.
        policy: what it was weighed by.
        situation: what was known.
    """

    answer: str
    because: str
    starts: bool
    expected: Expected | None
    policy: RetrainingPolicy
    situation: Situation

    @property
    def original(self) -> float:
        """Share of a run's weight that original data are to have, beside the log; what small fits say, else a half."""
        curve = self.situation.curve
        return 0.5 if curve is None else curve.original

    def __str__(self) -> str:
        return ("retrain: " if self.answer == "retrain" else "not yet, because ") + self.because

    def to_dict(self) -> dict[str, Any]:
        """Plain values, every number that it was made from."""
        return {**asdict(self), "text": str(self)}


def decide(situation: Situation, policy: RetrainingPolicy) -> Answer:
    """Say whether to retrain now."""
    found = expected(situation, policy)
    stop = obstacle(situation, policy)
    if stop is not None:
        return Answer("wait", stop + without(situation), False, found, policy, situation)
    goes, why = CHOICES[policy.when](situation, policy, found)
    why += without(situation)
    return Answer("retrain" if goes else "wait", why, goes and policy.when != "manual", found, policy, situation)


def obstacle(situation: Situation, policy: RetrainingPolicy) -> str | None:
    """Why nothing may be trained now whatever it promises; None where it may."""
    if situation.broken:
        return f"the data are broken ({situation.broken[0]}): mend them first, or mark a false alarm as one"
    if situation.since is not None and situation.since < policy.gap:
        ago, least = duration(max(situation.since, 60.0)), duration(policy.gap)
        return f"the last run was {ago} ago, and at least {least} are to lie between two"
    if situation.labels < LEAST:
        to = "to the champion" if situation.labels == situation.rows else "since the last run"
        return f"only {rows(situation.labels)} with matured labels are new {to}, needs {LEAST}"
    return None


def without(situation: Situation) -> str:
    """What a run leaves out, and that small fits told nothing, in words; empty where that is nothing."""
    left_out = f"; {rows(situation.spoilt)} of broken windows are left out" if situation.spoilt else ""
    return left_out + (f"; {situation.unfitted}" if situation.unfitted is not None else "")


def by_benefit(situation: Situation, policy: RetrainingPolicy, found: Expected | None) -> tuple[bool, str]:
    """Retrain where it is worth more than it costs, and than waiting for more labels."""
    if not situation.judged:
        return False, "nobody can tell what is lost: no window was ever judged (check the model first)"
    if found is None or situation.gap is None:
        return False, "nobody can tell what is lost: neither labels nor an estimate say how the champion does"
    said = in_words(situation.gap, found)
    if situation.curve is None and situation.gap.value <= 0:
        return False, f"the champion does as well as its reference ({said})"
    if found.worth <= found.cost:
        return False, f"it isn't worth its cost ({said})"
    better = waiting(situation, policy, found)
    if better is not None:
        return False, f"labels of {duration(better)} more are worth more than a run now ({said})"
    return True, said


def by_incident(situation: Situation, _policy: RetrainingPolicy, _found: Expected | None) -> tuple[bool, str]:
    """Retrain while an incident says that the model is worse."""
    if not situation.incidents:
        return False, "no incident says that the model got worse"
    return True, situation.incidents[0]


def by_schedule(situation: Situation, policy: RetrainingPolicy, _found: Expected | None) -> tuple[bool, str]:
    """Retrain when so long has passed."""
    if situation.since is not None and situation.since < policy.every:
        return False, f"the next run is due in {duration(policy.every - situation.since)}"
    return True, f"a run is due every {duration(policy.every)}"


CHOICES: Mapping[str, Callable[[Situation, RetrainingPolicy, Expected | None], tuple[bool, str]]] = {
    "manual": by_benefit,
    "benefit": by_benefit,
    "incident": by_incident,
    "schedule": by_schedule,
}
"""What decides under each policy; by hand, people are told what it would be worth."""


def waiting(situation: Situation, policy: RetrainingPolicy, found: Expected) -> float | None:
    """How long to wait for more labels, where a run is worth more then in spite of the time that is lost; else None."""
    if not found.learned or not policy.gap or situation.curve is not None:
        return None
    now, best = found.worth - found.cost, None
    for step in range(1, PATIENCE + 1):
        length = policy.gap * step / PATIENCE
        more = situation.traffic * length / DAY
        grown = found.worth * taught(situation.rows + more) / found.learned * (1 - length / policy.horizon)
        if grown - found.cost - policy.label * more > now:
            now, best = grown - found.cost - policy.label * more, length
    return best


def in_words(gap: Gap, found: Expected) -> str:
    r"""The sum, in words.

    >>> gap = Gap("roc_auc", 0.04, 0.01, 0.01, "labels", 5_000)
    >>> print(*in_words(gap, Expected(0.012, (0.002, 0.022), 0.5, 0.7, 0.8, 36.0, 8.0)).split("; "), sep="\n")
    ROC AUC lies 0.040 below the reference by labels
    a run is expected to win 0.012 (0.0020 to 0.022) and to pass its proof with 80 %, worth 36.0 at a cost of 8.00
    """
    low, high = found.interval
    way = "below" if gap.value > 0 else "above"
    if gap.metric in LOSSES:
        way = "above" if gap.value > 0 else "below"
    by = "by labels" if gap.source == "labels" else "as estimated"
    return minus(
        f"{metric_name(gap.metric)} lies {abs(gap.value):#.2g} {way} the reference {by}; a run is expected to win "
        f"{found.gain:#.2g} ({low:#.2g} to {high:#.2g}) and to pass its proof with {percent(found.chance)}, worth "
        f"{figure(round(found.worth, 2))} at a cost of "
        f"{figure(round(found.cost, 2))}"
    )
