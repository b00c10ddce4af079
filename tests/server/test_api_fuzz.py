"""Whatever a client sends: the whole OpenAPI document, fuzzed. No answer is a 5xx, and each is as the document says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.client.conftest import RULES, START, live, make
from tests.client.served import serving

import retrue as rt
from retrue.workspace import tokens

EXAMPLES = 12
"""Requests for each operation: it adds up to a minute with all of them."""
SECONDS = 60
"""A request may take as long: on a store of this size each costs less than a second of a processor, the first `compare`
included, which loads what it needs; a machine at sixteen times its load is no fault of the service."""
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
TAGS = (
    "access",
    "compare",
    "health",
    "history",
    "incidents",
    "ingestion",
    "labelling",
    "models",
    "monitors",
    "quarantine",
    "runs",
    "signals",
    "telemetry",
    "work",
)
"""The tags of all operations: each is a test of its own."""


@dataclass(frozen=True)
class Described:
    """The service's own description; a token; and what paths are about in half of the requests: what is there."""

    schema: Any
    headers: dict[str, str]
    there: dict[str, str]


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Described]:
    """A service with an incident, and its description."""
    folder = make(tmp_path_factory.mktemp("fuzz") / "store")
    with rt.open(folder) as store:
        model = store.model("flights")
        model.adopt(RULES)
        model.log(live().drop("y"))
        model.check(START + timedelta(days=3))
        there = {"model": "flights", "id": model.incidents()[0].id, "number": "1"}
        secret = tokens.create(store.store.catalog, "fuzz", "admin").secret
    headers = {"Authorization": f"Bearer {secret}"}
    with serving(folder) as url:
        yield Described(schemathesis.openapi.from_url(f"{url}/openapi.json", headers=headers), headers, there)


def operations(described: Described) -> list[Any]:
    """Every operation of the document."""
    return [found.ok() for found in described.schema.get_all_operations()]


def faults(operation: Any, described: Described) -> list[str]:
    """What went wrong when an operation was asked all sorts of things."""
    found: dict[str, str] = {}

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def ask(case: schemathesis.Case[Any]) -> None:
        made = dict(case.path_parameters or {})
        for parameters in (made, {name: described.there.get(name, value) for name, value in made.items()}):
            case.path_parameters = parameters
            try:
                case.call_and_validate(checks=CHECKS, headers=described.headers, timeout=SECONDS)
            except Exception as error:  # noqa: BLE001 - a group of failed checks; each is told once
                found.setdefault(str(error)[:80], f"{operation.label}: {error}")

    ask()
    return list(found.values())


def test_every_operation_has_one_of_the_tags(described: Described) -> None:
    assert {tag for one in operations(described) for tag in one.definition.raw.get("tags", ["none"])} == set(TAGS)


@pytest.mark.slow
@pytest.mark.parametrize("tag", TAGS)
def test_nothing_that_is_sent_breaks_the_service(described: Described, tag: str) -> None:
    chosen = [one for one in operations(described) if tag in one.definition.raw["tags"]]
    assert chosen
    found = [fault for one in chosen for fault in faults(one, described)]
    assert not found, "\n\n".join(found)
