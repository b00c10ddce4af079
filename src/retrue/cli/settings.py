"""What `retrue.toml` says about a model, under what the command line says: the command line wins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retrue.errors import ConfigError


def registration(
    name: str,
    reference: str | None,
    roles: Mapping[str, Any],
    options: Mapping[str, Any],
    validation: str | None = None,
) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """The reference, roles and options to register a model with.

    Args:
        name: the model's; `[models.NAME]` is read.
        reference: the table, where the command line named one.
        roles: what the command line said about columns; None where nothing was said.
        options: what it said about watching.
        validation: the table that it was validated on, where the command line named one.

    Raises:
        ConfigError: nobody names a reference, or `retrue.toml` isn't understood.
    """
    from retrue import config

    file = config.find()
    said = config.load(file).models.get(name) if file is not None else None
    known_roles, known_options = (said.roles(), said.options()) if said is not None else ({}, {})
    table: Any = reference
    if table is None and said is not None and said.reference is not None and file is not None:
        table = placed(file, said.reference, f"models.{name}.reference")
    checked = validation
    if checked is None and said is not None and said.validation is not None and file is not None:
        checked = beside(file, said.validation)
    if table is None:
        raise ConfigError(
            f"no reference for {name!r}",
            expected=f"--reference TABLE, or reference = ... under [models.{name}] in {config.FILE}",
        )
    if "sources" in known_roles and file is not None:
        from retrue.workspace.pulling import written

        known_roles["sources"] = written(file, f"models.{name}.sources", known_roles["sources"])
    return table, {**known_roles, **given(roles), **given({"validation": checked})}, {**known_options, **given(options)}


def keep_of(share: str | None, always: list[str] | None) -> dict[str, Any] | None:
    """What was said about which events are kept whole."""
    if share is None and always:
        raise ConfigError("--keep-always without --keep", expected="the share of the others", hint="--keep '5 %'")
    return None if share is None else {"share": share, "always": always or []}


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was said."""
    return {name: value for name, value in values.items() if value is not None}


def placed(file: Path, said: str | Mapping[str, Any], where: str) -> Any:
    """A reference as the configuration means it: a path or URL, or a description of a table."""
    if isinstance(said, str):
        return beside(file, said)
    from retrue.sources import source_of

    return source_of(said, where).beside(file.parent)


def beside(file: Path, path: str) -> str:
    """A path as the configuration means it: relative to the file; URLs stay as they are."""
    return path if "://" in path else str(file.absolute().parent / Path(path).expanduser())
