"""A store on an object store, on real servers: the loop, concurrent and killed writers, one that is slow, or away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from deltalake.exceptions import CommitFailedError
from sklearn.linear_model import LogisticRegression
from tests.store import objects
from tests.store.objects import Proxy

import retrue as rt
from retrue.cli.doctor import lake_ailment
from retrue.core.profile import Profile
from retrue.errors import ConfigError, StoreAwayError, StoreError, StoreRefusedError
from retrue.store.backup import backup, restore
from retrue.store.files import Remote, any_path, below
from retrue.store.lake import LakeTable
from retrue.store.log import write_entry
from retrue.store.store import Store
from retrue.workspace import Model, Workspace

pytestmark = pytest.mark.slow
T0 = datetime(2026, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    with objects.s3() as port:
        way = Proxy(port)
        with objects.environment(objects.s3_environment(way.port)):
            yield way
        way.close(door=True)


@pytest.fixture
def url(proxy: Proxy) -> str:
    proxy.delay, proxy.away = 0.0, False
    return f"{objects.bucket(proxy.target)}/lakes/one"


def events(n: int, day: int, first: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng([day, first])
    x = rng.normal(size=n)
    return pl.DataFrame(
        {
            "id": [f"e{first + i}" for i in range(n)],
            "at": [T0 + timedelta(days=day, seconds=60 * i) for i in range(n)],
            "x": x, "p": 1 / (1 + np.exp(-1.5 * x)), "y": (rng.random(n) < 1 / (1 + np.exp(-2 * x))).astype(int),
        }
    )  # fmt: skip


def registered(url: str, home: Path) -> Model:
    store = rt.open(url, catalog=home)
    reference = events(600, 0, 1_000_000)
    return store.register("fraud", reference, window="1d", maturity="1d", id="id", time="at", label="y", score="p")


def profiles(model: Model) -> dict[tuple[str, int, str], Profile]:
    return {(one.version, one.start, one.slice): one.profile for one in model.store.profiles(model.name)}


def assert_whole(model: Model, ids: set[str]) -> None:
    """Every one of these events is there once, and the profiles are what a recount gives."""
    assert sorted(model.events().select("id").collect()["id"]) == sorted(ids)
    before = profiles(model)
    model.recount()
    after = profiles(model)
    assert before.keys() == after.keys()
    assert [key for key in before if not before[key].agrees(after[key])] == []


def loop(url: str, home: Path) -> None:
    """Once round: register, log, label, check, collect, retrain, promote, compact, vacuum, forget, recount."""
    model = registered(url, home)
    store, sent = model.store, set[str]()
    for part in range(10):
        some = events(300, 1 + part // 9, 300 * part)
        model.log(some.drop("y"))
        model.label(some.select("id", "y"))
        sent |= set(some["id"])
    assert model.check(now=NOW)
    edge = model.collect("x > 0.5", budget=50)
    run = model.retrain(LogisticRegression(), mix=rt.Mix({model.logged(): 0.8, edge: 0.2}), now=NOW)
    run.promote(override="tester", note="whatever it shows")
    assert model.version == "2"
    assert {one.name for one in store.root.glob(f"runs/fraud/{run.id}/*")} >= {"model.joblib", "holdout.parquet"}
    done = [one.step for one in store.upkeep(datetime.now(UTC))]
    assert "merged" in done
    later = [one for one in store.upkeep(datetime.now(UTC) + timedelta(days=9)) if one.step == "deleted"]
    assert sum(one.files for one in later) >= 9, "what was merged goes after a week"
    forgotten = model.forget(["e7", "e8"])
    assert (forgotten.rows["events"], forgotten.rows["labels"]) == (2, 2)
    model.recount()
    assert_whole(model, sent - {"e7", "e8"})
    store.close()
    with rt.open(home) as again:  # its home knows where its lake is
        assert again.address == url
        mine = again.model("fraud")
        assert mine.reference.frame.height > 0
        (home / "runs" / "fraud" / run.id).rename(home / "elsewhere")
        assert mine.runs()[0].challenger is not None, "fetched from the object store"


def test_the_whole_loop_on_s3(url: str, tmp_path: Path) -> None:
    loop(url, tmp_path)


def test_the_whole_loop_on_azure(tmp_path: Path) -> None:
    with objects.azurite() as port, objects.environment(objects.azure_environment(port)):
        loop(f"{objects.container(port)}/lake", tmp_path)
        os.environ["AZURE_STORAGE_ACCOUNT_KEY"] = "c29tZWJvZHkgZWxzZQ=="
        for ask in (Remote.exists, Remote.is_dir):
            with pytest.raises(
                StoreRefusedError, match=r"refuses \(.* 403.*\).*check AZURE_STORAGE_ACCOUNT_NAME and"
            ) as told:
                ask(Remote(objects.container(port), "lake"))
            assert "c29t" not in str(told.value)


def test_a_lake_needs_its_own_catalog(url: str, tmp_path: Path) -> None:
    """Without one, with another's, or with an empty one beside a lake that has one, nothing is opened."""
    with pytest.raises(ConfigError, match="needs a catalog"):
        rt.open(url)
    registered(url, tmp_path / "a").store.close()
    with pytest.raises(StoreError, match="the catalog is missing"):
        rt.open(url, catalog=tmp_path / "b")
    with pytest.raises(StoreError, match="belongs to another lake"):
        rt.open(f"{url}-other", catalog=tmp_path / "a")


