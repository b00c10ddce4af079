"""A real standalone cluster for the tests: a master and two workers, each a process of its own, ended by their ids.

Run as a program it is the driver: a process of its own too, because one that speaks Spark Connect can't be one.

    python -m tests.engine.spark.cluster MASTER FOLDER WORKER_PID
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SMALL = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xss512k"
"""Virtual machines that start quickly: they live for seconds."""
SECONDS = 120
"""How long anything may take to start."""


def environment() -> dict[str, str]:
    """What all processes of the cluster are told."""
    import pyspark

    home = str(Path(pyspark.__file__).parent)
    return {
        **os.environ, "SPARK_HOME": home, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "192m",
        "SPARK_DAEMON_JAVA_OPTS": SMALL, "PYSPARK_PYTHON": sys.executable, "SPARK_NO_DAEMONIZE": "1",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }  # fmt: skip


@contextmanager
def cluster(folder: Path, memory: str = "600m") -> Iterator[tuple[str, list[int]]]:
    """Start a master and two workers of one core; gives the master's address and the workers' process ids."""
    port = free_port()
    address, started = f"spark://127.0.0.1:{port}", list[subprocess.Popen[bytes]]()
    try:
        at = ("--host", "127.0.0.1", "--webui-port", "0")
        started.append(daemon(folder / "master", "master.Master", *at, "--port", str(port)))
        wait_for(folder / "master.log", "I have been elected leader")
        for name in ("one", "two"):
            size = ("--cores", "1", "--memory", memory, "--work-dir", str(folder / name))
            started.append(daemon(folder / name, "worker.Worker", *at, *size, address))
        for name in ("one", "two"):
            wait_for(folder / f"{name}.log", "Successfully registered with master")
        yield address, [one.pid for one in started[1:]]
    finally:
        for one in reversed(started):
            end_with_children(one.pid)
            one.wait()


def daemon(log: Path, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start one of Spark's daemons."""
    said = environment()
    command = [f"{said['SPARK_HOME']}/bin/spark-class", f"org.apache.spark.deploy.{kind}", *arguments]
    with log.with_suffix(".log").open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=said)


def java() -> bool:
    """Whether this machine has Java."""
    return shutil.which("java") is not None


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(log: Path, words: str) -> None:
    """Wait until a log says something."""
    for _ in range(SECONDS * 10):
        if words in log.read_text(errors="replace"):
            return
        time.sleep(0.1)
    raise TimeoutError(f"{log.name} never said {words!r}: {log.read_text(errors='replace')[-2000:]}")


def end_with_children(pid: int) -> None:
    """Kill a process and all that it started."""
    import psutil

    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for one in family:
        try:
            one.kill()
        except psutil.NoSuchProcess:
            continue


def driver(address: str, folder: Path, victim: int) -> dict[str, Any]:
    """Count the same events in three ways; the last while a worker is killed. Gives what differed from one machine."""
    from pyspark.sql import SparkSession

    settings = {
        "spark.driver.memory": "512m", "spark.executor.memory": "512m", "spark.executor.cores": "1",
        "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.ui.enabled": "false",
        "spark.driver.extraJavaOptions": SMALL, "spark.executor.extraJavaOptions": SMALL,
        "spark.executorEnv.PYTHONPATH": os.environ["PYTHONPATH"], "spark.ui.showConsoleProgress": "false",
        "spark.sql.files.maxPartitionBytes": "2m",
    }  # fmt: skip
    builder = SparkSession.builder.master(address)
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    try:
        return {"parquet": parquet(folder), "delta": delta(folder), "killed": killed(session, folder, victim)}
    finally:
        session.stop()


def parquet(folder: Path) -> list[str]:
    """Parquet files."""
    from retrue.engine.spark import sources

    return differing(sources.read(f"{folder}/events/*.parquet"), folder)


def delta(folder: Path) -> list[str]:
    """A Delta table in parts, whose values Spark would take for dates and numbers."""
    from deltalake import write_deltalake

    from retrue.engine.spark import sources
    from retrue.tables import read

    frame = read(f"{folder}/events/*.parquet").collect().with_row_index()
    values = ["2024-05-01", "007", None, "a b/c%20d"]
    frame = frame.with_columns(part=frame["index"].map_elements(lambda i: values[i % 4]))
    write_deltalake(str(folder / "delta"), frame, partition_by=["part"])
    table = sources.read(folder / "delta")
    found = table.collect(["index", "part"]).sort("index")
    return [*differing(table, folder), *([] if found.equals(frame.select("index", "part")) else ["parts"])]


def killed(session: Any, folder: Path, victim: int) -> list[str]:
    """Slow partitions; a worker and its executor are killed as soon as some of them are counted."""
    from retrue.engine.spark.table import SparkTable

    def slow(batches: Iterable[Any]) -> Iterator[Any]:
        yield from batches
        (folder / "done" / f"{os.getpid()}-{time.monotonic_ns()}").touch()
        time.sleep(0.3)

    def watch() -> None:
        for _ in range(SECONDS * 20):
            done = {path.name.split("-")[0] for path in (folder / "done").iterdir()}
            if len(done) > 1:  # both workers have counted something
                end_with_children(victim)
                (folder / "killed").touch()
                return
            time.sleep(0.05)

    (folder / "done").mkdir()
    data = session.read.parquet(f"{folder}/events").repartition(16)
    watcher = threading.Thread(target=watch)
    watcher.start()
    odd = differing(SparkTable.of(data.mapInArrow(slow, data.schema), "slow"), folder)
    watcher.join()
    return odd if (folder / "killed").exists() else [*odd, "nobody was killed"]


def differing(table: Any, folder: Path) -> list[str]:
    """The fields of a table's profile that aren't those that one machine counts."""
    from tests.engine.spark.agreeing import differing as fields

    from retrue.core.grids import Grids
    from retrue.engine import local
    from retrue.tables import read

    grids = Grids.from_bytes((folder / "grids").read_bytes())
    return fields(local.count(table, grids), local.count(read(f"{folder}/events/*.parquet"), grids))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(driver(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))) + "\n")
