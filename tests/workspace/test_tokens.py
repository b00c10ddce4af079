"""Tokens: shown once, kept as a digest, for a role and for models, until they expire or are revoked."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.workspace.conftest import registered

import retrue as rt
from retrue.errors import ConfigError, StoreError
from retrue.store.catalog import Catalog
from retrue.store.rows import Token
from retrue.workspace import tokens
from retrue.workspace.clock import micros, now
from retrue.workspace.roles import MAY, may


@pytest.fixture
def catalog(store: rt.Workspace) -> Catalog:
    """The catalog of an empty store."""
    return store.store.catalog


def found(catalog: Catalog, secret: str, at: datetime | None = None) -> Token | None:
    """The token that somebody signs in with."""
    with catalog.read() as tx:
        return tokens.find(tx, secret, micros(at or now()))


def test_a_secret_is_kept_nowhere(catalog: Catalog, store: rt.Workspace, folder: Path) -> None:
    made = tokens.create(catalog, "scoring", "ingest")
    assert made.secret.startswith("rt_")
    assert len(made.secret) == 3 + 43  # 256 bits in base64
    assert made.token.digest == hashlib.sha256(made.secret.encode()).hexdigest()
    store.close()
    held = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"scoring" in held
    assert made.secret.encode() not in held
    assert made.secret not in repr(made)


def test_a_token_lets_in_until_it_is_revoked(catalog: Catalog) -> None:
    made = tokens.create(catalog, "anna", "admin")
    assert found(catalog, made.secret) == made.token
    assert found(catalog, made.secret[:-1]) is None
    assert found(catalog, made.token.digest) is None
    assert found(catalog, "\ud800") is None
    tokens.revoke(catalog, "anna")
    assert found(catalog, made.secret) is None
    with pytest.raises(StoreError, match="no token 'anna'"):
        tokens.revoke(catalog, "anna")


def test_a_token_lets_in_until_it_expires(catalog: Catalog) -> None:
    made = tokens.create(catalog, "anna", "viewer", expires=now() + timedelta(hours=1))
    assert found(catalog, made.secret, now() + timedelta(minutes=59)) is not None
    assert found(catalog, made.secret, now() + timedelta(minutes=61)) is None


def test_making_and_ending_are_in_the_audit_log_without_the_secret(catalog: Catalog, store: rt.Workspace) -> None:
    registered(store)
    made = tokens.create(catalog, "scoring", "ingest", models=["flights"])
    tokens.revoke(catalog, made.token.id)
    ended, begun = store.audit(most=2)
    assert (begun.action, ended.action) == ("token created", "token revoked")
    assert begun.body == {"token": made.token.id, "name": "scoring", "role": "ingest", "models": ["flights"]}
    assert ended.body == {"token": made.token.id, "name": "scoring"}
    assert tokens.models_of(made.token) == frozenset({"flights"})


@pytest.mark.parametrize(
    ("name", "role", "models", "expires", "said"),
    [
        ("", "admin", (), None, "can't name a token"),
        ("a\x1b[31m", "admin", (), None, "can't name a token"),
        ("a" * 201, "admin", (), None, "can't name a token"),
        ("a", "root", (), None, "no role 'root'"),
        ("a", "viewer", ("nope",), None, "no model 'nope'"),
        ("a", "viewer", (), datetime(2020, 1, 1, tzinfo=UTC), "has expired already"),
        ("taken", "viewer", (), None, "there is a token 'taken' already"),
    ],
)
def test_what_can_not_be_a_token_is_refused_in_words(
    catalog: Catalog, name: str, role: str, models: tuple[str, ...], expires: datetime | None, said: str
) -> None:
    tokens.create(catalog, "taken", "viewer")
    with pytest.raises(ConfigError, match=said):
        tokens.create(catalog, name, role, models=models, expires=expires)


def test_last_use_is_written_at_most_once_a_minute(catalog: Catalog) -> None:
    made, at = tokens.create(catalog, "anna", "viewer"), micros(now())
    for later, kept in ((0, at), (59_000_000, at), (60_000_000, at + 60_000_000)):
        tokens.note_used(catalog, {made.token.id: at + later})
        assert tokens.tokens(catalog)[0].used == kept


def test_a_token_in_plain_values_tells_its_state_and_no_digest(catalog: Catalog) -> None:
    made = tokens.create(catalog, "anna", "viewer", expires=now() + timedelta(hours=1))
    plain = tokens.to_dict(made.token)
    assert (plain["state"], plain["name"], plain["role"], plain["models"]) == ("valid", "anna", "viewer", [])
    assert tokens.to_dict(made.token, micros(now()) + 7_200_000_000)["state"] == "expired"
    assert made.token.digest not in str(plain)


def test_roles_are_what_the_docs_say() -> None:
    """From the table in docs/security.md: columns are the demands `ingest`, `viewer`, `editor`, `admin`."""
    page = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    lines = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| `")]
    told = {line[0].strip(" `"): [cell.strip().startswith("yes") for cell in line[1:]] for line in lines}
    assert told == {role: [may(role, demand) for demand in MAY] for role in MAY}


@given(st.text(max_size=60))
def test_any_text_as_a_secret_is_no_error(secret: str) -> None:
    assert len(tokens.digest_of(secret)) == 64
