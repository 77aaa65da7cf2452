"""The operator's listener of a real process: there until the drain is over, and then gone."""

from __future__ import annotations

import asyncio
import signal

import httpx
import pytest

from tests.harness.client import client
from tests.harness.process import Command, environment, run_in, run_to_listening, started
from tests.harness.upstream import scripted_upstream
from tests.integration.endings import scenes

TOKEN = "operators-token-0123456789"


def asking() -> httpx.AsyncClient:
    return httpx.AsyncClient(trust_env=False, timeout=5)


def ws(relay: Command) -> str:
    return relay.address.replace("http", "ws", 1)


async def test_sigterm_leaves_the_admin_listener_up_while_a_session_lives() -> None:
    async with (
        started("demo", "--port", "0", "--json", RELAY_DRAIN_SECONDS="20") as relay,
        asking() as http,
    ):
        async with client(ws(relay), user="ada") as ada:
            await ada.until("session.created")
            relay.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(5):
                while (await http.get(f"{relay.address}/readyz")).status_code != 503:
                    await asyncio.sleep(0.02)
            for _ in range(5):  # again and again: no single answer that was under way
                shown = (await http.get(f"{relay.admin}/sessions")).json()
                assert shown["draining"] is True
                assert len(shown["sessions"]) == 1
                await asyncio.sleep(0.1)
            named = {"session": shown["sessions"][0]["session_id"]}
            answer = await http.post(f"{relay.admin}/revocations", json=named)
            assert (answer.status_code, answer.json()["ended_here"]) == (202, 1)
            _, code, _ = await ada.rest()
            assert code == 4502
        assert await relay.ended(10) == 0  # the drain was over with its last session
        with pytest.raises(httpx.ConnectError):
            await http.get(f"{relay.admin}/healthz")


async def test_a_second_signal_ends_it_whatever_is_asked_of_the_admin_listener() -> None:
    async with (
        started("demo", "--port", "0", "--json", RELAY_DRAIN_SECONDS="60") as relay,
        asking() as http,
    ):
        async with client(ws(relay), user="ada") as ada:
            await ada.until("session.created")
            assert (await http.get(f"{relay.admin}/sessions")).status_code == 200  # kept alive
            port = int(relay.admin.rpartition(":")[2])
            _, half = await asyncio.open_connection("127.0.0.1", port)
            half.write(b"POST /revocations HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            relay.process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.3)
            relay.process.send_signal(signal.SIGTERM)
            _, code, _ = await ada.rest()
            assert code == 1012
            assert await relay.ended(12) == 0
            half.close()


async def test_serve_names_the_admin_listener_in_its_log_and_asks_for_its_token() -> None:
    async with scripted_upstream(scenes.ready) as upstream:
        environ = environment(
            RELAY_UPSTREAM="embedded",
            RELAY_EMBEDDED_ADDRESS=upstream.address,
            RELAY_EMBEDDED_KEY="key",
            RELAY_AUTH="dev",
            RELAY_PORT="0",
            RELAY_ADMIN_PORT="0",
            RELAY_ADMIN_HOST="0.0.0.0",
            RELAY_ADMIN_TOKEN=TOKEN,
            RELAY_LOG_FORMAT="json",
        )
        async with run_to_listening("serve", environ) as relay, asking() as http:
            port = relay.admin.rpartition(":")[2]
            url = f"http://127.0.0.1:{port}/sessions"
            assert (await http.get(url)).status_code == 401
            right = {"Authorization": f"Bearer {TOKEN}"}
            assert (await http.get(url, headers=right)).json()["sessions"] == []
            assert TOKEN not in "".join(relay.stderr)
            assert relay.lines("listening")[0]["open_files"]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"RELAY_ADMIN_PORT": "0", "RELAY_ADMIN_HOST": "0.0.0.0"}, "RELAY_ADMIN_TOKEN is missing"),
        ({"RELAY_REUSE_PORT": "true"}, "RELAY_REDIS_URL is missing"),
        ({"RELAY_REDIS_URL": "redis://127.0.0.1:1"}, "secrets.token_hex(32)"),
        (
            {"RELAY_REDIS_URL": "redis://:a?b@127.0.0.1:1", "RELAY_USER_HASH_KEY": "k" * 16},
            "RELAY_REDIS_URL cannot be used: the Redis URL",
        ),
    ],
)
async def test_serve_refuses_what_is_not_safe_and_says_how_to_mend_it(
    environ: dict[str, str], said: str
) -> None:
    usual = {
        "RELAY_UPSTREAM": "embedded",
        "RELAY_EMBEDDED_ADDRESS": "http://127.0.0.1:9",
        "RELAY_EMBEDDED_KEY": "key",
        "RELAY_AUTH": "dev",
        "RELAY_PORT": "0",
    }
    status, _, err = await run_in({**usual, **environ}, "serve")
    assert status == 2
    assert said in err
    assert "Traceback" not in err
