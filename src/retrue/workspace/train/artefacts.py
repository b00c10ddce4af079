"""The trained model of a run, as it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrue.errors import StoreError

if TYPE_CHECKING:
    from retrue.workspace.model import Model
    from retrue.workspace.train.training import Run


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
