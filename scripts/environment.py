"""Make `.venv` what the lock files say, using nothing but a Python with `venv` and pip.

    requirements-build.lock  ->  the build backend
    requirements.lock        ->  runtime and demo       ("runtime")
    requirements-dev.lock    ->  all of that and tools  ("dev")
    this checkout            ->  editable, without dependencies

A stamp inside `.venv` keeps the digests of what was installed, so a second call costs a few milliseconds. A file lock
lets several calls run at once: the first installs, the others wait and find it done. An installation that was cut off
leaves no stamp, and the next call starts over.

Usage: environment.py runtime|dev
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "retrue-stamp.json"
LOCKS = {"runtime": "requirements.lock", "dev": "requirements-dev.lock"}
HOME = f"{sys.version_info[0]}.{sys.version_info[1]} {VENV}"  # a venv that was moved, or is of another Python, is none


def digests() -> dict[str, str]:
    """Give, for each environment, a digest of everything that decides what is in it."""
    found = {}
    for environment, lock in LOCKS.items():
        digest = hashlib.sha256(packaging())
        for name in ("requirements-build.lock", lock):
            digest.update((ROOT / name).read_bytes())
        found[environment] = digest.hexdigest()
    return found


def packaging() -> bytes:
    """Give the part of pyproject.toml that installing depends on, and not the settings of tools."""
    import tomllib  # here, so that an older Python gets as far as being told so

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return json.dumps([project["build-system"], project["project"], project["tool"]["setuptools"]]).encode()


def installed() -> dict[str, str]:
    """Read the stamp; where it is missing, broken or another place's, nothing counts as installed."""
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if stamp.get("home") == HOME and PYTHON.exists() else {}


def create() -> None:
    """Make an empty `.venv`, over whatever broken one is there."""
    try:
        venv.create(VENV, clear=True, with_pip=True)
    except (subprocess.CalledProcessError, ImportError):
        shutil.rmtree(VENV, ignore_errors=True)
        sys.exit("cannot make .venv: this Python lacks venv or pip. Hint: apt-get install python3-venv, or PYTHON=...")


def pip(*arguments: str) -> None:
    """Install with `.venv`'s pip; without build isolation, because the locked backend is in the environment already."""
    common = ["install", "--quiet", "--disable-pip-version-check", "--no-build-isolation", "--use-pep517"]
    done = subprocess.run([PYTHON, "-m", "pip", *common, *arguments], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def install(environment: str, wanted: dict[str, str]) -> None:
    """Bring `.venv` to one environment and remember that."""
    started = time.monotonic()
    print(f"installing {LOCKS[environment]} into .venv ...", flush=True)
    if not installed():
        create()
    STAMP.unlink(missing_ok=True)
    pip("--require-hashes", "--requirement", "requirements-build.lock")
    pip("--require-hashes", "--requirement", LOCKS[environment])
    pip("--no-deps", "--editable", ".")
    done = wanted if environment == "dev" else {environment: wanted[environment]}
    STAMP.write_text(json.dumps({"home": HOME, **done}), encoding="utf-8")
    print(f"installed in {time.monotonic() - started:.0f} s", flush=True)


def main() -> None:
    """Install the named environment unless the stamp says that it is there."""
    if sys.version_info < (3, 11):  # noqa: UP036 - nothing has looked at the version yet
        sys.exit(f"Retrue needs Python 3.11 or newer, not {sys.version.split()[0]}. Hint: make PYTHON=python3.11 ...")
    if len(sys.argv) != 2 or sys.argv[1] not in LOCKS:
        sys.exit(__doc__)
    environment, wanted = sys.argv[1], digests()
    with (ROOT / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed().get(environment) != wanted[environment]:
            install(environment, wanted)


if __name__ == "__main__":
    main()
