"""How any page must look: it can be read, fits every screen, and its content is reached at once by keyboard."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

CONTRAST = """
() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => ((c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (element) => {
    const [r, g, b, a = 1] = parse(getComputedStyle(element).backgroundColor);
    return a > 0.9 ? light([r, g, b]) : ground(element.parentElement);
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest("svg, .skip")) continue;
    const ink = light(parse(getComputedStyle(element).color)), page = ground(element);
    const ratio = (Math.max(ink, page) + 0.05) / (Math.min(ink, page) + 0.05);
    if (ratio < 4.5) poor.push(`${element.tagName} ${element.textContent.trim().slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return poor;
}
"""
"""Texts whose contrast to what is behind them is below 4.5 (WCAG AA), of each element with a text of its own."""
WIDTHS = (320, 390, 768, 1024)


def draw_all(page: Page) -> None:
    """Bring every figure into view, and wait until all are drawn."""
    figures = page.locator("figure[data-picture]")
    for i in range(figures.count()):
        figures.nth(i).scroll_into_view_if_needed()
        expect(figures.nth(i)).to_have_attribute("data-drawn", "", timeout=20_000)
    page.evaluate("scrollTo(0, 0)")


def contrasts(page: Page) -> None:
    """Check that every text can be read, in light and in dark."""
    for scheme, ground in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 23, 26)")):
        page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ground
        poor = page.evaluate(CONTRAST)
        assert poor == [], scheme


def skips(page: Page) -> None:
    """Check that the first Tab leads past the rail to the content."""
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def looks_right(page: Page, shots: Path, name: str) -> None:
    """Check a page that is open, draw all of it, and keep what it looks like: wide in light, narrow in dark."""
    if not page.locator("[autofocus]").count():  # a page that begins in its one field needs no way there
        skips(page)
    draw_all(page)
    page.screenshot(path=shots / f"{name}-light-1280.png", full_page=True)
    contrasts(page)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)  # walls follow late
        if width == 390:
            draw_all(page)
            page.screenshot(path=shots / f"{name}-dark-390.png", full_page=True)
