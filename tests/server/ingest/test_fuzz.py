"""Nothing in a body makes more than an error of the decoders."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import zstandard
from tests.conftest import ON_LINUX_X86, needed

from retrue.server.errors import HttpError
from retrue.server.ingest.decode import COLUMNS, FORMS, decode

SECONDS = 8


def seeds() -> list[bytes]:
    """Bodies of every form, plain and packed."""
    frame, stream, file = pl.DataFrame({"id": ["a", "b"], "x": [1.5, None]}), io.BytesIO(), io.BytesIO()
    frame.write_ipc_stream(stream)
    frame.write_ipc(file)
    rows = json.dumps(frame.to_dicts()).encode()
    plain = (rows, b'{"columns": {"id": ["a"], "x": [1]}}', b'{"id": "a"}\n{"id": [1, {"b": null}]}\n')
    bodies = [(0, plain[0]), (0, plain[1]), (1, plain[2]), (2, stream.getvalue()), (3, file.getvalue())]
    packed = [(form + len(FORMS), gzip.compress(body)) for form, body in bodies]
    packed += [(form + 2 * len(FORMS), zstandard.compress(body)) for form, body in bodies]
    return [bytes([form]) + body for form, body in bodies + packed]


@pytest.mark.slow
def test_no_body_breaks_the_decoders(tmp_path: Path) -> None:
    needed("atheris", locked=ON_LINUX_X86 and sys.version_info < (3, 14))
    for number, body in enumerate(seeds()):
        (tmp_path / str(number)).write_bytes(body)
    command = [sys.executable, str(Path(__file__).with_name("fuzz_decode.py")), str(SECONDS), str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120)
    assert said.returncode == 0, said.stderr[-3_000:]
    assert "Done " in said.stderr


def test_rows_of_a_million_names_are_refused_before_they_fill_the_memory() -> None:
    """A table of them would have as many cells as rows times names."""
    body = b"[" + b",".join(b'{"c%d":1}' % number for number in range(200_000)) + b"]"
    with pytest.raises(HttpError, match=f"expected at most {COLUMNS:,}"):
        decode(body, FORMS[0], "", len(body))