def test_a_restored_backup_takes_the_lake_over_only_by_its_name(url: str, tmp_path: Path) -> None:
    """Beside the living store: not by mistake; a copy of the lake is there to rehearse; and the backup is only read."""
    model = registered(url, tmp_path / "a")
    model.log(events(20, 1).drop("y"))
    backup(model.store, tmp_path / "backup")
    with pytest.raises(
        StoreError, match=rf"the backup's lake stays where it is: {url}.*--lake {url} if its catalog is"
    ):
        restore(tmp_path / "backup", tmp_path / "b")
    for one in any_path(url).glob("**/*"):
        (any_path(f"{url}-copy") / below(one, any_path(url))).write_bytes(one.read_bytes())
    restore(tmp_path / "backup", tmp_path / "b", lake=f"{url}-copy")
    with rt.open(tmp_path / "b") as copy:
        assert copy.address == f"{url}-copy"
        copy.model("fraud").log(events(10, 2, 500).drop("y"))
        assert_whole(copy.model("fraud"), {f"e{n}" for n in [*range(20), *range(500, 510)]})
    with rt.open(tmp_path / "backup") as read:
        assert read.store.read_only
        assert read.model("fraud").events().collect().height == 20
    model.log(events(10, 3, 900).drop("y"))
    assert_whole(model, {f"e{n}" for n in [*range(20), *range(900, 910)]})
    restore(tmp_path / "backup", tmp_path / "c", lake=url)
    with pytest.raises(StoreError, match="another catalog has taken the lake over"):
        model.log(events(1, 4).drop("y"))
    model.store.close()
    with rt.open(tmp_path / "c") as own:
        assert_whole(own.model("fraud"), {f"e{n}" for n in [*range(20), *range(900, 910)]})


def test_a_bucket_that_is_not_there_is_named(proxy: Proxy, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no bucket or container s3://no-such-bucket .*make it first"):
        rt.open("s3://no-such-bucket/x", catalog=tmp_path / "home")


def test_a_prefix_that_is_no_table_says_how_to_name_its_files(url: str, tmp_path: Path) -> None:
    """Captures in a bucket: the prefix is refused in words, and the pattern that they tell of is read."""
    said = b'{"id": "a", "x": 1.0}\n{"id": "b", "x": 2.0}\n'
    for hour in ("01", "02"):
        any_path(f"{url}/cap/{hour}/part.jsonl").write_bytes(said)
    with pytest.raises(rt.TableError, match=rf"no Delta table in {url}/cap/: .*write '{url}/cap/\*\*/\*\.parquet'"):
        rt.read_table(f"{url}/cap/")
    assert rt.read_table(f"{url}/cap/**/*.jsonl").count_rows() == 4


def test_of_two_writers_at_once_the_object_store_lets_one(url: str) -> None:
    """Two who believe that they hold the lock: the commit that comes second is refused, and nothing is there twice."""
    place = any_path(url)
    assert isinstance(place, Remote)
    rows = pl.DataFrame({"id": ["a"], "_seq": [1], "_n": [0], "_h": [1]})
    one, other = LakeTable(place / "events"), LakeTable(place / "events")
    one.commit(rows, "app", 1)
    assert other.done("app") == 1
    one.commit(rows.with_columns(_seq=pl.lit(2)), "app", 2)
    stale = other._table  # as of segment 1
    assert stale is not None
    with pytest.raises(CommitFailedError, match="oncurrent transaction"):
        other._commit(stale, [other._write(rows.with_columns(_seq=pl.lit(2)), None, "app", 2)], "app", 2)
    with pytest.raises(StoreError, match="somebody else has written"):
        write_entry(place / "events" / "_delta_log", 2, "OPTIMIZE", [])
    assert sum(file.rows for file in LakeTable(place / "events").snapshot().files) == 2


WRITER = """
import os, signal, sys
import polars as pl
from retrue.store.store import Store
folder, name, step, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
def fault(said):
    if said == step:
        os.kill(os.getpid(), signal.SIGKILL)
store = Store.open(folder, fault=fault)
events = pl.read_parquet(sys.argv[5])
for part in range(rounds):
    some = events.with_columns(pl.format("{}-{}-{}", pl.lit(name), pl.lit(part), "id").alias("id"))
    store.append("fraud", "events", some, key=f"{name}-{part}")
    print(part, flush=True)
    store.apply("fraud")
"""


def writer(home: Path, name: str, step: str = "", rounds: int = 1) -> subprocess.Popen[str]:
    path = home.parent / f"{name}.parquet"
    events(20, 1).drop("y").write_parquet(path)
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(home), name, step, str(rounds), str(path)],
        stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2] / "src"), *sys.path])},
    )  # fmt: skip


