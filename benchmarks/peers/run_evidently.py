"""Evidently on two Parquet files: the drift and the summary preset, as JSON. `run_evidently.py REFERENCE WINDOW`."""

# mypy: disable-error-code="import-not-found,import-untyped"

from __future__ import annotations

import sys

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset, DataSummaryPreset


def main(reference: str, window: str) -> None:
    """Run both presets."""
    frames = [pd.read_parquet(path) for path in (reference, window)]
    numeric = list(frames[0].select_dtypes("number").columns)
    texts = [name for name in frames[0].columns if name not in numeric]
    definition = DataDefinition(numerical_columns=numeric, categorical_columns=texts)
    before, after = (Dataset.from_pandas(frame, data_definition=definition) for frame in frames)
    snapshot = Report([DataDriftPreset(), DataSummaryPreset()]).run(after, before)
    print(len(snapshot.json()), "bytes of JSON")


if __name__ == "__main__":
    main(*sys.argv[1:])
