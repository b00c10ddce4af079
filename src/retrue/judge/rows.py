"""What whole rows must keep: rules between two columns, ids that occur once, weights that can be used."""

from __future__ import annotations

from retrue.core.profile import Profile
from retrue.core.state import Sums
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import percent, rows
from retrue.metrics import Measure
from retrue.metrics.quality.rule_broken import rule_broken, rules
from retrue.metrics.quality.weights import bad_weights


def judge_row_rules(window: Profile, reference: Profile) -> list[Verdict]:
    """Give a verdict for each rule between two columns, such as `departure <= arrival`, that the profiles counted."""
    found = rules(window).items()
    return [judge_row_rule(name, rule_broken(window, reference, rule=name), sums) for name, sums in found]


def judge_row_rule(name: str, measure: Measure, sums: Sums) -> Verdict:
    """Judge one rule: broken where rows break it, and more of them than in the reference."""
    if measure.value is None:
        return Verdict(VerdictKind.NOT_COMPARABLE, f"{name}: {measure.note}", metric="rule_broken", n=sums.n)
    before = "" if measure.reference is None else f", {percent(measure.reference)} in the reference"
    said = f"{rows(round(sums.total))} of {sums.n:,.0f} ({percent(measure.value)}{before}) don't keep {name!r}"
    return verdict(measure, said, f"all rows keep {name!r}", "rule_broken", sums.n)


def judge_repeats(column: str, measure: Measure, n: int) -> Verdict:
    """Judge whether ids occur more than once, from what the metric `duplicates` measured."""
    if measure.value is None or n < 2:
        said = f"{column}: {measure.note or 'one row repeats nothing'}"
        return Verdict(VerdictKind.NOT_COMPARABLE, said, metric="duplicates", column=column, n=n)
    names = ", ".join(f"{name!r} {count} times" for name, count in measure.names[:3])
    said = f"{percent(measure.value)} of {rows(n)} repeat an id: {names}"
    return verdict(measure, said, "no id occurs twice", "duplicates", n, column)


def judge_weights(column: str | None, window: Profile, reference: Profile) -> list[Verdict]:
    """Judge whether events have usable weights, where they are weighted by a column."""
    if column is None:
        return []
    measure = bad_weights(window, reference)
    said = f"{percent(measure.value or 0.0)} of {rows(window.rows)} have no usable weight and are left out"
    return [
        verdict(
            measure,
            f"{said} (null, NaN, infinite or negative)",
            "all rows have a usable weight",
            "bad_weights",
            window.rows,
            column,
        )
    ]


def verdict(measure: Measure, said: str, calm: str, metric: str, n: float, column: str | None = None) -> Verdict:
    """Say `broken` where the share is above zero, and above the reference's beyond chance where that isn't zero."""
    value, before = measure.value or 0.0, measure.reference or 0.0
    low = measure.interval[0] if measure.interval else value
    broken = value > 0 and (before == 0 or low > before)
    kind = VerdictKind.BROKEN if broken else VerdictKind.TRUE
    reason = said if broken else calm if value == 0 else f"{said}, no more than before"
    return Verdict(kind, reason, metric, column, None, None, measure.value, measure.interval, n, before)
