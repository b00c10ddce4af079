"""Commands about who may do what, and who did what: token create | list | revoke, audit."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from retrue.cli import shared
from retrue.cli.shared import JsonOption, StoreOption

PANEL = "Who may do what"

token = typer.Typer(help="Make, list and revoke what signs in to the service.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    token.command("create")(create)
    token.command("list")(list_tokens)
    token.command("revoke")(revoke)
    app.add_typer(token, name="token", rich_help_panel=PANEL)
    app.command("audit", rich_help_panel=PANEL)(audit)


def create(
    name: Annotated[str, typer.Argument(help="What the audit log calls whoever signs in with it.", metavar="NAME")],
    role: Annotated[str, typer.Option("--role", help="ingest, viewer, editor or admin.", metavar="ROLE")],
    model: Annotated[
        list[str] | None, typer.Option("--model", help="For this model, once for each; all.", metavar="MODEL")
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", help="Valid for so long: 12h, 90d; always.", metavar="LENGTH")
    ] = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Make a token, and show its secret once."""
    from retrue.config import parse_duration
    from retrue.workspace import clock, tokens

    until = None if expires is None else clock.now() + parse_duration(expires)
    with shared.open_store(store, create=True) as workspace:
        made = tokens.create(workspace.store.catalog, name, role, models=model or (), expires=until)
    if json:
        shared.print_json({**tokens.to_dict(made.token), "secret": made.secret})
        return
    typer.echo(made.secret)
    typer.echo(f"This is token {name!r} ({role}). Keep it now: it is not shown again.", err=True)


def list_tokens(store: StoreOption = None, json: JsonOption = False) -> None:
    """List the tokens, never their secrets."""
    from retrue.workspace import tokens

    with shared.open_store(store) as workspace:
        found = [tokens.to_dict(one) for one in tokens.tokens(workspace.store.catalog)]
    if json:
        shared.print_json(found)
        return
    if not found:
        typer.echo("No tokens yet. Next: retrue token create NAME --role admin")
        return
    from retrue.report.access import tokens_view

    shared.console().print(tokens_view(found))


def revoke(
    which: Annotated[str, typer.Argument(help="The token's name, or its id.", metavar="TOKEN")],
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """End a token, and the sessions that were begun with it."""
    from retrue.workspace import tokens

    with shared.open_store(store) as workspace:
        ended = tokens.revoke(workspace.store.catalog, which)
    if json:
        shared.print_json(tokens.to_dict(ended))
        return
    typer.echo(f"Token {ended.name!r} is revoked.")


def audit(
    model: Annotated[str | None, typer.Option("--model", help="Of this model only.", metavar="MODEL")] = None,
    most: Annotated[int, typer.Option("--most", help="At most so many entries.", min=1)] = 50,
    verify: Annotated[bool, typer.Option("--verify", help="Say whether it is as it was written.")] = False,
    store: StoreOption = None,
    json: JsonOption = False,
) -> int:
    """Show who changed what, the latest first.

    Exit status: 1 where an entry was altered, added or removed since it was written, and --verify found it.
    """
    from retrue.workspace import acting

    with shared.open_store(store) as workspace:
        if verify:
            return verified(workspace.verify_audit().to_dict(), json)
        found = [acting.to_dict(entry) for entry in workspace.audit(model, most=most)]
    if json:
        shared.print_json(found)
    elif not found:
        typer.echo("Nothing was changed yet.")
    else:
        from retrue.report.access import audit_view

        shared.console().print(audit_view(found))
    return 0


def verified(chain: dict[str, Any], json: bool) -> int:
    """Say what became of the chain; gives the exit status."""
    if json:
        shared.print_json(chain)
    else:
        from retrue.report.access import chain_view

        shared.console().print(chain_view(chain))
    return int(not chain["whole"])
