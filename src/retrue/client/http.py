"""HTTP as the client speaks it: errors come back as what they were, what is safe to repeat is repeated, and no more.

request ──> server ──> JSON, Arrow, or an error {"error": {"type", "what", "where", "expected", "hint"}}
               └── 429, 502, 503, 504 or no answer: again, later (Retry-After), where a repeat does no harm
"""

from __future__ import annotations

import gzip
import io
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from retrue import errors
from retrue.client.naming import Naming
from retrue.client.target import Refused, TooLarge
from retrue.errors import RefusedError, RetrueError, StoreError
from retrue.version import VERSION

if TYPE_CHECKING:
    import httpx
    import polars as pl

API = "/api/v1"
ARROW = "application/vnd.apache.arrow.stream"
AGAIN = frozenset({429, 502, 503, 504})
"""Statuses after which the same request may succeed."""
TOO_LARGE = 413
FOR_GOOD = frozenset({400, 404, 415, 422})
"""Statuses after which the same rows will never be taken; 401 and 403 pass when somebody mends the token."""
TRIES = 4
"""Attempts at a request that may be repeated."""
LARGE = 65_536
"""Bytes from which on a body is compressed."""
CONNECT, ANSWER = 5.0, 120.0
"""Seconds to wait for a connection, and for an answer (a check judges all windows that are due)."""


