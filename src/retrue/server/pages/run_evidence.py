"""What a run showed beside its comparisons, for its page: calibration, pace, rules in production, early labels.

Read from what the run keeps of its proof; whatever an older Retrue didn't keep is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import distinct, func, select

from retrue.judge.rules import BROKEN
from retrue.judge.verdict import VerdictKind
from retrue.judge.words import percent
from retrue.metrics.quality.shares import wilson
from retrue.refine.early import NUMBER
from retrue.report.charts.outcome import DIAGONAL
from retrue.report.charts.picture import Field, Picture, position
from retrue.report.evidence import calibration as calibration_said
from retrue.report.evidence import lasted, weighed
from retrue.report.theme import REFERENCE, WINDOW
from retrue.report.words import plural, signed, spanned
from retrue.server.pages.trials import TrialRow, trial_row
from retrue.store import tables
from retrue.workspace import Model
from retrue.workspace.promote.lineage import Lineage

SIDES = {"champion": REFERENCE, "challenger": WINDOW}
Fact = tuple[str, str, str]


@dataclass(frozen=True)
class RuleRow:
    """A rule of the model: what the challenger would have done on the holdout, and what happens in production."""

    rule: str
    offline: str
    tone: str
    production: str


@dataclass(frozen=True)
class EarlyRow:
    """What early labels bend of one class, or of the label's mean: among known labels, and so weighed."""

    what: str
    known: str
    weighted: str
    difference: str
    interval: str
    rows: str


@dataclass(frozen=True)
class Evidence:
    """What the page shows.

    Attributes:
        calibration: in words; drawn: whether there is a chart of it.
        pace: facts on speed and size: name, fact, small.
        rules: the model's own, offline and in production; version: whose production that is.
        trials: of the version that it became, or is tried as, latest first.
        early: what early labels bend in what it learned from; unbent: why nothing of that was measured.
    """

    calibration: str
    drawn: bool
    pace: tuple[Fact, ...]
    rules: tuple[RuleRow, ...]
    version: str
    trials: tuple[TrialRow, ...]
    early: tuple[EarlyRow, ...] = ()
    unbent: str = ""


def evidence_of(model: Model, one: Lineage) -> Evidence:
    """What is known of a run beside its comparisons."""
    proof, version = one.proof or {}, one.version or one.champion
    said = next(calibration_said(proof.get("calibration") or {}), "")
    trials = tuple(map(trial_row, one.trials))
    early = one.body.get("early") or {}
    return Evidence(
        said, calibration_picture(one) is not None, pace_facts(proof.get("pace"), one.body.get("trainer") or {}),
        rule_rows(model, proof.get("rules") or {}, version), version, trials, early_rows(early),
        str(early.get("why") or ""),
    )  # fmt: skip


# --- calibration ------------------------------------------------------------------------------------------------------


def calibration_picture(one: Lineage) -> Picture | None:
    """Of the events that each model gives 30 %, how many happened; None where scores are no probabilities."""
    sides = {side: (one.proof or {}).get("calibration", {}).get(side) for side in SIDES} if one.proof else {}
    known = {side: told for side, told in sides.items() if told and told.get("reliability") is not None}
    if "challenger" not in known:
        return None
    rows: list[dict[str, Any]] = [dict(row) for row in DIAGONAL]
    upper = max(known, key=lambda side: known[side]["bins"][-1][1])
    for side, told in known.items():
        rows += [point(side, *bin_) for bin_ in told["bins"]]
        rows[-1] |= {"name": side, "place": "above" if side == upper else "below"}
    fields = (
        Field("model", "model"), Field("x", "said", "number"), Field("y", "happened", "number"),
        Field("n", "rows", "count"),
    )  # fmt: skip
    return Picture("calibration", finding(known), rows, fields)


def point(side: str, said: float, seen: float, n: int) -> dict[str, Any]:
    """A bin of the curve, with its 95 % interval."""
    low, high = wilson(seen * n, n)
    place = {"x": position(said), "y": position(seen), "low": position(low), "high": position(high), "n": n}
    return {"side": SIDES[side], "model": side, **place}


def finding(known: Mapping[str, Mapping[str, Any]]) -> str:
    """Say who keeps better what it promises; nobody where the intervals overlap."""
    ours, theirs = known["challenger"], known.get("champion")
    low, high = ours["interval"]
    off = f"What the challenger says is off by {ours['error']:.2g}" if low > 0 else "The challenger keeps what it says"
    if theirs is None:
        return off
    if high < theirs["interval"][0]:
        return f"{off}, better than the champion (off by {theirs['error']:.2g})"
    if low > theirs["interval"][1]:
        return f"{off}, worse than the champion (off by {theirs['error']:.2g})"
    return f"{off}, about as well as the champion (off by {theirs['error']:.2g})"


