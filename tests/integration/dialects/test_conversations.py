"""Each flow of the protocol in four combinations of dialects.

The client sees what it would see of a service that speaks its own dialect, but for the differences
that docs/protocol.md lists.
"""

from __future__ import annotations

import copy
from typing import Any, get_args

import openai.types.beta.realtime as preview_types
import openai.types.realtime as ga_types
import pytest
from pydantic import BaseModel

from app.protocol.names import Dialect
from tests.harness.tools import tools_file
from tests.integration.dialects.conversing import Conversation, between, steady, words
from tests.integration.dialects.flows import FLOWS
from tests.integration.dialects.speech import GA, PREVIEW, Event

LAMP = {"type": "function", "name": "lamp", "description": "d", "parameters": {"type": "object"}}
SETTINGS: dict[str, Any] = {
    "session_instructions": "Be brief.",
    "session_tools": tools_file(LAMP),
    "session_transcription_model": "true-transcriber",
    "acts_per_second": 1000,
}


_TOLD: dict[tuple[str, Dialect, Dialect], Conversation] = {}


async def told(flow: str, speaks: Dialect, upstream: Dialect) -> Conversation:
    """The conversation, carried out once for all tests of this process."""
    key = (flow, speaks, upstream)
    if key not in _TOLD:
        async with between(FLOWS[flow], speaks, upstream, **SETTINGS) as conversation:
            _TOLD[key] = conversation
    return _TOLD[key]


# -- the documented differences ----------------------------------------------------------------


def as_translated(native: list[Event], speaks: Dialect) -> list[Event]:
    """What a client sees of a service of the other dialect, made from what it sees of its own."""
    view = [copy.deepcopy(event) for event in native]
    for event in view:
        kind = event["type"]
        if speaks is GA and kind == "conversation.item.done":
            event["event_id"] = "rly"  # preview services do not send it
        if speaks is GA and kind.endswith("input_audio_transcription.completed"):
            event["usage"] = {"type": "duration", "seconds": 0}  # nor count this
        if speaks is GA and "session" in event:
            event["session"]["audio"]["input"]["turn_detection"].pop("idle_timeout_ms", None)
        if speaks is PREVIEW and kind.endswith("input_audio_transcription.completed"):
            event["usage"] = {"type": "duration", "seconds": 2.5}
        if speaks is PREVIEW and "response" in event:
            event["response"].pop("temperature")
        if speaks is PREVIEW and kind == "response.function_call_arguments.done":
            event["name"] = "lamp"
    return view


def without_numbers(view: list[Event]) -> list[Event]:
    """Services number their events, and the two send a different number of them."""
    return [
        {**event, "event_id": "event"} if event["event_id"].startswith("event_") else event
        for event in view
    ]


@pytest.mark.parametrize("speaks", list(Dialect))
@pytest.mark.parametrize("flow", list(FLOWS))
async def test_the_client_sees_what_its_own_dialect_would_show(flow: str, speaks: Dialect) -> None:
    other = GA if speaks is PREVIEW else PREVIEW
    native = await told(flow, speaks, speaks)
    translated = await told(flow, speaks, other)
    expected = without_numbers(as_translated(steady(native.seen), speaks))
    assert [e["type"] for e in translated.seen] == [e["type"] for e in expected]
    assert without_numbers(steady(translated.seen)) == expected


@pytest.mark.parametrize("upstream", list(Dialect))
@pytest.mark.parametrize("flow", list(FLOWS))
async def test_the_service_is_told_what_a_client_of_its_own_dialect_would_say(
    flow: str, upstream: Dialect
) -> None:
    other = GA if upstream is PREVIEW else PREVIEW
    native, translated = await told(flow, upstream, upstream), await told(flow, other, upstream)
    assert steady(translated.told) == steady(native.told)
    assert steady([translated.configured]) == steady([native.configured])
    for event in (native.configured, *native.told):
        valid(without_references(event), CLIENT[upstream])


# -- against the types of OpenAI's package -----------------------------------------------------


def _models(union: Any) -> dict[str, type[BaseModel]]:
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(union)}


SERVER = {
    PREVIEW: _models(get_args(preview_types.RealtimeServerEvent)[0]),
    GA: _models(get_args(ga_types.RealtimeServerEvent)[0]),
}
CLIENT = {
    PREVIEW: _models(get_args(preview_types.RealtimeClientEvent)[0]),
    GA: _models(get_args(ga_types.RealtimeClientEvent)[0]),
}


def without_references(event: Event) -> Event:
    """`item_reference` stands in the API's documents, and not in the package's types."""
    context = event.get("response", {}).get("input")
    if context is None:
        return event
    items = [item for item in context if item["type"] != "item_reference"]
    return {**event, "response": {**event["response"], "input": items}}


def valid(event: Event, models: dict[str, type[BaseModel]]) -> None:
    """The package has the type, and every value that it demands is there and right."""
    models[event["type"]].model_validate(event)


@pytest.mark.parametrize("upstream", list(Dialect))
@pytest.mark.parametrize("speaks", list(Dialect))
@pytest.mark.parametrize("flow", list(FLOWS))
async def test_every_event_is_one_that_the_clients_package_knows(
    flow: str, speaks: Dialect, upstream: Dialect
) -> None:
    conversation = await told(flow, speaks, upstream)
    ids = [event["event_id"] for event in conversation.seen]
    assert len(set(ids)) == len(ids)
    for event in conversation.seen:
        valid(event, SERVER[speaks])
    for secret in ("true-model", "true-transcriber", "sess_upstream", "deployment-x", "dep-x"):
        assert secret not in words(conversation.seen)