def written(name: str, rounds: int) -> set[str]:
    return {f"{name}-{part}-e{i}" for part in range(rounds) for i in range(20)}


def test_concurrent_and_killed_writers_leave_every_acknowledged_row_once(url: str, tmp_path: Path) -> None:
    """Two at once; then one that is killed with its files put, one with its commit put, one before it has counted."""
    home = tmp_path / "home"
    registered(url, home).store.close()
    both = [writer(home, name, rounds=3) for name in "ab"]
    assert [(one.communicate(timeout=60)[0].split(), one.returncode) for one in both] == [(["0", "1", "2"], 0)] * 2
    sent = written("a", 3) | written("b", 3)
    for step in ("lake: files written", "lake: committed", "cycle: before applied"):
        name = step.split()[-1]
        killed = writer(home, name, step)
        assert killed.communicate(timeout=60)[0].split() == ["0"], "it was acknowledged"
        assert killed.returncode == -signal.SIGKILL
        sent |= written(name, 1)
    with rt.open(url, catalog=home) as store:
        store.store.apply("fraud")
        assert_whole(store.model("fraud"), sent)


def test_acknowledging_asks_nothing_of_a_slow_store(url: str, proxy: Proxy, tmp_path: Path) -> None:
    """Rows are acknowledged without a request, however slow the object store is; then the spool drains."""
    model = registered(url, tmp_path)
    model.log(events(5, 1, 500).drop("y"))
    proxy.delay, asked = 0.1, proxy.requests
    for part in range(10):
        model.store.append("fraud", "events", events(20, 1, 20 * part).drop("y"))
    assert proxy.requests == asked
    assert model.store.pending("fraud") == 200
    model.store.apply("fraud")
    assert proxy.requests > asked
    proxy.delay = 0.0
    assert model.store.pending("fraud") == 0
    assert_whole(model, {f"e{i}" for i in [*range(200), *range(500, 505)]})
    model.store.close()


def test_rows_wait_while_the_store_is_away(url: str, proxy: Proxy, tmp_path: Path) -> None:
    """They are acknowledged, nothing is set aside, a service can start; and when it is back all goes on."""
    model = registered(url, tmp_path)
    model.store.close()
    proxy.close()
    store = Store.open(tmp_path)
    store.append("fraud", "events", events(30, 1).drop("y"))
    for _ in range(4):  # more often than rows are tried that a table refuses
        with pytest.raises(StoreAwayError, match=r"the object store doesn't answer.*30 acknowledged rows are safe"):
            store.apply("fraud")
    assert store.pending("fraud") == 30
    assert store.stuck("fraud") == ()
    said = lake_ailment(Workspace(store))
    assert said is not None
    assert "the object store doesn't answer" in said
    assert "test-" not in said, "neither key nor secret"
    store.close()
    proxy.away = False
    with rt.open(tmp_path) as again:
        again.store.apply("fraud")
        assert_whole(again.model("fraud"), {f"e{i}" for i in range(30)})
        assert again.store.damaged("fraud") == ()
        assert lake_ailment(again) is None
