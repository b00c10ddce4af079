"""Settings: who may come in, who is told, and how long things are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from starlette.responses import RedirectResponse

from retrue.config import load
from retrue.errors import RetrueError
from retrue.jobs import channels
from retrue.jobs.notify import send_test
from retrue.judge.severity import Severity
from retrue.server.api.shared import asked
from retrue.server.auth import Actor, admin
from retrue.server.errors import status_of
from retrue.server.pages.delivered import DeliveryRow, delivery_rows
from retrue.server.pages.incident_actions import end_of
from retrue.server.pages.shell import render
from retrue.server.service import Service, service
from retrue.store.retention import Retention
from retrue.workspace import clock, tokens
from retrue.workspace.acting import audit

router = APIRouter(prefix="/settings", include_in_schema=False)

Served = Annotated[Service, Depends(service)]
Admin = Annotated[Actor, Depends(admin)]
Text = Annotated[str, Form(max_length=2_000)]
AGES = tuple(item.name for item in fields(Retention) if item.name != "models")
"""What has an age of its own."""
MASKS = {"drop": "not taken at all", "hash": "hashed with the store's key", "day": "only its day"}
"""How a column is kept, in words; the others say it."""
DONE = {
    "revoked": "The token is revoked, and the sessions that were begun with it are over.",
    "kept": "The channel is kept.",
    "removed": "The channel is removed.",
    "sent": "A test message was sent: see whether it has arrived.",
    "retention": "Kept so from the next upkeep on, which runs every hour.",
}
"""What is said when something was done."""


@dataclass(frozen=True)
class ChannelRow:
    """A channel as people may see it; `own`: it is kept in the store, and may be removed here."""

    name: str
    url: str
    told: str
    own: bool


@dataclass(frozen=True)
class SettingsView:
    """The page.

    Attributes:
        tokens: all, the newest first, never their secrets.
        fresh: the secret of the token that was just made: shown this once.
        channels: whom to tell.
        deliveries, delivered: the newest messages, and how many there are.
        ages: how long things are kept: what, and the age as one types it.
        other_ages: what is different for some models: the model, and its ages in words.
        privacy: columns that aren't kept as they come: model, column, how.
        trouble, part: what is wrong, and in which part of the page.
        typed: what was typed there, to be mended; a channel's URL isn't among it, as it is a secret.
    """

    tokens: tuple[dict[str, Any], ...]
    fresh: tuple[str, str] | None
    channels: tuple[ChannelRow, ...]
    deliveries: tuple[DeliveryRow, ...]
    delivered: int
    ages: tuple[tuple[str, str], ...]
    other_ages: tuple[tuple[str, str], ...]
    privacy: tuple[tuple[str, str, str], ...]
    trouble: RetrueError | None
    part: str
    typed: Mapping[str, str]


def channel_rows(served: Service) -> list[ChannelRow]:
    """The channels, their URLs as people may see them."""
    with served.workspace.store.catalog.read() as tx:
        own = {one.name for one in channels.of_store(tx)}
    rows = []
    for one in channels.channels(served.workspace):
        public = one.public()
        about = [f"{one.severity} and worse", ", ".join(one.models) or "all models", ", ".join(one.kinds)]
        quiet = f"quiet {one.quiet.begins} to {one.quiet.until} {one.quiet.timezone}" if one.quiet else ""
        rows.append(
            ChannelRow(one.name, str(public["url"]), "; ".join(p for p in (*about, quiet) if p), one.name in own)
        )
    return rows


def retention_of(served: Service) -> dict[str, Any]:
    """How long things are kept, as one types it."""
    return served.workspace.store.retention(Retention.of(load().retention, "[retention]")).to_dict()


def privacy_of(served: Service) -> tuple[tuple[str, str, str], ...]:
    """The columns that aren't kept as they come, by model."""
    store = served.workspace.store
    return tuple(
        (model.name, column, MASKS.get(rule, rule))
        for model in store.models() for column, rule in store.layout(model.name).privacy.items()
    )  # fmt: skip


