"""What the first sentence says, in each of the situations that a reader may meet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from retrue.judge.rules import Rule
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import metric_name
from retrue.metrics import Measure
from retrue.report.comparison import Comparison, PerformanceReport
from retrue.report.words import compared, difference, headline, performance_clause, state_of, tone_of


def test_the_sentence_says_what_changed_and_how_bad(troubled: Comparison) -> None:
    said = headline(troubled)
    assert said.startswith("4 of 11 columns are out of true; ROC AUC 0.7")
    assert said.endswith("points below the reference.")


def test_calm_is_said_calmly(calm: Comparison) -> None:
    said = headline(calm)
    assert said.startswith("All 11 columns are in true; ROC AUC 0.7")
    assert said.endswith("within noise of the reference.")


def test_too_few_rows_are_said_to_be_too_few(tiny: Comparison) -> None:
    assert "oo few rows to tell: 12 rows, needs 50" in headline(tiny)


def test_nothing_to_compare_is_said(nothing: Comparison) -> None:
    assert headline(nothing) == "There is no column to compare."


def test_a_notice_is_no_alarm(calm: Comparison) -> None:
    """One column drifts at a cost known to be small: none is out of true."""
    name, report = next(iter(calm.columns.items()))
    notice = Verdict(VerdictKind.DRIFTING, "moved", column=name, alarm=False)
    columns = {**calm.columns, name: replace(report, verdict=notice)}
    moved = replace(calm, columns=columns, verdicts=(notice, *calm.verdicts[1:]))
    assert headline(moved).startswith("None of 11 columns is out of true, 1 drifts (no alarm); ")
    assert (state_of(notice), tone_of(notice)) == ("drifting (notice)", "calm")


def test_a_rule_about_the_model_that_fails_is_in_the_first_sentence(calm: Comparison, troubled: Comparison) -> None:
    """Beside columns that are out of true, and where none is; in plain words."""
    failed = Rule.parse("roc_auc >= 0.95").judge(Measure(0.9), n=500)
    said = "ROC AUC is 0.900, but the rule says >= 0.950"
    beside = headline(replace(troubled, verdicts=(failed, *troubled.verdicts)))
    assert beside.endswith(f"out of true; {said}.")
    alone = headline(replace(calm, verdicts=(failed, *calm.verdicts)))
    assert alone == f"The model is degraded: {said}. All 11 columns are in true."


def test_only_the_model_degraded(calm: Comparison) -> None:
    """Where no column alarms, the sentence begins with the model."""
    worse = PerformanceReport(
        "roc_auc",
        Measure(0.64, interval=(0.63, 0.65)),
        Measure(0.72, interval=(0.71, 0.73)),
        -0.08,
        (-0.094, -0.066),
        "higher",
        points=True,
    )
    degraded = Verdict(VerdictKind.DEGRADED, "fell", metric="roc_auc", value=0.64)
    said = headline(replace(calm, performance={"roc_auc": worse}, verdicts=(degraded, *calm.verdicts)))
    assert said == (
        "The model is degraded: ROC AUC 0.640 (0.630 to 0.650), 8.0 points below the reference. "
        "All 11 columns are in true."
    )


def test_a_metric_in_its_own_unit_is_not_in_points() -> None:
    report = PerformanceReport("mae", Measure(5.62), Measure(3.3), 2.32, (2.1, 2.54), "lower", unit="min")
    assert difference(report) == "+2.32 min"
    assert performance_clause(report) == "MAE 5.62, 2.32 min above the reference"


def test_labels_are_told_where_there_are_any(troubled: Comparison, hostile: Comparison) -> None:
    assert compared(troubled) == "week.parquet (6,000 rows, all labelled) against train.parquet (20,000 rows)"
    assert "label" not in compared(hostile)


@pytest.mark.parametrize("kind", list(VerdictKind))
def test_every_kind_has_a_word_a_glyph_and_a_tone(kind: VerdictKind) -> None:
    """No state is told by colour alone."""
    from retrue.report.words import glyph_of

    verdict = Verdict(kind, "because")
    assert state_of(verdict)
    assert len(glyph_of(verdict)) == 1
    assert tone_of(verdict) in {"bad", "warn", "calm"}


def test_names_of_metrics_are_readable() -> None:
    assert [metric_name(n) for n in ("ece", "mean", "f1@0.5")] == ["calibration error", "mean", "F1 at 0.5"]
