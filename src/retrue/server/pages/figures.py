"""Pictures for pages: data that `figures.js` draws when a figure comes into view, by the reports' own templates."""

from __future__ import annotations

import json

from fastapi import Request, Response

from retrue.report.charts.picture import Picture
from retrue.report.theme import THEMES, config
from retrue.server.errors import HttpError
from retrue.server.pages.shell import answered

NOTHING = "there is nothing to draw yet"


def pictured(request: Request, picture: Picture | None) -> Response:
    """Answer with a picture: its rows, what draws it, and the colours of light and dark.

    Raises:
        HttpError: 404, there is nothing to draw.
    """
    if picture is None:
        raise HttpError(404, NOTHING)
    from retrue.report.charts.templates import template

    told = {
        "picture": picture.to_dict(),
        "template": template(picture.template),
        "configs": {name: config(palette) for name, palette in THEMES.items()},
    }
    body = json.dumps(told, separators=(",", ":"), allow_nan=False).encode()
    return answered(request, body, "application/json")
