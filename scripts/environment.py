"""Make `.venv` what the lock files say, using nothing but a Python with `venv` and pip.

    requirements-build.lock  ->  the build backend
    requirements.lock        ->  runtime and demo       ("runtime")
    requirements-dev.lock    ->  all of that and tools  ("dev")
    this checkout            ->  editable, without dependencies

A stamp inside `.venv` keeps the digests of what was installed, so a second call costs a few milliseconds. A file lock
lets several calls run at once: the first installs, the others wait and find it done.

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


def digests() -> dict[str, str]:
    """Give, for each environment, a digest of everything that decides what is in it."""
    common = hashlib.sha256(f"{sys.version_info[:2]} {ROOT}".encode())
    for name in ("requirements-build.lock", "pyproject.toml"):
        common.update((ROOT / name).read_bytes())
    found = {}
    for environment, lock in LOCKS.items():
        digest = common.copy()
        digest.update((ROOT / lock).read_bytes())
        found[environment] = digest.hexdigest()
    return found


def installed() -> dict[str, str]:
    """Read the stamp; a missing or broken one means that nothing is known to be installed."""
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp


def works() -> bool:
    """Tell whether `.venv` has an interpreter with pip that starts, of the version that runs this."""
    probe = "import pip, sys; print(sys.version_info[:2])"
    try:
        answer = subprocess.run([PYTHON, "-c", probe], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return answer.stdout.strip() == str(sys.version_info[:2])


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


def install(environment: str) -> None:
    """Bring `.venv` to one environment and remember that."""
    started = time.monotonic()
    print(f"installing {LOCKS[environment]} into .venv ...", flush=True)
    if not works():
        create()
    STAMP.unlink(missing_ok=True)
    pip("--require-hashes", "--requirement", "requirements-build.lock")
    pip("--require-hashes", "--requirement", LOCKS[environment])
    pip("--no-deps", "--editable", ".")
    wanted = digests()
    done = wanted if environment == "dev" else {"runtime": wanted["runtime"]}
    STAMP.write_text(json.dumps(done))
    print(f"installed in {time.monotonic() - started:.0f} s", flush=True)


def main() -> None:
    """Install the named environment unless the stamp says that it is there."""
    if sys.version_info < (3, 11):  # noqa: UP036 - nothing has looked at the version yet
        sys.exit(f"Retrue needs Python 3.11 or newer, not {sys.version.split()[0]}. Hint: make PYTHON=python3.11 ...")
    if len(sys.argv) != 2 or sys.argv[1] not in LOCKS:
        sys.exit(__doc__)
    environment = sys.argv[1]
    with (ROOT / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed().get(environment) != digests()[environment]:
            install(environment)


if __name__ == "__main__":
    main()
