"""The accuracy table keeps its promises."""

from __future__ import annotations

from dataclasses import replace

import pytest
from benchmarks import accuracy


@pytest.mark.slow
def test_every_distance_is_as_exact_as_promised(capsys: pytest.CaptureFixture[str]) -> None:
    """Seven distributions, four shifts, against SciPy on 250,000 values each."""
    assert accuracy.main() == 0
    assert capsys.readouterr().out.count("\n") == 2 + 1 + 28 + 2


def test_a_broken_promise_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accuracy, "REFERENCE", 5_000)
    monkeypatch.setattr(accuracy, "WINDOW", 2_000)
    case = accuracy.measured("normal", 1.0)
    assert list(case.broken()) == []
    worse = replace(case, exact={name: value * 1.05 + 0.05 for name, value in case.exact.items()})
    assert [text.split()[0] for text in worse.broken()] == ["KS", "PSI", "Wasserstein", "Wasserstein"]
