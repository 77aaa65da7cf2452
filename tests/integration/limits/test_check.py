"""`check` says what replicas would share, and whether Redis answers."""

from __future__ import annotations

import pytest

from app.cli.check_store import shared_state
from app.settings import load
from tests.harness.redis_server import redis_server
from tests.unit.test_settings import EMBEDDED

KEY = {"RELAY_USER_HASH_KEY": "sixteen-characters-or-more"}


async def test_without_redis_it_warns_of_replicas() -> None:
    fine, said, _ = await shared_state(load(EMBEDDED))
    assert fine
    assert "run one process only, or set RELAY_REDIS_URL" in said


async def test_a_redis_that_answers_is_fine_and_one_that_does_not_is_named() -> None:
    async with redis_server("--requirepass", "pass-word-1") as redis:
        right = redis.url.replace("//", "//:pass-word-1@")
        assert await shared_state(load(EMBEDDED | KEY | {"RELAY_REDIS_URL": right})) == (
            True,
            "Redis answers",
            "",
        )
        wrong = redis.url.replace("//", "//:pass-word-2@")
        fine, said, advice = await shared_state(load(EMBEDDED | KEY | {"RELAY_REDIS_URL": wrong}))
        assert not fine
        assert "pass-word" not in said + advice
        assert "RELAY_REDIS_URL" in advice


@pytest.mark.parametrize(
    ("memory", "policy", "warned"),
    [
        ("10mb", "allkeys-lru", True),
        ("10mb", "volatile-ttl", True),
        ("10mb", "noeviction", False),
        ("0", "allkeys-lru", False),
    ],
)
async def test_a_redis_that_would_forget_limits_is_warned_of(
    memory: str, policy: str, warned: bool
) -> None:
    async with redis_server("--maxmemory", memory, "--maxmemory-policy", policy) as redis:
        given = KEY | {"RELAY_REDIS_URL": redis.url}
        fine, said, advice = await shared_state(load(EMBEDDED | given))
    assert fine
    assert (policy in said) is warned
    assert ("noeviction" in advice) is warned


@pytest.mark.parametrize(("down", "fine"), [("refuse", False), ("local", True)])
async def test_a_redis_that_is_down_matters_where_sessions_are_refused_then(
    down: str, fine: bool
) -> None:
    given = KEY | {"RELAY_REDIS_URL": "redis://127.0.0.1:1", "RELAY_REDIS_DOWN": down}
    found, said, _ = await shared_state(load(EMBEDDED | given))
    assert found is fine
    assert "127.0.0.1:1" in said
