"""The trained model of a run, as it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from retrue.errors import StoreError


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
