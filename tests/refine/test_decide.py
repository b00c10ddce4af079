"""Whether to retrain is what is lost, times what is won back, times its worth, against its cost; and it is said."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from retrue.refine.decide import decide
from retrue.refine.expected import Curve, Gap, Past, Situation, at_rows, closed_share, expected, passes, taught
from retrue.refine.policy import DAY, RetrainingPolicy

GAP = Gap("roc_auc", 0.05, 0.005, 0.01, "labels", 10_000)
NOW = Situation(gap=GAP, traffic=1_000.0, rows=5_000, labels=5_000)
POLICY = RetrainingPolicy("benefit", run=10.0, trainer="boosting")


def test_a_gap_that_pays_is_retrained() -> None:
    """5 points x a half x 0.76 learned = 1.9 points, for 30,000 rows at 0.001 each, x the chance of 76 %: 43 for 10."""
    found = decide(NOW, POLICY)
    assert found.answer == "retrain"
    assert found.starts
    assert found.expected is not None
    assert found.expected.worth == pytest.approx(
        0.05 / 0.01 * 0.5 * taught(5_000) * 30 * found.expected.chance, rel=0.02
    )
    assert str(found).startswith("retrain: ROC AUC lies 0.050 below the reference by labels")


@pytest.mark.parametrize(("gain", "error", "noise"), [(0.02, 0.036, 0.036), (0.05, 0.01, 0.02), (-0.1, 0.1, 0.01)])
def test_the_chance_of_a_proof_is_that_of_a_normal_above_its_interval(gain: float, error: float, noise: float) -> None:
    """As drawn: the true gain first, then what the proof measures of it."""
    rng = np.random.default_rng(0)
    measured = rng.normal(rng.normal(gain, error, 200_000), noise)
    assert passes(gain, error, noise) == pytest.approx((measured > 1.96 * noise).mean(), abs=0.005)


def test_a_run_that_its_proof_would_refuse_isn_t_worth_its_gain() -> None:
    """The same gain by cheap fits, known well and badly."""
    known, guessed = (Curve((250, 500), (0.03, 0.03), (error, error)) for error in (0.002, 0.03))
    well, badly = (expected(replace(NOW, curve=curve), POLICY) for curve in (known, guessed))
    assert well is not None
    assert badly is not None
    assert (well.gain, round(well.chance, 2)) == (badly.gain, 1.0)
    assert badly.worth < well.worth / 3


def test_a_run_that_costs_more_than_it_brings_waits() -> None:
    found = decide(NOW, replace(POLICY, label=0.05))
    assert (found.answer, found.starts) == ("wait", False)
    assert str(found).startswith("not yet, because it isn't worth its cost (ROC AUC lies 0.050 below")


def test_nothing_is_lost_so_nothing_is_to_be_won() -> None:
    found = decide(replace(NOW, gap=replace(GAP, value=-0.01)), POLICY)
    assert "does as well as its reference (ROC AUC lies 0.010 above" in found.because


def test_broken_data_are_never_learned_from() -> None:
    """Whatever the policy and the gain."""
    for when in ("manual", "incident", "schedule", "benefit"):
        broken = replace(NOW, broken=("temp is missing",), incidents=("ROC AUC fell",))
        found = decide(broken, replace(POLICY, when=when))
        assert (found.answer, found.starts) == ("wait", False)
        assert "the data are broken (temp is missing): mend them first" in found.because


def test_runs_keep_their_distance_and_need_labels() -> None:
    assert "the last run was 3 days ago, and at least 7 days" in decide(replace(NOW, since=3 * DAY), POLICY).because
    assert "only 20 rows with matured labels are new" in decide(replace(NOW, rows=20, labels=20), POLICY).because
    few = decide(replace(NOW, labels=20), POLICY).because
    assert few == "only 20 rows with matured labels are new since the last run, needs 100"


def test_nobody_can_tell_without_labels_or_estimates() -> None:
    assert "neither labels nor an estimate" in decide(replace(NOW, gap=None), POLICY).because
    assert "no window was ever judged" in decide(replace(NOW, gap=None, judged=False), POLICY).because


def test_incidents_and_the_calendar_start_runs_where_the_policy_says_so() -> None:
    by_incident, by_schedule = replace(POLICY, when="incident"), replace(POLICY, when="schedule")
    assert decide(NOW, by_incident).because == "no incident says that the model got worse"
    assert decide(replace(NOW, incidents=("ROC AUC fell",)), by_incident).starts
    assert decide(replace(NOW, since=20 * DAY), by_schedule).because == "the next run is due in 10 days"
    assert decide(replace(NOW, since=31 * DAY), by_schedule).starts


def test_by_hand_it_is_said_what_it_is_worth_and_nothing_starts() -> None:
    found = decide(NOW, replace(POLICY, when="manual"))
    assert (found.answer, found.starts) == ("retrain", False)


def test_with_few_labels_it_waits_for_more_where_that_is_worth_more() -> None:
    """120 labels teach a tenth; a day brings eight times as many."""
    found = decide(replace(NOW, rows=120), replace(POLICY, run=0.5))
    assert "are worth more than a run now" in found.because


def test_a_gap_that_may_be_chance_is_shrunk() -> None:
    sure, unsure = (expected(replace(NOW, gap=replace(GAP, error=error)), POLICY) for error in (0.001, 0.1))
    assert sure is not None
    assert unsure is not None
    assert sure.gain / unsure.gain == pytest.approx((1 + (0.1 / 0.05) ** 2) / (1 + (0.001 / 0.05) ** 2))
    assert sure.interval[1] - sure.interval[0] < unsure.interval[1] - unsure.interval[0]


def test_past_runs_that_closed_nothing_make_it_wait() -> None:
    refused = (Past(0.05, -0.002, 0.002, 5_000),) * 6
    assert closed_share(refused)[0] < 0.15
    assert decide(replace(NOW, past=refused), POLICY).expected.worth < 20  # type: ignore[union-attr]
    closed = (Past(0.05, 0.04, 0.002, 5_000),) * 6
    assert closed_share(closed)[0] > 0.8


def test_cheap_fits_tell_more_than_what_is_usual() -> None:
    """Where they gain nothing, a run is worth nothing, whatever the gap; they may find what no gap shows."""
    flat = Curve((500, 1_000, 2_000), (0.0, -0.001, 0.0), (0.002,) * 3)
    assert decide(replace(NOW, curve=flat), POLICY).answer == "wait"
    rising = Curve((500, 1_000, 2_000), (0.01, 0.02, 0.027), (0.002,) * 3)
    found = decide(replace(NOW, curve=rising, gap=replace(GAP, value=-0.01)), POLICY)
    assert found.answer == "retrain"
    assert found.expected is not None
    assert 0.027 < found.expected.gain < 0.04


def test_a_power_law_is_followed() -> None:
    """gain(n) = 0.05 - n ** -0.5, known well: at 16,000 rows 0.0421."""
    rows = (1_000, 2_000, 4_000)
    gain, error = at_rows(Curve(rows, tuple(0.05 - n**-0.5 for n in rows), (1e-4,) * 3), 16_000)
    assert gain == pytest.approx(0.05 - 16_000**-0.5, abs=2 * error)
    assert error < 0.004


def test_every_number_is_kept() -> None:
    said = json.loads(json.dumps(decide(replace(NOW, past=(Past(0.05, 0.04, 0.002, 900),)), POLICY).to_dict()))
    assert said["situation"]["past"][0]["rows"] == 900
    assert {"gain", "interval", "share", "learned", "worth", "cost"} <= set(said["expected"])
    assert said["policy"]["gap"] == 7 * DAY
