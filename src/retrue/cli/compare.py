"""`retrue compare` and `retrue reference`: two tables, one answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrue.cli import shared
from retrue.cli.shared import (
    IdRole,
    JsonOption,
    KindRole,
    LabelRole,
    PredictionRole,
    ScoreRole,
    SliceRole,
    TableArgument,
    TaskRole,
    TimeRole,
)
from retrue.errors import ConfigError, nearest

if TYPE_CHECKING:
    from retrue.report.comparison import Comparison

PANEL = "Verdict"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("compare")(compare)
    app.command("reference")(reference)


def compare(
    reference: Annotated[str, typer.Argument(help="What is normal: a table, or a stored .retrue reference.")],
    window: Annotated[str, typer.Argument(help="What to judge: a path, glob or URL of a table.")],
    id: IdRole = None,
    time: TimeRole = None,
    label: LabelRole = None,
    score: ScoreRole = None,
    prediction: PredictionRole = None,
    task: TaskRole = None,
    slice: SliceRole = None,
    kind: KindRole = None,
    where: Annotated[str | None, typer.Option("--where", help="Compare only these rows, as SQL.")] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", help="What must hold, such as 'missing(income) <= 0.02'.", rich_help_panel=PANEL),
    ] = None,
    row_rule: Annotated[
        list[str] | None,
        typer.Option("--row-rule", help="What each row must keep, such as 'start <= end'.", rich_help_panel=PANEL),
    ] = None,
    fail_on: Annotated[
        str | None,
        typer.Option("--fail-on", help="Verdict kinds that give exit status 1, with commas.", rich_help_panel=PANEL),
    ] = None,
    most: Annotated[
        list[str] | None,
        typer.Option("--max", help="METRIC=VALUE: exit status 1 where any column has more.", rich_help_panel=PANEL),
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Also write the report as one page.")] = None,
    json: JsonOption = False,
) -> int:
    """Compare two tables: what changed, ranked, each column with a verdict and its reason.

    Exit status: 0 in true (notices included), 1 out of true, 2 wrong use or input.
    """
    from retrue.compare import compare as run

    strict = Strictness.read(fail_on, most)
    given = shared.roles(
        id=id, time=time, label=label, score=score, prediction=prediction, task=task, slice=slice, kind=kind
    )
    report = run(reference, window, where=where, rules=rule or (), row_rules=row_rule or (), **given)
    if html is not None:
        report.save(html)
    if json:
        shared.print_json(report.to_dict())
    else:
        shared.console().print(report)
        if html is not None:
            typer.echo(f"report: {html}")
    return strict.status(report, quiet=json)


class Strictness:
    """When `compare` fails: on alarms, unless told which kinds or which values."""

    def __init__(self, kinds: frozenset[str] | None, most: dict[str, float]) -> None:
        self.kinds, self.most = kinds, most

    @classmethod
    def read(cls, kinds: str | None, most: Sequence[str] | None) -> Strictness:
        """Read `--fail-on` and `--max`.

        Raises:
            ConfigError: an unknown kind, or a value that is no number.
            MetricError: an unknown metric.
        """
        from retrue.judge.verdict import VerdictKind
        from retrue.metrics import get

        known = [kind.value for kind in VerdictKind]
        wanted = None if kinds is None else frozenset(kind.strip() for kind in kinds.split(",") if kind.strip())
        for kind in wanted or ():
            if kind not in known:
                raise ConfigError(
                    f"unknown verdict kind {kind!r}",
                    where="--fail-on",
                    expected=", ".join(known),
                    hint=nearest(kind, known),
                )
        bounds = {}
        for name, text in shared.pairs(list(most or []), "--max").items():
            try:
                bounds[get(name).name] = float(text)
            except ValueError as error:
                raise ConfigError(f"{text!r} is no number", where=f"--max {name}") from error
        return cls(wanted, bounds)

    def status(self, report: Comparison, *, quiet: bool) -> int:
        """The exit status for a report; says on standard error which column went beyond `--max`."""
        beyond = [
            f"{name}: {metric} {measure.value:.4g} is more than {bound:g}"
            for metric, bound in self.most.items()
            for name, column in report.columns.items()
            if (measure := column.metrics.get(metric)) is not None
            and measure.value is not None
            and measure.value > bound
        ]
        for line in () if quiet else beyond:
            typer.echo(line, err=True)
        kinds = self.kinds
        hit = report.exit_status if kinds is None else int(any(v.kind.value in kinds for v in report.verdicts))
        return 1 if beyond else hit


def reference(
    table: TableArgument,
    save: Annotated[Path, typer.Option("--save", help="Where to, ending in .retrue.")],
    id: IdRole = None,
    time: TimeRole = None,
    label: LabelRole = None,
    score: ScoreRole = None,
    prediction: PredictionRole = None,
    task: TaskRole = None,
    slice: SliceRole = None,
    kind: KindRole = None,
) -> None:
    """Learn a reference once and store it: later comparisons read a few kilobytes instead of the table."""
    from retrue.compare import SUFFIX, make_reference

    if save.suffix != SUFFIX:
        raise ConfigError(
            f"{save.name!r} is no name for a reference", where="--save", expected=f"a name that ends in {SUFFIX}"
        )
    given = shared.roles(
        id=id, time=time, label=label, score=score, prediction=prediction, task=task, slice=slice, kind=kind
    )
    learned = make_reference(table, **given)
    save.write_bytes(learned.to_bytes())
    typer.echo(f"{save}: {learned.profile.rows:,} rows, {len(learned.profile.columns)} columns")
