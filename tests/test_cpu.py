"""The choice of NumPy's sorting kernels, made before NumPy is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from retrue.cpu import SPINNING, VARIABLE, is_zen4, prefer_fast_sort

CPUINFO = "processor\t: 0\nvendor_id\t: {}\ncpu family\t: {}\nflags\t\t: fpu avx2 {}\n\nprocessor\t: 1\n"


@pytest.mark.parametrize(
    ("vendor", "family", "flags", "expected"),
    [
        ("AuthenticAMD", "25", "avx512f", True),
        ("AuthenticAMD", "25", "", False),  # Zen 3 has no AVX-512
        ("AuthenticAMD", "26", "avx512f", False),  # Zen 5 is fast
        ("GenuineIntel", "6", "avx512f", False),
    ],
)
def test_only_a_zen_4_is_told_to_leave_avx_512_alone(
    tmp_path: Path, vendor: str, family: str, flags: str, *, expected: bool
) -> None:
    """The family and the flags decide."""
    path = tmp_path / "cpuinfo"
    path.write_text(CPUINFO.format(vendor, family, flags))
    assert is_zen4(path) is expected


def test_a_system_without_cpuinfo_is_left_alone(tmp_path: Path) -> None:
    """Other systems have no such file."""
    assert not is_zen4(tmp_path / "nothing")


def test_nothing_is_changed_once_numpy_is_there(tmp_path: Path) -> None:
    """NumPy has read the variable by then; setting it would only confuse child processes."""
    path = tmp_path / "cpuinfo"
    path.write_text(CPUINFO.format("AuthenticAMD", "25", "avx512f"))
    import numpy as np  # noqa: F401

    assert not prefer_fast_sort(path)


def test_numpy_accepts_the_choice_without_a_warning(tmp_path: Path) -> None:
    """The names are those that the installed NumPy knows."""
    path = tmp_path / "cpuinfo"
    path.write_text(CPUINFO.format("AuthenticAMD", "25", "avx512f"))
    code = (
        "from pathlib import Path; from retrue.cpu import prefer_fast_sort;"
        f"assert prefer_fast_sort(Path({str(path)!r}));"
        "import numpy as np; assert (np.sort(np.array([2.0, 1.0])) == [1.0, 2.0]).all()"
    )
    environment = {k: v for k, v in os.environ.items() if k != VARIABLE}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_idle_blas_threads_sleep_and_a_choice_already_made_is_kept() -> None:
    """What matters at the start is CPU time that nobody asked for; who set the variable knows better."""
    code = "from retrue import cpu; cpu.settle(); import os, numpy; print(os.environ['OPENBLAS_THREAD_TIMEOUT'])"
    for given, expected in ({}, "4"), ({SPINNING: "20"}, "20"):
        environment = {k: v for k, v in os.environ.items() if k != SPINNING} | given
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected
