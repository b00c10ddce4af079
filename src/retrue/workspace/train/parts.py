"""The parts of a mix by their names: what a command line, a form and a request can say of one.

{"reference": 0.4, "log": 0.4, "storms": 0.2}      # "storms" was collected
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from retrue.config import parse_duration
from retrue.errors import ConfigError, nearest
from retrue.judge.incident import time_of
from retrue.refine.mix import Mix
from retrue.store.tables import collected, collections
from retrue.workspace.collect import collecting
from retrue.workspace.collect.gathering import ends_of
from retrue.workspace.prove.golden import GOLDEN
from retrue.workspace.stored import StoredModel
from retrue.workspace.train.broken import faults_of
from retrue.workspace.train.maturity import NEWEST, held_rows

REFERENCE, LOG = "reference", "log"
"""The champion's reference, and its logged events."""


def part_names(model: StoredModel) -> tuple[str, ...]:
    """What a mix may be made of: the reference, the log, then what was collected, oldest first. No row is read."""
    once, going = collections.c, collected.c
    first = select(once.name, once.body).where(once.model == model.name).order_by(once.created)
    with model.store.catalog.read() as tx:
        names = [name for name, body in tx.connection.execute(first) if not body.get(GOLDEN)]
        names += tx.connection.execute(
            select(going.collection).where(going.model == model.name).distinct().order_by(going.collection)
        ).scalars()
    return tuple(dict.fromkeys((REFERENCE, LOG, *map(str, names))))


def barren(model: StoredModel, share: float) -> dict[str, str]:
    """The collections that go on and have no row to learn from yet, and why: by their days and the windows' books.

    No row is read, so that a page may ask.

    Args:
        model: whose.
        share: of the labelled events, how many of the latest are held out.
    """
    broken = [one.span for one in faults_of(model) if one.slice is None]
    sound: list[tuple[datetime, datetime, int]] = []
    for book in model.store.windows(model.name):
        start, end = map(time_of, model.span(book.start))
        if book.version == model.version and not any(first <= start and end <= last for first, last in broken):
            sound.append((start, end, book.labelled))
    held, left = None, held_rows(sum(labelled for _, _, labelled in sound), share)
    for start, _, labelled in sorted(sound, reverse=True):
        if labelled > left:  # a part of it is learned from
            break
        held, left = start, left - labelled
    found: dict[str, str] = {}
    for name, days in days_collected(model).items():
        mine = [start for start, end, _ in sound if any(start < last and first < end for first, last in days)]
        if not mine:
            found[name] = "all its rows are of broken windows"
        elif held is not None and min(mine) >= held:
            found[name] = "all its rows are kept for the proof"
    return found


def days_collected(model: StoredModel) -> dict[str, list[tuple[datetime, datetime]]]:
    """Start and end of the days that each collection that goes on has rows of."""
    going = collected.c
    found: dict[str, list[tuple[datetime, datetime]]] = {}
    with model.store.catalog.read() as tx:
        query = select(going.collection, going.body).where(going.model == model.name).order_by(going.number)
        for name, body in tx.connection.execute(query):
            found.setdefault(str(name), []).append(ends_of(model, date.fromisoformat(body["day"])))
    return found


def mix_of(model: StoredModel, shares: Mapping[Any, float], *, where: str = "mix", **settings: Any) -> Mix:
    """A mix of named parts.

    Args:
        model: whose.
        shares: the share of each part, by its name; anything else with a name stands for that.
        where: what an error calls the place where they were said.
        settings: as `Mix` takes them.

    Raises:
        ConfigError: a part that isn't there; or as `Mix` raises it.
    """
    known, named = part_names(model), {str(getattr(part, "name", part)): share for part, share in shares.items()}
    check_parts(named, known, where)
    kept = {part.name: part for part in collecting.collections(model)} if set(named) - {REFERENCE, LOG} else {}
    parts = [(kept[name] if name in kept else _own(model, name), share) for name, share in named.items()]
    return Mix(parts, **settings)


def check_parts(shares: Mapping[str, float], known: tuple[str, ...], where: str = "mix") -> None:
    """Raise ConfigError for a part that isn't there."""
    for name in shares:
        if name not in known:
            raise ConfigError(
                f"unknown part {name!r}", where=where, expected=", ".join(known), hint=nearest(name, known)
            )


def _own(model: StoredModel, name: str) -> Any:
    return model.reference if name == REFERENCE else collecting.logged(model)


def read_holdout(text: str) -> str | float:
    """Read `28d`, a share, or "newest".

    Raises:
        ConfigError: it is neither.

    >>> read_holdout("28d"), read_holdout("0.25"), read_holdout("newest")
    ('28d', 0.25, 'newest')
    """
    try:
        share = float(text)
    except ValueError:
        if text != NEWEST:
            parse_duration(text)
        return text
    if not 0 < share < 1:
        raise ConfigError(
            f"a share of {text}",
            where="holdout",
            expected=f"more than 0 and less than 1, a length such as 28d, or {NEWEST}",
        )
    return share
