"""RFC 6455 row by row, on both wires and both loops, with an echo behind the wire under test."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace

import pytest

from app.wire.upstream import Unreachable, connect
from app.wire.wire import CLIENT_WIRE
from tests.harness import echo

from . import conformance
from .case import CLOSE, PING, Case
from .conformance_text import utf8
from .peer import Peer, dial, listener
from .rig import accepting, plain_target, read_head, read_request, serving, upgrade

LIMITS = replace(CLIENT_WIRE, max_message=conformance.LIMIT)
CASES = [
    *conformance.framing(),
    *conformance.pings(),
    *conformance.reserved(),
    *conformance.opcodes(),
    *conformance.fragmentation(),
    *utf8(),
    *conformance.closing(),
    *conformance.large(),
    *conformance.other(),
]
SECTIONS: dict[str, list[Case]] = defaultdict(list)
for _case in CASES:
    SECTIONS[_case.section].append(_case)

Dial = Callable[[], Awaitable[Peer]]


@asynccontextmanager
async def browser_echo() -> AsyncIterator[Dial]:
    """Our server echoes; the peer is a raw client."""

    async def enter() -> Peer:
        reader, writer = await dial(port)
        peer = Peer(reader, writer, client=True)
        peer.push(upgrade())
        assert (await read_head(reader))[0] == 101
        return peer

    async with serving(echo.app, LIMITS) as port:
        yield enter


@asynccontextmanager
async def upstream_echo() -> AsyncIterator[Dial]:
    """Our client echoes; the peer is a raw server."""
    arrived: asyncio.Queue[Peer] = asyncio.Queue()
    wires: list[echo.Echo] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, headers = await read_request(reader)
        peer = Peer(reader, writer, client=False)
        peer.push(accepting(headers["sec-websocket-key"]))
        arrived.put_nowait(peer)

    async def enter() -> Peer:
        target = plain_target(sock.getsockname()[1])
        wires.append(echo.Echo(await connect(target, LIMITS, timeout=5)))
        wires[-1].wire.attach(wires[-1])
        wires[-1].wire.start()
        return await arrived.get()

    sock = listener()
    server = await asyncio.start_server(answer, sock=sock, limit=2**16)
    try:
        yield enter
    finally:
        for each in wires:
            each.wire.abort()
        server.close()


WIRES = {"browser": browser_echo, "upstream": upstream_echo}


async def outcome(case: Case, peer: Peer) -> list[tuple[int, bytes]]:
    """What the peer got: messages and pongs with their payload, and the close frame's code."""
    got: list[tuple[int, bytes]] = []

    async def send() -> None:
        with suppress(ConnectionError):  # the wire may be done before all is said
            for piece in case.writes(peer.client):
                peer.push(piece)
                await peer.writer.drain()
                if len(piece) < 64 or case.chop == 0:
                    await asyncio.sleep(0)

    sending = asyncio.create_task(send())
    try:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while not got or got[-1][0] != CLOSE:
                frame = await peer.frame(10)
                assert frame.masked is not peer.client, "masked by the client alone"
                if frame.opcode != PING:
                    got.append((frame.opcode, frame.payload))
    finally:
        sending.cancel()
        await asyncio.wait([sending])
    return got


def wanted(case: Case) -> list[tuple[int, bytes]]:
    """What it ought to get; of a close frame the code alone counts."""
    code = case.answer if case.ends is None else case.ends
    return [*((each.opcode, each.payload) for each in case.back), (CLOSE, code.to_bytes(2, "big"))]


def brief(frames: list[tuple[int, bytes]]) -> str:
    return str([(opcode, payload[:20], len(payload)) for opcode, payload in frames[:6]])


async def judge(case: Case, enter: Dial) -> str | None:
    """Runs one row; None if it is as it must be. Nothing may follow the close frame but the end."""
    peer = await enter()
    try:
        got = [
            (opcode, payload[:2] if opcode == CLOSE else payload)
            for opcode, payload in await outcome(case, peer)
        ]
        if got != wanted(case):
            return f"{case.id} ({case.what}): {brief(got)} instead of {brief(wanted(case))}"
        if peer.client:
            if case.ends is not None:
                peer.close(case.ends)
            with suppress(ConnectionResetError):
                rest = await asyncio.wait_for(peer.reader.read(), 5)
                if rest:
                    return f"{case.id} ({case.what}): {rest[:20]!r} behind the close frame"
        return None
    finally:
        peer.drop()


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("section", SECTIONS)
async def test_every_case_of_a_section_ends_as_the_standard_says(section: str, wire: str) -> None:
    wrong: list[str] = []
    async with WIRES[wire]() as enter:
        for case in SECTIONS[section]:
            try:
                fault = await judge(case, enter)
            except (TimeoutError, AssertionError) as error:
                fault = f"{case.id} ({case.what}): {error!r}"
            if fault:
                wrong.append(fault)
    assert not wrong, "\n".join(wrong)


OFFERS = (
    "permessage-deflate",
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    "permessage-deflate; server_max_window_bits=8, permessage-deflate",
    "permessage-bzip2, x-webkit-deflate-frame",
)


@pytest.mark.parametrize("offer", OFFERS)
async def test_12_and_13_a_client_that_offers_compression_gets_a_plain_connection(
    offer: str,
) -> None:
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(echo.app, LIMITS))
        reader, writer = await dial(port)
        writer.write(upgrade("/ws", f"Sec-WebSocket-Extensions: {offer}"))
        status, headers = await read_head(reader)
        peer = Peer(reader, writer, client=True)
        assert status == 101
        assert "sec-websocket-extensions" not in headers
        peer.text("plain")
        assert (await peer.data()).payload == b"plain"
        compressed = bytes.fromhex("c1 87 00000000 f248cdc9c90700")  # RFC 7692, section 7.2.3.1
        peer.push(compressed)
        assert (await peer.data()).close[0] == 1002
        peer.drop()


async def test_12_and_13_upstream_is_offered_no_compression_and_may_not_choose_it() -> None:
    asked: list[dict[str, str]] = []
    left = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await read_request(reader))[1])
        extra = "Sec-WebSocket-Extensions: permessage-deflate"
        writer.write(accepting(asked[-1]["sec-websocket-key"], extra))
        with suppress(ConnectionError):
            await reader.read()
        writer.transport.abort()
        left.set()

    sock = listener()
    server = await asyncio.start_server(answer, sock=sock)
    with pytest.raises(Unreachable) as refused:
        await connect(plain_target(sock.getsockname()[1]), LIMITS, timeout=5)
    await asyncio.wait_for(left.wait(), 5)
    server.close()
    assert refused.value.kind == "not_http"
    assert "sec-websocket-extensions" not in asked[0]


def test_the_table_is_whole() -> None:
    """Ids are unique and each section of the suite that concerns us has rows."""
    ids = [case.id for case in CASES]
    assert len(ids) == len(set(ids))
    present = {case.id.partition(".")[0] for case in CASES}
    assert present == set(conformance.TITLES)
    assert all(case.ends in {None, 1002, 1003, 1007, 1009} for case in CASES)
