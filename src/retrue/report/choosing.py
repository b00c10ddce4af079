"""What is chosen for a model, in the terminal: whether to retrain, and which of two versions is better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from retrue.judge.words import figure, metric_name, minus
from retrue.report.layout import add_row, quiet_table


def decision_view(said: Mapping[str, Any]) -> RenderableType:
    """The answer, and the numbers that it was made from."""
    head = Text(said["text"][:1].upper() + said["text"][1:] + ".", style="bold" if said["answer"] == "retrain" else "")
    expected, situation = said["expected"], said["situation"]
    table = quiet_table("", "", right=[])
    add_row(table, ("matured labels, new to the champion", f"{situation['rows']:,}"))
    if situation["labels"] != situation["rows"]:
        add_row(table, ("of them new since the last run", f"{situation['labels']:,}"))
    if situation.get("spoilt"):
        add_row(table, ("left out, of broken windows", f"{situation['spoilt']:,}"))
    add_row(table, ("rows a day", f"{situation['traffic']:,.0f}"))
    add_row(table, ("earlier runs", f"{len(situation['past'])}"))
    if situation.get("curve") is not None:
        add_row(table, ("small fits", gained(situation["curve"])))
    if expected is not None:
        low, high = expected["interval"]
        add_row(table, ("expected gain", minus(f"{expected['gain']:#.2g} ({low:#.2g} to {high:#.2g})")))
        add_row(table, ("worth", figure(round(expected["worth"], 2))))
        add_row(table, ("cost", figure(round(expected["cost"], 2))))
    add_row(table, ("policy", said["policy"]["when"]))
    return Group(head, Text(""), table)


def gained(curve: Mapping[str, Any]) -> str:
    """What small fits gained over the champion.

    >>> gained({"rows": (250, 500), "gains": (0.01, 0.024), "original": 0.0})
    'gain +0.010 on 250 new labels, +0.024 on 500; best without original data'
    """
    each = [f"{minus(f'{gain:+#.2g}')} on {rows:,}" for rows, gain in zip(curve["rows"], curve["gains"], strict=True)]
    alone = "; best without original data" if curve.get("original") == 0 else ""
    return f"gain {each[0]} new labels" + "".join(f", {one}" for one in each[1:]) + alone


def trial_view(said: Mapping[str, Any]) -> RenderableType:
    """What a trial has shown: the advice, then every place with its gain."""
    kind = {"shadow": "shadow", "ab": "A/B"}[said["kind"]]
    versions = f"version {said['challenger']} beside {said['champion']}"
    status = said["status"] + (f": {said['note']}" if said.get("note") else "")
    head = Text(f"Trial {said['id']} ({kind}, {status}): {versions}, by {metric_name(said['metric'])}")
    judged = said.get("judged")
    if judged is None:
        return Group(head, Text("Not judged yet.", style="dim"))
    advice = Text(judged["advice"][:1].upper() + judged["advice"][1:] + ".", style="bold" if judged["stop"] else "")
    table = quiet_table("Where", "n", "Champion", "Version", "Gain", "95 % at all times", "", right=["n"])
    for one in judged["standings"]:
        add_row(table, cells(one))
    notes = [Text(f"Note: {warning}", style="yellow") for warning in judged["warnings"]]
    return Group(head, advice, Text(""), table, *notes)


def cells(one: Mapping[str, Any]) -> tuple[str, ...]:
    """One place."""
    values = [("" if one[name] is None else f"{one[name]:#.3g}") for name in ("champion", "challenger")]
    gain = "" if one["gain"] is None else minus(f"{one['gain']:+#.2g}")
    span = "" if one["interval"] is None else minus("{:+#.2g} to {:+#.2g}".format(*one["interval"]))
    return (one["where"], f"{one['n']:,}", *values, gain, span, one["outcome"])
