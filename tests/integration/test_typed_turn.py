"""A typed turn through the relay, against the embedded upstream, over real sockets."""

from __future__ import annotations

import base64

from tests.harness.client import client
from tests.harness.embedded import embedded
from tests.harness.relay import running_relay


async def test_a_typed_turn_is_answered_with_audio_in_the_documented_order() -> None:
    async with embedded() as upstream, running_relay(upstream.address, upstream.key) as relay:
        async with client(relay.address) as me:
            assert (await me.next())["type"] == "session.created"
            await me.say("Hello")
            done = await me.until("response.done")
        line = await relay.one_closed()
    assert me.types()[:8] == [
        "session.created",
        "conversation.item.created",
        "response.created",
        "response.output_item.added",
        "conversation.item.created",
        "response.content_part.added",
        *me.types()[6:8],
    ]
    assert me.types()[-5:] == [
        "response.audio.done",
        "response.audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
    audio = b"".join(
        base64.b64decode(event["delta"])
        for event in me.seen
        if event["type"] == "response.audio.delta"
    )
    assert len(audio) > 24_000, "half a second of sound at least"
    assert max(audio[1::2]) > 0, "and it is not silence"
    assert done["response"]["status"] == "completed"
    assert line["reason"] == "client_closed"
    assert line["responses"] == 1
