"""`retrue compare` and `retrue reference`: two tables, one answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrue.cli import named, shared
from retrue.cli.shared import (
    EngineOption,
    HtmlOption,
    IdRole,
    ImpactOption,
    JsonOption,
    KindRole,
    LabelRole,
    PositiveRole,
    PredictionRole,
    ProjectionRole,
    ScoreRole,
    SliceRole,
    TableArgument,
    TaskRole,
    TimeRole,
    ValueRole,
    WeightRole,
    WorthRole,
)
from retrue.errors import ConfigError, nearest

if TYPE_CHECKING:
    from retrue.report.comparison import Comparison

PANEL = "Two tables"
STRICT = "When it fails"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("compare", rich_help_panel=PANEL)(compare)
    app.command("reference", rich_help_panel=PANEL)(reference)


def compare(
    reference: Annotated[str, typer.Argument(help="What is normal: a table, or a stored .retrue reference.")],
    window: Annotated[str, typer.Argument(help="What to judge: a path, glob or URL of a table.")],
    id: IdRole = None,
    time: TimeRole = None,
    label: LabelRole = None,
    score: ScoreRole = None,
    prediction: PredictionRole = None,
    task: TaskRole = None,
    positive: PositiveRole = None,
    slice: SliceRole = None,
    weight: WeightRole = None,
    value: ValueRole = None,
    worth: WorthRole = None,
    kind: KindRole = None,
    projection: ProjectionRole = None,
    where: Annotated[
        str | None, typer.Option("--where", help="Compare only these rows, on both sides.", metavar="SQL")
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            "--rule", help="What must hold: 'missing(income) <= 0.02'.", rich_help_panel=STRICT, metavar="RULE"
        ),
    ] = None,
    row_rule: Annotated[
        list[str] | None,
        typer.Option(
            "--row-rule", help="What each row must keep: 'start <= end'.", rich_help_panel=STRICT, metavar="RULE"
        ),
    ] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on",
            help="Verdict kinds that give exit status 1, with commas, instead of those that alarm; or none.",
            rich_help_panel=STRICT,
            metavar="KIND,...",
        ),
    ] = None,
    most: Annotated[
        list[str] | None,
        typer.Option(
            "--max",
            help="Exit status 1 where any column, or the model, has more.",
            rich_help_panel=STRICT,
            metavar="METRIC=VALUE",
        ),
    ] = None,
    impact: ImpactOption = None,
    joint: Annotated[bool, typer.Option("--joint", help="Look for what columns do together, too.")] = False,
    engine: EngineOption = "local",
    html: HtmlOption = None,
    json: JsonOption = False,
) -> int:
    """Compare two tables: what changed, ranked, with the reasons.

    Each column has a verdict. With labels, performance is compared too.

    Exit status: 0 in true (notices included), 1 out of true, 2 wrong use or input.
    """
    from retrue.comparing import compare as run

    strict = Strictness.read(fail_on, most)
    given = shared.roles(locals())
    named.check_page(html)
    with shared.working("comparing"):
        report = run(
            reference, window, where=where, rules=rule or (), row_rules=row_rule or (), impact=impact, joint=joint,
            engine=engine, **given,
        )  # fmt: skip
    if json:
        shared.print_json(report.to_dict())
    else:
        shared.console().print(report)
    if html is not None:
        named.write_page(html, report.to_html(), quiet=json)
    return strict.status(report)


class Strictness:
    """When `compare` fails: on alarms, unless told which kinds or which values."""

    def __init__(self, kinds: frozenset[str] | None, most: Mapping[str, float]) -> None:
        self.kinds, self.most = kinds, most

    @classmethod
    def read(cls, kinds: str | None, most: list[str] | None) -> Strictness:
        """Read `--fail-on` and `--max`.

        Raises:
            ConfigError: an unknown kind, or a value that is no number.
            MetricError: an unknown metric.
        """
        from retrue.metrics import get

        bounds = {}
        for name, text in shared.pairs(most, "--max").items():
            bounds[get(name).name] = cls.read_bound(name, text)
        return cls(None if kinds is None else cls.read_kinds(kinds), bounds)

    @staticmethod
    def read_bound(name: str, text: str) -> float:
        """Read a value of `--max`; one that nothing can exceed would watch nothing in silence."""
        try:
            bound = float(text)
        except ValueError:
            bound = math.nan
        if not math.isfinite(bound):
            raise ConfigError(f"{text!r} is no number", where=f"--max {name}")
        return bound

    @staticmethod
    def read_kinds(text: str) -> frozenset[str]:
        """Read `--fail-on`."""
        from retrue.judge.verdict import VerdictKind

        known = [kind.value for kind in VerdictKind]
        wanted = [kind.strip() for kind in text.split(",") if kind.strip()]
        if wanted == ["none"]:
            return frozenset()
        for kind in wanted or [text]:
            if kind not in known:
                raise ConfigError(
                    f"unknown verdict kind {kind!r}",
                    where="--fail-on",
                    expected=", ".join([*known, "none"]),
                    hint=nearest(kind, known),
                )
        return frozenset(wanted)

    def status(self, report: Comparison) -> int:
        """The exit status for a report; says on standard error what went beyond `--max`."""
        beyond = [line for metric, bound in self.most.items() for line in self.beyond(report, metric, bound)]
        for line in beyond:
            typer.echo(line, err=True)
        if self.kinds is None:
            return 1 if beyond else report.exit_status
        return int(bool(beyond) or any(verdict.kind.value in self.kinds for verdict in report.verdicts))

    @staticmethod
    def beyond(report: Comparison, metric: str, bound: float) -> list[str]:
        """Say where a metric is more than its bound.

        Raises:
            ConfigError: the metric was measured nowhere: a bound that can't fail would watch nothing in silence.
        """
        measured = {name: column.metrics[metric] for name, column in report.columns.items() if metric in column.metrics}
        if metric in report.performance:
            measured["the model"] = report.performance[metric].window
        if not measured:
            known = sorted(
                {name for column in report.columns.values() for name in column.metrics} | {*report.performance}
            )
            raise ConfigError(
                f"{metric!r} was measured nowhere",
                where="--max",
                expected=", ".join(known),
                hint=nearest(metric, known),
            )
        over = {name: m.value for name, m in measured.items() if m.value is not None and m.value > bound}
        return [f"{name}: {metric} {value:.4g} is more than {bound:g}" for name, value in over.items()]


def reference(
    table: TableArgument,
    save: Annotated[Path, typer.Option("--save", help="Where to, ending in .retrue.", metavar="FILE")],
    id: IdRole = None,
    time: TimeRole = None,
    label: LabelRole = None,
    score: ScoreRole = None,
    prediction: PredictionRole = None,
    task: TaskRole = None,
    positive: PositiveRole = None,
    slice: SliceRole = None,
    weight: WeightRole = None,
    value: ValueRole = None,
    worth: WorthRole = None,
    kind: KindRole = None,
    projection: ProjectionRole = None,
    engine: EngineOption = "local",
    json: JsonOption = False,
) -> None:
    """Learn a reference once, so that comparing with it is quick.

    Later comparisons read a small file instead of the table.
    """
    from retrue.comparing import SUFFIX, make_reference

    if save.suffix != SUFFIX:
        raise ConfigError(
            f"{save.name!r} is no name for a reference", where="--save", expected=f"a name that ends in {SUFFIX}"
        )
    given = shared.roles(locals())
    with shared.working(f"learning from {table}"):
        learned = make_reference(table, engine=engine, **given)
    with named.whole(save) as file:
        file.write_bytes(learned.to_bytes())
    rows, columns = learned.profile.rows, len(learned.profile.columns)
    if json:
        shared.print_json({"file": str(save), "rows": rows, "columns": columns})
        return
    typer.echo(f"{save}: learned from {rows:,} rows, {columns} columns, {save.stat().st_size / 1024:,.0f} kB.")
    typer.echo(f"Next: retrue compare {save} TABLE")
