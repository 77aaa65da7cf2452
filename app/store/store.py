"""The interface behind which replicas share what they must share. Today: tickets.

A store keeps bytes; what they mean is its caller's affair. Every method is a coroutine, so that a
store on another machine slots in, and keeps its own deadline.
"""

from __future__ import annotations

from typing import Protocol


class StoreFull(Exception):  # noqa: N818  (it is an answer, not a fault)
    """A cap would be exceeded. `retry_after` is in seconds; the text is fit for the client."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TicketStore(Protocol):
    """Keeps live tickets, each under the hash of its value: the values themselves stay outside."""

    async def put_ticket(self, key: str, *, owner: str, record: bytes, seconds: float) -> None:
        """Keeps `record` under the fresh `key` for `seconds` of real time.

        `owner` is whom the ticket counts for. Raises `StoreFull` where the owner or the store has
        too many live ones; the caller turns that into a refusal.
        """

    async def take_ticket(self, key: str) -> bytes | None:
        """Removes and returns the record. Of any number of callers exactly one gets it; None for
        a key that is unknown, taken or expired."""
