"""Numbers as a sentence says them: no more digits than they support."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from retrue.core.per_event import is_mean_name
from retrue.metrics.names import GAP, grouped_metric, is_between_groups, is_concept_drift, is_estimated, metric_of


def percent(share: float) -> str:
    """Say a share with two significant digits; 0 and 100 only where they are exact.

    >>> [percent(s) for s in (0.0, 0.00002, 0.00123, 0.01, 0.0311, 0.12, 0.9996, 1.0)]
    ['0 %', '<0.01 %', '0.12 %', '1 %', '3.1 %', '12 %', '>99.9 %', '100 %']
    """
    value = share * 100
    if value in (0, 100):
        return f"{value:.0f} %"
    if abs(value) < 0.01:
        return "<0.01 %"
    if 99.9 < value < 100:
        return ">99.9 %"
    digits = 1 if 99 < value < 100 else max(0, 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + " %"


def figure(value: float, error: float | None = None) -> str:
    """Say a number with the digits that its error supports, three significant ones where it is unknown.

    >>> figure(0.76412, 0.004), figure(0.2134), figure(123456.7), figure(-0.0)
    ('0.764', '0.213', '123,457', '0')
    >>> figure(-12.25), figure(-math.inf), figure(math.nan)
    ('−12.2', '−∞', 'NaN')
    """
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    scale = math.floor(math.log10(abs(value)))
    digits = 2 - scale
    if error is not None and error > 0:
        digits = -math.floor(math.log10(error))
    text = f"{value:,.{min(max(digits, 0), 8)}f}"
    return "0" if text in ("-0", "0") else minus(text)


def minus(text: str) -> str:
    """Write a number with a real minus.

    >>> minus("-0.031"), minus("+0.2")
    ('−0.031', '+0.2')
    """
    return text.replace("-", "−")


def amount(distance: float) -> str:
    """Say a distance between 0 and 1: two digits after the point, or two that count where it is small.

    >>> amount(0.9), amount(0.2134), amount(0.0632), amount(0.0)
    ('0.90', '0.21', '0.063', '0')
    """
    if distance >= 0.1 or distance == 0:
        return f"{distance:.2f}" if distance else "0"
    return "<0.0001" if distance < 1e-4 else f"{distance:.2g}"


def span(interval: tuple[float, float], digits: int = 2) -> str:
    """Say an interval.

    >>> span((0.194, 0.2312))
    '0.19 to 0.23'
    """
    return f"{interval[0]:.{digits}f} to {interval[1]:.{digits}f}"


def rows(count: float) -> str:
    """Say a number of rows; one that isn't whole by its type is the effective n of weighted rows.

    >>> rows(4031), rows(1), rows(12.3)
    ('4,031 rows', '1 row', '12 effective rows')
    """
    if isinstance(count, float):
        return f"{count:,.0f} effective row" + ("" if round(count) == 1 else "s")
    return f"{count:,} row" + ("" if count == 1 else "s")


ABBREVIATIONS = {
    "roc_auc": "ROC AUC",
    "f1": "F1",
    "mae": "MAE",
    "rmse": "RMSE",
    "mape": "MAPE",
    "r2": "R²",
    "ndcg": "NDCG",
    "mrr": "MRR",
    "map": "MAP",
    "ece": "calibration error",
    "brier": "Brier score",
    "ks": "KS",
    "psi": "PSI",
    "js": "JS",
    "kl": "KL",
    "hellinger": "Hellinger",
    "wasserstein": "Wasserstein",
    "cramers_v": "Cramér's V",
    "top": "most frequent value",
    "p05": "5 % quantile",
    "p25": "25 % quantile",
    "p75": "75 % quantile",
    "p95": "95 % quantile",
    "error_p10": "error, 10 % quantile",
    "error_p50": "error, median",
    "error_p90": "error, 90 % quantile",
    "tv": "total variation",
    "linf": "largest change",
    "chi2": "chi²",
    "nan": "NaN",
    "mmd": "columns together",
    "min": "least",
    "max": "greatest",
    "std": "standard deviation",
}
"""Metrics that their name alone doesn't say well."""


AVERAGES = ("macro", "micro", "weighted")
"""Ways to average over classes, at the end of a metric's name."""


