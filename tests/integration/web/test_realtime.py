"""The WebSocket door over real sockets: who comes in, and how the others are told."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import socket
import struct
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from app.auth.principal import Principal
from app.auth.tickets import Minted
from app.protocol.close_reasons import CloseReason
from app.relay.registry import Opening, Refused
from app.wire.wire import CLIENT_WIRE
from tests.integration.web.peers import LISTED, SilentAuthenticator, build, page_folder
from tests.integration.web.served import Served, serve

KEY = "openai-insecure-api-key."
BEARER = ("Authorization", "Bearer dev-alice")
ALICE = Principal("alice", "dev")
Headers = list[tuple[str, str]]


def dial(
    served: Served,
    path: str = "/ws",
    *,
    headers: Headers | None = None,
    subprotocols: tuple[str, ...] = (),
) -> connect:
    return connect(
        f"ws://127.0.0.1:{served.port}{path}",
        additional_headers=headers or [],
        subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        compression=None,
        proxy=None,
        open_timeout=5,
        close_timeout=5,
    )


async def next_event(client: ClientConnection) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(await asyncio.wait_for(client.recv(), 5))
    return event


async def refused_by_status(served: Served, **how: Any) -> tuple[int, dict[str, str], Any]:
    """Status, headers and error of a refused handshake."""
    with pytest.raises(InvalidStatus) as refusal:
        await dial(served, **how)
    response = refusal.value.response
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    body = json.loads(response.body or b"")
    assert set(body) == {"error"}
    headers = {name.lower(): value for name, value in response.headers.raw_items()}
    return response.status_code, headers, body["error"]


async def refused_by_event(served: Served, **how: Any) -> tuple[int, str, Any]:
    """Close code, close text and error of a client that was let in to be told."""
    async with dial(served, **how) as client:
        event = await next_event(client)
        assert event["type"] == "error"
        assert event["event_id"].startswith("rly_")
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(client.recv(), 5)
        assert client.close_code is not None
        return client.close_code, client.close_reason or "", event["error"]


class TestComingIn:
    @pytest.mark.parametrize("path", ["/ws", "/ws/", "/openai/realtime", "/openai/realtime/"])
    async def test_a_bearer_header_opens_a_session_that_outlives_the_route(self, path: str) -> None:
        built = build()
        async with serve(built) as served:
            async with dial(served, path, headers=[BEARER]) as client:
                assert await next_event(client) == {"type": "session.created"}
                await client.send('{"type":"x"}')
                assert await next_event(client) == {"type": "x"}
                assert client.subprotocol is None
            await served.until(lambda: built.sessions.closed == 1)
        assert built.sessions.opened == [(ALICE, Opening(None, None, False))]
        assert built.sessions.sessions[0].abandoned == []

    async def test_a_subprotocol_credential_opens_a_session_and_is_not_selected(self) -> None:
        built = build()
        offered = (f"{KEY}dev-al.i.ce", "relay-events.v1", "realtime")
        async with serve(built) as served, dial(served, subprotocols=offered) as client:
            await next_event(client)
            assert client.subprotocol == "realtime"
        assert built.sessions.opened == [(Principal("al.i.ce", "dev"), Opening(None, None, True))]

    async def test_frames_sent_with_the_handshake_are_heard(self) -> None:
        built = build()
        async with serve(built) as served, dial(served, headers=[BEARER]) as client:
            for number in range(20):
                await client.send(json.dumps({"n": number}))
            await next_event(client)
            assert [(await next_event(client))["n"] for _ in range(20)] == list(range(20))

    @pytest.mark.parametrize(
        ("query", "model"),
        [
            ("", None),
            ("?model=gpt-4o", "gpt-4o"),
            ("?deployment=d&api-version=2024-10-01-preview&model=m", "d"),
            ("?deployment=&model=m", "m"),
            ("?deployment=&model=", None),
            ("?unknown=%00%ff&x", None),
            ("?model=" + "m" * 500, "m" * 128),
        ],
    )
    async def test_the_model_is_told_to_the_registry_and_the_rest_is_ignored(
        self, query: str, model: str | None
    ) -> None:
        built = build()
        path = f"/openai/realtime{query}"
        async with serve(built) as served, dial(served, path, headers=[BEARER]) as client:
            await next_event(client)
        assert built.sessions.opened[0][1].model == model

    async def test_a_listed_origin_and_the_own_page_come_in(self, tmp_path: Path) -> None:
        built = build(page=page_folder(tmp_path))
        async with serve(built) as served:
            for origin in (LISTED, f"http://127.0.0.1:{served.port}"):
                headers = [BEARER, ("Origin", origin)]
                async with dial(served, headers=headers) as client:
                    assert await next_event(client) == {"type": "session.created"}
                assert built.sessions.opened[-1][1].origin == origin


class TestTickets:
    async def mint(self, built: Any, origin: str | None) -> str:
        minted = await built.tickets.mint(ALICE, origin)
        assert isinstance(minted, Minted)
        return minted.value

    async def test_a_ticket_opens_one_session_from_its_page(self) -> None:
        built = build()
        value = await self.mint(built, LISTED)
        how: dict[str, Any] = {
            "headers": [("Origin", LISTED)],
            "subprotocols": ("realtime", KEY + value),
        }
        async with serve(built) as served:
            async with dial(served, **how) as client:
                assert await next_event(client) == {"type": "session.created"}
            code, text, error = await refused_by_event(served, **how)
        assert (code, error["code"]) == (4500, "invalid_api_key")
        assert "POST /tickets" in text
        assert "already used" in error["message"]
        assert value not in json.dumps(error)
        assert built.sessions.opened == [(ALICE, Opening(LISTED, None, False))]

    async def test_of_fifty_connections_with_one_ticket_exactly_one_gets_a_session(self) -> None:
        built = build()
        value = await self.mint(built, None)

        async def attempt(served: Served) -> str:
            async with dial(served, subprotocols=("realtime", KEY + value)) as client:
                return str((await next_event(client))["type"])

        async with serve(built) as served:
            told = await asyncio.gather(*(attempt(served) for _ in range(50)))
            await served.until_idle()
        assert sorted(told) == ["error"] * 49 + ["session.created"]
        assert len(built.sessions.opened) == 1

    async def test_a_ticket_may_stand_in_the_header_too(self) -> None:
        built = build()
        value = await self.mint(built, None)
        headers = [("Authorization", f"Bearer {value}")]
        async with serve(built) as served:
            async with dial(served, headers=headers) as client:
                assert await next_event(client) == {"type": "session.created"}
            status, _, error = await refused_by_status(served, headers=headers)
        assert (status, error["code"]) == (401, "invalid_api_key")

    async def test_a_ticket_of_another_origin_is_forbidden(self, tmp_path: Path) -> None:
        built = build(page=page_folder(tmp_path))
        value = await self.mint(built, LISTED)
        async with serve(built) as served:
            code, _, error = await refused_by_event(
                served,
                headers=[("Origin", f"http://127.0.0.1:{served.port}")],
                subprotocols=("realtime", KEY + value),
            )
        assert code == 4506
        assert "another origin" in error["message"]


Refusal = tuple[Headers, tuple[str, ...], CloseReason, str]

MISSING: Refusal = ([], (), CloseReason.UNAUTHENTICATED, "credential is missing")
WRONG: Refusal = ([("Authorization", "Bearer x")], (), CloseReason.UNAUTHENTICATED, "dev-NAME")
DOUBLE: Refusal = ([BEARER, BEARER], (), CloseReason.UNAUTHENTICATED, "more than one credential")

BY_STATUS = {"missing": MISSING, "wrong": WRONG, "double": DOUBLE}

BY_EVENT: dict[str, Refusal] = {
    **{
        f"{name}, from a page": ([*how[0], ("Origin", LISTED)], (), how[2], how[3])
        for name, how in BY_STATUS.items()
    },
    "missing, with subprotocols": ([], ("realtime",), MISSING[2], MISSING[3]),
    "two places": ([BEARER], ("realtime", f"{KEY}dev-bob"), DOUBLE[2], DOUBLE[3]),
    "two keys": ([], ("realtime", f"{KEY}dev-a", f"{KEY}dev-b"), DOUBLE[2], DOUBLE[3]),
    "foreign": ([BEARER, ("Origin", "https://evil.test")], (), CloseReason.FORBIDDEN, "evil.test"),
    "null": ([BEARER, ("Origin", "null")], (), CloseReason.FORBIDDEN, "without an origin"),
}

STATUS = {CloseReason.UNAUTHENTICATED: 401, CloseReason.FORBIDDEN: 403}
CODE = {CloseReason.UNAUTHENTICATED: 4500, CloseReason.FORBIDDEN: 4506}


class TestRefusals:
    @pytest.mark.parametrize("name", BY_STATUS)
    async def test_a_program_is_refused_by_status(self, name: str) -> None:
        headers, subprotocols, reason, words = BY_STATUS[name]
        built = build()
        async with serve(built) as served:
            status, answered, error = await refused_by_status(
                served, headers=headers, subprotocols=subprotocols
            )
            await served.until_idle()
        assert status == STATUS[reason]
        assert answered["www-authenticate"] == 'Bearer realm="realtime-relay"'
        assert words in error["message"]
        assert built.sessions.opened == []

    @pytest.mark.parametrize("name", BY_EVENT)
    async def test_a_browser_is_refused_by_an_event_that_it_can_read(self, name: str) -> None:
        headers, subprotocols, reason, words = BY_EVENT[name]
        built = build()
        async with serve(built) as served:
            code, text, error = await refused_by_event(
                served, headers=headers, subprotocols=subprotocols
            )
            await served.until_idle()
        assert code == CODE[reason]
        assert text
        assert words in error["message"]
        assert error["type"] == "invalid_request_error"
        assert built.sessions.opened == []

    async def test_two_origins_never_reach_the_door(self) -> None:
        """No browser sends two, so nobody needs to read an event: the wire's core answers."""
        built = build()
        headers = [BEARER, ("Origin", LISTED), ("Origin", LISTED)]
        async with serve(built) as served:
            with pytest.raises(InvalidStatus) as refusal:
                await dial(served, headers=headers)
        assert refusal.value.response.status_code == 400
        assert built.sessions.opened == []

    async def test_an_origin_can_be_required(self) -> None:
        async with serve(build(require=True)) as served:
            status, _, error = await refused_by_status(served, headers=[BEARER])
            assert (status, "RELAY_REQUIRE_ORIGIN" in error["message"]) == (403, True)

    @pytest.mark.parametrize("key", ["call_id", "intent"])
    async def test_another_kind_of_session_is_refused_in_words(self, key: str) -> None:
        built = build()
        async with serve(built) as served:
            path = f"/openai/realtime?{key}=x"
            status, _, error = await refused_by_status(served, path=path, headers=[BEARER])
            assert (status, f"'{key}'" in error["message"]) == (403, True)
            code, _, error = await refused_by_event(
                served, path=path, subprotocols=("realtime", f"{KEY}dev-a")
            )
            assert (code, f"'{key}'" in error["message"]) == (4506, True)
        assert built.sessions.opened == []

    async def test_a_query_credential_is_none(self) -> None:
        async with serve(build()) as served:
            path = "/ws?api-key=dev-alice&Authorization=Bearer+dev-alice"
            status, _, error = await refused_by_status(served, path=path)
        assert status == 401
        assert "alice" not in error["message"]

    async def test_an_unknown_path_names_the_right_one(self) -> None:
        async with serve(build()) as served:
            status, _, error = await refused_by_status(served, path="/nope", headers=[BEARER])
            assert (status, "/ws" in error["message"]) == (404, True)
            code, _, error = await refused_by_event(
                served, path="/nope", subprotocols=("realtime", f"{KEY}dev-a")
            )
            assert (code, "/ws" in error["message"]) == (4506, True)

    async def test_draining_says_when_to_come_back_before_anything_is_asked(self) -> None:
        built = build()
        built.sessions.draining = True
        async with serve(built) as served:
            status, answered, error = await refused_by_status(served)
            assert (status, answered["retry-after"]) == (503, "5")
            assert error["type"] == "server_error"
            code, text, error = await refused_by_event(served, headers=[("Origin", "null")])
        assert (code, error["retry_after_ms"]) == (1012, 5000)
        assert "restarting" in text

    async def test_too_many_sessions_say_when_to_come_back(self) -> None:
        built = build()
        built.sessions.refusal = Refused(CloseReason.TOO_MANY_SESSIONS, 2.5)
        async with serve(built) as served:
            status, answered, error = await refused_by_status(served, headers=[BEARER])
            assert (status, answered["retry-after"]) == (429, "3")
            assert error["code"] == "rate_limit_exceeded"
            code, _, error = await refused_by_event(
                served, subprotocols=("realtime", f"{KEY}dev-a")
            )
        assert (code, error["code"]) == (4006, "rate_limit_exceeded")
        assert error["retry_after_ms"] == 2500

    @pytest.mark.parametrize("where", ["authenticator", "registry"])
    async def test_a_bug_is_told_without_a_word_of_it(self, where: str) -> None:
        built = build(authenticator=SilentAuthenticator() if where == "authenticator" else None)
        built.sessions.bug = RuntimeError("planted")
        async with serve(built) as served:
            status, _, error = await refused_by_status(served, headers=[BEARER])
            assert (status, error["code"]) == (500, "server_error")
            assert "planted" not in error["message"]
            code, text, error = await refused_by_event(served, headers=[BEARER, ("Origin", LISTED)])
        assert (code, text) == (1011, "Internal error.")
        assert "planted" not in error["message"]

    async def test_an_identity_that_takes_for_ever_is_given_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.web.door.IDENTITY_SECONDS", 0.05)

        class Sleeping:
            def judge(self, bearer: str) -> None: ...

            async def authenticate(self, bearer: str) -> Principal:
                await asyncio.sleep(60)
                raise AssertionError

        async with serve(build(authenticator=Sleeping())) as served:
            status, _, _ = await refused_by_status(served, headers=[BEARER])
        assert status == 500


