"""The notebook view: a page of ours in a frame of its own, so that no style or script of it touches the notebook."""

from __future__ import annotations

from html import escape

HEIGHT = 560
"""Pixels; the frame scrolls."""


def frame(title: str, page: str) -> str:
    """Give a page (HTML) as a sandboxed frame.

    >>> frame("Retrue", "<p>")
    '<iframe title="Retrue" ... sandbox="allow-scripts" srcdoc="&lt;p&gt;"></iframe>'
    """
    return (
        f'<iframe title="{escape(title, quote=True)}" width="100%" height="{HEIGHT}" style="border:0" '
        f'sandbox="allow-scripts" srcdoc="{escape(page, quote=True)}"></iframe>'
    )
