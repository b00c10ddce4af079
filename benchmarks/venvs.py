"""The peers, each in a virtual environment of its own under `.peers`, made on demand with pip."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import ROOT, Failed

PEERS = ROOT / ".peers"
SCRIPTS = ROOT / "benchmarks" / "peers"
QUIET = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "WHYLOGS_NO_ANALYTICS": "True"}
"""Peers that count their uses over the network are asked not to: it would be measured."""


@dataclass(frozen=True)
class Peer:
    """Another tool: its name, and what pip installs (pinned)."""

    name: str
    requirements: tuple[str, ...]

    @property
    def script(self) -> Path:
        """What runs it on two Parquet files."""
        return SCRIPTS / f"run_{self.name}.py"

    def python(self) -> str:
        """The interpreter of its environment, which is made where it isn't there or was made of other versions.

        Raises:
            Failed: it can't be installed; with the end of what pip said.
        """
        folder, wanted = PEERS / self.name, "\n".join(self.requirements)
        python, made = folder / "bin" / "python", folder / "requirements.txt"
        if not (python.exists() and made.exists() and made.read_text() == wanted):
            _install(folder, python, self.requirements)
            made.write_text(wanted)
        return str(python)

    def command(self, *arguments: object) -> list[str]:
        """The command that runs it."""
        return [self.python(), str(self.script), *map(str, arguments)]


def _install(folder: Path, python: Path, requirements: tuple[str, ...]) -> None:
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
    for command in ([sys.executable, "-m", "venv", "--clear", str(folder)], pip):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"{folder.name} can't be installed: {done.stderr.strip()[-400:]}")


EVIDENTLY = Peer("evidently", ("evidently==0.7.23", "pandas==2.3.3", "pyarrow==26.0.1"))  # doesn't import on pandas 3
NANNYML = Peer("nannyml", ("nannyml==0.13.1", "statsmodels==0.15.0", "pyarrow==26.0.1"))  # statsmodels is undeclared
WHYLOGS = Peer("whylogs", ("whylogs[viz]==1.6.4", "pandas==2.3.3", "pyarrow==26.0.1"))  # its drift scores are in [viz]
