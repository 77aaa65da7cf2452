"""How many sockets this process may hold, and what is said when they run out.

Each session holds two. The usual soft limit is 1,024 descriptors, the hard one often a thousand
times that; a process may raise the one to the other by itself.
"""

from __future__ import annotations

import asyncio
import errno
import os
from typing import Any

import structlog

log = structlog.get_logger("relay.files")

OTHER_FILES = 100
"""Descriptors beside those of sessions: listeners, logs, connections to issuer and store."""

SHORT = (errno.EMFILE, errno.ENFILE)
QUIET_SECONDS = 10.0
FIX = "raise the limit of open files (ulimit -n, LimitNOFILE, the container's ulimits)"


def raise_limit(sessions: int) -> int | None:
    """Raises the soft limit to the hard one, and warns where `sessions` have no room in it.
    Returns what is in force; None where there is no limit."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError) as error:
            log.warning("files.limit_not_raised", soft=soft, hard=hard, why=str(error))
            hard = soft
    if hard == resource.RLIM_INFINITY:
        return None
    needed = 2 * sessions + OTHER_FILES
    if hard < needed:
        log.warning("files.too_few", limit=hard, sessions=sessions, needed=needed, hint=FIX)
    return hard


class Shortage:
    """Tells that no descriptor is left: once in a while, in words.

    asyncio's loop reports a failed accept to its exception handler, a hundred times at once;
    uvloop's lets the client go without a word to us. So whoever owns the loop calls `watch` as its
    handler, and `look` every second or so.
    """

    def __init__(self) -> None:
        self._told = -QUIET_SECONDS

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Becomes the loop's exception handler, in front of the one that it has."""
        usual = loop.get_exception_handler()

        def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            error = context.get("exception")
            if isinstance(error, OSError) and error.errno in SHORT:
                self._tell(error, loop.time())
            elif usual is not None:
                usual(loop, context)
            else:
                loop.default_exception_handler(context)

        loop.set_exception_handler(handle)

    def look(self, now: float) -> None:
        """Tries to open one more. `now` is the loop's time."""
        try:
            spare = os.open(os.devnull, os.O_RDONLY)
        except OSError as error:
            if error.errno in SHORT:
                self._tell(error, now)
        else:
            os.close(spare)

    def _tell(self, error: OSError, now: float) -> None:
        if now >= self._told + QUIET_SECONDS:
            self._told = now
            log.error("files.none_left", why=error.strerror, hint=FIX)
