"""What a proof showed beside its contests is said in sentences; what isn't known isn't said."""

from __future__ import annotations

from retrue.report.evidence import sentences


def test_nothing_known_is_nothing_said() -> None:
    """A proof from before there were baselines, too."""
    assert list(sentences({"passed": True})) == []
    neither = {"champion": None, "challenger": None}
    empty: dict[str, object] = {"baselines": [], "calibration": neither, "pace": None, "estimated": None, "rules": {}}
    assert list(sentences(empty)) == []


def test_all_that_is_known_is_said() -> None:
    off = {"error": 0.03, "interval": [0.01, 0.05], "slope": 0.9}
    told = sentences(
        {
            "baselines": [{"metric": "roc_auc", "outcome": "better", "rival": "the usual", "champion": 0.5}],
            "calibration": {"champion": None, "challenger": off},
            "pace": {"challenger": 0.002, "ratio": 1.5, "batch": 1000, "challenger_batch": 0.01, "sizes": [None, 2048]},
            "estimated": {
                "events": 300,
                "champion": {"metrics": {"roc_auc": {"value": 0.6}, "brier": {"value": None}}},
                "challenger": {"metrics": {"roc_auc": {"value": 0.7}, "brier": {"value": 0.2}}},
            },
            "rules": {"a": {"kind": "true"}, "b": {"kind": "degraded"}},
            "early": {"measured": [{"said": "of 90 events ..."}], "classes": 3, "why": ""},
        }
    )
    assert list(told) == [
        "Beside baselines, by ROC AUC: better than “the usual” (0.5).",
        "Calibration: the challenger is off by 0.03 (0.01 to 0.05) with slope 0.90.",
        "An answer takes 2 ms, 1.5 times the champion's; 1,000 rows together 10 ms; the model is 2 kB.",
        "Estimated on 300 recent events without labels: ROC AUC 0.7 against 0.6.",
        "It would have kept 1 of the model's 2 rules on the holdout.",
        "Early labels: of 90 events ...; the other 2 classes less.",
    ]
