"""NannyML's DLE on a reference and chunks of an analysis table: `run_nannyml_dle.py REFERENCE ANALYSIS`.

Columns: `y`, `yhat`, features; the analysis table also has `chunk`. Prints JSON: for each chunk the estimated MAE, RMSE
and MAPE, and under "seconds" the CPU seconds of fitting and of all estimates.
"""

# mypy: disable-error-code="import-not-found,import-untyped"

from __future__ import annotations

import json
import sys
import time

import pandas as pd

pd.options.future.infer_string = False  # its encoder takes no Arrow strings
import nannyml  # noqa: E402

METRICS = ["mae", "rmse", "mape"]


def main(reference: str, analysis: str) -> None:
    """Fit on the reference, estimate each chunk by itself."""
    before, after = (pd.read_parquet(path) for path in (reference, analysis))
    features = [name for name in before.columns if name not in ("y", "yhat")]
    estimator = nannyml.DLE(
        feature_column_names=features, y_true="y", y_pred="yhat", metrics=METRICS, chunk_size=1_000_000
    )
    began = time.process_time()
    estimator.fit(before)
    found = {"seconds": [time.process_time() - began]}
    began = time.process_time()
    for chunk, rows in after.drop(columns="y").groupby("chunk"):
        result = estimator.estimate(rows.reset_index(drop=True)).filter(period="analysis").to_df()
        found[str(int(chunk))] = [float(result[(metric, "value")].iloc[0]) for metric in METRICS]
    found["seconds"].append(time.process_time() - began)
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
