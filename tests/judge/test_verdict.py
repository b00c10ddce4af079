"""A verdict is data: sorted by what needs a person first, never NaN, and the same after a trip through JSON."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.errors import MetricError
from retrue.judge.verdict import Verdict, VerdictKind, sort_worst_first


def test_kinds_sort_from_broken_to_true_with_notices_after_alarms() -> None:
    notice = Verdict(VerdictKind.DRIFTING, "notice", alarm=False)
    verdicts = [notice, *(Verdict(kind, kind.value) for kind in reversed(VerdictKind))]
    said = [verdict.reason for verdict in sort_worst_first(verdicts)]
    assert said == ["broken", "degraded", "unknown", "silent", "drifting", "notice", "not_comparable", "true"]


def test_among_one_kind_what_is_further_beyond_its_threshold_comes_first() -> None:
    near = Verdict(VerdictKind.DRIFTING, "near", value=0.2, threshold=0.1)
    far = Verdict(VerdictKind.DRIFTING, "far", value=0.4, threshold=0.1)
    assert [verdict.reason for verdict in sort_worst_first([near, far])] == ["far", "near"]


@pytest.mark.parametrize("kind", list(VerdictKind))
def test_the_kind_says_whether_it_alarms(kind: VerdictKind) -> None:
    assert Verdict(kind, "").alarms == (kind not in (VerdictKind.TRUE, VerdictKind.NOT_COMPARABLE))


def test_what_is_true_never_alarms_even_when_told_to() -> None:
    assert not Verdict(VerdictKind.TRUE, "", alarm=True).alarms


def test_nan_and_infinity_become_unknown() -> None:
    verdict = Verdict(VerdictKind.TRUE, "", value=math.nan, interval=(0.0, math.inf), threshold=-math.inf)
    assert (verdict.value, verdict.interval, verdict.threshold) == (None, None, None)


def test_it_has_the_ten_fields_in_order() -> None:
    verdict = Verdict(VerdictKind.BROKEN, "missing rose", "missing", "age", window=("2013-01-01", "2013-01-02"), n=7)
    assert list(verdict.to_dict()) == (
        ["kind", "reason", "metric", "column", "slice", "window", "value", "interval", "n", "threshold"]
    )


numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@given(
    kind=st.sampled_from(VerdictKind),
    reason=st.text(),
    column=st.none() | st.text(),
    value=numbers,
    ends=st.none() | st.tuples(st.floats(-9, 9), st.floats(-9, 9)),
    n=st.none() | st.integers(0, 10**12),
)
def test_json_there_and_back_is_the_same_verdict(
    kind: VerdictKind,
    reason: str,
    column: str | None,
    value: float | None,
    ends: tuple[float, float] | None,
    n: int | None,
) -> None:
    verdict = Verdict(kind, reason, column=column, value=value, interval=ends, n=n, window=("a", "b"))
    assert Verdict.from_dict(json.loads(json.dumps(verdict.to_dict(), allow_nan=False))) == verdict


def test_other_fields_and_kinds_are_refused() -> None:
    with pytest.raises(MetricError, match="other fields"):
        Verdict.from_dict({"kind": "true", "reason": "", "colour": "red"})
    with pytest.raises(MetricError, match="unknown verdict kind 'fine'"):
        Verdict.from_dict({"kind": "fine", "reason": ""})


def test_the_metric_that_fell_farthest_comes_first() -> None:
    """An AUC of 0.55 held to 0.70 is worse than one of 0.69; an error of 9 held to 5 is worse than one of 6."""
    degraded = VerdictKind.DEGRADED
    low, near = (Verdict(degraded, "", metric="roc_auc", value=value, threshold=0.70) for value in (0.55, 0.69))
    assert sort_worst_first([near, low]) == [low, near]
    high, slight = (Verdict(degraded, "", metric="mae", value=value, threshold=5.0) for value in (9.0, 6.0))
    assert sort_worst_first([slight, high]) == [high, slight]


def test_of_one_kind_what_costs_most_comes_first() -> None:
    """Then what lies farthest beyond its threshold; what isn't known to cost anything costs nothing."""
    far = Verdict(VerdictKind.DRIFTING, "", column="far", value=0.9, threshold=0.1)
    dear = Verdict(VerdictKind.DRIFTING, "", column="dear", value=0.2, threshold=0.1, loss=0.05)
    near = Verdict(VerdictKind.DRIFTING, "", column="near", value=0.2, threshold=0.1, loss=0.0)
    broken = Verdict(VerdictKind.BROKEN, "", column="broken")
    assert [v.column for v in sort_worst_first([near, far, dear, broken])] == ["broken", "dear", "far", "near"]


def test_the_loss_is_said_beside_the_ten_fields() -> None:
    one = Verdict(VerdictKind.DRIFTING, "moved", column="x", loss=0.05)
    assert "loss" not in one.to_dict()
    assert Verdict.from_dict(one.to_dict(), alarm=one.alarm, loss=one.loss) == one
    assert Verdict(VerdictKind.DRIFTING, "moved", loss=float("nan")).loss is None
