"""Evidently's default drift rules over days: `alarms_evidently.py REFERENCE PRODUCTION`, the columns flagged each day.

It takes a second or more a day, so it looks at each fifth day, and what it says of that day holds until the next look.
Its reference is thinned to 10,000 rows: it reads it anew for each day, and its thresholds are fixed.
"""

# mypy: disable-error-code="import-not-found,import-untyped"

from __future__ import annotations

import json
import sys

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

WHOLE = "half of the columns"
STEP = 5


def main(reference: str, production: str) -> None:
    """Run the preset with its tests on each day."""
    before, after = (pd.read_parquet(path) for path in (reference, production))
    columns = [name for name in before.columns if name not in ("id", "at")]
    texts = [name for name in columns if before[name].dtype.kind not in "if"]
    definition = DataDefinition(numerical_columns=[c for c in columns if c not in texts], categorical_columns=texts)
    base = Dataset.from_pandas(
        before[columns].sample(min(10_000, len(before)), random_state=1), data_definition=definition
    )
    told: list[list[str]] = []
    for i, (_, day) in enumerate(after.groupby(after["at"].dt.date)):
        if i % STEP:
            told.append(told[-1])
            continue
        window = Dataset.from_pandas(day[columns], data_definition=definition)
        failed = [test for test in Report([DataDriftPreset()], include_tests=True).run(window, base).dict()["tests"]
                  if str(getattr(test["status"], "value", test["status"])) == "FAIL"]  # fmt: skip
        told.append([test["metric_config"]["params"].get("column", WHOLE) for test in failed])
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
