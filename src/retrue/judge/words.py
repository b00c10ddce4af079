"""Numbers as a sentence says them: no more digits than they support."""

from __future__ import annotations

import math
from datetime import UTC, datetime


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
    """
    if value == 0:
        return "0"
    scale = math.floor(math.log10(abs(value)))
    digits = 2 - scale
    if error is not None and error > 0:
        digits = -math.floor(math.log10(error))
    text = f"{value:,.{min(max(digits, 0), 8)}f}"
    return "0" if text in ("-0", "0") else text


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


def rows(count: int) -> str:
    """Say a number of rows.

    >>> rows(4031), rows(1)
    ('4,031 rows', '1 row')
    """
    return f"{count:,} row" + ("" if count == 1 else "s")


def moment(seconds: float) -> str:
    """Say a time given in seconds since 1970 (UTC), to the second, or the number itself where it is no date.

    >>> moment(1385000000.0), moment(1e18)
    ('2013-11-21 02:13:20', '1,000,000,000,000,000,000')
    """
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return figure(seconds)
