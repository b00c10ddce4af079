"""What all tests share: how hypothesis searches, what a new store begins as, a browser for tests that open a page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Tests run side by side: threads of one that spin while they wait for each other take the processors from the next.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

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


@pytest.fixture(scope="session", autouse=True)
def catalogs_begin_as_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Migrate one empty catalog and begin each new store of this process with a copy: 60 ms less for each of them."""
    from retrue.store.catalog import Catalog

    empty, real = tmp_path_factory.mktemp("catalog") / "catalog.db", Catalog.open

    def opened(path: Path, *, create: bool = True) -> Catalog:
        if not empty.exists():
            real(empty).close()
        if create and not path.exists():
            with suppress(OSError):  # what can't be written, the real one says best
                shutil.copyfile(empty, path)
        return real(path, create=create)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Catalog, "open", opened)
        yield


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
