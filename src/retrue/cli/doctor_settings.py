"""What retrue.toml asks for, and whether it can be had: code, services, rules, columns, channels."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from retrue.cli import shared
from retrue.config import FILE, Config, ModelSettings
from retrue.errors import RetrueError, nearest

if TYPE_CHECKING:
    from retrue.workspace import Model, Workspace

SECONDS = 3.0
"""How long another service may take to answer."""


def settings_ailments(config: Config, workspace: Workspace | None, store: str | None) -> Iterator[str]:
    """What retrue.toml asks for that isn't understood, isn't installed, isn't there, or doesn't answer.

    Args:
        config: what it says.
        workspace: the store, where it could be opened.
        store: where somebody said that it is.
    """
    for name, trainer in config.trainers.items():
        module = trainer.fit.partition(":")[0]
        if not importable(module):
            yield f"trainers.{name}: no module {module!r} here. Hint: install it, or start where it can be imported"
    yield from mlflow_ailments(config.mlflow.tracking_uri)
    if config.server:
        yield from server_ailments(config, workspace, store)
    yield from channel_ailments(config, workspace)
    known = None if workspace is None else {model.name: model for model in workspace.models()}
    yield from retention_ailments(config, known)
    for name, said in config.models.items():
        yield from model_ailments(name, said, known)


def refusal(check: Callable[[], object], where: str) -> str | None:
    """What a check refuses, and where that stands in the file; None where it refuses nothing."""
    try:
        check()
    except RetrueError as error:
        return f"{where} of {FILE}: {error}"
    return None


def importable(module: str) -> bool:
    """Whether a module is there, from the current folder, too, as the service would look for it."""
    sys.path.insert(0, str(Path.cwd()))
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
    finally:
        sys.path.remove(str(Path.cwd()))


def mlflow_ailments(uri: str | None) -> Iterator[str]:
    """Whether MLflow is installed where it is asked for, and its server answers."""
    if uri is None:
        return
    if find_spec("mlflow") is None:
        yield 'mlflow.tracking_uri is set, but MLflow isn\'t installed. Hint: pip install "retrue[mlflow]"'
    if uri.startswith(("http://", "https://")) and (why := silence_of(uri)) is not None:
        from retrue.adapters.mlflow import hidden

        yield f"MLflow at {hidden(uri)} doesn't answer ({why}). Hint: start it, or correct mlflow.tracking_uri"


def silence_of(url: str) -> str | None:
    """Why nobody takes a connection at the host and port of a URL; None where somebody does."""
    import socket
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), timeout=SECONDS).close()
    except (OSError, ValueError) as error:
        return str(error) or type(error).__name__
    return None


def server_ailments(config: Config, workspace: Workspace | None, store: str | None) -> Iterator[str]:
    """Whether the service could start as [server] says: its extra, its keys, and who could get in unasked."""
    from retrue.cli.serve import refuse_missing

    try:
        refuse_missing()
        from retrue.server import settings as server_settings
        from retrue.server.auth import binding
        from retrue.store.place import is_store

        read = server_settings.read(config.server)
        folder = shared.store_named(store) if workspace is None else str(workspace.folder)
        if workspace is not None or not is_store(folder, shared.store_catalog()):  # one that can't be opened is told
            binding.check(folder, read, None if workspace is None else workspace.store.catalog)
    except RetrueError as error:
        yield str(error)


def channel_ailments(config: Config, workspace: Workspace | None) -> Iterator[str]:
    """Whether each channel is understood, tells of models that there are, and would be heard; no URL is shown."""
    from retrue.jobs import channels

    names = None if workspace is None else [model.name for model in workspace.models()]
    for number, said in enumerate(config.channels, 1):
        where = f"[[channels]] {said.get('name') or f'number {number}'!r}"
        problem = refusal(partial(channels.read, said), where)
        if problem is not None:
            yield problem
            continue
        yield from unheard(f"{where} of {FILE}", channels.read(said).url)
        if names is not None:
            yield from unknown_models(f"{where} of {FILE}", said.get("models", ()), names)
    if workspace is not None:
        with workspace.store.catalog.read() as tx:
            kept = channels.of_store(tx)
        for one in kept:
            yield from unheard(f"the channel {one.name!r} of the store", one.url)


def unheard(where: str, url: str) -> Iterator[str]:
    """Why nobody would hear a channel: Apprise doesn't understand it, or its server doesn't answer."""
    from retrue.adapters.notify import server_of

    try:
        server = server_of(url)
    except RetrueError as error:
        yield f"{where}: {error}"
        return
    if server is not None and (why := silence_of(f"//{server}")) is not None:
        yield f"{where}: {server} doesn't answer ({why}). Hint: start it, or correct the channel's URL"


def unknown_models(where: str, names: Iterable[str], known: Collection[str]) -> Iterator[str]:
    """The models that are named, and that the store doesn't have."""
    for name in names:
        if name not in known:
            hint = (
                nearest(name, known) or f"register it, or take it out: the store has {', '.join(known) or 'no models'}"
            )
            yield f"{where}: no model {name!r}. Hint: {hint}"


