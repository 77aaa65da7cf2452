"""One user who connects again and again is stopped in a way that clients understand."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from tests.harness.client import client
from tests.harness.relay import running_relay
from tests.harness.upstream import scripted_upstream
from tests.integration.endings import scenes


async def test_the_eleventh_session_in_a_minute_is_refused_with_the_time_to_come_back() -> None:
    async with (
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, openings_per_minute="10") as relay,
    ):
        for _ in range(10):
            async with client(relay.address, user="again") as me:
                await me.until("session.created")
            await relay.idle()
        with pytest.raises(InvalidStatus) as refused:
            async with client(relay.address, user="again"):
                pass
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["Retry-After"] == "6"
        async with client(relay.address, user="another") as me:
            await me.until("session.created")
        assert len(upstream.connections) == 11


async def test_connecting_again_renews_no_allowance() -> None:
    async with (
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, acts_per_second="1") as relay,
    ):
        async with client(relay.address, user="again") as me:
            await me.until("session.created")
            for _ in range(5):
                await me.send({"type": "input_audio_buffer.clear"})
        await relay.idle()
        async with client(relay.address, user="again") as me:
            await me.until("session.created")
            await me.send({"type": "input_audio_buffer.clear"})
            error = await me.next()
        assert error["error"]["code"] == "rate_limit_exceeded"
