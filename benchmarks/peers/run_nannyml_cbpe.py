"""NannyML's CBPE on a reference and chunks of an analysis table: `run_nannyml_cbpe.py REFERENCE ANALYSIS`.

Columns: `y`, `yhat`, and `p` or `p_CLASS`; the analysis table also has `chunk`. Prints JSON: for each chunk the
estimated ROC AUC, accuracy and F1.
"""

# mypy: disable-error-code="import-not-found,import-untyped"

from __future__ import annotations

import json
import sys

import nannyml
import pandas as pd

METRICS = ["roc_auc", "accuracy", "f1"]


def main(reference: str, analysis: str) -> None:
    """Fit on the reference, estimate each chunk by itself."""
    before, after = (pd.read_parquet(path) for path in (reference, analysis))
    classes = {name[2:]: name for name in before.columns if name.startswith("p_")}
    estimator = nannyml.CBPE(
        metrics=METRICS,
        y_true="y",
        y_pred="yhat",
        y_pred_proba=classes or "p",
        problem_type="classification_multiclass" if classes else "classification_binary",
        chunk_size=1_000_000,
    ).fit(before)
    found = {}
    for chunk, rows in after.drop(columns="y").groupby("chunk"):
        result = estimator.estimate(rows.reset_index(drop=True)).filter(period="analysis").to_df()
        found[int(chunk)] = [float(result[(metric, "value")].iloc[0]) for metric in METRICS]
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
