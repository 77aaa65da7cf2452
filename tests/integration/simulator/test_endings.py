"""How connections end, politely and otherwise, and what the server survives."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.simulator.brain import Turn
from app.simulator.conversation import Conversation
from app.simulator.options import Options
from app.simulator.server import serve
from app.simulator.simulator import Simulator
from tests.integration.simulator.caller import Event, called, target
from tests.unit.simulator.talk import silence, types


async def closed(simulator: Simulator) -> None:
    """Waits until the server has let go of every connection."""
    for _ in range(500):
        if not any(record.open for record in simulator.journal.connections):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("a connection is still open")


async def test_a_session_expires_with_an_error_and_the_same_words_in_the_close_frame(
    nothing_left: None,
) -> None:
    async with await serve(Options(session_seconds=0.4)) as simulator, called(simulator) as caller:
        begun = time.monotonic()
        await caller.typed("Tell me a story.")
        await caller.send("response.create")
        events = await caller.until("error")
        sentence = "Your session hit the maximum duration of 1 minutes."
        assert events[-1]["error"]["code"] == "session_expired"
        assert events[-1]["error"]["message"] == sentence
        assert "response.done" not in types(events)
        assert await caller.ended() == (1001, sentence)
        assert time.monotonic() - begun < 3
        await closed(simulator)
        (record,) = simulator.journal.connections
        assert (record.close_code_sent, record.close_code_received) == (1001, 1001)


async def test_a_session_lasts_thirty_minutes(simulator: Simulator) -> None:
    before = time.time()
    async with called(simulator) as caller:
        await caller.send("session.update", session={})
        session = (await caller.next())["session"]
        assert before + 1798 <= session["expires_at"] <= time.time() + 1801


async def test_expiry_is_heard_by_a_client_that_is_still_sending(nothing_left: None) -> None:
    async with await serve(Options(session_seconds=0.5)) as simulator, called(simulator) as caller:

        async def talk() -> None:
            while True:
                await caller.append(silence(100))
                await asyncio.sleep(0)

        talking = asyncio.create_task(talk())
        assert (await caller.until("error"))[-1]["error"]["code"] == "session_expired"
        code, _ = await caller.ended()
        assert code == 1001
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)


async def test_a_client_that_does_not_read_is_dropped_at_expiry(nothing_left: None) -> None:
    options = Options(session_seconds=0.6, pace=None, close_seconds=0.3)
    async with await serve(options) as simulator, raw_caller(simulator) as (_, writer):
        flood(writer)
        await closed(simulator)
        (record,) = simulator.journal.connections
        assert record.sent["error"] == 1
        assert record.close_code_received is None


async def test_closing_the_server_does_not_wait_for_a_client_that_does_not_read(
    nothing_left: None,
) -> None:
    simulator = await serve(Options(pace=None, close_seconds=0.3))
    async with raw_caller(simulator) as (_, writer):
        flood(writer)
        (record,) = simulator.journal.connections
        for _ in range(500):
            if record.sent["conversation.item.retrieved"]:
                break
            await asyncio.sleep(0.01)
        begun = time.monotonic()
        await simulator.close()
        assert time.monotonic() - begun < 2
        assert not record.open


async def test_a_client_that_sends_its_end_of_file_first_is_no_fault_of_the_server(
    nothing_left: None, caplog: pytest.LogCaptureFixture
) -> None:
    async with await serve(Options(pace=None)) as simulator:
        async with raw_caller(simulator) as (reader, writer):
            flood(writer)
            writer.write_eof()
            async with asyncio.timeout(5):
                while await reader.read(65_536):
                    pass
        await closed(simulator)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_fault_of_the_simulator_ends_the_connection_with_1011(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Conversation, response_id: str) -> None:
        raise RuntimeError(response_id)

    monkeypatch.setattr(Conversation, "advance", broken)
    async with called(simulator) as caller:
        await caller.send("response.create")
        assert await caller.ended() == (1011, "Internal error.")
    assert "fault of the simulator" in caplog.text


RawCaller = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def raw_caller(simulator: Simulator) -> AsyncIterator[RawCaller]:
    """A WebSocket by hand, which reads nothing but the first line of the answer by itself."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", simulator.port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=1024)
    try:
        path = target(simulator).partition(f":{simulator.port}")[2]
        writer.write(
            f"GET {path}&api-key={simulator.options.key} HTTP/1.1\r\nHost: x\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        assert b"101" in await reader.readline()
        yield reader, writer
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


def flood(writer: asyncio.StreamWriter) -> None:
    """Asks for 20 MB of events."""
    audio = {"type": "input_audio", "audio": "A" * 1_000_000}
    item = {"type": "message", "role": "user", "id": "big", "content": [audio]}
    writer.write(masked({"type": "conversation.item.create", "item": item}))
    for _ in range(20):
        writer.write(masked({"type": "conversation.item.retrieve", "item_id": "big"}))


def masked(event: Event) -> bytes:
    """A text frame with an all-zero mask, which leaves the payload as it is."""
    payload = json.dumps(event).encode()
    length = len(payload)
    if length < 126:
        head = bytes([0x81, 0x80 | length])
    elif length < 65_536:
        head = bytes([0x81, 0x80 | 126]) + length.to_bytes(2, "big")
    else:
        head = bytes([0x81, 0x80 | 127]) + length.to_bytes(8, "big")
    return head + bytes(4) + payload


async def test_the_clients_close_code_is_in_the_journal(simulator: Simulator) -> None:
    async with called(simulator) as caller:
        await caller.socket.close(4321, "bye")
    await closed(simulator)
    (record,) = simulator.journal.connections
    assert (record.close_code_received, record.close_code_sent) == (4321, 4321)


async def test_a_client_that_vanishes_in_the_middle_of_a_response(nothing_left: None) -> None:
    async with await serve(Options(pace=1.0)) as simulator:
        async with called(simulator) as caller:
            await caller.typed("Tell me a story.")
            await caller.send("response.create")
            await caller.until("response.audio.delta")
            caller.socket.transport.abort()
        await closed(simulator)
        (record,) = simulator.journal.connections
        assert record.close_code_received is None


async def test_unreadable_frames_are_errors_and_the_socket_stays(simulator: Simulator) -> None:
    async with called(simulator) as caller:
        for frame in ("{", "[]", b"\x00\x01", b"{}", "nonsense"):
            await caller.socket.send(frame)
            assert (await caller.next())["type"] == "error"
        await caller.typed("still here")
        assert (await caller.next())["type"] == "conversation.item.created"
        (record,) = simulator.journal.connections
        assert record.received["other"] == 5


async def test_the_largest_audio_event_is_taken_and_a_larger_message_ends_with_1009(
    nothing_left: None,
) -> None:
    async with await serve(Options(max_message_bytes=22 * 1024 * 1024)) as simulator:
        async with called(simulator) as caller:
            await caller.send("session.update", session={"turn_detection": None})
            await caller.next()
            await caller.append(bytes(15 * 1024 * 1024))
            await caller.send("input_audio_buffer.commit")
            assert (await caller.next())["type"] == "input_audio_buffer.committed"
            await caller.next()
            await caller.socket.send("x" * (22 * 1024 * 1024 + 1))
            code, _ = await caller.ended()
            assert code == 1009
        await closed(simulator)
        assert simulator.journal.connections[0].close_code_sent == 1009


async def test_text_that_is_not_utf_8_ends_with_1007(simulator: Simulator) -> None:
    async with called(simulator) as caller:
        await caller.socket.send(b"\xff\xfe", text=True)
        code, _ = await caller.ended()
        assert code == 1007


async def test_closing_the_server_says_goodbye_to_everyone(nothing_left: None) -> None:
    simulator = await serve(Options(pace=1.0, close_seconds=1.0))
    async with called(simulator) as first, called(simulator) as second:
        await second.typed("Tell me a story.")
        await second.send("response.create")
        await second.until("response.audio.delta")
        begun = time.monotonic()
        await simulator.close()
        assert time.monotonic() - begun < 3
        assert (await first.ended())[0] == 1001
        assert (await second.ended())[0] == 1001
    await simulator.close()


async def test_closing_does_not_wait_for_a_peer_that_never_sent_its_request(
    nothing_left: None,
) -> None:
    simulator = await serve(Options())
    _reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    writer.write(b"GET /openai")
    await writer.drain()
    await asyncio.sleep(0.05)
    begun = time.monotonic()
    await simulator.close()
    assert time.monotonic() - begun < 1.5
    writer.transport.abort()
    await asyncio.sleep(0)


async def test_a_brain_that_fails_fails_the_response_alone(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(turn: Turn) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("app.simulator.studio.answer", broken)
    async with called(simulator) as caller:
        await caller.send("response.create")
        done = (await caller.until("response.done"))[-1]["response"]
        assert done["status"] == "failed"
        assert "secret" not in json.dumps(done)
        await caller.typed("still here")
        assert (await caller.until("conversation.item.created"))[-1]["item"]


async def test_a_transcription_that_fails_is_an_event(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(audio: bytes) -> str:
        raise RuntimeError

    monkeypatch.setattr("app.simulator.studio.transcribe", broken)
    async with called(simulator) as caller:
        session = {"turn_detection": None, "input_audio_transcription": {"model": "whisper-1"}}
        await caller.send("session.update", session=session)
        await caller.append(silence(200))
        await caller.send("input_audio_buffer.commit")
        failed = "conversation.item.input_audio_transcription.failed"
        assert (await caller.until(failed))[-1]["item_id"]
