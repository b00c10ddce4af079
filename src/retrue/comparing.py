"""`rt.compare`: two tables, one answer: what changed, ranked, each column with a verdict and its reason.

reference ── fit ──> Reference ──┐
                                 ├── Judge.assess ──> Comparison
window ── count on its grids ────┘
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from retrue.core.cube import EVERYTHING
from retrue.core.extra import Counter, RowRule, TimeSpan
from retrue.core.outcome_grid import BinaryGrid
from retrue.core.profile import Profile
from retrue.core.reference import Reference
from retrue.core.weighted import Weighing
from retrue.engine import local
from retrue.engine.opening import brought_near, open_table
from retrue.engine.repeats import count_repeats
from retrue.engine.slices import count_slices, fitting, sliced, with_slices
from retrue.errors import ProfileError, SchemaError, TableError, nearest
from retrue.explain.embedding_map import maps_between
from retrue.explain.emptied import told_once
from retrue.explain.joint import of_tables as of_both
from retrue.judge.assess import Assessment, Judge
from retrue.judge.changes import judge_changes
from retrue.judge.gaps import slices_of
from retrue.judge.measured import safely
from retrue.judge.rows import judge_repeats, judge_weights
from retrue.judge.rules import Rule
from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict, VerdictKind, sort_worst_first
from retrue.metrics import Measure, Metric, get, registered
from retrue.metrics.quality.duplicates import Repeats, measure
from retrue.metrics.quality.weights import weights
from retrue.report.comparison import ColumnReport, Comparison, PerformanceReport
from retrue.report.estimated import Estimated, estimate_of, estimated, with_estimate
from retrue.schema import Schema
from retrue.schema.roles import check_apart, check_given
from retrue.slices import Slice
from retrue.tables import Table, read
from retrue.version import VERSION

SUFFIX = ".retrue"
"""A stored reference: `retrue reference TABLE --save FILE.retrue`."""

OTHERS = ("schema", "where", "rules", "row_rules", "settings", "impact", "joint", "engine")
"""What `compare` takes besides roles: a mistyped one is among the roles."""


def compare(
    reference: Any,
    window: Any,
    *,
    schema: Schema | None = None,
    where: str | Slice | None = None,
    rules: Sequence[str | Rule] = (),
    row_rules: Sequence[str] = (),
    settings: Settings | None = None,
    impact: str | None = None,
    joint: bool = False,
    engine: str = "local",
    **roles: Any,
) -> Comparison:
    """Compare two tables and say what changed.

    Args:
        reference: the table that the model was trained or validated on: a frame, path, glob or URL; or a stored
            reference (`.retrue`), which needs no second pass over the rows it was made from.
        window: the table to judge.
        schema: what the events look like; inferred from the reference where it isn't given.
        where: compare only the rows of this slice, such as `"origin = 'JFK'"`, on both sides.
        rules: what must hold besides, such as `"missing(income) <= 0.02"`.
        row_rules: comparisons between two columns that every row must keep, such as `"departure <= arrival"`.
        settings: how strictly to judge.
        impact: the metric that what each column's move costs is told in, such as `"f1"`, `"value_per_event"` or
            `"mean(revenue)"`; the task's main one unless given.
        joint: whether to look for what columns do together and no single one shows, such as a correlation that turned.
        engine: where rows are counted: "local", this process, or "spark": then tables may be Spark DataFrames, Parquet,
            Delta or Iceberg, and counts are the same to the last bit (see docs/spark.md).
        roles: roles and kinds for `Schema.infer`: `id`, `time`, `label`, `score`, `prediction`, `slices`, `kinds` ...
            With `weight`, the column of how many events a row stands for, shares and performance are weighted, and
            "too few rows" goes by the effective n; rows without a usable weight are left out, and told.

    Raises:
        TableError: a table can't be read, or has no rows.
        ConfigError: an unknown engine.
        SchemaError: roles that don't fit, or beside a schema.
        MetricError: impacts can't be in the metric that was chosen, or a rule's metric is unknown.

    >>> report = compare({"age": [20, 30, 40] * 50}, {"age": [20, 30, None] * 50})
    >>> report.verdicts[0].kind.value, report.verdicts[0].reason
    ('broken', 'missing rose from 0 % to 33 % of 150 rows')
    """
    counters = [row_rule(text) for text in row_rules]
    part = None if where is None else Slice.of(where)
    if not isinstance(reference, Reference) and not is_stored(reference):
        reference = brought_near(open_table(reference, engine))
    base = find_reference(reference, schema, roles, counters, part, joint=joint)
    table = sliced(open_table(window, engine), part)
    refuse_empty(table)
    strict = settings or Settings()
    judge = Judge(base, replace(strict, impact=impact or strict.impact), parse_rules(rules, base))
    judge = replace(judge, bases=bases_of(judge, reference, part))
    parts = profiles(judge, table)
    profile = parts.pop(EVERYTHING)
    refuse_weightless(profile, base.schema, table)
    assessed = judge.assess(profile, slices=parts)
    rows = None if is_stored(reference) or isinstance(reference, Reference) else (sliced(read(reference), part), table)
    guess = estimate_of(profile.outcome, base, assessed, rows)
    more = [*repeated_ids(table, base, reference, part), *judge_weights(base.schema.weight, profile, base.profile)]
    whole = [*more, *with_estimate(judge, assessed.verdicts, guess)]
    assessed = replace(assessed, verdicts=tuple(sort_worst_first(whole)))
    extra = {**of_profiles(profile, base.profile), **of_tables(table, reference, part)}
    guessed = estimated(guess, profile.outcome, base.profile.outcome)
    found = build(judge, assessed, profile, table, name_of(reference), extra, guessed)
    maps = maps_between(base.grids, *rows, profiles=(profile, base.profile), id=base.schema.id) if rows else {}
    told = of_both(table, rows[0], base.schema, found.verdicts) if joint and rows else None
    once = told_once(found.verdicts, table, {(rule.metric, rule.column) for rule in judge.rules})
    found = replace(found, verdicts=tuple(once))
    return replace(found, slice_sizes={sql: of.rows for sql, of in parts.items()}, maps=maps, joint=told)


def without_late_label(window: Profile, schema: Schema) -> Profile:
    """Leave out a label that no row has: it comes later, which is no fault of the data."""
    label = None if schema.label is None else window.columns.get(schema.label)
    if label is None or label.n or label.special_count("null") < label.rows:
        return window
    return replace(window, columns={name: column for name, column in window.columns.items() if name != schema.label})


def repeated_ids(table: Table, base: Reference, source: Any, part: Slice | None) -> list[Verdict]:
    """A verdict on the ids, where the model has them: whether one occurs twice."""
    name = base.schema.id
    if name is None or name not in table.dtypes:
        return []
    after = count_repeats(table, name)
    whole = None if is_stored(source) or isinstance(source, Reference) else sliced(read(source), part)
    before = count_repeats(whole, name) if whole is not None and name in whole.dtypes else Repeats()
    return [judge_repeats(name, measure(after, before), table.count_rows())]


def find_reference(
    source: Any,
    schema: Schema | None,
    roles: Mapping[str, Any],
    counters: Sequence[Counter],
    part: Slice | None,
    *,
    joint: bool = False,
) -> Reference:
    """Load a stored reference, or fit one to a table."""
    if isinstance(source, Reference) or is_stored(source):
        refuse_beside(
            {"schema": schema, "where": part, "row_rules": counters or None, **{name: roles[name] for name in roles}}
        )
        return source if isinstance(source, Reference) else load_reference(source)
    return make_reference(source, schema=schema, where=part, counters=counters, joint=joint, **roles)


def refuse_beside(given: Mapping[str, Any]) -> None:
    """Raise SchemaError where a stored reference, whose rows are counted, comes with what would choose or read them."""
    named = [name for name, value in given.items() if value is not None]
    if named:
        raise SchemaError(
            f"{' and '.join(named)} given beside a stored reference, whose rows are counted already",
            hint=f"leave {'it' if len(named) == 1 else 'them'} out, or give the table that the reference was made from",
        )


def make_reference(
    source: Any,
    *,
    schema: Schema | None = None,
    where: Slice | None = None,
    counters: Sequence[Counter] = (),
    joint: bool = False,
    engine: str = "local",
    **roles: Any,
) -> Reference:
    """Learn a reference from a table, counted by an engine.

    Raises:
        TableError: it can't be read, or has no rows.
        SchemaError: roles that don't fit.
    """
    check_given(roles, OTHERS)
    check_apart(schema, roles)
    table = sliced(brought_near(open_table(source, engine)), where)
    refuse_empty(table)
    found, known = (schema, None) if schema is not None else local.infer(table, **roles)
    for name in (name for counter in counters for name in counter.columns if name not in table.dtypes):
        raise SchemaError(f"unknown column {name!r}", where="a rule of rows", hint=nearest(name, table.dtypes))
    time: list[Counter] = [TimeSpan(found.time)] if found.time is not None else []
    weight: list[Counter] = [Weighing(found.weight)] if found.weight is not None else []
    learned = local.fit_reference(table, found, [*counters, *time, *weight], known=known, joint=joint)
    refuse_weightless(learned.profile, found, table)
    return with_slices(learned, table, least=Settings().min_rows)


def is_stored(source: Any) -> bool:
    """Tell whether this is the path of a stored reference."""
    return isinstance(source, str | Path) and str(source).endswith(SUFFIX)


def load_reference(path: str | Path) -> Reference:
    """Read a stored reference.

    Raises:
        TableError: there is no such file.
        ProfileError: it is damaged, or from a newer version.
    """
    try:
        return Reference.from_bytes(Path(path).read_bytes())
    except OSError as error:
        raise TableError(f"no stored reference: {error.strerror}", where=str(path), hint="check the path") from error


def refuse_empty(table: Table) -> None:
    """Raise TableError for a table without rows: there is nothing to compare."""
    if table.count_rows() == 0:
        raise TableError("a table without rows", where=table.name, expected="at least one row")


def refuse_weightless(profile: Profile, schema: Schema, table: Table) -> None:
    """Raise TableError for a table none of whose rows has a weight above 0: it stands for nothing."""
    found = weights(profile)
    if found is not None and not found.used:
        said = "no row has a usable weight" if schema.weight in table.dtypes else "there is no such column"
        raise TableError(
            f"{said}: {schema.weight!r} was named as weight",
            where=table.name,
            expected="numbers, above 0 for at least one row",
            hint="name another column as weight, or none",
        )


def name_of(source: Any) -> str:
    """What a report calls a source."""
    return (
        "stored reference"
        if isinstance(source, Reference)
        else Path(source).name
        if is_stored(source)
        else read(source).name
    )


def row_rule(text: str) -> RowRule:
    """Read `left <= right`.

    Raises:
        ProfileError: it isn't of that form.
    """
    parts = text.split()
    if len(parts) != 3:
        raise ProfileError(
            f"a rule of rows that doesn't parse: {text!r}", expected="something like 'departure <= arrival'"
        )
    return RowRule(*parts)


def parse_rules(rules: Sequence[str | Rule], reference: Reference) -> list[Rule]:
    """Read rules and check them against the reference's columns."""
    columns = list(reference.grids.columns)
    parsed = [Rule.parse(rule, columns) if isinstance(rule, str) else rule for rule in rules]
    for rule in parsed:
        rule.check(columns)
    return parsed


