"""Finds out who shows a proof in the middle of a conversation, beside the flow.

Audio never waits for it: the question is a task of its own, and its answer an input of the gate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from app.relay.tasks import Tasks
from app.session.identity import Proven, Unproven

VERIFY_SECONDS = 5.0
"""How long the question may take, whatever issuer or store does."""

LATE = Unproven("The token could not be checked in time. Try again.", retry_after=5.0)


class Verify(Protocol):
    """Whose proof this is: what the registry is handed, for all sessions."""

    async def __call__(self, token: str, origin: str | None) -> Proven | Unproven:
        """`origin` is that of the page which opened the session. Never raises for a bad token, or
        for an issuer or a store that does not answer."""


async def believe_nobody(token: str, origin: str | None) -> Proven | Unproven:  # noqa: ARG001
    """A `Verify` for where nobody can renew anything."""
    return Unproven("An identity cannot be renewed here. Connect again.")


class Proving:
    """The questions of one session, one at a time: the gate sees to that.

    `answered` gets each answer, `failed` a bug of the one who was asked; neither is called after
    `cancel()`. The owner then waits for `task`.
    """

    def __init__(
        self,
        verify: Verify,
        origin: str | None,
        tasks: Tasks,
        answered: Callable[[Proven | Unproven], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._verify = verify
        self._origin = origin
        self._tasks = tasks
        self._answered = answered
        self._failed = failed
        self.task: asyncio.Task[None] | None = None

    def ask(self, session_id: str, token: str) -> None:
        """Begins to find out. `token` is a secret."""
        self.task = self._tasks.spawn(f"identity {session_id}", self._ask(token))

    def cancel(self) -> None:
        """Nobody wants to know any more."""
        if self.task is not None:
            self.task.cancel()

    async def _ask(self, token: str) -> None:
        try:
            try:
                async with asyncio.timeout(VERIFY_SECONDS):
                    answer = await self._verify(token, self._origin)
            except TimeoutError:
                answer = LATE
            self._answered(answer)
        except Exception as error:
            self._failed(error)
