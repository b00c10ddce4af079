"""Trials on pages: which version runs beside the champion, since when, and what that says by now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrue.judge.words import percent
from retrue.store import rows
from retrue.workspace import Model
from retrue.workspace.decide.trials import RUNNING, Trial

SHOWN = 5
"""Trials that a model's page lists."""


@dataclass(frozen=True)
class TrialRow:
    """A trial.

    Attributes:
        id, version: which, and of which version.
        status: "running" or "stopped".
        advice: what it said when it was last judged.
        said: who runs beside whom, and how, in words.
        since, until, judged: when (ISO); "" where it wasn't yet.
        run: the run whose model it is; "" where that isn't known.
    """

    id: str
    version: str
    status: str
    advice: str
    said: str
    since: str
    until: str
    judged: str
    run: str = ""


def trial_row(one: Trial | rows.Trial, run: str = "") -> TrialRow:
    """A trial in words."""
    body = one.body
    judged = body.get("judged") or {}
    version, champion = str(body.get("challenger", "")), str(body.get("champion", ""))
    verb = "runs" if one.status == RUNNING else "ran"
    share = float(body.get("share", 0.5))
    how = "as a shadow" if body.get("kind") == "shadow" else f"on {percent(share)} of the events"
    said = f"version {version} {verb} beside version {champion}, {how}" + (
        f" (stopped: {body['note']})" if body.get("note") else ""
    )
    return TrialRow(
        one.id, version, one.status, str(judged.get("advice") or "not judged yet"), said, str(body.get("since") or ""),
        str(body.get("until") or ""), str(judged.get("at") or ""), run,
    )  # fmt: skip


def going_on(model: Model) -> tuple[TrialRow, ...]:
    """The model's trials that later labels may tell more of, latest first, with the runs whose models they are of."""
    found: Sequence[Trial] = [one for one in model.trials() if one.waits][:SHOWN]
    if not found:
        return ()
    runs = {str(one.body.get("tried")): one.id for one in reversed(model.runs())}
    runs |= {one.version: str(one.body["run"]) for one in model.versions() if one.body.get("run")}
    return tuple(trial_row(one, runs.get(str(one.body["challenger"]), "")) for one in found)
