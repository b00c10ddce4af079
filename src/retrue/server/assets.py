"""What pages load besides themselves: styles, scripts, the charts' bundle. Each file for ever, by its digest.

The colours, the tables and what draws charts are the reports' own; `pages.css` adds what only the server's pages have.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request, Response

from retrue.errors import nearest
from retrue.report.html import read, style_sheet
from retrue.server.errors import HttpError

router = APIRouter(include_in_schema=False)

OWN = ("pages.css", "pages.js", "live.js", "walls.js", "htmx.js", "uplot.js", "uplot.css")
SHARED = ("report.css", "figures.js", "vega.js")
FOREVER = "public, max-age=31536000, immutable"
TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}


@dataclass(frozen=True)
class Asset:
    """A file that pages load; `digest` names its content."""

    name: str
    content: bytes
    packed: bytes
    digest: str

    @property
    def address(self) -> str:
        """Where pages load it from."""
        return f"/static/{self.name}?v={self.digest}"


@cache
def asset(name: str) -> Asset:
    """Give a file by its name.

    Raises:
        HttpError: 404, there is none.
    """
    if name not in OWN + SHARED:
        raise HttpError(404, f"no file {name!r}", where="/static", hint=nearest(name, OWN + SHARED))
    content = text_of(name).encode()
    digest = hashlib.blake2b(content, digest_size=8).hexdigest()
    return Asset(name, content, gzip.compress(content, mtime=0), digest)


def text_of(name: str) -> str:
    """The text of one of the files."""
    if name == "report.css":
        return style_sheet()
    return read(name) if name in SHARED else (files("retrue.server") / "static" / name).read_text(encoding="utf-8")


@router.get("/static/{name}")
def static(request: Request, name: str) -> Response:
    """Give a file; for ever where it is asked for by its digest."""
    found = asset(name)
    lasting = FOREVER if request.query_params.get("v") == found.digest else "no-cache"
    headers = {"Cache-Control": lasting, "ETag": f'"{found.digest}"', "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == f'"{found.digest}"':
        return Response(status_code=304, headers=headers)
    kind = TYPES[name.rpartition(".")[2]]
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, media_type=kind, headers={**headers, "Content-Encoding": "gzip"})
    return Response(found.content, media_type=kind, headers=headers)
