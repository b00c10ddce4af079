"""The pages: one module each, which builds a frozen view and renders it.

route ── view function (pure) ──> view ── render ──> templates/*.html (base.html, parts.html)
                                          figures ──> JSON that `figures.js` draws when it is seen
live.js <── /live (server/live.py): the store's state; what has `data-now` is changed in place
"""

from retrue.server.pages.figures import pictured
from retrue.server.pages.shell import render

__all__ = ["pictured", "render"]
