"""What a proof showed beside its contests, in sentences: baselines, calibration, pace, estimates, rules, labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from retrue.judge.words import metric_name
from retrue.report.words import plural

OUTCOMES = {"better": "better than", "worse": "worse than", "even": "no better than", "unknown": "not comparable with"}


def sentences(said: Mapping[str, Any]) -> Iterator[str]:
    """Sentences on a proof in plain values (`Proof.to_dict()`, or what a run keeps of it)."""
    yield from baselines(said.get("baselines") or [])
    yield from calibration(said.get("calibration") or {})
    yield from pace(said.get("pace"))
    yield from estimated(said.get("estimated"))
    yield from rules(said.get("rules") or {})
    yield from early(said.get("early"))


def baselines(found: list[Mapping[str, Any]]) -> Iterator[str]:
    """How it stands beside what one would say without a model."""
    told = [f"{OUTCOMES[one['outcome']]} “{one['rival']}”{figure(one['champion'])}" for one in found]
    if told:
        yield f"Beside baselines, by {metric_name(found[0]['metric'])}: {', '.join(told)}."


def figure(value: float | None) -> str:
    """A value in brackets, where there is one."""
    return "" if value is None else f" ({value:.3g})"


def calibration(sides: Mapping[str, Mapping[str, Any] | None]) -> Iterator[str]:
    """How far what is said is from what happens."""
    told = [
        f"the {side} is off by {one['error']:.2g} ({one['interval'][0]:.2g} to {one['interval'][1]:.2g}){slope(one)}"
        for side in ("challenger", "champion")
        if (one := sides.get(side)) is not None
    ]
    if told:
        yield f"Calibration: {', '.join(told)}."


def slope(one: Mapping[str, Any]) -> str:
    """The slope of a calibration."""
    return "" if one["slope"] is None else f" with slope {one['slope']:.2f}"


def pace(found: Mapping[str, Any] | None) -> Iterator[str]:
    """How long an answer takes, and how large the model is."""
    if found is None:
        return
    beside = "" if found["ratio"] is None else f", {found['ratio']:.2g} times the champion's"
    yield (
        f"An answer takes {lasted(found['challenger'])}{beside}; {found['batch']:,} rows together "
        f"{lasted(found['challenger_batch'])}; the model is {weighed(found['sizes'][1])}."
    )


def lasted(seconds: float) -> str:
    """A short time.

    >>> lasted(0.00123), lasted(0.25), lasted(2.5)
    ('1.2 ms', '250 ms', '2.5 s')
    """
    return f"{seconds:.2g} s" if seconds >= 1 else f"{float(f'{seconds * 1e3:.2g}'):g} ms"


def weighed(size: int) -> str:
    """A size in bytes.

    >>> weighed(812), weighed(12_345), weighed(4_200_000), weighed(3_000_000_000)
    ('812 bytes', '12 kB', '4.2 MB', '3 GB')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{float(f'{size / unit:.2g}'):g} {name}"
    return f"{size} bytes"


def estimated(found: Mapping[str, Any] | None) -> Iterator[str]:
    """What labels of recent events would say of both."""
    if found is None:
        return
    sides = [found[side]["metrics"] for side in ("challenger", "champion")]
    told = [
        f"{metric_name(name)} {ours['value']:.3g} against {theirs['value']:.3g}"
        for name, ours in sides[0].items()
        if ours["value"] is not None and (theirs := sides[1].get(name, {})).get("value") is not None
    ]
    if told:
        yield f"Estimated on {plural(found['events'], 'recent event')} without labels: {', '.join(told)}."


def rules(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Which of the model's rules it would have kept."""
    if found:
        kept = sum(one["kind"] == "true" for one in found.values())
        yield f"It would have kept {kept} of the model's {plural(len(found), 'rule')} on the holdout."


def early(found: Mapping[str, Any] | None) -> Iterator[str]:
    """What early labels bend in its training set: of several classes the one that is bent most."""
    if not found:
        return
    measured, classes = found.get("measured") or [], int(found.get("classes") or 0)
    if measured:
        more = f"; the other {classes - 1:,} classes less" if classes > 1 else ""
        yield f"Early labels: {measured[0]['said']}{more}."
    elif found.get("why"):
        yield f"Early labels: {found['why']}."
