"""Structured logs to standard error, without secrets."""

from __future__ import annotations

import logging
import re
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_SECRET_KEYS = ("secret", "credential", "authorization", "password", "token", "bearer", "code", "cookie")
_PLAIN_KEYS = frozenset({"error_code", "retcode", "status_code", "exit_code", "code_name"})
# Sessions, API tokens, bridges' credentials and pairing codes, wherever they turn up.
_SECRETS = re.compile(r"so[stb]_[A-Za-z0-9_-]{16,}|SOS1-[A-Za-z2-7-]{16,}|(?<=://)[^/@\s:]+:[^/@\s]+(?=@)")
_REDACTED = "[redacted]"


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blank the values of keys that name secrets, and whatever looks like one of ours."""
    for key, value in event.items():
        if key not in _PLAIN_KEYS and any(word in key.lower() for word in _SECRET_KEYS):
            event[key] = _REDACTED
        elif isinstance(value, str):
            event[key] = _SECRETS.sub(_REDACTED, value)
    return event


def configure(log_format: str) -> None:
    """Set logging up for this process: `console`, or `json` with one object a line."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor]
    if log_format == "json":
        # The traceback becomes text first, so that what it quotes is looked through as well.
        last = [structlog.processors.format_exc_info, redact, structlog.processors.JSONRenderer()]
    else:
        plain = structlog.dev.plain_traceback
        last = [
            structlog.processors.format_exc_info,
            redact,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain),
        ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # Each migration says what it does; that it was done is said once, by us.
    logging.getLogger("alembic").setLevel(logging.WARNING)
