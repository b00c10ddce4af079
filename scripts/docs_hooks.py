"""What the documentation generates from the code, so that it can't be out of date.

* `reference/*.md`: one page for each module of the package, from its docstrings.
* `<!-- metrics -->` in a page becomes the table of registered metrics, `<!-- projections -->` that of projections,
  `<!-- commands -->` the list of commands and their options, `<!-- api -->` the requests that the service answers.

MkDocs calls the functions named `on_...`; tests/test_docs.py calls the ones that write tables.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from retrue.core.project import REGISTRY
from retrue.metrics import Metric, registered
from retrue.schema import Kind
from retrue.version import VERSION

SOURCE = Path(__file__).resolve().parent.parent / "src" / "retrue"


def modules() -> list[str]:
    """List the modules that get a page: all but private ones, the entry point and migrations."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        if any(part.startswith("_") or part == "migrations" for part in parts):
            continue
        found.append(".".join(parts))
    return sorted(found)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the reference at the end of the navigation, one group for each package."""
    groups: dict[str, list[dict[str, str]]] = {}
    for module in modules():
        parts = module.split(".")
        group = parts[1] if len(parts) > 1 and (SOURCE / parts[1]).is_dir() else "retrue"
        groups.setdefault(group, []).append({module.removeprefix("retrue."): f"reference/{module}.md"})
    top = groups.pop("retrue")
    config.nav = [*(config.nav or []), {"Reference": [*top, *({name: pages} for name, pages in groups.items())]}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Write the reference pages, each a heading and one instruction to mkdocstrings."""
    for module in modules():
        content = f"# `{module}`\n\n::: {module}\n"
        files.append(File.generated(config, f"reference/{module}.md", content=content))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replace each marker by what it stands for."""
    for marker, write in WRITERS.items():
        if marker in markdown:
            markdown = markdown.replace(marker, write())
    return markdown


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Write a Markdown table; bars and line breaks inside a cell are made harmless."""
    lines = [list(header), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    clean = (" | ".join(re.sub(r"\s+", " ", cell).replace("|", "\\|") for cell in line) for line in lines)
    return "\n".join(f"| {line} |" for line in clean)


def metrics() -> str:
    """Write one table for each family of registered metrics."""
    families: dict[str, list[Metric]] = {}
    for metric in registered():
        families.setdefault(metric.family, []).append(metric)
    header = ["metric", "what it is"]
    parts = (f"## {name.capitalize()}\n\n{table(header, map(row, found))}" for name, found in families.items())
    return "\n\n".join(parts)


def row(metric: Metric) -> list[str]:
    """Write one metric's cells: its name; what it is, and below what for, in which range, how exact, from where."""
    low, high = metric.range
    reach = f"{'-∞' if low is None else f'{low:g}'} to {'∞' if high is None else f'{high:g}'} {metric.unit}".strip()
    scope = ", ".join(str(what) for what in (*metric.kinds, *metric.tasks)) or f"whole {metric.of}"
    better = f"{metric.better} is better" if metric.better else ""
    facts = " · ".join(fact for fact in (scope, reach, better, metric.error, metric.source) if fact)
    return [f"`{metric.name}`", f"{metric.description}<br><small>{facts}</small>"]


def projections() -> str:
    """Write one table of projections for each kind of column."""
    header = ["projection", "what it is"]
    parts = []
    for kind in (Kind.TEXT, Kind.EMBEDDING, Kind.IMAGE):
        found = [one for one in REGISTRY.values() if kind in one.kinds]
        rows = [[f"`{one.name}`", one.description + ("" if one.default else " *Where asked for.*")] for one in found]
        parts.append(f"## {TITLES[kind]}\n\n{table(header, rows)}")
    return "\n\n".join(parts)


TITLES = {Kind.TEXT: "Texts", Kind.EMBEDDING: "Embeddings", Kind.IMAGE: "Images"}


def commands() -> str:
    """Write a section for each command: its help, then its arguments and options."""
    from retrue.cli.app import app

    found: dict[str, Any] = getattr(typer.main.get_command(app), "commands", {})
    return "\n\n".join(section(name, command) for name, command in with_parts(found) if not command.hidden)


def with_parts(commands: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    """Give each command with its name, and behind one that has commands of its own those."""
    for name, command in commands.items():
        yield name, command
        yield from ((f"{name} {part}", found) for part, found in getattr(command, "commands", {}).items())


def section(name: str, command: Any) -> str:
    """Write one command's section."""
    shown = [param for param in command.params if not getattr(param, "hidden", False)]
    rows = [[f"`{written(param)}`", getattr(param, "help", None) or ""] for param in shown]
    options = table(["argument or option", "what it is"], rows) if rows else ""
    return f"## retrue {name}\n\n{inspect.cleandoc(command.help or '')}\n\n{options}"


def written(param: Any) -> str:
    """Write a parameter as one types it: `REFERENCE`, `--json`, `--slice`."""
    if param.param_type_name == "argument":
        return str(param.name).upper()
    return ", ".join([*param.opts, *param.secondary_opts])


def api() -> str:
    """Write a table for each tag of the service: what is asked, what it does, what it takes."""
    from fastapi import FastAPI

    from retrue.server.app import ROUTERS

    app = FastAPI(title="Retrue", version=VERSION)
    for router in ROUTERS:
        app.include_router(router)
    groups: dict[str, list[list[str]]] = {}
    for path, methods in app.openapi()["paths"].items():
        for method, said in methods.items():
            row = [f"`{method.upper()} {path}`", said.get("description", ""), parameters(said)]
            groups.setdefault(said.get("tags", ["other"])[0], []).append(row)
    tables = (f"## {tag}\n\n{table(('request', 'what it does', 'takes'), rows)}" for tag, rows in groups.items())
    return "\n\n".join(tables)


def parameters(operation: dict[str, Any]) -> str:
    """Name what an operation takes besides its path: its query, its headers, its body."""
    named = [f"`{one['name']}`" for one in operation.get("parameters", []) if one["in"] in {"query", "header"}]
    bodies = operation.get("requestBody", {}).get("content", {})
    return ", ".join([*named, *(f"a body of `{form}`" for form in bodies)])


WRITERS: dict[str, Callable[[], str]] = {
    "<!-- metrics -->": metrics,
    "<!-- projections -->": projections,
    "<!-- commands -->": commands,
    "<!-- api -->": api,
}
