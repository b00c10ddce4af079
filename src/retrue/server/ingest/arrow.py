"""How much an Arrow IPC body unpacks to, from what it declares: asked before a byte of it is unpacked.

Its buffers may be packed each by itself, so that 25 kB become a gigabyte; and the index of a file may name one batch
many times. Only the messages' heads are read here (Flatbuffers, by hand: pyarrow isn't among what a server installs),
as little of them as says how many values there are and how many bytes they take.

The format: https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from retrue.server.errors import HttpError

MAGIC = b"ARROW1"
"""How a file begins and ends."""
MARK = 0xFFFF_FFFF
"""What stands before a message; only very old ones lack it."""
SCHEMA, DICTIONARY, BATCH = 1, 2, 3
"""Kinds of messages."""
BATCHES = 10_000
"""The most messages that a body may have."""
BUFFER = 64
"""Bytes that a buffer counts for at least: an empty one costs something too."""


class NotArrowError(ValueError):
    """What was sent is no Arrow IPC, or not one that can be believed."""


@dataclass(frozen=True)
class Table:
    """A Flatbuffers table: fields by number, each optional.

    Attributes:
        data: the message that it is in.
        at: where it begins.
    """

    data: bytes
    at: int

    def place(self, field: int) -> int | None:
        """Where a field is, if it is there."""
        index = self.at - number("<i", self.data, self.at)
        entry = 4 + 2 * field
        if entry + 2 > number("<H", self.data, index):
            return None
        offset = number("<H", self.data, index + entry)
        return self.at + offset if offset else None

    def whole(self, field: int, kind: str = "<q") -> int:
        """A whole number; 0 unless it is there."""
        at = self.place(field)
        return 0 if at is None else number(kind, self.data, at)

    def inner(self, field: int) -> Table | None:
        """A table within."""
        at = self.place(field)
        return None if at is None else Table(self.data, at + number("<I", self.data, at))

    def structs(self, field: int, kind: str) -> Iterator[tuple[int, ...]]:
        """Fixed records within, one after another."""
        at = self.place(field)
        if at is None:
            return iter(())
        first = at + number("<I", self.data, at)
        length = number("<I", self.data, first) * struct.calcsize(kind)
        return struct.iter_unpack(kind, part(self.data, first + 4, length))


@dataclass
class Weight:
    """What a body declares so far, and the most that it may.

    Args:
        most_cells: the most values.
        most_bytes: the most bytes.
    """

    most_cells: int
    most_bytes: int
    cells: int = 0
    bytes: int = 0
    batches: int = 0

    def add(self, message: Message) -> None:
        """Count a message in.

        Raises:
            HttpError: 413, that is too much.
        """
        self.batches += 1
        self.refuse(self.batches, BATCHES, "batches")
        batch = message.batch()
        if batch is None:
            return
        for length, _ in batch.structs(1, "<qq"):
            self.cells += max(natural(length), 1)
            self.refuse(self.cells, self.most_cells, "values")
        self.refuse(natural(batch.whole(0)), self.most_cells, "rows")
        packed = batch.place(3) is not None
        for offset, length in batch.structs(2, "<qq"):
            self.bytes += max(message.unpacked(offset, length) if packed else natural(length), BUFFER)
            self.refuse(self.bytes, self.most_bytes, "bytes unpacked")

    def refuse(self, found: int, most: int, what: str) -> None:
        """Raise HttpError (413) for more of something than there may be."""
        if found > most:
            expected = f"at most {most:,}"
            raise HttpError(413, f"too many {what}", where="body", expected=expected, hint="send fewer rows at a time")


@dataclass(frozen=True)
class Message:
    """One message: its head, and where its buffers are.

    Attributes:
        body: all that was sent.
        head: the head alone.
        start: where its buffers begin.
    """

    body: bytes
    head: bytes
    start: int

    @property
    def root(self) -> Table:
        """The head as a table."""
        return Table(self.head, number("<I", self.head, 0))

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.start + natural(self.root.whole(3))

    def batch(self) -> Table | None:
        """What it has of values, if any."""
        root = self.root
        kind, found = root.whole(1, "<B"), root.inner(2)
        if kind not in {SCHEMA, DICTIONARY, BATCH} or found is None:
            raise NotArrowError(f"a message of kind {kind}")
        if kind == SCHEMA:
            return None
        return found if kind == BATCH else found.inner(1)

    def unpacked(self, offset: int, length: int) -> int:
        """How much a packed buffer becomes: that stands before it; -1 where it isn't packed after all."""
        if not natural(length):
            return 0
        said = number("<q", self.body, self.start + natural(offset))
        return length if said == -1 else natural(said)


def weigh(body: bytes, most_cells: int, most_bytes: int) -> None:
    """Refuse an Arrow IPC stream or file that unpacks to too much.

    Args:
        body: as it came.
        most_cells: the most values that it may have, those of nested columns counted each.
        most_bytes: the most bytes that they may take.

    Raises:
        HttpError: 413, it is too much.
        NotArrowError: it can't be read.
    """
    weight = Weight(most_cells, most_bytes)
    try:
        for message in indexed(body) if body.startswith(MAGIC) else streamed(body):
            weight.add(message)
    except struct.error as error:
        raise NotArrowError("it is cut off") from error


def streamed(body: bytes) -> Iterator[Message]:
    """The messages of a stream."""
    at = 0
    while at < len(body) and (message := message_at(body, at)) is not None:
        yield message
        at = message.end


def indexed(body: bytes) -> Iterator[Message]:
    """The messages of a file, as often as its index names them."""
    foot = len(body) - len(MAGIC) - 4
    if not body.endswith(MAGIC):
        raise NotArrowError("a file without its end")
    length = natural(number("<i", body, foot))
    index = part(body, foot - length, length)
    footer = Table(index, number("<I", index, 0))
    for field in (2, 3):
        for offset, head, _ in footer.structs(field, "<qi4xq"):
            message = message_at(body, natural(offset))
            if message is None or message.start != offset + head:
                raise NotArrowError("an index that doesn't fit")
            yield message


def message_at(body: bytes, at: int) -> Message | None:
    """The message that begins at a place; None for the sign of the end."""
    length, at = number("<I", body, at), at + 4
    if length == MARK:
        length, at = number("<I", body, at), at + 4
    return Message(body, part(body, at, length), at + length) if length else None


def number(kind: str, data: bytes, at: int) -> int:
    """A number at a place.

    Raises:
        struct.error: there is none.
    """
    found: int = struct.unpack_from(kind, data, natural(at))[0]
    return found


def part(data: bytes, at: int, length: int) -> bytes:
    """So many bytes from a place on."""
    if natural(at) + length > len(data):
        raise NotArrowError("it is cut off")
    return data[at : at + length]


def natural(said: int) -> int:
    """A length or place, which is never negative.

    Raises:
        NotArrowError: it is.
    """
    if said < 0:
        raise NotArrowError("a negative length")
    return said
