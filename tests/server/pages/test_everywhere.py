"""An incident of a model that is worse on all rows alike: its page is no emptier than that of guilty rows."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from pathlib import Path

import httpx
import numpy as np
import polars as pl
import pytest
from tests.server.conftest import START, loans, registered, serving

import retrue as rt
from retrue.judge.rules import Rule
from retrue.judge.verdict import VerdictKind


@pytest.mark.slow
def test_it_has_facts_a_picture_rows_to_collect_and_a_monitor(tmp_path: Path) -> None:
    table = loans(0, 4 * 1_440)
    wrong = pl.Series(np.random.default_rng(0).random(table.height) < 0.4).cast(pl.Int64)
    table = table.with_columns(y=(pl.col("y") + wrong) % 2)
    registered(tmp_path)
    with rt.open(tmp_path) as store:
        model = store.model("loans")
        model.log(table.drop("y"))
        model.label(table.select("id", "y"))
        model.check(START + timedelta(days=5))
        (incident,) = [one for one in model.incidents() if one.kind is VerdictKind.DEGRADED]
        assert incident.cause is None
        assert incident.cost is not None
    with serving(tmp_path) as served, httpx.Client(base_url=served.url, timeout=60) as client:
        address = f"/models/loans/incidents/{incident.id}"
        page = client.get(address, headers={"Accept": "text/html"}).text
        assert re.findall("<dt>([^<]+)</dt>", page)[:4] == ["Since", "Shape", "Cost", "Rows"]
        (chart,) = re.findall('<section id="course".*?data-picture="([^"]+)"', page, re.DOTALL)
        assert f"metric={incident.cost.metric}&" in unescape(chart)
        picture = client.get(unescape(chart)).text
        assert '"value"' in picture
        assert '"incident"' in picture
        (said,) = re.findall('name="add" value="([^"]+)"', page)
        assert Rule.parse(unescape(said)).slice is None
        (token,) = set(re.findall('name="csrf" value="([^"]+)"', page))
        asked = {"csrf": token, "where": "TRUE", "budget": "20", "span": "incident"}
        assert 'name="where" value="TRUE"' in page
        assert client.post(f"{address}/collect", data=asked).status_code == 303
        assert "20 of 5,760 rows are kept" in client.get(address, headers={"Accept": "text/html"}).text
