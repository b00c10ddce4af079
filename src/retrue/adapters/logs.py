"""Logs: one JSON object a line on standard error, from all processes of the service and the libraries in them.

    {"at": "2026-03-14T09:26:53.589793Z", "level": "warning", "process": "web", "logger": "retrue.server", "event": ...}

What looks like a secret is struck out before it is written, wherever in a line it stands: tokens of Retrue, passwords
in addresses, and the values of fields that are called like a secret.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Literal, TextIO

if TYPE_CHECKING:
    from structlog.typing import Processor, WrappedLogger

Level = Literal["debug", "info", "warning", "error"]
HIDDEN = "***"
"""What stands where a secret was."""
SECRETS = re.compile(r"\brt_[A-Za-z0-9_-]{8,}|(?<=[Bb]earer )\S+|(?<=://)[^\s/@]+(?=@)")
"""Tokens of Retrue, of others in a header, user and password in an address."""
NAMED = re.compile(r"token|secret|password|authorization|cookie|credential|api_?key", re.IGNORECASE)
"""What fields with secrets are called."""


def configure(process: str, level: Level = "info", stream: TextIO | None = None) -> None:
    """Let everything that this process logs be written so.

    Args:
        process: which one it is: "web", "commit", "jobs" ...
        level: the least level that is written.
        stream: where to; standard error unless given.
    """
    import structlog

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
        structlog.processors.UnicodeDecoder(),
        lambda _logger, _name, event: {**event, "process": process},
        hide,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(default=str),
        ],
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:], root.level = [handler], logging.getLevelName(level.upper())
    if level == "info":
        logging.getLogger("alembic").setLevel(logging.WARNING)  # a dozen lines of its own start-up tell nobody anything
    logging.captureWarnings(True)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def hide(_logger: WrappedLogger, _name: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Strike out what looks like a secret."""
    return {name: HIDDEN if NAMED.search(name) else hidden(value) for name, value in event.items()}


def hidden(value: Any) -> Any:
    """The same without secrets: text is searched, in lists and mappings as well.

    >>> hidden("POST with rt_0123456789abcdef to https://me:pass@example.org")
    'POST with *** to https://***@example.org'
    >>> hidden({"password": "x", "rows": [1, "Bearer abc"]})
    {'password': '***', 'rows': [1, 'Bearer ***']}
    """
    if isinstance(value, str):
        return SECRETS.sub(HIDDEN, value)
    if isinstance(value, Mapping):
        return {name: HIDDEN if NAMED.search(str(name)) else hidden(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [hidden(one) for one in value]
    return value
