"""NannyML's default thresholds over days: `alarms_nannyml.py REFERENCE PRODUCTION`, day by day the columns that alert.

Univariate drift (Jensen-Shannon), missing and unseen values, realised ROC AUC and accuracy: all with the thresholds
that it takes unless told otherwise, on chunks of a day.
"""

# mypy: disable-error-code="import-not-found,import-untyped"

from __future__ import annotations

import json
import sys

import nannyml
import pandas as pd

MODEL = "the model"


def main(reference: str, production: str) -> None:
    """Fit every calculator on the reference, and calculate production."""
    before, after = (pd.read_parquet(path) for path in (reference, production))
    for frame in (before, after):
        if "score" in frame:
            frame["prediction"] = (frame["score"] >= 0.5).astype(int)
    columns = [name for name in before.columns if name not in ("id", "at", "label", "prediction")]
    texts = [name for name in columns if before[name].dtype.kind not in "if"]
    days = {"timestamp_column_name": "at", "chunk_period": "D"}
    calculators = [
        nannyml.UnivariateDriftCalculator(column_names=columns, **days),
        nannyml.MissingValuesCalculator(column_names=columns, **days),
        nannyml.UnseenValuesCalculator(column_names=texts, **days),
    ]
    if "label" in before:
        calculators.append(
            nannyml.PerformanceCalculator(
                y_true="label",
                y_pred="prediction",
                y_pred_proba="score",
                problem_type="classification_binary",
                metrics=["roc_auc", "accuracy"],
                **days,
            )
        )
    told: dict[int, set[str]] = {i: set() for i in range(after["at"].dt.date.nunique())}
    for calculator in calculators:
        found = calculator.fit(before).calculate(after).filter(period="analysis").to_df()
        for name in (name for name in found.columns if name[-1] == "alert"):
            for i, alert in enumerate(found[name]):
                if alert:
                    told[i].add(name[0] if name[0] in columns else MODEL)
    print(json.dumps([sorted(told[i]) for i in sorted(told)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