def profiles(judge: Judge, table: Table) -> dict[str, Profile]:
    """The window's profile as "", and those of the slices that rules are about or that are judged, by their SQL."""
    base = judge.reference
    of_rules = [part for rule in judge.rules for part in slices_of(rule, base)]
    watched = [Slice.parse(sql) for sql in base.slices]
    if not watched and not of_rules:
        return {EVERYTHING: without_late_label(local.count(table, base.grids), base.schema)}
    counted = count_slices(table, base.grids, [*of_rules, *fitting(watched, table)])
    return {name: without_late_label(profile, base.schema) for name, profile in counted.items()}


def bases_of(judge: Judge, source: Any, part: Slice | None) -> dict[str, Profile]:
    """The reference in the slices that rules are relative to, where its rows are there."""
    wanted = [one for rule in judge.rules if rule.needs_reference for one in slices_of(rule, judge.reference)]
    unknown = [one for one in wanted if one.to_sql() not in judge.reference.slices]
    if not unknown or is_stored(source) or isinstance(source, Reference):
        return {}
    return count_slices(sliced(read(source), part), judge.reference.grids, unknown)


def users_own(of: Literal["profile", "tables"]) -> list[Metric]:
    """The metrics of whole windows that users have registered."""
    return [metric for metric in registered(of=of) if not metric.compute.__module__.startswith("retrue.")]


