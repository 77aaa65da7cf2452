"""Log lines: how they are written, what is never in them, and the one line of each session.

Our own lines (structlog) and those of libraries (logging) end in one handler with one renderer.
Never written: event content, audio, transcripts, credentials, addresses with a query. Libraries
that print such things below WARNING stay at WARNING, whatever the level.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import logging
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.protocol.close_reasons import CloseReason, EndedBy
from app.protocol.names import Dialect
from app.telemetry.masking import mask_event

QUIET = (
    "asyncio",
    "azure",
    "h11",
    "httpcore",
    "httpx",
    "msal",
    "urllib3",
    "uvicorn",
    "uvicorn.access",
    "uvicorn.asgi",
    "uvicorn.error",
    "websockets",
    "websockets.client",
    "websockets.server",
)
"""Loggers that print headers, addresses or frames below WARNING (asyncio: names of tasks)."""

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_log = structlog.stdlib.get_logger("relay.session")


def configure(format: str | None = None, level: str = "info", stream: TextIO | None = None) -> None:  # noqa: A002
    """Sets up all logging of the process. Call it before anything logs; again to change it.

    `format` is `json`, `console` or None (console where `stream` is a terminal), `level` one of
    debug, info, warning and error. Lines go to `stream`, by default stderr, so that a command's
    own output stays clean. uvicorn must be given `log_config=None`, or it undoes this.
    """
    threshold = _LEVELS[level]
    if format not in {None, "json", "console"}:
        raise ValueError(f"log format {format!r}: use json or console")
    target = sys.stderr if stream is None else stream
    console = format == "console" or (format is None and target.isatty())
    shared: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        # Here and not in the console renderer, whose tracebacks would show local variables.
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    _install(_Handler(target), _formatter(shared, console, target), threshold)


def _formatter(shared: list[Processor], console: bool, target: TextIO) -> logging.Formatter:
    renderers: list[Processor] = (
        [
            _brief,
            _one_line,
            structlog.dev.ConsoleRenderer(
                colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
        if console
        else [_head_first, structlog.processors.JSONRenderer()]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            mask_event,
            *renderers,
        ],
    )


def _install(handler: logging.Handler, formatter: logging.Formatter, threshold: int) -> None:
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for other in list(root.handlers):
        if type(other) in {_Handler, logging.StreamHandler}:  # a second one would write unmasked
            root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(threshold)
    for name in QUIET:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(max(threshold, logging.WARNING))
    logging.captureWarnings(True)


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines. A record that cannot be formatted is not printed with its arguments, as the
    standard library would, because those are what has not been masked."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        error = sys.exc_info()[0]
        cause = error.__name__ if error else "unknown"
        with contextlib.suppress(OSError, ValueError):  # then there is nobody left to tell
            self.stream.write(f"a log record of {record.name!r} could not be written ({cause})\n")


def _head_first(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """When, how bad and what, before all else: for the eye that reads raw JSON."""
    head = {name: event.pop(name) for name in ("timestamp", "level", "event") if name in event}
    return {**head, **event}


_BRIEF = ("reason", "duration_s", "responses", "phase", "profile", "session_id")
"""What a person at a terminal wants of a session's end; JSON has it all."""


def _brief(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """One readable line for a session's end where a person looks on."""
    if event.get("event") != "session.closed":
        return event
    head = ("event", "level", "timestamp", "logger")
    return {name: event[name] for name in (*head, *_BRIEF) if name in event}


def _one_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keeps control characters off the terminal; tracebacks keep their lines."""
    for name, value in event.items():
        if isinstance(value, str) and name not in {"exception", "stack"}:
            event[name] = _CONTROL.sub(lambda found: repr(found[0])[1:-1], value)
    return event


def user_hash(key: bytes, principal_key: str) -> str:
    """Who a line is about, without saying who: HMAC-SHA-256, the first 16 hexadecimal digits."""
    return hmac.new(key, principal_key.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[
        :16
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """Everything that is worth knowing of a session after its end, and nothing of its content.

    `user` is a `user_hash`. `phase` is where the session stood when it ended. Close codes are None
    where no close frame went that way; a fault is the rule of the wire that this peer broke, in our
    words or the parser's, empty where it broke none. `client_in` is from the client, `client_out`
    to it; `upstream_in` from upstream, `upstream_out` to it. Bytes are payload bytes of whole
    frames. `verdicts` counts by the names of rules, which are ours.
    """

    session_id: str
    user: str
    reason: CloseReason
    ended_by: EndedBy
    phase: str
    client_code_received: int | None = None
    client_code_sent: int | None = None
    upstream_code_received: int | None = None
    upstream_code_sent: int | None = None
    client_fault: str = ""
    upstream_fault: str = ""
    duration_s: float = 0.0
    ready_after_ms: float | None = None
    dial_ms: float | None = None
    client_events_in: int = 0
    client_events_out: int = 0
    client_bytes_in: int = 0
    client_bytes_out: int = 0
    upstream_events_in: int = 0
    upstream_events_out: int = 0
    upstream_bytes_in: int = 0
    upstream_bytes_out: int = 0
    audio_in_ms: float = 0.0
    responses: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_total: int = 0
    verdicts: Mapping[str, int] = field(default_factory=dict)
    unknown_events_dropped: int = 0
    errors_sent: int = 0
    deployment: str = ""
    api_version: str | None = None
    upstream_request_id: str | None = None
    profile: str = ""
    dialect: Dialect = Dialect.PREVIEW


def session_closed(summary: SessionSummary) -> None:
    """Writes the one line of a session, at INFO. The caller owes exactly one for each session."""
    fields: dict[str, Any] = asdict(summary)
    for name in ("duration_s", "ready_after_ms", "dial_ms", "audio_in_ms"):
        if fields[name] is not None:
            fields[name] = round(fields[name], 3 if name == "duration_s" else 1)
    _log.info("session.closed", **fields)
