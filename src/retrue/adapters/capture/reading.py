"""Reading: what the documents of a format come to. A document that is none costs the others nothing.

document ── a format may split it ──> pieces (OTLP: spans) ── its reader ──> exchanges, halves, or nothing
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from retrue.adapters.capture.documents import KEPT, Numbered
from retrue.adapters.capture.exchange import Bad, BadDocumentError, Exchange
from retrue.adapters.capture.registry import Document, Format

STRANGE = (TypeError, ValueError, KeyError, AttributeError, RecursionError)
"""What a reader raises for what nobody foresaw: a document of strangers can be of any shape."""


@dataclass
class Reading:
    """What was read so far.

    Attributes:
        form: the documents' format.
        bad: documents, or pieces of one, that aren't of the format.
        passed: how many were of it, and about something else than calls of a model.
        documents: how many there were.
    """

    form: Format
    bad: list[Bad] = field(default_factory=list)
    passed: int = 0
    documents: int = 0

    def exchanges(self, found: Iterable[Numbered]) -> Iterator[Exchange]:
        """The exchanges, or halves, of documents."""
        for number, document in found:
            self.documents += 1
            if isinstance(document, Bad):
                self.bad.append(document)
            else:
                yield from self.of_document(number, document)

    def of_document(self, number: int, document: Document) -> Iterator[Exchange]:
        """The exchanges of one document; those of a piece that can be read aren't lost with one that can't."""
        if self.form.split is None:
            yield from self.of_piece(number, document)
            return
        try:
            pieces = list(self.form.split(document))
        except (BadDocumentError, *STRANGE) as error:
            self.bad.append(Bad(number, reason_of(error), text_of(document)))
            return
        for piece in pieces:
            yield from self.of_piece(number, piece)

    def of_piece(self, number: int, piece: Any) -> list[Exchange]:
        """The exchanges of a document, or of a piece of one."""
        try:
            found = [replace(one, number=number) for one in self.form.read(piece)]
        except (BadDocumentError, *STRANGE) as error:
            self.bad.append(Bad(number, reason_of(error), text_of(piece)))
            return []
        self.passed += not found
        return found


def reason_of(error: Exception) -> str:
    """Why something can't be read, in words."""
    if isinstance(error, BadDocumentError):
        return str(error)
    return f"it can't be read: {type(error).__name__}: {error}"[:200]


def text_of(document: Any) -> str:
    """A document as text, as much as is kept."""
    return json.dumps(document, default=str, ensure_ascii=False)[:KEPT]
