"""Two `retrue serve` whose catalog is one PostgreSQL: load, a failover, a kill; and the pages on it."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest
from tests.postgres import Cluster, running
from tests.server.conftest import registered
from tests.server.hammer import Sent, fleet, until, verify
from tests.store import objects

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


@pytest.mark.slow
def test_a_service_that_starts_before_its_database_waits_for_it(
    tmp_path: Path, postgres: Cluster, capfd: pytest.CaptureFixture[str]
) -> None:
    """As after a power cut, or in the middle of a failover: its parts are started again until the database answers."""
    folder, said = tmp_path / "store", list[str]()
    with running(postgres.binaries) as own:
        rt.open(folder, catalog=own.catalog()).close()
        registered(folder)
        own.stop()

        def failed() -> bool:
            said.append(capfd.readouterr().err)
            return "".join(said).count("web ended (exit status 1), starts again") > 1

        with fleet(folder) as service:
            until(failed)
            own.start()
            answer = httpx.get(f"{service.url}/models/loans", timeout=60)
            assert service.starts == 1
    assert "error: the database can't be reached" in "".join(said)
    assert (answer.status_code, "loans" in answer.text) == (200, True)


@pytest.mark.slow
def test_a_lost_machine_costs_nothing_where_lake_and_catalog_are_elsewhere(
    tmp_path: Path, postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lake on S3, the catalog in PostgreSQL: one of two machines dies with its disk, under load."""
    sent, catalog = Sent(), postgres.catalog()
    with objects.s3() as port, objects.environment(objects.s3_environment(port)):
        lake, homes = f"{objects.bucket(port)}/lakes/two", list[Path]()
        for name in ("one", "two"):
            monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / name))
            with rt.open(lake, catalog=catalog) as store:
                homes.append(store.folder)
        registered(homes[0])
        with fleet(homes[0]) as one, fleet(homes[1]) as two:
            with sent.sending(two.url, one.url):
                sent.progress("200")
                one.kill_these(one.victims())
                shutil.rmtree(homes[0])
                sent.progress("202")
                sent.progress("200")
            assert httpx.get(f"{two.url}/models/loans", timeout=60).status_code == 200
        verify(homes[1], sent)


def test_more_rows_were_matched_than_32_bits_count(tmp_path: Path, postgres: Cluster) -> None:
    """A signal's days come to billions of rows; of each at most some thousands are kept."""
    rt.open(tmp_path, catalog=postgres.catalog()).close()
    registered(tmp_path)
    with rt.open(tmp_path) as store:
        model = store.model("loans")
        signal = model.watch_signal("income > 1500", name="rich")
        with store.store.catalog.write() as tx:
            for day in range(2):
                tx.add(rows.CollectedRow("loans", signal.name, 10, b"", day, {"matched": 3_000_000_000}))
        assert [(one.rows, one.matched) for one in model.watched_signals()] == [(20, 6_000_000_000)]


def judged(store: rt.Workspace) -> bool:
    """Whether a check has found something to say."""
    with store.store.catalog.read() as tx:
        return tx.newest(rows.VerdictRow, "start", model="loans") is not None
