"""The notebook view: the compact page in a frame of its own, so that no style or script of it touches the notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from retrue.report.html import page

if TYPE_CHECKING:
    from retrue.report.comparison import Comparison

HEIGHT = 560
"""Pixels; the frame scrolls."""


def frame(comparison: Comparison) -> str:
    """Give the compact page as a sandboxed frame."""
    held = escape(page(comparison, compact=True), quote=True)
    return (
        f'<iframe title="Retrue comparison" width="100%" height="{HEIGHT}" style="border:0" '
        f'sandbox="allow-scripts" srcdoc="{held}"></iframe>'
    )
