"""The operator's listener on a real socket: what it answers, to whom, and what it never shows."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.harness.client import client
from tests.harness.leftovers import nothing_left
from tests.harness.relay import running_relay
from tests.harness.upstream import scripted_upstream
from tests.integration.endings import scenes

TOKEN = "operators-token-0123456789"


def asking(**given: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(trust_env=False, timeout=10, **given)


async def raw(address: str, request: bytes) -> bytes:
    """What comes back on a socket of its own, to the end."""
    host, port = address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        async with asyncio.timeout(8):
            return await reader.read()
    finally:
        writer.close()


async def test_it_shows_live_sessions_by_hash_and_without_their_content() -> None:
    async with (
        nothing_left(),
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, admin_port="0") as relay,
        asking() as http,
    ):
        async with client(relay.address, user="ada.lovelace") as me:
            await me.until("session.created")
            await me.send({"type": "input_audio_buffer.append", "audio": "AAAAAAAA"})
            await asyncio.sleep(0.1)
            answer = await http.get(f"{relay.admin}/sessions")
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "no-store"
            (shown,) = answer.json()["sessions"]
        closed = await relay.one_closed()
        assert shown["session_id"] == closed["session_id"]
        assert shown["user"] == closed["user"]
        assert (shown["phase"], shown["profile"]) == ("ready", "guided")
        assert shown["client_events"] == 1
        assert 0 <= shown["age_s"] < 10
        assert "ada" not in answer.text
        assert "AAAA" not in answer.text
        await relay.idle()
        assert (await http.get(f"{relay.admin}/sessions")).json() == {
            "draining": False,
            "sessions": [],
            "refused": {},
        }


@pytest.mark.parametrize("by", ["hash", "name", "session"])
async def test_a_revocation_ends_the_session_at_once_and_says_so(by: str) -> None:
    async with (
        nothing_left(),
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, admin_port="0") as relay,
        asking() as http,
    ):
        async with (
            client(relay.address, user="ada") as ada,
            client(relay.address, user="eve") as eve,
        ):
            await ada.until("session.created")
            before = (await http.get(f"{relay.admin}/sessions")).json()["sessions"]
            (mine,) = [one for one in before if one["client_events"] == 0][:1]
            await eve.until("session.created")
            named: dict[str, Any] = {
                "hash": {"user": mine["user"]},
                "name": {"user": {"issuer": "dev", "user": "ada"}, "seconds": 60},
                "session": {"session": mine["session_id"]},
            }[by]
            began = asyncio.get_running_loop().time()
            answer = await http.post(f"{relay.admin}/revocations", json=named)
            assert answer.status_code == 202
            assert answer.json()["ended_here"] == 1
            events, code, _ = await ada.rest()
            assert asyncio.get_running_loop().time() - began < 2
            assert code == 4502
            assert events[-1]["error"]["code"] == "invalid_api_key"
            await eve.say("still here?")
            assert len((await http.get(f"{relay.admin}/sessions")).json()["sessions"]) == 1
            line = await relay.one_closed()
            assert (line["reason"], line["ended_by"]) == ("revoked", "auth")
            if by != "session":
                await refused_with(relay.address, 401)
            else:
                async with client(relay.address, user="ada") as again:
                    await again.until("session.created")


async def refused_with(address: str, status: int) -> None:
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus) as refused:
        async with client(address, user="ada"):
            pass
    assert refused.value.response.status_code == status


async def test_a_revoked_user_comes_back_when_the_time_is_over() -> None:
    async with (
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, admin_port="0") as relay,
        asking() as http,
    ):
        named = {"user": {"issuer": "dev", "user": "ada"}, "seconds": 1}
        answer = await http.post(f"{relay.admin}/revocations", json=named)
        assert answer.json()["ended_here"] == 0
        await refused_with(relay.address, 401)
        await asyncio.sleep(1.1)
        async with client(relay.address, user="ada") as again:
            await again.until("session.created")


async def test_a_drain_refuses_new_sessions_and_keeps_live_ones() -> None:
    async with (
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, admin_port="0") as relay,
        asking() as http,
    ):
        async with client(relay.address, user="eve") as eve:
            await eve.until("session.created")
            assert (await http.post(f"{relay.admin}/drain", json={"now": True})).status_code == 400
            assert (await http.get(f"{relay.http}/readyz")).status_code == 200
            answer = await http.post(f"{relay.admin}/drain", json={})
            assert (answer.status_code, answer.json()) == (202, {"draining": True, "sessions": 1})
            assert (await http.get(f"{relay.http}/readyz")).status_code == 503
            assert (await http.get(f"{relay.http}/livez")).status_code == 200
            await refused_with(relay.address, 503)
            await eve.say("still here?")
            assert (await http.get(f"{relay.admin}/sessions")).json()["draining"] is True


async def test_neither_listener_has_the_routes_of_the_other() -> None:
    async with (
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, admin_port="0") as relay,
        asking() as http,
    ):
        for path in ("/sessions", "/revocations", "/drain", "/healthz", "/metrics", "/ops"):
            for method in ("GET", "POST"):
                answer = await http.request(method, relay.http + path, json={})
                assert answer.status_code == 404, (method, path)
        for path in ("/tickets", "/livez", "/readyz", "/ws", "/", "/openai/realtime"):
            for method in ("GET", "POST"):
                answer = await http.request(method, relay.admin + path, json={})
                assert answer.status_code == 404, (method, path)
                assert answer.json()["error"]["message"].startswith("Nothing is here.")
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}  # fmt: skip
        assert (await http.get(f"{relay.admin}/ws", headers=upgrade)).status_code == 404


async def test_with_a_token_everything_but_health_asks_for_it() -> None:
    async with (
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, admin_port="0", admin_token=TOKEN) as relay,
        asking() as http,
    ):
        assert (await http.get(f"{relay.admin}/healthz")).json() == {"status": "alive"}
        for headers in ({}, {"Authorization": f"Bearer {TOKEN}x"}):
            answer = await http.get(f"{relay.admin}/sessions", headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert "RELAY_ADMIN_TOKEN" in answer.json()["error"]["message"]
            answer = await http.post(f"{relay.admin}/drain", json={}, headers=headers)
            assert answer.status_code == 401
        assert (await http.get(f"{relay.http}/readyz")).status_code == 200
        right = {"Authorization": f"Bearer {TOKEN}"}
        assert (await http.get(f"{relay.admin}/sessions", headers=right)).status_code == 200
        assert TOKEN not in json.dumps(relay.lines, default=str)
        assert [line for line in relay.lines if line["event"] == "admin.refused"]


async def test_a_page_of_another_origin_and_a_rebound_name_are_refused() -> None:
    async with (
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, admin_port="0") as relay,
        asking() as http,
    ):
        foreign = {"Origin": "https://evil.example"}
        answer = await http.post(f"{relay.admin}/drain", json={}, headers=foreign)
        assert answer.status_code == 403
        preflight = await http.options(
            f"{relay.admin}/drain",
            headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
        )
        assert preflight.status_code == 403
        assert "access-control-allow-origin" not in preflight.headers
        form = await http.post(f"{relay.admin}/drain", data={"a": "b"})
        assert form.status_code == 415
        rebound = await http.get(f"{relay.admin}/sessions", headers={"Host": "evil.example"})
        assert rebound.status_code == 421
        own = {"Origin": relay.admin}
        named = {"session": "sess_" + "0" * 24}
        answer = await http.post(f"{relay.admin}/revocations", json=named, headers=own)
        assert answer.status_code == 202
        assert (await http.get(f"{relay.http}/readyz")).status_code == 200


async def test_hostile_requests_are_answered_in_words_and_leave_nothing() -> None:
    async with (
        nothing_left(),
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, admin_port="0") as relay,
        asking() as http,
    ):
        url = f"{relay.admin}/revocations"
        json_type = {"Content-Type": "application/json"}
        for body in (b"", b"[", b"\xff\xfe", b"[" * 15_000, b'{"user": 1}'):
            answer = await http.post(url, content=body, headers=json_type)
            assert answer.status_code == 400
            assert "Traceback" not in answer.text
        answer = await http.post(url, content=b"x" * 20_000, headers=json_type)
        assert answer.status_code == 413
        assert (await http.put(url, json={})).status_code == 405
        head = b"GET /sessions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        assert b"431" in (await raw(relay.admin, head + b"X: y\r\n" * 101 + b"\r\n"))[:20]
        assert b"421" in (await raw(relay.admin, b"GET /sessions HTTP/1.0\r\n\r\n"))[:20]


async def test_a_bug_is_told_without_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, admin_port="0") as relay,
        asking() as http,
    ):

        def fails() -> Any:
            raise RuntimeError("planted secret")

        monkeypatch.setattr(relay.product.registry, "sessions", fails)
        answer = await http.get(f"{relay.admin}/sessions")
        assert answer.status_code == 500
        assert "planted" not in answer.text


async def test_without_a_port_there_is_no_admin_listener() -> None:
    async with (
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address) as relay,
    ):
        assert relay.admin == ""
        assert relay.product.admin is None
