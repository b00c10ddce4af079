"""The quarantine over HTTP: read by pages, mended, let in again."""

from __future__ import annotations

import html
import json
import re
import time
from typing import Any

import httpx

QUARANTINE = "/api/v1/models/loans/quarantine"


def listed(client: httpx.Client, **params: Any) -> dict[str, Any]:
    """A page of it."""
    said: dict[str, Any] = client.get(QUARANTINE, params=params).json()
    return said


def test_rows_are_read_mended_and_let_in_again(client: httpx.Client) -> None:
    rows = [{"id": f"q{n}", "at": "2026-01-06T00:00:00Z", "income": "?", "region": "north", "p": 0.5} for n in range(3)]
    client.post("/api/v1/models/loans/events", params={"ack": "lake"}, json=rows)
    found = [one for one in listed(client, kind="events", limit=1000)["rows"] if one["id"] in {"q0", "q1", "q2"}]
    assert [one["reason"] for one in found] == ["wrong type: column 'income' has '?', expected Float64"] * 3
    mended = [{"number": one["number"], "row": {**json.loads(one["row"]), "income": 5}} for one in found]
    said = client.post(f"{QUARANTINE}/replay", json={"rows": mended})
    assert (said.status_code, said.json()["accepted"]) == (202, 3)
    again = client.post(f"{QUARANTINE}/replay", json={"rows": mended})
    if again.status_code == 202:  # on their way to the lake: they are still listed
        assert (again.json()["accepted"], again.json()["counts"]) == (0, {"rows that were let in again already": 3})
    until = time.monotonic() + 15
    while any(one["id"] in {"q0", "q1", "q2"} for one in listed(client, limit=1000)["rows"]):
        assert time.monotonic() < until
        time.sleep(0.1)
    again = client.post(f"{QUARANTINE}/replay", json={"rows": mended})
    assert (again.status_code, "no rows" in again.json()["error"]["what"]) == (400, True)


def test_pages_follow_each_other(client: httpx.Client) -> None:
    rows = [{"id": None, "at": "2026-01-06T00:00:00Z", "income": n} for n in range(5)]
    client.post("/api/v1/models/loans/events", params={"ack": "lake"}, json=rows)
    seen, after = list[str](), None
    while True:
        page = listed(client, limit=2, **({"after": after} if after else {}))
        seen += [one["number"] for one in page["rows"]]
        after = page["next"]
        if after is None:
            break
    assert len(seen) == len(set(seen)) == page["total"] == sum(page["reasons"].values()) >= 5
    assert [int(one.split("-")[0]) for one in seen] == sorted((int(one.split("-")[0]) for one in seen), reverse=True)
    assert listed(client, after="not a number")["rows"] == []


def test_the_page_shows_some_rows_and_leads_to_older_ones(client: httpx.Client) -> None:
    """Every row is on one of the pages, once."""
    rows = [{"id": f"old-{n}", "at": "never", "income": n} for n in range(60)]
    client.post("/api/v1/models/loans/events", params={"ack": "lake"}, json=rows)
    path, seen = "/quarantine?model=loans", list[str]()
    for _ in range(20):
        text = client.get(path).text
        found = re.findall(r"<b>(old-\d+)</b>", text)
        assert len(found) <= 50
        seen += found
        older = re.search(r'rel="next" href="([^"]+)"', text)
        if older is None:
            break
        path = html.unescape(older[1])
    assert sorted(seen) == sorted(f"old-{n}" for n in range(60))


def test_a_number_that_is_not_there_is_refused(client: httpx.Client) -> None:
    said = client.post(f"{QUARANTINE}/replay", json={"rows": [{"number": "x"}]})
    assert (said.status_code, said.json()["error"]["what"]) == (400, "no rows 'x'")