def shown(
    request: Request, served: Service, *,
    fresh: tokens.Fresh | None = None, trouble: RetrueError | None = None, part: str = "",
    typed: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    """Answer with the page; what is wrong stands in its part of it."""
    every = tuple(tokens.to_dict(one) for one in tokens.tokens(served.workspace.store.catalog))
    secret = None if fresh is None else (fresh.token.name, fresh.secret)
    kept = retention_of(served)
    own = typed or {}
    ages = tuple((name, own.get(name) or str(kept[name] or "never")) for name in AGES)
    other = tuple(
        (name, ", ".join(f"{what} {age}" for what, age in ages_.items())) for name, ages_ in kept["models"].items()
    )
    channels_ = tuple(channel_rows(served))
    lately = delivery_rows(served.workspace.store.catalog)
    view = SettingsView(every, secret, channels_, *lately, ages, other, privacy_of(served), trouble, part, own)
    answer = render(
        request, "settings.html", view, title="Settings", place="Settings", roles=tokens.ROLES[::-1],
        severities=[one.value for one in Severity], done=DONE.get(request.query_params.get("done", ""), ""),
        status=200 if trouble is None else status_of(trouble),
    )  # fmt: skip
    if secret is not None:
        answer.headers["Cache-Control"] = "no-store"
    return answer


def back(done: str) -> Response:
    """Go on at the page, which says what was done."""
    return RedirectResponse(f"/settings?done={done}", 303)


@router.get("")
def settings(request: Request, served: Served, _: Admin) -> Response:
    """Show the settings."""
    return shown(request, served)


@router.post("/tokens")
def create_token(
    request: Request, served: Served, _: Admin, name: Text = "", role: Text = "viewer", models: Text = "",
    until: Text = "",
) -> Response:  # fmt: skip
    """Make a token; its secret is on the answer's page and nowhere else."""
    chosen = [one.strip() for one in models.split(",") if one.strip()]
    try:
        ends = end_of("", until, clock.now()) if until.strip() else None
        made = tokens.create(served.workspace.store.catalog, name, role, models=chosen, expires=ends)
    except RetrueError as error:
        typed = {"name": name, "role": role, "models": models, "until": until}
        return shown(request, served, trouble=error, part="tokens", typed=typed)
    request.state.access.forget()
    return shown(request, served, fresh=made)


@router.post("/tokens/revoke")
def revoke_token(request: Request, served: Served, _: Admin, token: Text = "") -> Response:
    """End a token."""
    try:
        with asked():
            tokens.revoke(served.workspace.store.catalog, token)
    except RetrueError as error:
        return shown(request, served, trouble=error, part="tokens")
    request.state.access.forget()
    return back("revoked")


@router.post("/channels")
def keep_channel(
    request: Request, served: Served, _: Admin, name: Text = "", url: Text = "", severity: Text = "low",
    models: Text = "", quiet_from: Text = "", quiet_until: Text = "", timezone: Text = "UTC",
) -> Response:  # fmt: skip
    """Keep a channel, in place of one of the same name."""
    said: dict[str, Any] = {"name": name.strip(), "url": url.strip(), "severity": severity}
    chosen = [one.strip() for one in models.split(",") if one.strip()]
    said |= {"models": chosen} if chosen else {}
    if quiet_from.strip() or quiet_until.strip():
        said["quiet"] = {
            "from": quiet_from.strip(),
            "until": quiet_until.strip(),
            "timezone": timezone.strip() or "UTC",
        }
    try:
        channels.keep(served.workspace, channels.read(said, where="this form"))
    except RetrueError as error:
        typed = {
            "name": name, "severity": severity, "models": models, "quiet_from": quiet_from, "quiet_until": quiet_until,
            "timezone": timezone,
        }  # fmt: skip
        return shown(request, served, trouble=error, part="channels", typed=typed)
    return back("kept")


@router.post("/channels/remove")
def remove_channel(request: Request, served: Served, _: Admin, name: Text = "") -> Response:
    """Forget a channel of the store."""
    try:
        channels.remove(served.workspace, name)
    except RetrueError as error:
        return shown(request, served, trouble=error, part="channels")
    return back("removed")


@router.post("/channels/test")
def try_channel(request: Request, served: Served, _: Admin, name: Text = "") -> Response:
    """Send a message that says that messages arrive."""
    try:
        send_test(served.workspace, channels.named(channels.channels(served.workspace), name), clock.now())
    except RetrueError as error:
        return shown(request, served, trouble=error, part="channels")
    return back("sent")


@router.post("/retention")
def keep_retention(
    request: Request, served: Served, _: Admin, events: Text = "never", feedback: Text = "never",
    quarantine: Text = "never", runs: Text = "never", logs: Text = "never", jobs: Text = "never",
    deliveries: Text = "never",
) -> Response:  # fmt: skip
    """Say how long things are kept from now on; what models have of their own stays."""
    said = (events, feedback, quarantine, runs, logs, jobs, deliveries)
    ages = {name: age.strip() or "never" for name, age in zip(AGES, said, strict=True)}
    store = served.workspace.store
    try:
        own = store.retention(Retention.of(load().retention, "[retention]")).to_dict()["models"]
        chosen = Retention.of({**ages, "models": own}, "this form")
    except RetrueError as error:
        return shown(request, served, trouble=error, part="retention", typed=ages)
    with store.catalog.write() as tx:
        store.set_retention(tx, chosen)
        audit(tx, "retention set", body=chosen.to_dict())
    return back("retention")
