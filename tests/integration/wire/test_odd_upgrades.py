"""Handshakes that are almost one, against the whole relay: each is answered, none is held."""

from __future__ import annotations

import asyncio

from tests.harness import echo
from tests.harness.relay import running_relay
from tests.harness.upstream import scripted_upstream
from tests.integration.endings import scenes

from .attacks import GOOD_UPGRADES, ODD_UPGRADES, UPGRADE, request
from .peer import Peer, dial
from .rig import read_head, serving


async def test_each_odd_upgrade_is_answered_in_words_and_let_go() -> None:
    wrong = []
    async with (
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address) as relay,
    ):
        for name, odd, allowed in ODD_UPGRADES:
            reader, writer = await dial(int(relay.address.rsplit(":", 1)[1]))
            writer.write(odd)
            status, _ = await read_head(reader)
            if status not in allowed:
                wrong.append(f"{name}: {status} instead of {allowed}")
            writer.write_eof()
            async with asyncio.timeout(5):
                await reader.read()
            writer.close()
        assert not upstream.connections
    assert not wrong, "\n".join(wrong)


async def test_each_good_spelling_of_an_upgrade_is_one() -> None:
    async with serving(echo.app) as port:
        for name, spelling in GOOD_UPGRADES.items():
            head = b"\r\n".join(
                [b"GET /ws HTTP/1.1", b"Host: x", *spelling, UPGRADE[2].encode(),
                 b"sec-websocket-version: 13", b"", b""]
            )  # fmt: skip
            reader, writer = await dial(port)
            writer.write(head)
            assert (await read_head(reader))[0] == 101, name
            peer = Peer(reader, writer, client=True)
            peer.text(name)
            assert (await peer.data()).payload == name.encode()
            peer.drop()


async def test_an_upgrade_behind_other_requests_in_one_segment_is_one() -> None:
    async with serving(echo.app) as port:
        reader, writer = await dial(port)
        peer = Peer(reader, writer, client=True)
        peer.push(request() + request(*UPGRADE) + peer.build(1, b"hello"))
        assert (await read_head(reader))[0] == 404
        async with asyncio.timeout(5):
            await reader.readuntil(b"HTTP/1.1 101")
            await reader.readuntil(b"\r\n\r\n")
        assert (await peer.data()).payload == b"hello"
        peer.drop()
