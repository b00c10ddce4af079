"""Capture: what serving systems write down of requests and answers. One thin file for each format.

    documents ── a format's reader ──> exchanges, perhaps halves ── paired by id ──> whole exchanges ──> events

A reader is a pure function of one document (what JSON or a row of a table gives); which columns of a model things
become is said in one place for all of them (`retrue.client.capture`). Nothing is ever unpickled.
"""

from retrue.adapters.capture.exchange import MISSING, Bad, BadDocumentError, Exchange, numbered, paired
from retrue.adapters.capture.reading import Reading
from retrue.adapters.capture.registry import Format, capture_format, get, registered

__all__ = [
    "MISSING",
    "Bad",
    "BadDocumentError",
    "Exchange",
    "Format",
    "Reading",
    "capture_format",
    "get",
    "numbered",
    "paired",
    "registered",
]