def retention_ailments(config: Config, known: dict[str, Model] | None) -> Iterator[str]:
    """Whether ages are understood, and are those of models that there are."""
    from retrue.store.retention import Retention

    try:
        ages = Retention.of(config.retention, f"[retention] of {FILE}")
    except RetrueError as error:
        yield str(error)
        return
    if known is not None:
        yield from unknown_models(f"[retention.models] of {FILE}", ages.models, known)


def model_ailments(name: str, said: ModelSettings, known: dict[str, Model] | None) -> Iterator[str]:
    """Whether a model's table is one of a model that there is, and its rules, columns and options suit that model."""
    from retrue.judge.rules import Rule

    table = f"models.{name}"
    model = None if known is None else known.get(name)
    if model is None and known is not None:
        near = nearest(name, known)
        hint = f"{near} Otherwise: retrue register {name}" if near else f"retrue register {name}, or take the table out"
        yield f"[{table}] of {FILE}: the store has no model {name!r}. Hint: {hint}"
    columns = None if model is None else rule_columns(model)
    checks: list[Callable[[], object]] = [partial(Rule.parse, rule, columns) for rule in said.rules]
    if model is not None:
        checks += [partial(check_columns, said, model), partial(check_options, said, model)]
    for check in checks:
        if (problem := refusal(check, f"[{table}]")) is not None:
            yield problem


def rule_columns(model: Model) -> list[str] | None:
    """The columns that rules of a model can be about; None where its reference can't be read, which is told apart."""
    try:
        return list(model.reference.load().grids.columns)
    except RetrueError:
        return None


def check_columns(said: ModelSettings, model: Model) -> None:
    """See that the columns that a table names are the model's.

    Raises:
        SchemaError: one isn't, or plays two roles.
        ConfigError: a kind of privacy that isn't understood.
    """
    from retrue.schema.roles import ROLES, Roles, check_known
    from retrue.store.privacy import Privacy

    roles = Roles(**{role: getattr(said, role) for role in ROLES if role in said.model_fields_set})
    columns = {column.name for column in model.schema.columns}
    later = {column for column in (roles.label, *roles.feedback) if column is not None}
    roles.check([*columns, *later])
    for role, named in (("kinds", said.kinds), ("projections", said.projections)):
        for column in named or ():
            check_known(column, role, columns)
    Privacy(said.privacy or {})


def check_options(said: ModelSettings, model: Model) -> None:
    """See that what a table says of watching suits the model.

    Raises:
        RetrueError: a value that isn't understood, a metric that the model doesn't have, a feature that is none.
    """
    from retrue.judge.impacts import check_metric
    from retrue.workspace.options import Options
    from retrue.workspace.registering import check_watched

    options = Options.of({**said.options(), "rules": ()}, model.options.window)
    if options.impact is not None:
        check_metric(model.schema, options.impact)
    check_watched(options.watch, model.schema)
