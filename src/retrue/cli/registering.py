"""The command `register`: a model enters a store by the table that it learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from retrue.cli import shared
from retrue.cli.shared import (
    IdRole,
    ImpactOption,
    JsonOption,
    KeepAlwaysOption,
    KeepOption,
    KindRole,
    LabelRole,
    ModelArgument,
    PositiveRole,
    PredictionRole,
    ProjectionRole,
    ScoreRole,
    SliceRole,
    StoreEngineOption,
    StoreOption,
    TaskRole,
    TimeRole,
    ValueRole,
    WorthRole,
)

if TYPE_CHECKING:
    from retrue.workspace import Model

WATCH = "How it is watched"

ReferenceOption = Annotated[
    str | None,
    typer.Option("--reference", "-r", help="The table it was trained or validated on.", metavar="TABLE"),
]
ValidationOption = Annotated[
    str | None, typer.Option(help="What it was validated on, to be recorded.", metavar="TABLE")
]
TimezoneOption = Annotated[
    str | None, typer.Option(help="Of times that name none; UTC.", rich_help_panel=shared.ROLES, metavar="ZONE")
]
WindowOption = Annotated[
    str | None,
    typer.Option(help="Length of a window, such as 1h or 1d.", rich_help_panel=WATCH, metavar="DURATION"),
]
GraceOption = Annotated[
    str | None,
    typer.Option(help="Wait so long after a window's end.", rich_help_panel=WATCH, metavar="DURATION"),
]
MaturityOption = Annotated[
    str | None,
    typer.Option(help="A label is final so long after its event.", rich_help_panel=WATCH, metavar="DURATION"),
]
AlarmBudgetOption = Annotated[
    str | None,
    typer.Option(help="False alarms accepted: '1 per 30d'.", rich_help_panel=WATCH, metavar="BUDGET"),
]
GroupOption = Annotated[
    str | None,
    typer.Option(help="Models of one group share one budget.", rich_help_panel=WATCH, metavar="NAME"),
]
PrivacyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--privacy",
        help="COLUMN=drop, hash, 'bucket 10' or day: not kept as it comes.",
        rich_help_panel=shared.ROLES,
        metavar="COLUMN=HOW",
    ),
]
WatchOption = Annotated[
    list[str] | None,
    typer.Option(help="A feature that may alarm, once for each; all unless given.", rich_help_panel=WATCH),
]
AgainstOption = Annotated[
    str | None,
    typer.Option(help="Compare windows with it: 'last 7d'; training.", rich_help_panel=WATCH, metavar="TIME"),
]
LongerOption = Annotated[
    list[str] | None,
    typer.Option(help="Judge sums of windows besides, such as 7d.", rich_help_panel=WATCH, metavar="DURATION"),
]
EstimateOption = Annotated[
    str | None,
    typer.Option(help="Performance without labels: auto, cbpe or off.", rich_help_panel=WATCH, metavar="HOW"),
]
RuleOption = Annotated[
    list[str] | None,
    typer.Option("--rule", help="What must hold in every window.", rich_help_panel=WATCH, metavar="RULE"),
]


def register(
    name: ModelArgument,
    reference: ReferenceOption = None,
    validation: ValidationOption = None,
    store: StoreOption = None,
    id: IdRole = None,
    time: TimeRole = None,
    label: LabelRole = None,
    score: ScoreRole = None,
    prediction: PredictionRole = None,
    task: TaskRole = None,
    positive: PositiveRole = None,
    slice: SliceRole = None,
    value: ValueRole = None,
    worth: WorthRole = None,
    kind: KindRole = None,
    projection: ProjectionRole = None,
    timezone: TimezoneOption = None,
    window: WindowOption = None,
    grace: GraceOption = None,
    maturity: MaturityOption = None,
    alarm_budget: AlarmBudgetOption = None,
    group: GroupOption = None,
    privacy: PrivacyOption = None,
    keep: KeepOption = None,
    keep_always: KeepAlwaysOption = None,
    watch: WatchOption = None,
    against: AgainstOption = None,
    longer: LongerOption = None,
    estimate: EstimateOption = None,
    rule: RuleOption = None,
    impact: ImpactOption = None,
    engine: StoreEngineOption = None,
    json: JsonOption = False,
) -> None:
    """Register a model by the table that it learned from.

    Held-out rows of it, with their scores and labels, say most. Makes the store where there is none.
    What is left out is read from \\[models.NAME] of retrue.toml, or inferred.
    """
    from retrue.cli.settings import keep_of, registration

    roles = shared.roles(locals())
    options = {
        "window": window, "grace": grace, "maturity": maturity, "alarm_budget": alarm_budget, "rules": rule,
        "group": group, "against": against, "longer": longer, "impact": impact, "estimate": estimate, "watch": watch,
    }  # fmt: skip
    roles |= {"timezone": timezone, "privacy": shared.pairs(privacy, "--privacy") or None}
    roles |= {"keep": keep_of(keep, keep_always)}
    table, chosen, watched = registration(name, reference, roles, options, validation)
    workspace = shared.open_store(store, create=True, engine=engine)
    with shared.working(f"learning from {table}"):
        model = workspace.register(name, table, options=watched, **chosen)
    show_registered(model, f"{name} EVENTS{shared.same_store(store)}", json=json)


def show_registered(model: Model, where: str, *, json: bool) -> None:
    """Print what was understood of the reference, so that a wrong guess is seen at once, and where to log events."""
    from retrue.report.status import schema_view
    from retrue.workspace.facts import described

    if json:
        shared.print_json(described(model))
        return
    folder, shared_by = str(model.store.folder), model.sharing
    shared.console().print(schema_view(model.name, model.version, folder, model.schema, model.options, shared_by))
    typer.echo(f"\nNext: retrue log {where}")
