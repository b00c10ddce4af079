"""Pages of one browser that go from test to test: a new one starts a process, which costs more than most pages do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Scheme = Literal["light", "dark"]

KEPT: tuple[dict[str, Any], ...] = ({}, {"java_script_enabled": False}, {"offline": True})
"""Options of pages that are kept; one with others is opened anew and closed. So is one that gets a script of its own:
that can't be taken away."""
TIMEOUT = 30_000
"""Milliseconds that a page has for what is asked of it, unless a test says more."""
EMPTY = """() => {
  try { localStorage.clear(); sessionStorage.clear(); } catch { /* a page from disk may have none */ }
}"""


@dataclass
class Tabs:
    """Gives pages, and takes them back empty: without cookies, storage, listeners, and what was shown.

    Args:
        browser: whose pages.
    """

    browser: Browser
    free: dict[str, list[Page]] = field(default_factory=dict)

    @contextmanager
    def tab(
        self,
        *,
        width: int = 1280,
        height: int = 844,
        scheme: Scheme = "light",
        told: Mapping[str, Callable[..., object]] | None = None,
        **options: Any,
    ) -> Iterator[Page]:
        """Give a page; it is nobody else's until the block ends.

        Args:
            width: of the window, in pixels.
            height: of the window, in pixels.
            scheme: what the reader prefers.
            told: who is told of the page's events, by their names.
            options: as of the browser's own `new_page`.
        """
        free = self.free.setdefault(repr(options), []) if options in KEPT else []
        page = free.pop() if free else self.browser.new_page(**options)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        page.set_default_timeout(TIMEOUT)
        for event, listener in (told or {}).items():
            page.on(event, listener)  # type: ignore[call-overload]
        try:
            yield page
        finally:
            if options in KEPT and emptied(page, told or {}):
                free.append(page)
            else:
                page.close()


def emptied(page: Page, told: Mapping[str, Callable[..., object]]) -> bool:
    """Make a page as good as new; gives False where that can't be done."""
    from playwright.sync_api import Error

    with suppress(Error):
        page.evaluate(EMPTY)  # what the page said until now has been told by the time that this answers
        for event, listener in told.items():
            page.remove_listener(event, listener)
        page.mouse.move(-1, -1)
        page.goto("about:blank")
        page.context.clear_cookies()
        return True
    return False