class UnreachableError(StoreError):
    """Nobody answers, or what answers can't serve now; `retry_after` says when to try again, where the server did."""

    def __init__(self, what: str, *, where: str | None = None, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(what, where=where, hint="check that `retrue serve` runs and can be reached, then try again")


class Connection:
    """A connection to a server.

    Args:
        url: its address.
        token: what it knows the caller by.
        tries: attempts at what may be repeated.
        transport: what carries the requests in place of the network.
    """

    def __init__(self, url: str, token: str | None = None, *, tries: int = TRIES, transport: Any = None) -> None:
        httpx = needed()
        self.url, self.tries = url.rstrip("/"), tries
        headers = {"User-Agent": f"retrue/{VERSION}", **({"Authorization": f"Bearer {token}"} if token else {})}
        try:
            self._http = httpx.Client(
                base_url=self.url, headers=headers, timeout=httpx.Timeout(ANSWER, connect=CONNECT), transport=transport
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise errors.ConfigError(f"{url!r} is no address", expected="http://host:8000") from error

    def close(self) -> None:
        """Close it."""
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """Ask for JSON."""
        return self.send("GET", path, query=query).json()

    def post(self, path: str, body: Any = None, *, key: str | None = None, method: str = "POST") -> Any:
        """Change something, or ask what takes more than an address; with a key it may be repeated, and is done once."""
        return self.send(method, path, json={} if body is None else body, key=key).json()

    def text(self, path: str, **query: Any) -> str:
        """Ask for a page or a text."""
        return str(self.send("GET", path, query=query).text)

    def upload(self, path: str, data: bytes, *, file: str, **form: str) -> Any:
        """Send a table as the file of a form, with its other fields beside it."""
        files = {file: (f"{file}.parquet", data, "application/vnd.apache.parquet")}
        return self._repeated(lambda: self._http.post(API + path, files=files, data=form), 1).json()

    def frame(self, path: str, **query: Any) -> pl.DataFrame:
        """Ask for a table."""
        import polars as pl

        found = self.send("GET", path, query=query, headers={"Accept": ARROW})
        return pl.read_ipc_stream(io.BytesIO(found.content))

    def send_frame(self, path: str, data: bytes, *, key: str, **query: Any) -> Any:
        """Send a table as an Arrow IPC stream, under a key."""
        return self.send("POST", path, data=data, query=query, key=key, headers={"Content-Type": ARROW}).json()

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        json: Any = None,
        data: bytes | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request, again where that does no harm, and give the answer.

        Raises:
            RetrueError: as the server raised it; `UnreachableError` where nobody answered.
        """
        own = {**(headers or {}), **({"Idempotency-Key": key} if key is not None else {})}
        if data is not None and len(data) > LARGE:
            data, own["Content-Encoding"] = gzip.compress(data, 1), "gzip"
        said = {name: value for name, value in (query or {}).items() if value is not None}

        def once() -> httpx.Response:
            extra: dict[str, Any] = {"content": data} if data is not None else {} if json is None else {"json": json}
            answer: httpx.Response = self._http.request(method, API + path, params=said, headers=own, **extra)
            return answer

        return self._repeated(once, self.tries if method == "GET" or key is not None else 1)

    def _repeated(self, once: Callable[[], httpx.Response], tries: int) -> httpx.Response:
        for attempt in range(1, tries + 1):
            try:
                return self._answered(once)
            except UnreachableError as error:
                if attempt == tries:
                    raise
                time.sleep(min(error.retry_after if error.retry_after is not None else 0.2 * 2**attempt, 30.0))
        raise AssertionError  # pragma: no cover - tries is at least one

    def _answered(self, once: Callable[[], httpx.Response]) -> httpx.Response:
        """The answer to one attempt.

        Raises:
            RetrueError: it is an error, or there is none.
        """
        httpx = needed()
        try:
            found = once()
        except httpx.TransportError as error:
            raise UnreachableError(f"no answer ({type(error).__name__})", where=self.url) from error
        if found.status_code < 400:
            return found
        raised = error_of(found)
        if found.status_code in AGAIN:
            after = found.headers.get("Retry-After", "")
            again = UnreachableError(raised.what, where=raised.where or self.url, retry_after=seconds_of(after))
            raise again from raised
        raise raised


def needed() -> Any:
    """The library httpx.

    Raises:
        RetrueError: it isn't installed.
    """
    try:
        import httpx
    except ImportError as error:
        raise RetrueError("rt.connect needs httpx", hint='pip install "retrue[client]"') from error
    return httpx


def quoted(name: str) -> str:
    """A name as a part of an address."""
    return quote(name, safe="")


def plain_values(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON holds it: times as ISO text, bytes as base64.

    >>> plain_values({"at": date(2026, 1, 5), "key": b"abc", "x": 1})
    {'at': '2026-01-05', 'key': 'YWJj', 'x': 1}
    """
    said = {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}
    return {name: b64encode(value).decode() if isinstance(value, bytes) else value for name, value in said.items()}


def seconds_of(text: str) -> float | None:
    """A number of seconds; None where it says something else."""
    try:
        return max(float(text), 0.0)
    except ValueError:
        return None


def error_of(found: httpx.Response) -> RetrueError:
    """The error that an answer tells, of the class that the server raised, with the status that it came with.

    Of what isn't `retrue serve` only "too large" is known to be meant: a proxy's 404 passes when the server is back.
    """
    try:
        raised = told_by(found.json()["error"])
    except (ValueError, KeyError, TypeError, AttributeError):
        strange = RetrueError(f"status {found.status_code} from {found.url}", expected="an answer of retrue serve")
        strange.answered = TOO_LARGE if found.status_code == TOO_LARGE else None
        return strange
    raised.answered = found.status_code
    return raised


def told_by(said: Mapping[str, Any]) -> RetrueError:
    """The error that a server's JSON tells."""
    kind = getattr(errors, str(said.get("type")), RetrueError)
    if kind is RefusedError:
        reasons = [str(one) for one in said.get("reasons") or ()]
        what = str(said["what"]).removesuffix(f": {'; '.join(reasons)}")
        return RefusedError(reasons, what=what, hint=said.get("hint"))
    if not (isinstance(kind, type) and issubclass(kind, RetrueError)):
        kind = RetrueError
    return kind(said["what"], where=said.get("where"), expected=said.get("expected"), hint=said.get("hint"))


class ServerTarget:
    """A server as the target of watched calls.

    Args:
        url: its address.
        model: the model's name.
        token: with the role ingest, at least.
    """

    def __init__(self, url: str, model: str, token: str | None) -> None:
        self.url, self.model, self.token = url, model, token
        self._connection: Connection | None = None
        self._naming: Naming | None = None

    def prepare(self) -> None:
        """Import what the connection needs.

        Raises:
            RetrueError: httpx isn't installed.
        """
        needed()

    @property
    def connection(self) -> Connection:
        """The connection; made when there is something to send. The courier repeats what fails."""
        if self._connection is None:
            self._connection = Connection(self.url, self.token, tries=1)
        return self._connection

    def naming(self) -> Naming:
        """The names of the model's columns."""
        if self._naming is None:
            said = self._refusable(lambda: self.connection.get(f"/models/{quoted(self.model)}/roles"))
            single = {name: said.get(name) for name in ("id", "time", "latency", "prediction")}
            scores, features, labels = (tuple(said.get(name, ())) for name in ("scores", "features", "labels"))
            self._naming = Naming(
                **single, scores=scores, features=features, classes=said.get("classes", {}), labels=labels
            )
        return self._naming

    def events(self, frame: pl.DataFrame, key: str, version: str | None) -> int:
        """Log events."""
        from retrue.client.courier import to_bytes

        found = self._refusable(
            lambda: self.connection.send_frame(
                f"/models/{quoted(self.model)}/events", to_bytes(frame), key=key, version=version
            )
        )
        return int(found.get("quarantined", 0))

    def signals(self, rows: Sequence[dict[str, Any]], key: str) -> None:
        """Log records of the process and its machine."""
        body = {"records": [plain_values(row) for row in rows], "key": key}
        self._refusable(lambda: self.connection.post(f"/models/{quoted(self.model)}/signals", body, key=key))

    def _refusable(self, send: Callable[[], Any]) -> Any:
        try:
            return send()
        except RetrueError as error:
            if error.answered == TOO_LARGE:
                raise TooLarge(str(error)) from error
            if error.answered in FOR_GOOD:
                raise Refused(str(error)) from error
            raise

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def forget(self) -> None:
        """Leave the connection to the parent process."""
        self._connection = None
