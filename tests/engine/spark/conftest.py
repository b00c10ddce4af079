"""Spark for the tests: Sail, a Spark Connect server without a JVM, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from tests.conftest import lacking


@pytest.fixture(scope="module")
def sail() -> Iterator[Any]:
    """A session on Sail; no longer than the module needs it, for MLflow asks whichever session is active."""
    if not (find_spec("pyspark") and find_spec("pysail")):
        lacking("pyspark and pysail", "make dev")
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    _, port = server.listening_address
    session = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").create()
    yield session
    session.stop()
    server.stop()