# --- pace and size ----------------------------------------------------------------------------------------------------


def pace_facts(pace: Mapping[str, Any] | None, trainer: Mapping[str, Any]) -> tuple[Fact, ...]:
    """How long answers take, how large the model is, and what training took."""
    found: list[Fact] = []
    if pace is not None:
        ends = pace.get("interval")
        beside = "" if pace["ratio"] is None else f"{pace['ratio']:.2g} times the champion's"
        beside += f" ({spanned((ends[0], ends[1]))})" if ends and beside else ""
        found.append(("One answer", lasted(pace["challenger"]), beside))
        theirs = pace.get("champion_batch")
        found.append((
            f"{plural(pace['batch'], 'row')} together", lasted(pace["challenger_batch"]),
            "" if theirs is None else f"the champion {lasted(theirs)}",
        ))  # fmt: skip
        before, size = pace["sizes"]
        found.append(("The model", weighed(size), "" if before is None else f"the champion {weighed(before)}"))
    seconds, memory = trainer.get("seconds"), trainer.get("memory")
    if isinstance(seconds, int | float):
        small = f"at most {weighed(memory)} of memory" if isinstance(memory, int) and memory else ""
        found.append(("Training took", f"{seconds:,.1f} s", small))
    return tuple(found)


# --- rules ------------------------------------------------------------------------------------------------------------


def rule_rows(model: Model, offline: Mapping[str, Mapping[str, Any]], version: str) -> tuple[RuleRow, ...]:
    """Each rule as the challenger kept it on the holdout, beside what it does in production."""
    if not offline:
        return ()
    broken, judged = in_production(model, version)
    return tuple(
        RuleRow(rule, *offline_said(verdict), production_said(broken.get(rule, 0), judged))
        for rule, verdict in offline.items()
    )


def offline_said(verdict: Mapping[str, Any]) -> tuple[str, str]:
    """How a rule stood on the holdout, and how loud that is."""
    reason, kind = str(verdict.get("reason", "")), verdict.get("kind")
    if BROKEN in reason:
        return f"broken: {reason}", "warn"
    if kind == VerdictKind.NOT_COMPARABLE.value:
        return f"can't tell: {reason}", "soft"
    return "kept", ""


def production_said(broken: int, judged: int) -> str:
    """How often it was broken.

    >>> production_said(0, 0), production_said(0, 1), production_said(2, 30)
    ('no window is judged yet', 'kept in the one window', 'broken in 2 of 30 windows')
    """
    if not judged:
        return "no window is judged yet"
    if not broken:
        return "kept in the one window" if judged == 1 else f"kept in all {judged:,} windows"
    return f"broken in {broken:,} of {plural(judged, 'window')}"


def in_production(model: Model, version: str) -> tuple[dict[str, int], int]:
    """In how many judged windows of a version each rule was broken, and how many there are."""
    c = tables.verdicts.c
    mine = (c.model == model.name, c.version == version)
    rule, reason = c.body["rule"].as_string(), c.body["reason"].as_string()
    counted = select(rule, func.count(distinct(c.start))).where(*mine, reason.contains(BROKEN)).group_by(rule)
    with model.store.catalog.read() as tx:
        judged = tx.connection.execute(select(func.count(distinct(c.start))).where(*mine)).scalar_one()
        return {str(text): int(n) for text, n in tx.connection.execute(counted)}, int(judged)


# --- early labels -----------------------------------------------------------------------------------------------------


def early_rows(said: Mapping[str, Any]) -> tuple[EarlyRow, ...]:
    """What was measured when its rows were chosen, the most bent class first."""
    return tuple(early_row(one) for one in said.get("measured") or ())


def early_row(one: Mapping[str, Any]) -> EarlyRow:
    """Shares in points; the mean of a number as it is."""
    low, high = one["interval"]
    number = one["what"] == NUMBER
    times, unit = (1.0, "") if number else (100.0, " points")
    known, weighted = (f"{one[name]:.4g}" if number else percent(one[name]) for name in ("known", "weighted"))
    gap = signed((one["known"] - one["weighted"]) * times, (high - low) / 2 * times)
    ends = spanned((low * times, high * times))
    return EarlyRow(one["what"], known, weighted, gap + unit, ends, f"{one['rows']:,}")
