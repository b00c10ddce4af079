"""Trial: two versions side by side in production, compared as labels mature, by a test that may be looked at any time.

    shadow   both versions score the same events          each event: champion's loss - challenger's loss
    a/b      each event is scored by one of them          k events of one against one of the other, day by day

Both give a stream of differences, whose mean is what the challenger gains. `retrue.refine.sequence` says between what
it lies with 95 % at all times together; the whole has half of the 5 %, the slices share the other half. A stream is in
order of event time and only ever grows at its end (matured labels only), and what is said of it is a pure function of
it: a corrected label changes it and re-judges the trial.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from retrue.core.state import Bools, Floats, Ints
from retrue.judge.words import metric_name, minus, percent, rows
from retrue.refine.sequence import LEAST, Path, asymptotic, exact, rows_until

KINDS = ("shadow", "ab")
METRICS: Mapping[str, bool] = {"brier": True, "error_rate": True, "mae": False}
"""What versions are compared by, lower is better: losses of one event, and whether they lie between 0 and 1."""
LEVEL, MARGIN, SPLIT = 0.05, 0.01, 0.001
"""What may be claimed falsely, ever; the share of the champion's loss that is worth a change; the split's own level."""
PATIENCE = 180.0
"""Days: a trial that would take longer is futile."""
LOOKS = 40
"""Points of the path that is shown."""


@dataclass(frozen=True)
class Stream:
    """What was seen in one place: all events, or a slice.

    Attributes:
        where: "all events", or the slice.
        gains: float64[n], what the challenger spared at each step, in order of event time.
        champion: its mean loss; None where nothing was seen.
        challenger: its mean loss.
    """

    where: str
    gains: Floats
    champion: float | None
    challenger: float | None


@dataclass(frozen=True)
class Standing:
    """What is known of one place by now.

    Attributes:
        where: "all events", or the slice.
        n: differences that it is known from.
        champion: mean loss.
        challenger: mean loss.
        gain: champion's - challenger's loss: positive is better.
        interval: of the gain, at all times together with all other places; None where too few were seen.
        outcome: better, worse, even (the gain is certainly less than is worth a change), or open.
        path: (n, gain, low, high) at up to 40 looks.
    """

    where: str
    n: int
    champion: float | None
    challenger: float | None
    gain: float | None
    interval: tuple[float, float] | None
    outcome: str
    path: tuple[tuple[int, float, float, float], ...] = ()


@dataclass(frozen=True)
class Judged:
    """What a trial says.

    Attributes:
        metric: what the versions are compared by.
        stop: whether enough is known.
        outcome: of all events: better, worse, even, futile, or open.
        advice: what to do, in words.
        standings: all events first, then each slice.
        needed: about how many more labelled steps it takes; None where it is decided.
        days: how long that is at the present rate.
        warnings: what else is to be known, in words.
    """

    metric: str
    stop: bool
    outcome: str
    advice: str
    standings: tuple[Standing, ...]
    needed: int | None = None
    days: float | None = None
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def shadowed(where: str, champion: Floats, challenger: Floats) -> Stream:
    """Both versions' losses of the same events, in order of event time.

    >>> shadowed("all events", np.array([0.5, 0.25]), np.array([0.25, 0.25])).gains.tolist()
    [0.25, 0.0]
    """
    return Stream(where, champion - challenger, *means(champion, challenger))


def split(where: str, loss: Floats, challenged: Bools, day: Ints, share: float) -> Stream:
    """The losses of events that one version or the other scored, matched within days so that both saw the same world.

    Args:
        where: the place.
        loss: float64[n] in order of event time.
        challenged: bool[n], whether the challenger scored it.
        day: int64[n], ascending.
        share: the share of events that the challenger is to get: with 10 %, nine of the champion's against each.

    >>> day, loss = np.zeros(6, int), np.array([0.5, 0.25, 0.5, 0.25, 0.0, 1.0])
    >>> split("all events", loss, np.array([0, 1, 0, 1, 0, 0], bool), day, 0.5).gains.tolist()
    [0.25, 0.25]
    """
    each = round((1 - share) / share) if share <= 0.5 else 1, 1 if share <= 0.5 else round(share / (1 - share))
    found: list[Floats] = []
    for ours in np.split(np.arange(day.size), np.flatnonzero(np.diff(day)) + 1):
        first, second = loss[ours][~challenged[ours]], loss[ours][challenged[ours]]
        steps = min(first.size // each[0], second.size // each[1])
        if steps:
            found.append(grouped(first, steps, each[0]) - grouped(second, steps, each[1]))
    gains = np.concatenate(found) if found else np.empty(0)
    return Stream(where, gains, *means(loss[~challenged], loss[challenged]))


def grouped(values: Floats, groups: int, size: int) -> Floats:
    """Means of the first so many groups."""
    return np.asarray(values[: groups * size].reshape(groups, size).mean(axis=1), np.float64)


def means(*losses: Floats) -> tuple[float | None, ...]:
    """The mean of each; None of nothing."""
    return tuple(float(one.mean()) if one.size else None for one in losses)


def judge(
    streams: Sequence[Stream],
    metric: str,
    challenger: str,
    *,
    rate: float,
    level: float = LEVEL,
    margin: float = MARGIN,
    warnings: Sequence[str] = (),
    ended: bool = False,
) -> Judged:
    """Say what a trial has shown and whether to stop it.

    Args:
        streams: all events first, then the slices.
        metric: one of `METRICS`.
        challenger: the version that is tried.
        rate: labelled steps a day.
        level: what all that is ever said of it may be wrong with.
        margin: the share of the champion's loss that is worth a change.
        warnings: what else is to be known.
        ended: whether it was stopped: nobody is told to go on then.
    """
    whole, slices = streams[0], streams[1:]
    alphas = [level / 2, *(level / 2 / len(slices) for _ in slices)] if slices else [level]
    found = [stand(one, metric, alpha, margin) for one, alpha in zip(streams, alphas, strict=True)]
    main, outcome = found[0], found[0].outcome
    needed = days = None
    if outcome == "open":
        needed = still_needed(whole, metric, alphas[0], margin)
        days = None if needed is None or rate <= 0 else needed / rate
        if days is not None and days > PATIENCE:
            outcome = "futile"
    said = advice(main, outcome, metric, challenger, needed, days)
    if ended and outcome in ("open", "futile"):
        said = left_open(main)
    worse = [one for one in found[1:] if one.outcome == "worse"]
    if worse and outcome == "better":
        said += "; but " + ", ".join(f"worse where {one.where} by {told(one, metric)}" for one in worse)
    return Judged(metric, outcome != "open", outcome, said, tuple(found), needed, days, tuple(warnings))


def stand(stream: Stream, metric: str, alpha: float, margin: float) -> Standing:
    """What is known of one place."""
    n = int(stream.gains.size)
    if n < LEAST:
        gain = float(stream.gains.mean()) if n else None
        return Standing(stream.where, n, stream.champion, stream.challenger, gain, None, "open")
    path = sequence(stream.gains, metric, alpha)
    gain, low, high = float(path.mean[-1]), float(path.low[-1]), float(path.high[-1])
    enough = margin * abs(stream.champion or 0.0)
    outcome = "better" if low > 0 else "worse" if high < 0 else "even" if high < enough else "open"
    shown = tuple(zip(path.n.tolist(), *(side.tolist() for side in (path.mean, path.low, path.high)), strict=True))
    return Standing(stream.where, n, stream.champion, stream.challenger, gain, (low, high), outcome, shown)


def sequence(gains: Floats, metric: str, alpha: float) -> Path:
    """The confidence sequence of the mean gain, at up to `LOOKS` looks, the last one now."""
    looks = np.unique(np.linspace(LEAST, gains.size, min(LOOKS, gains.size - LEAST + 1)).round().astype(np.int64))
    return exact(gains, looks, alpha) if METRICS[metric] else asymptotic(gains, looks, alpha)


def still_needed(stream: Stream, metric: str, alpha: float, margin: float) -> int | None:
    """About how many more steps decide it, were the gain what it seems to be; None where nothing can be said yet."""
    n, enough = stream.gains.size, margin * abs(stream.champion or 0.0)
    if n < LEAST or not enough:
        return None
    gain = float(stream.gains.mean())
    reach = max(abs(gain), enough - gain)  # until it is better, worse, or certainly not better by what is worth it
    wanted = rows_until(reach, float(stream.gains.var()), alpha, bounded=METRICS[metric])
    return None if math.isinf(wanted) else max(round(wanted) - n, 1)


def advice(main: Standing, outcome: str, metric: str, challenger: str, needed: int | None, days: float | None) -> str:
    """What to do, in words, while it runs."""
    if outcome in ("better", "worse"):
        return f"stop: version {challenger} is {outcome} by {told(main, metric)}"
    if outcome == "even":
        return f"stop for futility: version {challenger} gains less than is worth a change ({told(main, metric)})"
    if outcome == "futile":
        return f"stop for futility: telling them apart would take {days:,.0f} more days at this rate"
    if main.n < LEAST:
        return f"go on: {rows(main.n)} with matured labels, needs {LEAST}"
    if needed is None:
        return "go on"
    length = "" if days is None else f" ({days:,.0f} day{'' if round(days) == 1 else 's'})" if days >= 1 else " (a day)"
    return f"go on: about {rounded(needed):,} more labelled rows at this rate{length}"


def left_open(main: Standing) -> str:
    """What a trial that was ended before it told anything says."""
    if main.n < LEAST:
        return f"undecided: {rows(main.n)} with matured labels, needs {LEAST}"
    return f"undecided: nothing is certain after {rows(main.n)}"


def told(standing: Standing, metric: str) -> str:
    """The gain with its interval.

    >>> told(Standing("all events", 900, 0.2, 0.19, 0.01, (0.004, 0.016), "better"), "brier")
    '0.010 of Brier score (+0.0040 to +0.016)'
    """
    low, high = standing.interval or (0.0, 0.0)
    size = f"{abs(standing.gain or 0.0):#.2g}"
    return minus(f"{size} of {metric_name(metric)} ({low:+#.2g} to {high:+#.2g})")


def rounded(count: int) -> int:
    """A count to two digits.

    >>> rounded(12_345), rounded(7)
    (12000, 7)
    """
    return round(count, 1 - math.floor(math.log10(count))) if count >= 100 else count


def split_warning(challenged: Bools, share: float) -> str | None:
    """Warn where the traffic isn't split as it was said: then something decides who gets which version.

    The same test at any time, on whether the challenger got each event.

    >>> split_warning(np.tile([True, True, False], 400), 0.5)
    'version shares are 67 % to 33 %, not 50 % to 50 % as said: the events may not be alike'
    """
    if challenged.size < LEAST:
        return None
    path = exact(challenged.astype(np.float64) - share, np.array([challenged.size]), SPLIT, span=1.0)
    if not path.excludes_zero[0]:
        return None
    seen = float(challenged.mean())
    return (
        f"version shares are {percent(seen)} to {percent(1 - seen)}, not {percent(share)} to {percent(1 - share)} "
        "as said: the events may not be alike"
    )
