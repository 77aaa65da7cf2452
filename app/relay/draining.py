"""How the sessions of a process end when it does: told, left alone for a while, closed in a row.

    SIGTERM --> told --> `within` seconds --> closed one after the other --> farewells
                              +--- the second signal ---> closed all at once ---+

Whoever is closed connects again, to another replica: all at once they would be its flood.
"""

from __future__ import annotations

import asyncio

import structlog

from app.protocol.close_reasons import CloseReason
from app.relay.live import Book

log = structlog.get_logger("relay.registry")

SPREAD_SECONDS = 5.0
"""In which the rest is closed at the longest; never longer than the drain itself."""

LONGEST_GAP = 0.1
"""Seconds between two closings: a few sessions need not be spread over the whole time."""

FAREWELL_SECONDS = 7.0
"""The close deadline of a wire, its abort, and a second."""


def tell(book: Book, seconds: float) -> None:
    """Tells every session when it will be closed (infinite: nobody knows)."""
    for live in book:
        live.draining(seconds)


async def drain(book: Book, within: float, hurry: asyncio.Event) -> None:
    """Ends all sessions of the book, to which no more may be added: after `within` seconds, or when
    `hurry` is set. Returns when the last farewell is over."""
    if len(book):
        log.info("drain.waiting", sessions=len(book), seconds=within)
    if within > 0:
        tell(book, within)
    if await book.emptied(within, hurry):
        return
    spread = 0.0 if hurry.is_set() else spread_of(len(book), within)
    log.warning("drain.ending", sessions=len(book), seconds=round(spread, 1))
    await _close(book, spread, hurry)
    await book.emptied(FAREWELL_SECONDS)


def spread_of(sessions: int, within: float) -> float:
    """Seconds over which so many sessions are closed after a drain of `within` seconds. PURE."""
    return min(SPREAD_SECONDS, within, sessions * LONGEST_GAP)


async def _close(book: Book, spread: float, hurry: asyncio.Event) -> None:
    """The first at once, the others evenly behind it, the oldest session first."""
    rest = list(book)
    loop = asyncio.get_running_loop()
    began, gap = loop.time(), spread / max(1, len(rest))
    for number, live in enumerate(rest):
        early = began + number * gap - loop.time()
        if early > 0 and not hurry.is_set() and await book.emptied(early, hurry):
            return
        live.end(CloseReason.DRAINING)
