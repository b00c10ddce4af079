"""Arrow IPC is refused for what it declares to unpack to, before anything is unpacked."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Literal, get_args

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import needed

from retrue.errors import RetrueError
from retrue.server.api.tables import UNPACKED, read_table
from retrue.server.errors import HttpError
from retrue.server.ingest.arrow import NotArrowError, weigh
from retrue.server.ingest.decode import ARROW, decode

MOST = 64_000_000
Packing = Literal["zstd", "lz4", "uncompressed"]
PACKINGS: tuple[Packing, ...] = get_args(Packing)


def stream(frame: pl.DataFrame, packing: Packing = "zstd") -> bytes:
    """The frame as a stream."""
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer, compression=packing)
    return buffer.getvalue()


def file(frame: pl.DataFrame, packing: Packing = "zstd") -> bytes:
    """The frame as a file."""
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression=packing)
    return buffer.getvalue()


FORMS = (stream, file)
Written = Callable[..., bytes]


def zeros(rows: int) -> pl.DataFrame:
    """One column of zeros."""
    return pl.DataFrame({"x": pl.zeros(rows, dtype=pl.Float64, eager=True)})


@pytest.mark.parametrize("written", FORMS)
def test_few_bytes_that_unpack_to_many_are_refused(written: Written) -> None:
    body = written(zeros(8_100_000))
    assert len(body) < 100_000
    with pytest.raises(HttpError, match="too many bytes unpacked") as caught:
        decode(body, ARROW[0], "", MOST)
    assert caught.value.status == 413


@pytest.mark.parametrize("written", FORMS)
def test_rows_that_cost_no_bytes_are_counted(written: Written) -> None:
    body = written(pl.DataFrame({"x": pl.Series([None], dtype=pl.Null).extend_constant(None, 20_000_001)}))
    with pytest.raises(HttpError) as caught:
        decode(body, ARROW[0], "", MOST)
    assert caught.value.status == 413


def test_a_table_that_is_sent_is_bounded_too() -> None:
    body = stream(zeros(UNPACKED // 8 + 1))
    with pytest.raises(HttpError) as caught:
        read_table(body, MOST)
    assert caught.value.status == 413


@pytest.mark.parametrize("written", FORMS)
@pytest.mark.parametrize("packing", PACKINGS)
def test_what_fits_is_read_as_it_was(written: Written, packing: Packing) -> None:
    frame = pl.DataFrame(
        {"x": [1.0, None, 3.0], "s": ["a", "b" * 50, None], "l": [[1], [], [2, 3]], "b": [True, None, False]}
    )
    frame = pl.concat([frame, frame.reverse()], rechunk=False).with_columns(c=pl.col("s").cast(pl.Categorical))
    found = decode(written(frame, packing), ARROW[0], "", MOST).frame
    assert found is not None
    assert found.equals(frame)
    assert read_table(written(frame, packing), MOST).equals(frame)


@pytest.mark.parametrize("written", FORMS)
@pytest.mark.parametrize("packing", PACKINGS)
def test_the_weight_is_what_the_buffers_take(written: Written, packing: Packing) -> None:
    """A thousand floats are 8,000 bytes, however they are packed; an empty bitmap counts for 64."""
    body = written(pl.DataFrame({"x": pl.Series(range(1_000)).hash().cast(pl.Float64)}), packing)
    weigh(body, 1_000, 8_200)
    for cells, size in ((999, 8_200), (1_000, 7_999)):
        with pytest.raises(HttpError):
            weigh(body, cells, size)


def test_what_pyarrow_writes_is_read() -> None:
    pa = needed("pyarrow")
    table, buffer = pa.table({"x": [1, 2, 3], "s": pa.array(["a", "b", "a"]).dictionary_encode()}), io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    found = decode(buffer.getvalue(), ARROW[0], "", MOST).frame
    assert found is not None
    assert found["x"].to_list() == [1, 2, 3]


@given(st.data(), st.sampled_from(FORMS), st.sampled_from(PACKINGS))
def test_no_bytes_break_the_reading(data: st.DataObject, written: Written, packing: Packing) -> None:
    """Whatever is flipped or cut off, it is weighed, refused, or no Arrow."""
    body = bytearray(written(pl.DataFrame({"x": [1.0] * 100, "s": ["a"] * 100}), packing))
    for _ in range(data.draw(st.integers(0, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(body[: data.draw(st.integers(0, len(body)))])
    with contextlib.suppress(RetrueError, NotArrowError):
        weigh(cut, 1_000, 10_000)
