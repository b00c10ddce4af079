"""A turn of the flywheel in words: every end of a run, whatever of it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.server.pages.turn import turn_of
from retrue.store import rows
from retrue.workspace.promote.lineage import lineage

WHOLE: Mapping[str, Any] = {
    "manifest": {"rows": 120, "parts": [{"part": "edge", "rows": 120, "share": 1.0, "digest": "abc"}]},
    "champion": "1",
    "proof": {
        "reasons": [],
        "contests": [
            {"where": "holdout", "metric": "roc_auc", "higher_is_better": True, "champion": 0.5, "challenger": 0.75,
             "difference": 0.25, "interval": [0.2, 0.3], "n": 500, "outcome": "better"},
        ],
    },
    "version": "2",
}  # fmt: skip
VERSIONS = {"2": rows.Version("m", "2", "champion", 5, {"run": "r"})}


def run(body: object, status: str = "promoted") -> rows.RunRow:
    return rows.RunRow("r", "m", status, 1, 2, body)  # type: ignore[arg-type]


def test_a_run_is_followed_from_its_incident_to_its_version() -> None:
    found = lineage(run(WHOLE), VERSIONS, {"edge": "i1"})
    assert (found.incidents, found.version, found.promoted, found.rows) == (("i1",), "2", 5, 120)
    turn = turn_of("m", found, None, {"i1": "it fell"}, "2")
    assert [(one.name, one.state) for one in turn.steps] == [
        ("Incident", "began it"), ("Rows", "mixed"), ("Run", "trained"), ("Proof", "passed"),
        ("Promotion", "promoted"), ("Since then", "can't tell yet"),
    ]  # fmt: skip
    assert turn.steps[3].text == "ROC AUC 0.75 against 0.50, +25 points (20 to 30)"


@pytest.mark.parametrize(
    ("changed", "champion", "said", "state"),
    [
        ({"version": None}, "1", "may be promoted: ROC AUC 0.75 against 0.50", "waits for you"),
        ({"version": None}, "3", "was passed over: version 3", "passed over"),
        ({"version": None, "proof": None}, "1", "not proven yet", "no"),
        ({"version": None, "proof": {"reasons": ["too slow"]}}, "1", "was refused: too slow", "no"),
        ({"version": None, "error": "killed\nby"}, "1", "failed: killed", "waits for you"),
        ({"override": {"who": "anna", "note": "holiday"}}, "2", "became version 2", "promoted"),
    ],
)
def test_each_end_of_a_run_is_said(changed: dict[str, Any], champion: str, said: str, state: str) -> None:
    versions = {} if "version" in changed else VERSIONS
    found = lineage(run({**WHOLE, **changed}, "trained"), versions, {})
    turn = turn_of("m", found, None, {}, champion)
    assert said in turn.sentence
    assert next(one.state for one in turn.steps if one.name == "Promotion") == state
    if "override" in changed:
        assert turn.steps[4].lines == ("against the gate, by anna: holiday",)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("manifest", "champion", "proof", "version", "error", "trainer", "incident", "override")
BODIES = st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, JSON)) | st.fixed_dictionaries(
    {"proof": st.fixed_dictionaries({"contests": st.lists(st.dictionaries(st.sampled_from(
        ("where", "metric", "interval", "difference", "champion", "challenger", "n", "note", "rival")), JSON),
        min_size=1, max_size=2)})}
)  # fmt: skip


@given(BODIES, st.sampled_from(("trained", "failed", "odd")))
def test_whatever_a_run_keeps_is_shown(body: dict[str, Any], status: str) -> None:
    turn = turn_of("m", lineage(run(body, status), VERSIONS, {}), None, {}, "1")
    assert turn.sentence.startswith("Run r")
