"""Two `retrue serve` whose catalog is one PostgreSQL: load, a failover, a kill; and the pages on it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from tests.postgres import Cluster
from tests.server.conftest import registered
from tests.server.hammer import Sent, fleet, until, verify

import retrue as rt
from retrue.store import rows

PAGES = (
    "/", "/models/loans", "/models/loans/features/income", "/models/loans/monitors", "/models/loans/slices",
    "/models/loans/signals", "/models/loans/refine", "/incidents", "/compare", "/jobs", "/quarantine", "/settings",
    "/audit", "/metrics", "/readyz",
)  # fmt: skip


@pytest.mark.slow
def test_two_servers_on_one_database_outlive_a_failover_and_a_kill(tmp_path: Path, postgres: Cluster) -> None:
    """Every connection is cut at once, then one server is killed: no row is lost or doubled."""
    folder, sent, url = tmp_path / "store", Sent(), postgres.catalog()
    rt.open(folder, catalog=url).close()
    registered(folder)
    with fleet(folder) as one, fleet(folder) as two:
        with sent.sending(one.url, two.url):
            sent.progress("200")
            postgres.disconnect(url)
            sent.progress("202")
            sent.progress("200")
            one.kill_these(one.victims())
            one.up()
            sent.progress("202")
            sent.progress("200")
            until(lambda: sent.feedback and sent.bad)
        with httpx.Client(base_url=two.url, timeout=60) as client:
            answers = {path: client.get(path).status_code for path in PAGES}
            assert answers == dict.fromkeys(PAGES, 200)
            with rt.open(folder) as store:
                assert store.store.catalog.where == url
                until(lambda: judged(store))
            assert "loans" in client.get("/").text
    assert len(sent.events) > 100
    verify(folder, sent)


def judged(store: rt.Workspace) -> bool:
    """Whether a check has found something to say."""
    with store.store.catalog.read() as tx:
        return tx.newest(rows.VerdictRow, "start", model="loans") is not None
