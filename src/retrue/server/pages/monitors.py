"""Monitors: the rules and the budget that a model is watched by; what others would have told; watching by them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from retrue.errors import RetrueError
from retrue.judge.impacts import Costs
from retrue.judge.replay import Backtest
from retrue.judge.rules import Rule
from retrue.judge.words import metric_name
from retrue.report.backtest import count, headline, rate
from retrue.server.auth import Actor, editor, viewer
from retrue.server.errors import status_of
from retrue.server.pages.model import Name
from retrue.server.pages.rule_states import RuleState, rule_states
from retrue.server.pages.shell import render
from retrue.server.service import Service, service
from retrue.workspace import Model
from retrue.workspace.check.backtest import backtest, proposed, state_of_history
from retrue.workspace.options import Options

router = APIRouter(prefix="/models/{model}/monitors", include_in_schema=False)

Served = Annotated[Service, Depends(service)]
Text = Annotated[str, Form(max_length=200)]
MOST = 200
"""Rules that a form may hold."""
EPISODES = 12


@dataclass(frozen=True)
class RuleRow:
    """A rule in the form: its text, how the model stands by it (`now`: in its newest window), what is wrong with it."""

    text: str
    state: str = ""
    tone: str = "calm"
    trouble: str = ""
    now: bool = True


@dataclass(frozen=True)
class Wish:
    """What the form says."""

    rules: tuple[str, ...]
    alarm_budget: str
    calm: str
    grace: str

    @property
    def proposal(self) -> dict[str, Any]:
        """It as a backtest and `adopt` take it; a number stays text where it is none, and is refused there."""
        calm: int | str = int(self.calm) if self.calm.strip().isdecimal() else self.calm
        grace: float | str = float(self.grace) if self.grace.strip().isdecimal() else self.grace
        return {"rules": list(self.rules), "alarm_budget": self.alarm_budget, "calm": calm, "grace": grace}


@dataclass(frozen=True)
class MonitorsView:
    """The page.

    Attributes:
        model: whose.
        sentence: the answer.
        rules: those of the form.
        wish: the form's other fields.
        troubles: what is wrong with them, by field.
        changed: whether the form says something else than what is.
        address: where the preview of the form is.
        preview: what the proposed set would have told; None where nobody asked.
        facts: options that aren't changed here: name, value.
        may_edit: whether the actor may change something.
    """

    model: str
    sentence: str
    rules: tuple[RuleRow, ...]
    wish: Wish
    troubles: Mapping[str, str]
    changed: bool
    address: str
    preview: Backtest | None
    facts: tuple[tuple[str, str, str], ...]
    may_edit: bool
    notes: tuple[str, ...] = field(default=())


def wish_of(options: Options) -> Wish:
    """What is, as the form says it."""
    return Wish(options.rules, options.alarm_budget, str(options.calm), lasting(options.grace))


def lasting(seconds: float) -> str:
    """A length of time as one types it.

    >>> lasting(0), lasting(7200), lasting(172800), lasting(90)
    ('0', '2h', '2d', '90s')
    """
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s" if seconds else "0"


def budget_said(text: str) -> str:
    """A budget of false alarms in words.

    >>> budget_said("1 per 30d"), budget_said("0.5 per 1w")
    ('1 false alarm in 30 days', '0.5 false alarms in 1 week')
    """
    number, _, length = text.partition(" per ")
    found = re.fullmatch(r"([\d.]+)([hdw])", length.strip())
    if found is None:
        return text
    unit = {"h": "hour", "d": "day", "w": "week"}[found[2]]
    many = "" if found[1] == "1" else "s"
    return f"{number} false alarm{'' if number == '1' else 's'} in {found[1]} {unit}{many}"


def main_of(model: Model) -> str:
    """The metric that impacts of a model are told in; "" where it has no outcome."""
    return model.options.impact or Costs(model.reference.load()).metric or ""


def facts_of(options: Options, main: str) -> tuple[tuple[str, str, str], ...]:
    """What is set when a model is registered; `main`: the metric that impacts are told in."""
    labels = "learned from the labels' delays" if options.maturity is None else lasting(options.maturity)
    return (
        ("Windows of", lasting(options.window), ", ".join(f"and {lasting(one)}" for one in options.longer)),
        ("Compared with", options.against, ""),
        ("Labels are final after", labels, ""),
        ("Expected change in", metric_name(main) if main else "no metric", ""),
        ("Watched features", ", ".join(options.watch[:5]) or "all", ""),
    )


def checked(model: Model, wish: Wish) -> tuple[list[str], dict[str, str]]:
    """What is wrong with each rule ("" where nothing is), and with other fields."""
    columns = model.reference.load().grids.columns
    rules = [said(lambda text=text: Rule.parse(text, columns)) for text in wish.rules]
    fields = {
        name: wrong
        for name in ("alarm_budget", "calm", "grace")
        if (wrong := said(lambda name=name: proposed(model.options, {name: wish.proposal[name]})))
    }
    return rules, fields


def said(what: Any) -> str:
    """What an attempt says is wrong; "" where nothing is."""
    try:
        what()
    except RetrueError as error:
        parts = (error.what, error.expected and f"Expected: {error.expected}", error.hint)
        return ". ".join(part for part in parts if part)
    return ""


# --- reading --------------------------------------------------------------------------------------------------------


def rule_rows(
    wish: Wish, wrong: Sequence[str], present: Sequence[str], standing: Mapping[str, RuleState]
) -> list[RuleRow]:
    """The rules of the form, each with its state or what is wrong with it."""
    rows = []
    for text, trouble in zip(wish.rules, wrong, strict=True):
        if trouble or text not in present:
            rows.append(RuleRow(text, "" if trouble else "proposed", trouble=trouble))
            continue
        state = standing.get(str(Rule.parse(text)), RuleState())
        rows.append(RuleRow(text, state.said, "warn" if state.broken else "calm", now=state.now))
    return rows


def shown(
    request: Request, served: Service, actor: Actor, name: str, wish: Wish | None, *,
    ask: bool = False, status: int = 200, trouble: RetrueError | None = None,
) -> Response:  # fmt: skip
    """Answer with the page; `ask`: with what the form's set would have told."""
    model = served.model(name)
    present = wish_of(model.options)
    wish = wish or present
    wrong, fields = checked(model, wish)
    with model.store.catalog.read() as tx:
        standing = rule_states(tx.connection, model)
    preview: Backtest | None = None
    if ask and not any(wrong) and not fields:
        try:
            preview = previewed(served, model, wish)
        except RetrueError as error:
            trouble = error
    rows = rule_rows(wish, wrong, present.rules, standing)
    view = MonitorsView(
        name, sentence_of(model, rows), tuple(rows), wish, fields, wish != present, address_of(name, wish), preview,
        facts_of(model.options, main_of(model)), actor.may("editor"),
    )  # fmt: skip
    wrongly = any(wrong) or fields
    done = "Adopted: the model is watched so from the next check on." if request.query_params.get("done") else ""
    return render(
        request, "monitors.html", view, title=f"Monitors of {name}", place="Overview",
        status=400 if wrongly and request.method == "POST" else status, done=done, trouble=trouble,
        headline=headline, rate=rate, counted=count, episodes=EPISODES,
    )  # fmt: skip


