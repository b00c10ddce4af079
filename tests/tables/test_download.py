"""Files over http: fetched whole or not at all, and gone when the table is."""

from __future__ import annotations

import gc
import socket
import threading
from pathlib import Path

import polars as pl
import pytest

from retrue.errors import TableError
from retrue.tables import read


def test_a_download_lives_as_long_as_its_table(website: tuple[Path, str]) -> None:
    folder, address = website
    pl.DataFrame({"x": [1, 2]}).write_parquet(folder / "life.parquet")
    table = read(f"{address}/life.parquet")
    copy = Path(table.paths[0])
    assert (table.name, copy.exists()) == ("life.parquet", True)
    again = read(table, name="other")
    del table
    gc.collect()
    assert again.collect()["x"].to_list() == [1, 2]
    del again
    gc.collect()
    assert not copy.parent.exists()


def test_a_refusal_is_told_with_its_status(website: tuple[Path, str]) -> None:
    with pytest.raises(TableError, match="the server answers 404"):
        read(f"{website[1]}/missing.csv")


def test_an_unreachable_server_is_told_without_the_secrets_of_its_address() -> None:
    with pytest.raises(TableError, match=r"can't reach the server: .* in http://127\.0\.0\.1:1/x\.csv$"):
        read("http://127.0.0.1:1/x.csv?key=secret")


def test_the_extension_is_looked_at_before_anything_is_fetched() -> None:
    with pytest.raises(TableError, match="no extension in http"):
        read("http://127.0.0.1:1/export?format=csv")


def test_what_the_server_sends_is_checked_like_a_file(website: tuple[Path, str]) -> None:
    folder, address = website
    (folder / "bad.csv").write_bytes(b"a\n\xff\n")
    with pytest.raises(TableError, match="not UTF-8"):
        read(f"{address}/bad.csv")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\na\n1\n", b"nonsense\r\n\r\n"])
def test_a_download_that_breaks_off_is_no_table(answer: bytes) -> None:
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _ = server.accept()
        with client:
            client.recv(65_536)
            client.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with server, pytest.raises(TableError, match=r"broke off|can't download"):
        read(f"http://127.0.0.1:{server.getsockname()[1]}/x.csv")
    thread.join()
