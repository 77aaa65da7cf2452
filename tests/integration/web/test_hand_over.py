"""Between admission and attachment: the session never stays behind, whatever the server does."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from app.protocol.close_reasons import CloseReason
from app.wire.wire import Receiver
from tests.integration.web.peers import Built, build

Message = MutableMapping[str, Any]


class WireOfNobody:
    """A wire whose socket is of no interest here."""

    received = None
    bytes_in = bytes_out = 0

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def attach(self, receiver: Receiver) -> None:
        self.calls.append(("attach", receiver))

    def start(self) -> None:
        self.calls.append(("start",))

    def send(self, frame: bytes) -> None:
        self.calls.append(("send", frame))

    def close(self, code: int, text: str) -> None:
        self.calls.append(("close", code, text))

    def abort(self) -> None:
        self.calls.append(("abort",))

    def pause(self) -> None: ...

    def resume(self) -> None: ...


def handshake(*headers: tuple[bytes, bytes], wire: Any = None, path: str = "/ws") -> dict[str, Any]:
    extensions: dict[str, Any] = {"websocket.http.response": {}}
    if wire is not None:
        extensions["realtime.wire"] = wire
    return {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"authorization", b"Bearer dev-alice"), *headers],
        "subprotocols": [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "extensions": extensions,
    }


async def connect() -> Message:
    return {"type": "websocket.connect"}


async def offer(built: Built, scope: dict[str, Any], send: Any) -> None:
    async with asyncio.timeout(5):
        await built.app(scope, connect, send)


async def test_an_admitted_wire_is_attached_after_accept_and_the_route_returns() -> None:
    built, wire, sent = build(), WireOfNobody(), []

    async def send(message: Message) -> None:
        sent.append(message["type"])

    await offer(built, handshake(wire=wire), send)
    assert sent == ["websocket.accept"]
    assert wire.calls[0] == ("attach", built.sessions.sessions[0])
    assert built.sessions.sessions[0].abandoned == []


async def test_a_client_that_left_before_accept_gives_its_session_back() -> None:
    built, wire = build(), WireOfNobody()

    async def send(message: Message) -> None:
        raise OSError("gone")

    await offer(built, handshake(wire=wire), send)
    assert built.sessions.sessions[0].abandoned == [CloseReason.CLIENT_GONE]
    assert wire.calls == []


async def test_a_route_that_is_cancelled_while_accepting_gives_its_session_back() -> None:
    built, wire, reached = build(), WireOfNobody(), asyncio.Event()

    async def send(message: Message) -> None:
        reached.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(offer(built, handshake(wire=wire), send))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert built.sessions.sessions[0].abandoned == [CloseReason.INTERNAL_ERROR]


async def test_a_session_that_cannot_take_its_wire_is_given_back_and_the_server_is_told() -> None:
    built, wire = build(), WireOfNobody()
    built.sessions.attach_fails = True

    async def send(message: Message) -> None: ...

    with pytest.raises(RuntimeError, match="planted"):
        await offer(built, handshake(wire=wire), send)
    assert built.sessions.sessions[0].abandoned == [CloseReason.INTERNAL_ERROR]


async def test_a_refused_client_that_left_is_no_error() -> None:
    built, wire = build(), WireOfNobody()
    built.sessions.draining = True

    async def send(message: Message) -> None:
        raise OSError("gone")

    for headers in ([], [(b"origin", b"https://app.example.com")]):
        await offer(built, handshake(*headers, wire=wire), send)
    assert wire.calls == []


async def test_a_refusal_is_said_and_closed_on_a_wire_that_somebody_owns() -> None:
    built, wire = build(), WireOfNobody()

    async def send(message: Message) -> None: ...

    await offer(built, handshake((b"origin", b"null"), wire=wire), send)
    assert [call[0] for call in wire.calls] == ["attach", "send", "close"]
    assert wire.calls[2][1] == 4506
    wire.calls[0][1].on_error(RuntimeError("planted"))
    assert wire.calls[-1] == ("abort",)


async def test_more_than_one_origin_is_refused_where_a_server_lets_it_pass() -> None:
    built, wire = build(), WireOfNobody()

    async def send(message: Message) -> None: ...

    listed = (b"origin", b"https://app.example.com")
    await offer(built, handshake(listed, listed, wire=wire), send)
    assert b"more than one Origin" in wire.calls[1][1]
    assert built.sessions.opened == []


@pytest.mark.parametrize("headers", [[], [(b"origin", b"https://app.example.com")]])
async def test_a_server_without_our_wire_is_told_to_be_another_one(
    headers: list[tuple[bytes, bytes]],
) -> None:
    built, sent = build(), []

    async def send(message: Message) -> None:
        sent.append(message)

    await offer(built, handshake(*headers), send)
    assert sent[0]["type"] == "websocket.http.response.start"
    assert sent[0]["status"] == 500
    assert b"`realtime-relay serve`" in sent[1]["body"]
    assert (b"x-content-type-options", b"nosniff") in sent[0]["headers"]
    assert built.sessions.opened == []
