"""How a model stands by each of its rules: as its newest verdict says, or the newest that says so much."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from retrue.judge.rules import BROKEN, Rule
from retrue.judge.verdict import VerdictKind
from retrue.server.pages.moments import day
from retrue.store import tables
from retrue.workspace import Model

BACK = 100
"""How many windows before the newest are looked at for one in which a rule could be judged."""
HELD = ""
"""Stands for the rules that a window says nothing else of."""
UNMEASURED = "nothing was measured"
UNLABELLED = "0 % of the rows have a label"


@dataclass(frozen=True, slots=True)
class RuleState:
    """How a rule stands, in words; `broken`: the newest window that it was judged in broke it; `now`: the newest."""

    said: str = "not judged yet"
    broken: bool = False
    now: bool = True


@dataclass(frozen=True, slots=True)
class Judged:
    """What a window says of a rule; `day`: the day it began, as pages call the window."""

    day: str
    kind: VerdictKind
    reason: str

    @property
    def told(self) -> bool:
        """Whether it could be judged."""
        return self.kind is not VerdictKind.NOT_COMPARABLE


def rule_states(connection: Connection, model: Model) -> dict[str, RuleState]:
    """How the champion stands by each of the model's rules, by the rule's text; nothing of those never judged.

    Of verdicts that nothing is wrong a window keeps one: with it, a rule held of which nothing else is said. Nothing is
    told where the newest window was judged before verdicts said which rule they are of: the next check tells.
    """
    windows = said_by(connection, model)
    if any(None in one for one in windows[:1]):
        return {}
    found = {}
    for text in {str(Rule.parse(one)) for one in model.options.rules}:
        kept = []
        for own in windows:
            judged = own.get(text) or (None if None in own else own.get(HELD))
            kept += [judged] if judged else []
            if (judged and judged.told) or None in own:
                break
        if kept:
            found[text] = state_of(kept)
    return found


def said_by(connection: Connection, model: Model) -> list[dict[str | None, Judged]]:
    """What the newest judged windows say of rules, newest first: by rule, `HELD` of all others.

    None stands for a broken rule that an earlier version gave no name.
    """
    c = tables.verdicts.c
    mine = (c.model == model.name, c.version == model.version)
    newest = connection.execute(select(func.max(c.start)).where(*mine)).scalar()
    if newest is None:
        return []
    rule, reason, since = c.body["rule"].as_string(), c.body["reason"].as_string(), newest - BACK * model.options.window
    query = select(c.start, c.kind, rule, reason).where(*mine, c.start >= since).order_by(c.start.desc(), c.number)
    found: dict[int, dict[str | None, Judged]] = {}
    for start, kind, text, told in connection.execute(query):
        own = found.setdefault(start, {})
        if text is not None or BROKEN in told or kind == VerdictKind.TRUE.value:
            name = HELD if kind == VerdictKind.TRUE.value else text
            own[name] = Judged(day(model.span(start)[0], year=True), VerdictKind(kind), told)
    return list(found.values())


def state_of(verdicts: Iterable[Judged]) -> RuleState:
    """How a rule stands by its verdicts, newest first.

    >>> judged = Judged("20 Nov 2026", VerdictKind.DEGRADED, "MAE is 6.98, but the rule says <= 4.00")
    >>> state_of([judged]).said
    'broken on 20 Nov 2026: MAE is 6.98, but the rule says <= 4.00'
    >>> unknown = "MAE: nothing was measured; 0 % of the rows have a label"
    >>> state_of([Judged("21 Nov 2026", VerdictKind.NOT_COMPARABLE, unknown), judged]).said
    'not judged on 21 Nov 2026: no labels; broken on 20 Nov 2026: MAE is 6.98, but the rule says <= 4.00'
    """
    newest, *_ = found = list(verdicts)
    told = next((one for one in found if one.told), None)
    waits = "" if newest is told else f"not judged on {newest.day}: {why(newest.reason)}"
    if told is None:
        return RuleState(waits)
    broken = told.kind is not VerdictKind.TRUE
    said = f"broken on {told.day}: {told.reason}" if broken else f"held on {told.day}"
    return RuleState("; ".join(part for part in (waits, said) if part), broken, newest is told)


def why(reason: str) -> str:
    """Why a rule couldn't be judged, without the figure's name, which the rule says itself.

    >>> why("MAE: nothing was measured"), why("ROC AUC: only one class; 4 % of the rows have a label")
    ('nothing was measured', 'only one class; 4 % of the rows have a label')
    """
    _, _, note = reason.partition(": ")
    parts = (note or reason).split("; ")
    if UNLABELLED in parts:
        return "no labels"
    return "; ".join([one for one in parts if one != UNMEASURED] or parts)
