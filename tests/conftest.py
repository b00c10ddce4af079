"""What all tests share: how hypothesis searches, and a browser for the tests that open a page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# No deadline: machines are shared, and a slow example is not a wrong one. In CI the same examples every time.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.load_profile("ci" if IN_CI else "dev")


def lacking(what: str, hint: str) -> str:
    """Skip the test that needs `what`, saying so; in CI, where nothing may be lacking, fail it."""
    reason = f"needs {what}, which this machine lacks. Hint: {hint}"
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


def program(*names: str) -> str:
    """Give the path of a program by the first of its names that is here (`make test` installs it where it may)."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    return found or lacking(names[0], f"apt-get install {names[0]}")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Give the path of a Chromium."""
    return program("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """Start one headless browser for all tests; each test opens pages of its own with `browser.new_page()`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


_FRESH: dict[str, Any] = {}
"""The state that each module's generator has once the module is imported."""


@pytest.fixture(autouse=True)
def same_numbers(request: pytest.FixtureRequest) -> None:
    """Give each test the same random numbers, whichever tests the same process ran before it."""
    module = getattr(request.node, "module", None)
    for name in ("rng", "RNG"):
        generator = getattr(module, name, None)
        if generator is not None and hasattr(generator, "bit_generator"):
            state = _FRESH.setdefault(f"{module}.{name}", generator.bit_generator.state)
            generator.bit_generator.state = state
