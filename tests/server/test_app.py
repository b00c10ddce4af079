"""The application as strangers meet it: alive, ready, documented, and with errors in one form."""

from __future__ import annotations

import httpx


def test_it_is_alive_and_ready(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_what_is_not_there_is_told_as_every_error(client: httpx.Client) -> None:
    said = client.get("/api/v1/nothing")
    assert said.status_code == 404
    assert set(said.json()["error"]) == {"type", "what", "where", "expected", "hint", "message"}


def test_a_method_that_an_address_lacks_is_told_too(client: httpx.Client) -> None:
    said = client.delete("/healthz")
    assert (said.status_code, said.headers["allow"]) == (405, "GET")
    assert said.json()["error"]["what"] == "method not allowed"


def test_the_api_is_documented(client: httpx.Client) -> None:
    assert client.get("/openapi.json").json()["info"]["title"] == "Retrue"
