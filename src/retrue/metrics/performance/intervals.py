"""95 % intervals of shares, means and differences, from counts and sums alone."""

from __future__ import annotations

from math import exp, hypot, log, sqrt

from retrue.core.state import Sums
from retrue.metrics.measure import Z95, Interval
from retrue.metrics.quality import shares

Z = Z95
"""The 97.5 % point of the normal distribution, as formulas call it."""
FLAT = 1e-9
"""A variance below this part of its greatest possible value is rounding."""


def wilson(hits: float, n: float) -> Interval | None:
    """The interval of a share, `hits` of `n` rows; None without rows.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference". It stays within 0 and 1 and
    has a width even where all or none are hits.

    >>> [round(end, 3) for end in wilson(30, 30)]
    [0.886, 1.0]
    """
    if n <= 0:
        return None
    return shares.wilson(min(max(hits, 0.0), n), n)


def of_fraction(value: float, variance: float, n: float) -> Interval | None:
    """The interval of a mean or an average of values between 0 and 1 whose sampling variance is known.

    Wilson's, at the number of rows that would give a share this variance, value (1 - value) / variance (Korn and
    Graubard 1998, "Confidence intervals for proportions with small expected number of positive counts estimated from
    survey data"); at `n` where the rows show no variance at all.

    >>> of_fraction(0.5, 0.25 / 100, 100) == wilson(50, 100)
    True
    """
    most = value * (1 - value)
    size = most / variance if variance * n > FLAT * most > 0 else n
    return wilson(value * size, size)


def of_logit(value: float, variance: float, n: float) -> Interval | None:
    """Student's interval of a value between 0 and 1, symmetric in ln(value / (1 - value)); Wilson's at 0 and 1.

    `n` is how many rows of the rarer class the variance was estimated from.

    >>> [round(end, 3) for end in of_logit(0.9, 0.0009, 50)]
    [0.822, 0.946]
    """
    most = value * (1 - value)
    if variance <= FLAT * most or most <= 0:
        return wilson(value * n, n)
    centre, reach = log(value / (1 - value)), student(n - 1) * sqrt(variance) / most
    return 1 / (1 + exp(min(reach - centre, 700.0))), 1 / (1 + exp(min(-reach - centre, 700.0)))


def student(degrees: float) -> float:
    """The 97.5 % point of Student's t, to 0.1 % (Abramowitz and Stegun 26.7.5; exact for one and two degrees).

    >>> round(student(1), 2), round(student(5), 2), round(student(10**6), 3)
    (12.71, 2.57, 1.96)
    """
    if degrees < 3:
        return {1: 12.706204736432095, 2: 4.302652729911275}.get(int(degrees), float("inf"))
    powers = (
        (Z**3 + Z) / 4,
        (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96,
        (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384,
        (79 * Z**9 + 776 * Z**7 + 1482 * Z**5 - 1920 * Z**3 - 945 * Z) / 92160,
    )
    return Z + sum((term / degrees ** (i + 1) for i, term in enumerate(powers)), 0.0)


def of_mean(sums: Sums, low: float | None = None) -> Interval | None:
    """Student's interval of a mean, cut at `low`; None below two rows.

    >>> of_mean(Sums(4, 8.0, 24.0), low=0.0)
    (0.0, 4.59...)
    """
    mean, error = sums.mean, sums.standard_error
    if mean is None or error is None:
        return None
    reach = student(sums.n - 1) * error
    return (mean - reach if low is None else max(mean - reach, low)), mean + reach


def of_positive(value: float, error: float, n: float) -> Interval | None:
    """The interval of a positive value with standard error `error`, symmetric in ln(value); None below two rows."""
    if n < 2 or value <= 0:
        return (value, value) if n >= 2 else None
    reach = student(n - 1) * error / value
    return (value * exp(-reach), value * exp(reach)) if reach < 700 else None


def of_difference(a: float, of_a: Interval, b: float, of_b: Interval) -> Interval:
    """The interval of a - b from the intervals of two independent values: the square-and-add rule.

    Newcombe (1998), "Interval estimation for the difference between independent proportions", method 10; Zou and
    Donner (2008), "Construction of confidence limits about effect measures" (MOVER), for any other values.

    >>> [round(end, 4) for end in of_difference(56 / 70, wilson(56, 70), 48 / 80, wilson(48, 80))]  # Newcombe, table II
    [0.0524, 0.3339]
    """
    return a - b - hypot(a - of_a[0], of_b[1] - b), a - b + hypot(of_a[1] - a, b - of_b[0])
