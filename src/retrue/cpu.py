"""What must be settled before NumPy is imported: which of its sorting kernels to use, and how long its threads spin.

The counting pass lives on `np.sort`. On AMD's Zen 4 the AVX-512 kernel is about five times slower than the AVX2 one
(its `vpcompressq` to memory is microcoded): 37 against 8 ns a value, measured with NumPy 2.4. NumPy only reads the
choice at import, so the command line makes it first; a notebook can set the variable itself.

OpenBLAS starts a thread for each core and lets them spin for 2^26 clock ticks, waiting for work that `compare` has none
of: 0.08 CPU s of 0.45 at the start. 2^4 ticks send them to sleep at once; work wakes them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "NPY_DISABLE_CPU_FEATURES"
WIDE = "X86_V4 AVX512_ICL AVX512_SPR"
"""NumPy's names (2.4 and later) for the kernels that use AVX-512."""

SPINNING = "OPENBLAS_THREAD_TIMEOUT"


def settle() -> None:
    """Settle both."""
    os.environ.setdefault(SPINNING, "4")
    prefer_fast_sort()


def prefer_fast_sort(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Turn NumPy's AVX-512 kernels off where they are slow; tell whether that was done.

    Does nothing where NumPy is already imported, where the variable is set, or where the CPU isn't a Zen 4.
    """
    if "numpy" in sys.modules or VARIABLE in os.environ or not is_zen4(cpuinfo):
        return False
    os.environ[VARIABLE] = WIDE
    return True


def is_zen4(cpuinfo: Path) -> bool:
    """Tell whether this is an AMD processor of family 25 with AVX-512; False where the system doesn't say."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    said = dict(line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    facts = {name.strip(): value.strip() for name, value in said.items()}
    return (
        facts.get("vendor_id") == "AuthenticAMD"
        and facts.get("cpu family") == "25"
        and "avx512f" in facts.get("flags", "").split()
    )
