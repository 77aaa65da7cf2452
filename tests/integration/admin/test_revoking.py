"""A revocation holds at the replica that was asked for it, whatever becomes of the shared store."""

from __future__ import annotations

import asyncio
import json
import time

import httpx

from tests.harness.client import client
from tests.harness.redis_server import redis_server
from tests.harness.relay import running_relay
from tests.harness.upstream import scripted_upstream
from tests.integration.endings import scenes

STREAM = "relay:{store}:revocations"


async def test_it_ends_the_session_at_once_where_the_clock_of_redis_has_gone_back() -> None:
    async with (
        scripted_upstream(scenes.ready) as upstream,
        redis_server() as redis,
        running_relay(
            upstream.address, redis_url=redis.url, user_hash_key="k" * 20, admin_port="0"
        ) as relay,
        httpx.AsyncClient(trust_env=False, timeout=10) as http,
        client(relay.address, user="ada") as ada,
    ):
        await ada.until("session.created")
        ahead = round(time.time() * 1000) + 3_600_000
        told = json.dumps(["session", "sess_" + "0" * 24, 60])
        redis.command("XADD", STREAM, f"{ahead}-0", "r", told)
        redis.command("PUBLISH", "relay:{store}:revoked", "1")
        await asyncio.sleep(0.5)
        redis.command("DEL", STREAM)
        named = {"user": {"issuer": "dev", "user": "ada"}}
        answer = await http.post(f"{relay.admin}/revocations", json=named)
        assert (answer.status_code, answer.json()["ended_here"]) == (202, 1)
        _, code, _ = await ada.rest(within=2)
        assert code == 4502
