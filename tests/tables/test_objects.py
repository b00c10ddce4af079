"""What an object store refuses is told with its status and what to check, and nothing that the server echoes."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.conftest import needed

import retrue as rt

needed("obstore")

ECHO = b"""<?xml version="1.0"?>
<Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>AKECHOED</AWSAccessKeyId></Error>"""


class Refusal(BaseHTTPRequestHandler):
    """Answers every request with the same status."""

    status = 403

    def do_GET(self) -> None:
        """Refuse."""
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(ECHO)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(ECHO)

    def do_HEAD(self) -> None:
        """Refuse."""
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of an S3 that answers with a status."""
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Given", (Refusal,), {"status": request.param})) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
        for name, value in {
            "ACCESS_KEY_ID": "k",
            "SECRET_ACCESS_KEY": "s",
            "REGION": "r",
            "ALLOW_HTTP": "true",
        }.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        yield f"s3://b{uuid.uuid4().hex}"  # Polars remembers how it reached one
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("bucket", "check"),
    [(403, "Forbidden.* check .*and what they may do"), (404, "Not Found.* check the address: the bucket")],
    indirect=["bucket"],
)
def test_what_is_refused_is_said_in_a_line_with_what_to_check(bucket: str, check: str) -> None:
    for source in (f"{bucket}/t", f"{bucket}/t.parquet", rt.source(delta=f"{bucket}/t"), rt.source(files=bucket)):
        with pytest.raises(rt.TableError, match=f"Server returned non-2xx status code:? 40[34] {check}") as error:
            rt.read_table(source).collect()
        assert "AKECHOED" not in str(error.value)
        assert "\n" not in str(error.value)
