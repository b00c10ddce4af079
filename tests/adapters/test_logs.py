"""Logs are JSON, one line each, whoever writes them, and hold no secrets."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from retrue.adapters.logs import HIDDEN, configure, hidden


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a process called `web` writes; the loggers are as before afterwards."""
    root = logging.getLogger()
    before, level, stream = list(root.handlers), root.level, io.StringIO()
    configure("web", "info", stream)
    yield stream
    root.handlers[:], root.level = before, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Every line, read as JSON."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def raised(text: str) -> ValueError:
    """An error with a traceback, in whose frame there is a secret."""
    beside = "hunter2"
    try:
        raise ValueError(text)  # noqa: TRY301 - here, beside the secret
    except ValueError as error:
        assert beside
        return error


def test_libraries_and_we_write_the_same_form(written: io.StringIO) -> None:
    logging.getLogger("somebody.else").warning("started %s", "here")
    structlog.get_logger("retrue.jobs").info("checked", model="loans", windows=3)
    first, second = lines(written)
    assert (first["level"], first["logger"], first["process"], first["event"]) == (
        "warning",
        "somebody.else",
        "web",
        "started here",
    )
    assert (second["model"], second["windows"], second["event"], second["level"]) == ("loans", 3, "checked", "info")
    assert first["at"].endswith("Z")


def test_below_the_level_nothing_is_written(written: io.StringIO) -> None:
    logging.getLogger("x").debug("not this")
    structlog.get_logger("y").debug("nor this")
    assert lines(written) == []


def test_what_the_catalog_library_says_of_its_plugins_is_not_written(written: io.StringIO) -> None:
    logging.getLogger("alembic.runtime.plugins").info("setup plugin alembic.autogenerate.schemas")
    logging.getLogger("alembic.runtime.migration").warning("but this")
    assert [line["event"] for line in lines(written)] == ["but this"]


def test_an_error_has_its_traceback_in_its_line(written: io.StringIO) -> None:
    logging.getLogger("retrue").error("it failed", exc_info=raised("odd\nvalue"))
    (line,) = lines(written)
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert line["exception"][0]["exc_value"] == "odd\nvalue"


def test_secrets_are_struck_out_wherever_they_stand(written: io.StringIO) -> None:
    secret = "rt_" + "a1B2" * 10
    logging.getLogger("x").info("called with %s", secret)
    structlog.get_logger("x").info(
        "sent", url="https://me:hunter2@example.org/a", authorization="abc", body={"token": "q"}
    )
    logging.getLogger("x").error("it failed", exc_info=raised(f"bad token {secret}"))
    text = written.getvalue()
    assert len(lines(written)) == 3
    assert not [word for word in (secret, "hunter2", "abc", '"q"') if word in text]


@given(st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_whatever_holds_a_token_holds_none_afterwards(value: object) -> None:
    found = json.dumps(hidden({"it": value, "list": [value, "rt_0123456789abcdef"]}))
    assert "0123456789abcdef" not in found
    assert HIDDEN in found
