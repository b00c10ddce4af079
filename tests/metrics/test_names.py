"""What stands for a metric reads like one: its estimate, and what labels said beyond that."""

from __future__ import annotations

import pytest

from retrue.errors import MetricError
from retrue.judge.rules import Rule
from retrue.judge.words import metric_name
from retrue.metrics import get, metric, registered, registry
from retrue.metrics.names import concept_drift, estimated, metric_of
from retrue.report import units

PERFORMANCE = [metric.name for metric in registered(of="outcome")]


@pytest.mark.parametrize("name", PERFORMANCE)
def test_an_estimate_is_read_as_the_metric_that_it_stands_for(name: str) -> None:
    found, own = get(estimated(name)), get(name)
    assert (found.unit, found.better, found.range, found.tasks) == (own.unit, own.better, own.range, own.tasks)
    assert (found.of, metric_of(found.name)) == ("estimate", name)
    assert found not in registered()


def test_concept_drift_lies_between_minus_and_plus_the_metric_s_range() -> None:
    assert get(concept_drift("accuracy")).range == (-1, 1)
    assert get(concept_drift("mae")).range == (None, None)
    assert get(concept_drift("mae")).better == "lower"


def test_a_parameter_is_kept() -> None:
    assert metric_name(get(estimated("precision@0.3")).name) == "estimated precision at 0.3"


def test_no_profile_tells_them() -> None:
    assert "model.performance()" in (get("estimated_accuracy").compute().note or "")


@pytest.mark.parametrize("name", ["estimated_psi", "estimated_nothing", "concept_drift_rows"])
def test_nothing_stands_for_what_is_no_performance(name: str) -> None:
    with pytest.raises(MetricError, match="unknown metric"):
        get(name)


def test_a_metric_that_is_called_so_is_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as the cost expected in dollars that somebody registered as `estimated_cost`."""
    monkeypatch.setattr(registry, "_METRICS", dict(registry._METRICS))

    @metric("estimated_cost", of="profile")
    def cost(*_: object) -> float:
        return 1.0

    assert get("estimated_cost").of == "profile"


def test_rules_are_about_the_metric_itself() -> None:
    with pytest.raises(MetricError, match=r"no rule can be about 'estimated_roc_auc'.*roc_auc"):
        Rule.parse("estimated_roc_auc >= 0.7")


def test_reports_read_them_in_points() -> None:
    assert units.in_points("estimated_accuracy")
    assert units.is_loss(0.1, "concept_drift_mae")
