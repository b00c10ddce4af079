"""Incidents that are known to have happened, for a backtest: from a table, or those that the store has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from retrue.errors import TableError
from retrue.judge.replay import Marked
from retrue.tables import read
from retrue.workspace.check.incidents import load_incidents
from retrue.workspace.stored import StoredModel

Span = tuple[str, str]
STORE = "store"
"""In place of a table of incidents: those that the store has."""


def marked_in(model: StoredModel, source: Any, spans: Sequence[Span]) -> tuple[list[Marked], int]:
    """The marked incidents within the history, and how many lie outside."""
    first, last = datetime.fromisoformat(spans[0][0]), datetime.fromisoformat(spans[-1][1])
    if source is None:
        return [], 0
    known = own_incidents(model, last) if is_store(source) else read_incidents(source, last, zone_of(model))
    inside = [one for one in known if one.since < last and one.until > first]
    return inside, len(known) - len(inside)


def is_store(source: Any) -> bool:
    """Whether the store's own incidents are meant."""
    return isinstance(source, str) and source == STORE


def zone_of(model: StoredModel) -> ZoneInfo:
    """The model's time zone."""
    return ZoneInfo(model.schema.timezone)


def own_incidents(model: StoredModel, last: datetime) -> list[Marked]:
    """The incidents that the store has: those that people marked as real, else all that nobody called a false alarm."""
    found = [one for one in load_incidents(model) if one.real is not False]
    chosen = [one for one in found if one.real] or found
    return [
        Marked(datetime.fromisoformat(one.since), datetime.fromisoformat(one.until) if one.until else last, one.id)
        for one in chosen
    ]


def told_of_store(model: StoredModel) -> Iterator[str]:
    """What a reader must know of the store's incidents: whether people know of them, and which were left out."""
    found = load_incidents(model)
    real, false = ([one for one in found if one.real is said] for said in (True, False))
    if not real:
        yield (
            "the incidents are those that checks have found, not those that people know of: that favours their rules; "
            f"say which are real: retrue mark {model.name} ID --real"
        )
    else:
        open_ = len(found) - len(real) - len(false)
        left = f"; {open_} that nobody marked {'is' if open_ == 1 else 'are'} left out" if open_ else ""
        yield f"the incidents are the {len(real)} that people marked as real{left}"
    lasting = sum(one.live for one in (real or found) if one.real is not False)
    if lasting:
        yield f"{lasting} of the incidents {'lasts' if lasting == 1 else 'last'}: counted to the end of the history"
    if false:
        yield f"{len(false)} called a false alarm {'is' if len(false) == 1 else 'are'} left out"


def read_incidents(source: Any, last: datetime, zone: ZoneInfo) -> list[Marked]:
    """Read incidents: `since`, perhaps `until` (else they last) and `name`; naive times are the model's."""
    table = read(source)
    if "since" not in table.dtypes:
        raise TableError("incidents without `since`", where=table.name, expected="columns since, until, name")
    said = table.collect([name for name in ("since", "until", "name") if name in table.dtypes]).to_dicts()
    found = []
    for number, row in enumerate(said, 1):
        since = time_of(row["since"], zone, f"{table.name}, row {number}")
        until = last if row.get("until") in (None, "") else time_of(row["until"], zone, f"{table.name}, row {number}")
        if until <= since:
            raise TableError(
                f"an incident from {row['since']} to {row.get('until')}", where=f"{table.name}, row {number}",
                expected="a time, and a later one",
            )  # fmt: skip
        found.append(Marked(since, until, str(row.get("name") or since.isoformat())))
    return found


def time_of(value: object, zone: ZoneInfo, where: str) -> datetime:
    """A time as a table may have it."""
    try:
        at = datetime.fromisoformat(value.isoformat() if isinstance(value, date) else str(value))
    except ValueError:
        raise TableError(f"{value!r} is no time", where=where, expected="something like 2026-03-01 12:00") from None
    return at if at.tzinfo else at.replace(tzinfo=zone)
