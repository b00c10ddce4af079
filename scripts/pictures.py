"""Take the docs' pictures of a store's pages: `pictures.py STORE`, as `make pictures` does with that of the demo.

Each is the first screens of a page, as WebP below 150 kB, in `docs/pictures`.
"""

from __future__ import annotations

import shutil
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from retrue.cli.demo import served

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
HEIGHTS = {"model": 1500, "incident": 1700}
"""What the docs show, with how many pixels from the top."""
MOST = 150_000
"""Bytes."""


def addresses(page: Page, url: str) -> dict[str, str]:
    """Find the pages: the model is the overview's first, the incident its first that says which rows are to blame."""
    page.goto(url)
    model = page.locator("main a[href^='/models/']").first.get_attribute("href") or ""
    page.goto(url + model)
    incident = page.locator("main a[href*='/incidents/']", has_text="because").first.get_attribute("href") or ""
    return {"model": f"{model}?days=150", "incident": incident}


def packed(picture: Image.Image) -> bytes:
    """Give a picture as WebP, as good as fits."""
    for quality in range(85, 20, -5):
        into = BytesIO()
        picture.save(into, "webp", quality=quality, method=6)
        if into.tell() <= MOST:
            return into.getvalue()
    sys.exit(f"a picture of {picture.size} pixels doesn't fit into {MOST:,} bytes")


def take(url: str) -> None:
    """Visit each page and write its picture."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        for name, address in addresses(page, url).items():
            page.set_viewport_size({"width": 1280, "height": HEIGHTS[name]})
            page.goto(url + address)
            page.get_by_text("Reading the rows").wait_for(state="hidden", timeout=120_000)  # follows the first paint
            page.wait_for_timeout(4_000)  # charts are drawn when they are seen
            with Image.open(BytesIO(page.screenshot())) as seen:
                data = packed(seen.convert("RGB"))
            (PICTURES / f"{name}.webp").write_bytes(data)
            print(f"{name}.webp: {len(data):,} bytes")
        browser.close()


def main(store: str) -> None:
    """Serve the store as the demo does, without jobs: by the real clock, years of it would be silence."""
    PICTURES.mkdir(exist_ok=True)
    with served(Path(store), 0) as start:
        take(start())


if __name__ == "__main__":
    main(sys.argv[1])
