"""Who may do what, and who did what, in a terminal: tokens and the audit log."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from retrue.report.layout import add_row, quiet_table


def tokens_view(tokens: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Show tokens, one a row: what they may do, until when, when they were used last."""
    table = quiet_table("Token", "Id", "Role", "Models", "Expires", "Last used", "State")
    for one in tokens:
        models = ", ".join(one["models"]) or "all"
        state = Text(one["state"], style="" if one["state"] == "valid" else "dim")
        add_row(table, (one["name"], one["id"], one["role"], models, short(one["expires"]), short(one["used"]), state))
    return table


def short(time: str | None) -> str:
    """A time to the minute, in UTC.

    >>> short("2026-03-01T12:30:15+00:00"), short(None)
    ('2026-03-01 12:30', '–')
    """
    return "–" if time is None else time[:16].replace("T", " ")


def audit_view(entries: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Show entries of the audit log, one a row; times in UTC."""
    table = quiet_table("Number", "When (UTC)", "Who", "What", "Model", "Particulars", wide="Particulars")
    for one in entries:
        said = ", ".join(f"{name} {plain(value)}" for name, value in one["body"].items())
        add_row(table, (str(one["number"]), short(one["at"]), one["actor"], one["action"], one["model"] or "–", said))
    return table


def plain(value: object) -> str:
    """A particular in words.

    >>> plain("2"), plain(["a", 1]), plain({"b": True})
    ('2', '["a", 1]', '{"b": true}')
    """
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def chain_view(chain: Mapping[str, Any]) -> RenderableType:
    """Say whether the audit log is as it was written."""
    head = chain["head"]
    if not chain["whole"]:
        return Text(
            f"Entry {chain['broken']} of the audit log is not as it was written: {chain['reason']}.", style="red"
        )
    if not chain["entries"]:
        return Text("The audit log is empty.")
    return Group(
        Text(f"All {chain['entries']:,} entries of the audit log are as they were written."),
        Text(f"Head: {head['number']} {head['digest']}"),
        Text("Keep the head where nobody can change it: a log that was written anew as a whole has another.", "dim"),
    )
