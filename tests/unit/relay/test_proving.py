"""A proof is verified beside the flow, within a deadline, and for a session that still lives."""

from __future__ import annotations

import asyncio

import pytest

from app.relay import proving
from app.relay.proving import LATE, Proving, Verify, believe_nobody
from app.relay.tasks import Tasks
from app.session.identity import Proven, Unproven

PROVEN = Proven("issuer|alice", 60.0, 1.0)


class Session:
    """What the answers are told to."""

    def __init__(self, verify: Verify, origin: str | None = None) -> None:
        self.tasks = Tasks()
        self.answers: list[Proven | Unproven] = []
        self.failures: list[Exception] = []
        self.proving = Proving(
            verify, origin, self.tasks, self.answers.append, self.failures.append
        )

    async def asked(self) -> None:
        self.proving.ask("sess_1", "a-secret")
        assert self.proving.task is not None
        assert "a-secret" not in repr(self.proving.task)
        await asyncio.wait([self.proving.task], timeout=5)
        assert not len(self.tasks)


async def test_the_answer_comes_back_with_the_origin_of_the_session() -> None:
    seen: list[tuple[str, str | None]] = []

    async def verify(token: str, origin: str | None) -> Proven:
        seen.append((token, origin))
        return PROVEN

    session = Session(verify, "https://app.example.com")
    await session.asked()
    assert session.answers == [PROVEN]
    assert seen == [("a-secret", "https://app.example.com")]


async def test_whoever_takes_too_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "VERIFY_SECONDS", 0.05)

    async def verify(token: str, origin: str | None) -> Proven:
        await asyncio.Event().wait()
        return PROVEN

    session = Session(verify)
    await session.asked()
    assert session.answers == [LATE]
    assert LATE.retry_after


async def test_a_bug_of_the_one_who_is_asked_is_told_as_one() -> None:
    async def verify(token: str, origin: str | None) -> Proven:
        raise RuntimeError("planted")

    session = Session(verify)
    await session.asked()
    assert (session.answers, [str(error) for error in session.failures]) == ([], ["planted"])


async def test_nobody_hears_the_answer_after_the_end() -> None:
    release = asyncio.Event()

    async def verify(token: str, origin: str | None) -> Proven:
        await release.wait()
        return PROVEN

    session = Session(verify)
    session.proving.cancel()  # nothing was asked yet
    session.proving.ask("sess_1", "a-secret")
    await asyncio.sleep(0)
    release.set()
    session.proving.cancel()
    assert session.proving.task is not None
    await asyncio.wait([session.proving.task], timeout=5)
    assert (session.answers, session.failures) == ([], [])


async def test_where_nobody_is_believed_the_client_is_told_to_connect_again() -> None:
    session = Session(believe_nobody)
    await session.asked()
    (answer,) = session.answers
    assert isinstance(answer, Unproven)
    assert "Connect again" in answer.message
