"""A bug of ours ends the session that met it, in words that tell nothing, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from app.session.gate import Gate
from tests.harness.client import client
from tests.harness.leftovers import nothing_left
from tests.harness.relay import running_relay
from tests.harness.upstream import scripted_upstream
from tests.integration.endings import scenes

MARK = b"the.bug"


@pytest.mark.parametrize("entry", ["on_client", "on_upstream"])
async def test_a_bug_closes_both_ends_and_leaves_its_stack_in_the_log(
    entry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = getattr(Gate, entry)

    def broken(gate: Gate, *arguments: Any) -> Any:
        frame = next(value for value in arguments if isinstance(value, bytes))
        if MARK in frame:
            raise RuntimeError("nothing for a peer's eyes")
        return judged(gate, *arguments)

    monkeypatch.setattr(Gate, entry, broken)
    async with (
        scripted_upstream(scenes.ready) as scripted,
        running_relay(scripted.address) as relay,
        nothing_left(),
        client(relay.address, user="other") as other,
        client(relay.address, user="me") as me,
    ):
        await other.until("session.created")
        await me.until("session.created")
        event = {"type": "input_audio_buffer.cleared", "event_id": MARK.decode()}
        if entry == "on_client":
            await me.send(event | {"type": "input_audio_buffer.clear"})
        else:
            await scripted.connections[1].emit(event)
        events, code, text = await me.rest()
        line = await relay.one_closed()
        await other.send({"type": "session.update", "session": {"tracing": "auto"}})
        await other.until("session.updated")
    assert (code, text) == (1011, "Internal error.")
    assert events[-1]["error"]["code"] == "server_error"
    assert scripted.connections[1].close_code is not None
    assert "peer's eyes" not in str(events)
    assert line["reason"] == "internal_error"
    (failed,) = [logged for logged in relay.lines if logged["event"] == "session.failed"]
    assert failed["session_id"] == line["session_id"]
    assert failed["exc_info"]
