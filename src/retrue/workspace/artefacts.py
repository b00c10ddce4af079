"""The files of a run: the trained model, its holdout with the scores, the rows it was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from retrue.errors import SchemaError, StoreError
from retrue.workspace.references import write_table, write_whole

if TYPE_CHECKING:
    from retrue.workspace.model import Model
    from retrue.workspace.training import Run


def keep_files(run: Run, challenger: Any, holdout: pl.DataFrame, trained: pl.DataFrame) -> None:
    """Keep the artefact, the holdout with the challenger's scores, and the training rows."""
    artefact = dumped(challenger)
    run.folder.mkdir(parents=True, exist_ok=True)
    write_whole(run.folder / "model.joblib", artefact)
    write_table(run.folder / "holdout.parquet", holdout)
    write_table(run.folder / "training.parquet", trained)


def dumped(challenger: Any) -> bytes:
    """Write a trained model as bytes.

    Raises:
        SchemaError: it can't be pickled.
    """
    import io
    import pickle

    import joblib

    buffer = io.BytesIO()
    try:
        joblib.dump(challenger, buffer)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        hint = "let fit return an object of a class that a module holds, without functions made on the way"
        raise SchemaError(
            f"the trained model can't be kept: {error}", expected="one that pickle can write", hint=hint
        ) from error
    return buffer.getvalue()


def load(path: Path) -> Any:
    """Load an artefact.

    Raises:
        StoreError: it is gone, or the code that it is made of can't be imported here.
    """
    import joblib

    if not path.exists():
        raise StoreError("the trained model is gone", where=str(path), hint="retrain")
    try:
        return joblib.load(path)
    except (ImportError, AttributeError) as error:
        hint = "install the code that trained it, or start from the folder that has it"
        raise StoreError(f"the trained model can't be loaded: {error}", where=str(path), hint=hint) from error


def run_of(model: Model, version: str) -> Run | None:
    """The run that a version came from, if its trained model is here."""
    row = next((row for row in model.versions() if row.version == version), None)
    if row is None or row.body.get("run") is None:
        return None
    found = model.run(str(row.body["run"]))
    return found if (found.folder / "model.joblib").exists() else None