SELECTIONS = {
    ("realtime", f"{KEY}dev-a"): "realtime",
    (f"{KEY}dev-a", "realtime", "openai-beta.realtime-v1"): "realtime",
    (f"{KEY}dev-a",): None,
    ("relay-events.v1", f"{KEY}dev-a"): None,
    ("realtime", "relay-events.v1"): "realtime",
}


@pytest.mark.parametrize("offered", SELECTIONS)
@pytest.mark.parametrize("draining", [False, True])
async def test_the_selected_subprotocol_is_the_same_for_the_admitted_and_the_refused(
    offered: tuple[str, ...], draining: bool
) -> None:
    built = build()
    built.sessions.draining = draining
    async with serve(built) as served, dial(served, subprotocols=offered) as client:
        await next_event(client)
        assert client.subprotocol == SELECTIONS[offered]


async def test_a_refused_client_that_keeps_talking_and_never_closes_is_let_go_of() -> None:
    built = build()
    async with serve(built, dataclasses.replace(CLIENT_WIRE, close_seconds=1.0)) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(
            b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: null\r\n\r\n"
            + b"\x81\x82\x00\x00\x00\x00{}"
            * 50
        )
        started = asyncio.get_running_loop().time()
        told = await asyncio.wait_for(_read_to_end(reader), 5)
        assert asyncio.get_running_loop().time() - started < 3
        assert b"101 Switching Protocols" in told
        assert b'"code":"invalid_api_key"' in told
        assert b"\x11\x9aThis page" in told  # close code 4506 and its text
        writer.close()
        await served.until_idle()