def metric_name(name: str) -> str:
    """Say a metric's name; what follows `@` is a threshold or a class.

    >>> metric_name("roc_auc"), metric_name("log_loss"), metric_name("precision@0.3"), metric_name("f1_macro")
    ('ROC AUC', 'log loss', 'precision at 0.3', 'F1, macro')
    >>> metric_name("mean(revenue)")
    'mean of revenue'
    >>> metric_name("estimated_roc_auc"), metric_name("concept_drift_roc_auc")
    ('estimated ROC AUC', 'concept drift in ROC AUC')
    >>> metric_name("selection_rate_gap"), metric_name("estimated_accuracy_ratio")
    ('gap in selection rate', 'ratio of estimated accuracy')
    """
    if is_between_groups(name):
        kind = "gap in" if name.partition("@")[0].endswith(GAP) else "ratio of"
        return f"{kind} {metric_name(grouped_metric(name))}"
    if is_estimated(name):
        return f"estimated {metric_name(metric_of(name))}"
    if is_concept_drift(name):
        return f"concept drift in {metric_name(metric_of(name))}"
    if is_mean_name(name):
        return "mean of " + name.partition("(")[2][:-1]
    base, _, parameter = name.partition("@")
    plain, _, kind = base.rpartition("_")
    if kind in AVERAGES and base not in ABBREVIATIONS:
        return f"{metric_name(plain)}, {kind}"
    said = ABBREVIATIONS.get(base, base.replace("_", " "))
    if not parameter:
        return said
    return f"{said} {'at' if parameter.replace('.', '').isdigit() else 'of'} {parameter}"


def moment(seconds: float) -> str:
    """Say a time given in seconds since 1970 (UTC), to the second, or the number itself where it is no date.

    >>> moment(1385000000.0), moment(1e18)
    ('2013-11-21 02:13:20', '1,000,000,000,000,000,000')
    """
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return figure(seconds)


def day(iso: str) -> str:
    """Say an ISO time as people do; midnight as the day alone; anything else as it is.

    >>> day("2026-03-14T00:00:00+00:00"), day("2026-03-14T09:30:00+00:00")
    ('14 March 2026', '14 March 2026 09:30')
    """
    try:
        at = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    said = f"{at.day} {at:%B %Y}"
    return said if (at.hour, at.minute) == (0, 0) else f"{said} {at:%H:%M}"


def period(since: str, until: str) -> str:
    """Say from when to when (ISO, the end not included); whole days by their names, the last one included.

    >>> print(period("2026-03-14T00:00:00+00:00", "2026-03-18T00:00:00+00:00"))
    From 14 to 17 March 2026
    >>> print(period("2026-03-30T00:00:00+00:00", "2026-04-02T00:00:00+00:00"))
    From 30 March to 1 April 2026
    >>> print(period("2026-03-14T00:00:00+00:00", "2026-03-15T00:00:00+00:00"))
    On 14 March 2026
    >>> print(period("2026-03-14T09:00:00+00:00", "2026-03-14T17:30:00+00:00"))
    On 14 March 2026 from 09:00 to 17:30
    >>> print(period("2026-03-14T09:00:00+00:00", "2026-03-15T10:00:00+00:00"))
    From 14 March 2026 09:00 to 15 March 2026 10:00
    """
    try:
        start, end = datetime.fromisoformat(since), datetime.fromisoformat(until)
    except ValueError:
        return f"From {since} to {until}"
    if (start.hour, start.minute, end.hour, end.minute) != (0, 0, 0, 0):
        if start.date() == end.date():
            return f"On {start.day} {start:%B %Y} from {start:%H:%M} to {end:%H:%M}"
        return f"From {day(since)} to {day(until)}"
    last = max(end - timedelta(days=1), start.replace(tzinfo=end.tzinfo))
    if last.date() == start.date():
        return f"On {day(since)}"
    first = f"{start.day}"
    if (start.year, start.month) != (last.year, last.month):
        first += f" {start:%B}" + (f" {start.year}" if start.year != last.year else "")
    return f"From {first} to {last.day} {last:%B %Y}"


def duration(seconds: float) -> str:
    """Say about how long something takes, in the unit that suits it.

    >>> duration(86_400), duration(7 * 86_400), duration(3_600), duration(1_500)
    ('24 hours', '7 days', '1 hour', '25 minutes')
    """
    units = ((86_400, "day", 1.5), (3_600, "hour", 1.0), (60, "minute", 0.0))
    size, unit = next((size, unit) for size, unit, least in units if seconds >= least * size)
    count = max(round(seconds / size), 1)
    return f"{count} {unit}" + ("" if count == 1 else "s")
