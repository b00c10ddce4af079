"""Run a notebook in a kernel of its own, here, then ask what it claims: `run_notebook.py NOTEBOOK CLAIMS`.

A process of its own, as the client brings an event loop along. CLAIMS is a JSON object: by words, an expression over
the notebook's names.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def run(path: Path, claims: str) -> None:
    """Execute a notebook; exit with what went to stderr, and with the claims that aren't true."""
    notebook = nbformat.read(path, as_version=4)
    asking = f"import json\nprint(json.dumps([said for said, true in {claims}.items() if not eval(true)]))"
    notebook.cells.append(nbformat.v4.new_code_cell(asking))
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=".")
    outputs = [one for cell in notebook.cells for one in cell.get("outputs", ())]
    noise = [one["text"] for one in outputs if one.get("name") == "stderr"]
    untrue = json.loads(outputs[-1]["text"])
    if noise or untrue:
        sys.exit(f"{path.name} says on stderr: {noise}; and tells what isn't so: {untrue}")


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2])