async def test_a_client_that_leaves_while_it_is_admitted_leaves_nothing_behind() -> None:
    built = build()
    built.sessions.busy = asyncio.Event()
    async with serve(built) as served:
        for reset in (False, True):
            attempt = asyncio.create_task(_shake_and_leave(served.port, reset))
            await asyncio.wait_for(attempt, 5)
        await asyncio.sleep(0.1)
        built.sessions.busy.set()
        await served.until_idle()
    assert len(built.sessions.sessions) == 2
    for session in built.sessions.sessions:
        assert session.wire is not None or session.abandoned == [CloseReason.CLIENT_GONE]
    attached = [session for session in built.sessions.sessions if session.wire is not None]
    assert built.sessions.closed == len(attached)


async def test_a_plain_server_is_refused_with_the_command_to_use() -> None:
    built = build()
    async with serve(built, plain=True) as served:
        for subprotocols in ((), ("realtime", f"{KEY}dev-a")):
            status, _, error = await refused_by_status(
                served, headers=[] if subprotocols else [BEARER], subprotocols=subprotocols
            )
            assert (status, "realtime-relay serve" in error["message"]) == (500, True)
    assert built.sessions.opened == []


async def test_no_credential_reaches_a_log_or_an_answer(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "canary-7f3a"  # a valid user name, so that it also comes in
    shown: list[str] = []
    refused: list[dict[str, Any]] = [
        {"headers": [("Authorization", f"Basic {secret}")]},
        {"headers": [("Authorization", f"Bearer {secret}")]},
        {"headers": [("Authorization", f"Bearer ek_{secret}")]},
        {"headers": [("Authorization", f"Bearer dev-{secret}")] * 2},
        {"path": f"/ws?api-key={secret}"},
        {"path": f"/nope?api-key={secret}"},
        {"path": f"/ws?intent={secret}", "headers": [BEARER]},
    ]
    async with serve(build()) as served:
        for how in refused:
            shown.append(repr(await refused_by_status(served, **how)))
        for key in (secret, f"ek_{secret}", f"{secret}!"):
            how = {"subprotocols": ("realtime", KEY + key)}
            shown.append(repr(await refused_by_event(served, **how)))
        how = {"subprotocols": ("realtime", f"{KEY}dev-{secret}")}
        async with dial(served, f"/ws?api-key={secret}", **how) as client:
            shown.append(repr(await next_event(client)))
        await served.until_idle()
    ours = [record for record in caplog.records if record.name != "websockets.client"]
    shown.extend(record.getMessage() for record in ours)
    shown.extend(capfd.readouterr())
    assert any("door.refused" in text for text in shown)
    assert [text for text in shown if secret in text] == []


async def _shake_and_leave(port: int, reset: bool) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Authorization: Bearer dev-alice\r\n\r\n"
    )
    await writer.drain()
    await asyncio.sleep(0.1)
    if reset:
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.close()
    await writer.wait_closed()


async def _read_to_end(reader: asyncio.StreamReader) -> bytes:
    told = b""
    try:
        while chunk := await reader.read(65536):
            told += chunk
    except ConnectionResetError:
        pass
    return told
