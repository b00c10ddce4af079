"""What is packed is unpacked piece by piece: its members cost what they hold, and there are only so many."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest

from retrue.server.errors import HttpError
from retrue.server.ingest.decode import MEMBERS, PIECE, gunzip

EMPTY = gzip.compress(b"")


def test_members_follow_each_other_wherever_a_piece_ends() -> None:
    """Also where what is packed is far larger than a piece, or unpacks to far more."""
    noise = random.Random(4).randbytes(PIECE + 7)
    bodies = [noise, b"", b" " * 20 * PIECE, noise[:100], noise[:-1]]
    packed = b"".join(gzip.compress(body, 1) for body in bodies)
    assert gunzip(packed, 10**7) == b"".join(bodies)


def test_what_unpacks_to_more_ends_a_byte_later() -> None:
    packed = gzip.compress(b"ab") + gzip.compress(b" " * 10_000_000)
    assert gunzip(packed, 1_000) == b"ab" + b" " * 999


@pytest.mark.parametrize("rest", [1, 4, PIECE])
def test_a_body_that_is_cut_off_is_told_so(rest: int) -> None:
    packed = gzip.compress(random.Random(4).randbytes(2 * PIECE))
    with pytest.raises(HttpError, match="ends before its end"):
        gunzip(packed[:-rest], 10**7)


def test_what_follows_a_member_must_be_one() -> None:
    with pytest.raises(HttpError, match="it is no gzip"):
        gunzip(gzip.compress(b"[]") + b"else", 100)


def test_no_more_than_so_many_members_are_read() -> None:
    """Each takes time, however little is in it: of 64 MB there could be three million."""
    assert gunzip(EMPTY * MEMBERS, 100) == b""
    with pytest.raises(HttpError, match="more than 10,000 gzip members") as caught:
        gunzip(EMPTY * (MEMBERS + 1), 100)
    assert caught.value.status == 413


def test_what_is_given_to_zlib_doesnt_grow_with_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """It copies what follows a member: given the whole body for each, time would grow with the square of it."""
    given, members, make = list[int](), list[int](), zlib.decompressobj

    class Counted:
        """A member, and how much it was given."""

        def __init__(self, wbits: int) -> None:
            self.member = make(wbits)
            members.append(1)

        def decompress(self, piece: bytes, most: int) -> bytes:
            given.append(len(piece))
            return self.member.decompress(piece, most)

        @property
        def eof(self) -> bool:
            return self.member.eof

        @property
        def unused_data(self) -> bytes:
            return self.member.unused_data

    monkeypatch.setattr(zlib, "decompressobj", Counted)
    gunzip(EMPTY * 5_000 + gzip.compress(random.Random(4).randbytes(10 * PIECE), 0), 10**7)
    assert len(members) == 5_001
    assert max(given) == PIECE
    assert len(given) <= len(members) + 11