def of_profiles(window: Profile, reference: Profile) -> dict[str, Measure]:
    """Users' metrics of two profiles."""
    return {metric.name: safely(metric, window, reference) for metric in users_own("profile")}


def of_tables(table: Table, source: Any, part: Slice | None) -> dict[str, Measure]:
    """Users' metrics of two tables; they read both whole, so only where there are any."""
    metrics = users_own("tables")
    if not metrics or is_stored(source) or isinstance(source, Reference):
        return {}
    before, after = sliced(read(source), part).collect(), table.collect()
    return {metric.name: safely(metric, after, before) for metric in metrics}


def build(
    judge: Judge,
    assessed: Assessment,
    window: Any,
    table: Table,
    reference_name: str,
    extra: Mapping[str, Measure],
    guessed: Estimated,
) -> Comparison:
    """Put the answer together."""
    base = judge.reference
    changes = judge_changes(base.schema.check_table(table.dtypes))
    verdicts = tuple(sort_worst_first([*changes, *(v for v in assessed.verdicts if not is_told(v, judge, table))]))
    columns = {
        name: ColumnReport(
            name,
            str(judge.kind_of(name)),
            assessed.columns[name],
            verdict_of(name, verdicts),
            window.columns[name],
            base.profile.columns[name],
            assessed.impacts[name].value if name in assessed.impacts else None,
            assessed.impacts[name].interval if name in assessed.impacts else None,
            base.grids.sources[name].column if base.grids.sources[name].projection else None,
        )
        for name in base.profile.columns
        if name in window.columns
    }
    performance = {
        **{name: PerformanceReport.of(get(name), *pair) for name, pair in assessed.performance.items()},
        **{
            name: PerformanceReport.of(get(name), measure, Measure(measure.reference))
            for name, measure in extra.items()
        },
    }
    outcome = base.grids.outcome
    return Comparison(
        VERSION,
        base.profile.rows,
        window.rows,
        reference_name,
        table.name,
        columns,
        performance,
        verdicts,
        window.outcome,
        base.profile.outcome,
        judge.costs.metric if base.scores else None,
        tuple(sql for sql in base.slices if any(verdict.slice == sql for verdict in verdicts)),
        f"{outcome.label} = {outcome.positive}" if isinstance(outcome, BinaryGrid) else None,
        effective_of(window),
        effective_of(base.profile),
        *guessed,
        impact_asked=judge.settings.impact is not None,
    )


def effective_of(profile: Profile) -> float | None:
    """The effective n of a profile's rows; None where they aren't weighted."""
    found = weights(profile)
    return None if found is None else found.effective


def is_told(verdict: Verdict, judge: Judge, table: Table) -> bool:
    """Whether a change of the schema says it already: the verdict is about a column that went, or was renamed.

    What a user's rule says is always told; so is a label that isn't there yet.
    """
    schema, sources = judge.reference.schema, judge.reference.grids.sources
    source = None if verdict.column is None else sources.get(verdict.column)
    if source is None or source.column in table.dtypes or source.column in (schema.label, *schema.feedback):
        return False
    told = (verdict.metric, verdict.column, verdict.threshold)
    return told not in {(rule.metric, rule.column, rule.bound) for rule in judge.rules}


def verdict_of(name: str, verdicts: Sequence[Verdict]) -> Verdict:
    """The worst verdict about a column over all rows; a renamed one is told under its new name."""
    own = [v for v in verdicts if v.column == name and v.slice is None and not v.of_model]
    return own[0] if own else Verdict(VerdictKind.BROKEN, f"{name!r} is not in the window", column=name)
