"""A file fetched over http, kept for as long as somebody reads it."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from retrue.errors import TableError
from retrue.version import VERSION

SECONDS = 60.0
"""How long a server may say nothing."""


class Download:
    """A copy of `url` in the system's folder for temporary files; removed when this object goes.

    A table is read several times (a sample, a fit, a count), so one copy is cheaper than ranges of it again and again,
    and many servers don't serve ranges.

    Args:
        url: what to fetch, http or https.
        suffix: the extension of the copy.
        name: what messages call it.

    Attributes:
        path: where the copy is.

    Raises:
        TableError: the server can't be reached, refuses, or stops half-way.
    """

    def __init__(self, url: str, suffix: str, name: str) -> None:
        folder = tempfile.mkdtemp(prefix="retrue-")
        self.path = str(Path(folder) / f"download{suffix}")
        # A finalizer, not __del__: it also runs when the interpreter exits.
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        fetch(url, self.path, name)


def fetch(url: str, path: str, name: str) -> None:
    """Copy what `url` serves into the file at `path`; messages call it `name`.

    Raises:
        TableError: the server can't be reached, refuses, or stops half-way.
    """
    request = Request(url, headers={"User-Agent": f"retrue/{VERSION}"})  # noqa: S310 - the caller lets in http(s) only
    try:
        with urlopen(request, timeout=SECONDS) as answer, Path(path).open("wb") as file:  # noqa: S310
            shutil.copyfileobj(answer, file, 1 << 20)
            wanted = answer.headers.get("Content-Length")
    except HTTPError as error:
        raise TableError(f"the server answers {error.code} {error.reason}", where=name) from error
    except URLError as error:
        raise TableError(f"can't reach the server: {error.reason}", where=name) from error
    except (HTTPException, OSError) as error:
        raise TableError(f"can't download: {error}", where=name) from error
    if wanted is not None and wanted.isdigit() and Path(path).stat().st_size != int(wanted):
        raise TableError("the download broke off", where=name, expected=f"{wanted} bytes", hint="try again")
