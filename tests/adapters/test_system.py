"""GPUs among the system signals: what NVIDIA's library says comes through, and whatever it can't say breaks nothing.

No GPU is needed: NVIDIA's own Python binding is asked, with functions of ours in place of its driver's.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.client.conftest import make
from tests.conftest import needed

import retrue as rt
from retrue.adapters.system import Gauges
from retrue.client.agent import Agent

pynvml = needed("pynvml")

LOST = pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
UNSUPPORTED = pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
NO_DRIVER = pynvml.NVMLError(pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
FIGURES = ("gpu_percent", "gpu_memory_percent")


@dataclass
class Gpu:
    """A GPU as the driver tells of it; an error in place of a figure is raised."""

    busy: float | Exception = 0.0
    used: float | Exception = 0.0
    total: float = 80e9
    handle: Exception | None = None


def driver(monkeypatch: pytest.MonkeyPatch, gpus: Sequence[Gpu], init: Exception | None = None) -> None:
    """Let NVIDIA's binding find these GPUs."""

    def told(value: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    functions = {
        "nvmlInit": lambda: told(init),
        "nvmlDeviceGetCount": lambda: len(gpus),
        "nvmlDeviceGetHandleByIndex": lambda number: told(gpus[number].handle or gpus[number]),
        "nvmlDeviceGetUtilizationRates": lambda gpu: SimpleNamespace(gpu=told(gpu.busy)),
        "nvmlDeviceGetMemoryInfo": lambda gpu: SimpleNamespace(used=told(gpu.used), total=gpu.total),
    }
    for name, function in functions.items():
        monkeypatch.setattr(pynvml, name, function)


CASES: dict[str, tuple[list[Gpu], tuple[float | None, float | None]]] = {
    "one": ([Gpu(35, 20e9)], (35.0, 25.0)),
    "the busiest, and the fullest": ([Gpu(90, 8e9), Gpu(10, 40e9)], (90.0, 50.0)),
    "none": ([], (None, None)),
    "one that was lost, beside another": ([Gpu(handle=LOST), Gpu(10, 8e9)], (10.0, 10.0)),
    "one that is lost while it is read": ([Gpu(LOST, LOST), Gpu(10, 8e9)], (10.0, 10.0)),
    "one that tells its load only": ([Gpu(70, UNSUPPORTED)], (70.0, None)),
    "one without memory of its own": ([Gpu(70, 0, total=0)], (70.0, None)),
}


@pytest.mark.parametrize("case", CASES)
def test_what_gpus_tell_comes_through(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gpus, expected = CASES[case]
    driver(monkeypatch, gpus)
    read = Gauges().read()
    assert tuple(read[name] for name in FIGURES) == expected
    assert read["memory_percent"] > 0


def test_a_driver_that_is_not_loaded_costs_only_the_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    driver(monkeypatch, [Gpu(50, 1e9)], init=NO_DRIVER)
    read = Gauges().read()
    assert [read[name] for name in FIGURES] == [None, None]
    assert read["process_threads"] >= 1


def test_a_library_that_is_not_installed_costs_only_the_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)  # then it can't be imported
    assert [Gauges().read()[name] for name in FIGURES] == [None, None]


def test_the_agent_keeps_what_gpus_tell_and_goes_on_when_one_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU that falls off the bus between two records costs its figures of the second, and no record."""
    gpu = Gpu(35, 20e9)
    driver(monkeypatch, [gpu])
    folder = make(tmp_path / "store")
    agent = Agent("flights", folder, overflow=tmp_path / "overflow")
    assert agent.record()
    gpu.busy, gpu.used = LOST, LOST
    assert agent.record()
    agent.send()
    agent.target.close()
    with rt.open(folder) as store:
        kept = store.model("flights-system").events().collect().sort("at")
    assert kept.select(FIGURES).rows() == [(35.0, 25.0), (None, None)]
    assert kept["memory_percent"].null_count() == 0
