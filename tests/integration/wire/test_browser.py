"""The client's side alone: the ASGI handshake, refusals, and the end of the server."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
import uvicorn
import websockets
from fastapi import FastAPI, HTTPException, WebSocket
from starlette.responses import JSONResponse

from app.wire.browser import BrowserWire, browser_wires
from app.wire.handshake import WIRE_EXTENSION
from app.wire.http import HeadLimits, http_with_limits

from .peer import TEXT, Peer, dial, listener
from .rig import LIMITS, Message, Recorder, TestServer, read_head, serving, upgrade


async def body_of(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(5):
        return await reader.read()


async def test_a_fastapi_route_accepts_attaches_and_returns() -> None:
    web, seen = FastAPI(), Recorder()

    @web.websocket("/ws")
    async def door(websocket: WebSocket) -> None:
        assert websocket.headers["x-odd"] == "ü"
        assert websocket.query_params["ticket"] == "t"
        await websocket.accept(subprotocol="realtime", headers=[(b"x-session", b"7")])
        wire: BrowserWire = websocket.scope["extensions"][WIRE_EXTENSION]
        seen.hooks["frame"] = lambda frame: wire.send(b"echo " + frame)
        wire.attach(seen)
        wire.start()

    async with serving(web) as port:
        reader, writer = await dial(port)
        writer.write(
            upgrade(
                "/ws?ticket=t",
                "Sec-WebSocket-Protocol: realtime, other",
                "Sec-WebSocket-Extensions: permessage-deflate",
                "X-Odd: \u00fc",
            )
            .decode()
            .encode("latin-1")
        )
        status, headers = await read_head(reader)
        assert status == 101
        assert headers["sec-websocket-protocol"] == "realtime"
        assert headers["x-session"] == "7"
        assert "sec-websocket-extensions" not in headers
        peer = Peer(reader, writer, client=True)
        await asyncio.sleep(0.05)  # the route has returned long since
        peer.text("hello")
        assert (await peer.data()).payload == b"echo hello"
        writer.close()


async def test_the_scope_is_what_uvicorn_makes_it() -> None:
    scopes: list[Message] = []

    async def app(scope: Message, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await send({"type": "websocket.close"})

    async with serving(app) as port:
        reader, writer = await dial(port)
        writer.write(upgrade("/a%20b?x=1&y=%C3%BC", "Sec-WebSocket-Protocol: a , b"))
        await read_head(reader)
        writer.close()
        own = writer.get_extra_info("sockname")
    (scope,) = scopes
    assert scope["type"] == "websocket"
    assert (scope["path"], scope["raw_path"]) == ("/a b", b"/a%20b")
    assert scope["query_string"] == b"x=1&y=%C3%BC"
    assert scope["subprotocols"] == ["a", "b"]
    assert (scope["scheme"], scope["http_version"]) == ("ws", "1.1")
    assert scope["client"] == own
    assert scope["server"] == ("127.0.0.1", port)
    assert (b"host", b"relay.test") in scope["headers"]
    assert scope["extensions"]["websocket.http.response"] == {}


async def test_a_real_client_talks_through_the_wire() -> None:
    seen = Recorder()

    async def app(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        wire = scope["extensions"][WIRE_EXTENSION]
        seen.hooks["frame"] = wire.send
        wire.attach(seen)
        wire.start()

    async with (
        serving(app) as port,
        websockets.connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as client,
    ):
        for text in ("one", "zwö" * 1000):
            await client.send(text)
            assert await client.recv() == text
        await client.close(4003, "bye")
        await seen.gone()
        assert (client.close_code, client.close_reason) == (4003, "bye")


async def test_a_route_can_refuse_with_status_headers_and_body() -> None:
    web = FastAPI()

    @web.websocket("/json")
    async def refuse(websocket: WebSocket) -> None:
        await websocket.send_denial_response(
            JSONResponse({"error": "no"}, status_code=429, headers={"Retry-After": "3"})
        )

    @web.websocket("/raise")
    async def raising(websocket: WebSocket) -> None:
        raise HTTPException(status_code=401, detail="who?")

    @web.websocket("/close")
    async def close(websocket: WebSocket) -> None:
        await websocket.close(4401)

    async with serving(web) as port:
        for path, wanted, text in (
            ("/json", 429, b'{"error":"no"}'),
            ("/raise", 401, b"who?"),
            ("/close", 403, b""),
        ):
            reader, writer = await dial(port)
            peer = Peer(reader, writer, client=True)
            # Megabytes behind the request: unread, they would turn the answer into a reset.
            peer.push(upgrade(path) + peer.build(TEXT, b"x" * 100_000) * 60)
            await asyncio.sleep(0.15)
            status, headers = await read_head(reader)
            assert status == wanted
            assert headers["connection"] == "close"
            body = await body_of(reader)
            assert text in body
            assert int(headers["content-length"]) == len(body)
            assert headers.get("retry-after") == ("3" if wanted == 429 else None)
            writer.close()


async def test_a_refusal_may_come_in_parts() -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "websocket.http.response.start", "status": 503, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"a", "more_body": True})
        await asyncio.sleep(0.02)
        await send({"type": "websocket.http.response.body", "body": b"b"})

    async with serving(app) as port:
        reader, writer = await dial(port)
        writer.write(upgrade())
        assert (await read_head(reader))[0] == 503
        assert await body_of(reader) == b"ab"
        writer.close()


async def test_an_exception_before_accept_is_a_plain_500(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        raise ValueError("secret detail")

    async with serving(app) as port:
        reader, writer = await dial(port)
        writer.write(upgrade("/ws?ticket=hush"))
        assert (await read_head(reader))[0] == 500
        body = await body_of(reader)
        writer.close()
    assert b"secret" not in body
    assert b"Traceback" not in body
    assert "secret detail" in caplog.text, "the stack goes to the log"
    assert "hush" not in caplog.text


@pytest.mark.parametrize("fails", [False, True])
async def test_a_route_that_ends_after_accept_without_attaching_closes_with_1011(
    fails: bool,
) -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        if fails:
            raise ValueError("bug")

    async with serving(app) as port:
        reader, writer = await dial(port)
        writer.write(upgrade())
        assert (await read_head(reader))[0] == 101
        assert (await Peer(reader, writer, client=True).data()).close == (1011, "")
        writer.close()


async def test_a_route_that_fails_after_attaching_is_its_owners_error() -> None:
    seen = Recorder()

    async def app(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        wire = scope["extensions"][WIRE_EXTENSION]
        seen.hooks["error"] = lambda _: wire.close(1011, "internal")
        wire.attach(seen)
        raise ValueError("bug")

    async with serving(app) as port:
        reader, writer = await dial(port)
        writer.write(upgrade())
        assert (await read_head(reader))[0] == 101
        assert (await Peer(reader, writer, client=True).data()).close == (1011, "internal")
        writer.close()
    assert [str(error) for error in seen.errors] == ["bug"]


async def test_an_unattached_route_may_close_after_accept() -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4500, "reason": "no ticket"})

    async with serving(app) as port:
        reader, writer = await dial(port)
        writer.write(upgrade())
        assert (await read_head(reader))[0] == 101
        peer = Peer(reader, writer, client=True)
        assert (await peer.data()).close == (4500, "no ticket")
        peer.close(4500)
        await peer.ended(0.5)
        writer.close()


@pytest.mark.parametrize(
    "message",
    [
        {"type": "websocket.send", "text": "x"},
        {"type": "websocket.http.response.start", "status": 200, "headers": []},
        {"type": "http.response.start", "status": 200, "headers": []},
        {"type": "websocket.accept"},
        {"type": "websocket.close", "code": 1000},
    ],
)
async def test_after_attach_no_asgi_message_reaches_the_stream(message: Message) -> None:
    raised: list[str] = []

    async def app(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        wire = scope["extensions"][WIRE_EXTENSION]
        wire.attach(Recorder())
        try:
            await send(message)
        except RuntimeError as error:
            raised.append(str(error))
        wire.send(b"intact")

    async with serving(app) as port:
        reader, writer = await dial(port)
        writer.write(upgrade())
        assert (await read_head(reader))[0] == 101
        assert (await Peer(reader, writer, client=True).frame()).payload == b"intact"
        writer.close()
    assert len(raised) == 1
    assert "use the wire" in raised[0]


async def test_receive_after_connect_says_what_to_do_instead() -> None:
    raised: list[str] = []

    async def app(scope: Message, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        try:
            await receive()
        except RuntimeError as error:
            raised.append(str(error))

    async with serving(app) as port:
        reader, writer = await dial(port)
        writer.write(upgrade())
        await read_head(reader)
        writer.close()
        await asyncio.sleep(0.02)
    assert "attach a receiver" in raised[0]


async def test_a_route_that_never_answers_is_answered_for_and_cancelled() -> None:
    cancelled = asyncio.Event()

    async def app(scope: Message, receive: Any, send: Any) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with serving(app, handshake_seconds=0.2) as port:
        reader, writer = await dial(port)
        writer.write(upgrade())
        status, _ = await read_head(reader)
        assert status == 503
        assert b"too long" in await body_of(reader)
        await asyncio.wait_for(cancelled.wait(), 1)
        writer.close()


async def test_the_handshakes_clock_counts_from_connecting() -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        await asyncio.sleep(60)

    async with serving(app, handshake_seconds=1.0) as port:
        reader, writer = await dial(port)
        await asyncio.sleep(0.5)
        begun = asyncio.get_running_loop().time()
        writer.write(upgrade())
        assert (await read_head(reader))[0] == 503
        assert asyncio.get_running_loop().time() - begun < 0.95
        writer.close()


async def test_a_client_that_leaves_during_the_handshake_makes_the_next_send_raise(
    caplog: pytest.LogCaptureFixture,
) -> None:
    web, outcome = FastAPI(), asyncio.Queue[BaseException | None]()

    @web.websocket("/ws")
    async def door(websocket: WebSocket) -> None:
        await asyncio.sleep(0.1)
        try:
            await websocket.accept()
        except BaseException as error:
            outcome.put_nowait(error)
            raise

    async with serving(web) as port:
        _, writer = await dial(port)
        writer.write(upgrade())
        await asyncio.sleep(0.03)
        writer.close()
        error = await asyncio.wait_for(outcome.get(), 2)
        await asyncio.sleep(0.02)
    assert isinstance(error, OSError), "as the ASGI specification has it"
    assert "Exception in ASGI" not in caplog.text


async def test_frames_before_accept_wait_and_too_many_stop_reading() -> None:
    go, seen = asyncio.Event(), Recorder()

    async def app(scope: Message, receive: Any, send: Any) -> None:
        await go.wait()
        await send({"type": "websocket.accept"})
        wire = scope["extensions"][WIRE_EXTENSION]
        wire.attach(seen)
        wire.start()

    async with serving(app, handshake_seconds=10) as port:
        reader, writer = await dial(port)
        peer = Peer(reader, writer, client=True)
        peer.push(upgrade())
        frames = [b"%06d" % n + b"x" * 10_000 for n in range(1200)]
        peer.text(*frames)
        assert await peer.stuck()
        go.set()
        assert (await read_head(reader))[0] == 101
        await seen.counts(len(frames))
        assert seen.frames == frames
        writer.close()


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        (upgrade(key="short"), 400),
        (upgrade("/ws", "Origin: https://a", "Origin: https://b"), 400),
        (upgrade().replace(b"Version: 13", b"Version: 8"), 400),
        (upgrade().replace(b"GET", b"POST"), 405),
        (upgrade().replace(b"HTTP/1.1", b"HTTP/1.0"), 505),
        (upgrade("/ws", "Content-Length: 5"), 400),
        (upgrade("/ws", "Transfer-Encoding: chunked"), 400),
        (upgrade("/ws", "Sec-WebSocket-Protocol: bad protocol,,"), 400),
    ],
)
async def test_an_odd_upgrade_is_always_answered(head: bytes, wanted: int) -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        raise AssertionError("the app is not asked")

    async with serving(app) as port:
        reader, writer = await dial(port)
        writer.write(head)
        assert (await read_head(reader))[0] == wanted
        await body_of(reader)
        writer.close()


async def test_the_end_of_the_server_closes_what_is_left_with_1012(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    waiting, seen = asyncio.Event(), Recorder()

    async def app(scope: Message, receive: Any, send: Any) -> None:
        if scope["path"] == "/slow":
            waiting.set()
            await asyncio.sleep(60)
        await send({"type": "websocket.accept"})
        scope["extensions"][WIRE_EXTENSION].attach(seen)

    config = uvicorn.Config(
        app,
        http=http_with_limits(HeadLimits()),  # type: ignore[arg-type]
        ws=browser_wires(replace(LIMITS, close_seconds=1.0)),  # type: ignore[arg-type]
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server, sock = TestServer(config), listener()
    running = asyncio.create_task(server.serve(sockets=[sock]))
    port = sock.getsockname()[1]
    while not server.started:
        await asyncio.sleep(0.01)
    reader, writer = await dial(port)
    writer.write(upgrade("/ws?ticket=hush"))
    await read_head(reader)
    slow_reader, slow_writer = await dial(port)
    slow_writer.write(upgrade("/slow"))
    await waiting.wait()
    server.should_exit = True
    peer = Peer(reader, writer, client=True)
    assert (await peer.data()).close == (1012, "")
    assert (await read_head(slow_reader))[0] == 503
    peer.close(1012)
    slow_writer.close()
    await seen.gone()
    with suppress(asyncio.CancelledError):
        await asyncio.wait_for(running, 5)
    writer.close()
    assert server.server_state.connections == set()
    assert server.server_state.tasks == set()
    assert "hush" not in caplog.text