def previewed(served: Service, model: Model, wish: Wish) -> Backtest:
    """What the set would have told on stored history; kept while what is replayed is as it was.

    Raises:
        RetrueError: that can't be told.
    """
    key = (model.name, served.watch.judged().get(model.name, ""), state_of_history(model), repr(wish))
    return served.previews.of(key, lambda: backtest(model, wish.proposal))


def address_of(name: str, wish: Wish) -> str:
    """Where the page shows the set and its preview."""
    fields = [("alarm_budget", wish.alarm_budget), ("calm", wish.calm), ("grace", wish.grace), ("preview", "1")]
    asked = urlencode([*(("rule", one) for one in wish.rules), *fields])
    return f"/models/{quote(name, safe='')}/monitors?{asked}"


def sentence_of(model: Model, rows: Sequence[RuleRow]) -> str:
    """Say by how many rules a model is watched, and how many of them are broken."""
    own = len(model.options.rules)
    broken = [one for one in rows if one.tone == "warn"]
    when = "now" if all(one.now for one in broken) else "when last judged"
    many = "no rule of its own" if not own else "one rule" if own == 1 else f"{own} rules"
    return (
        f"{model.name} is watched by {many}, and by learned tests within {budget_said(model.options.alarm_budget)}"
        + (f"; {len(broken)} broken {when}" if broken else "")
    )


@router.get("")
def monitors(
    request: Request, served: Served, actor: Annotated[Actor, Depends(viewer)], name: Name,
    rule: Annotated[list[str] | None, Query(max_length=MOST)] = None,
    add: Annotated[str, Query(max_length=1000)] = "", preview: Annotated[str, Query(max_length=1)] = "",
    alarm_budget: Annotated[str | None, Query(max_length=200)] = None,
    calm: Annotated[str | None, Query(max_length=200)] = None,
    grace: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:  # fmt: skip
    """Show how a model is watched, and what was proposed in the address."""
    present = wish_of(served.model(name).options)
    rules = list(present.rules) if rule is None else rule
    wish = Wish(
        cleaned([*rules, add]), present.alarm_budget if alarm_budget is None else alarm_budget,
        present.calm if calm is None else calm, present.grace if grace is None else grace,
    )  # fmt: skip
    return shown(request, served, actor, name, wish, ask=bool(preview))


def cleaned(rules: Sequence[str]) -> tuple[str, ...]:
    """The rules that say something, each once."""
    return tuple(dict.fromkeys(one.strip() for one in rules if one.strip()))


@router.post("")
def adopt(
    request: Request, served: Served, actor: Annotated[Actor, Depends(editor)], name: Name,
    alarm_budget: Text, calm: Text, grace: Text, rule: Annotated[list[str] | None, Form(max_length=MOST)] = None,
) -> Response:  # fmt: skip
    """Watch the model by the form's rules and budget from the next check on."""
    wish = Wish(cleaned(rule or []), alarm_budget, calm, grace)
    model = served.model(name)
    try:
        model.adopt(**wish.proposal)
    except RetrueError as error:
        return shown(request, served, actor, name, wish, status=status_of(error), trouble=error)
    return RedirectResponse(f"/models/{quote(name, safe='')}/monitors?done=1", 303)
