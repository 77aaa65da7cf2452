"""Events as the installed client library of OpenAI types them: a judge that nobody here wrote.

`types/realtime` is GA, `types/beta/realtime` is preview. The library reads leniently; here nothing
may be missing, of another type, or unknown to it, but for what the service sends and the types
leave out.
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec
from openai.types.beta.realtime import realtime_server_event as preview
from openai.types.realtime import RealtimeSessionCreateResponse
from openai.types.realtime import realtime_server_event as ga
from pydantic import BaseModel

from app.protocol.names import Dialect

Event = dict[str, Any]


def _by_type(union: Any) -> dict[str, type[BaseModel]]:
    models: tuple[type[BaseModel], ...] = get_args(get_args(union)[0])
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in models}


MODELS = {
    Dialect.GA: _by_type(ga.RealtimeServerEvent),
    Dialect.PREVIEW: _by_type(preview.RealtimeServerEvent),
}
_UNTYPED = {
    # The type of the event is that of a request; the answer's own is checked beside it.
    Dialect.GA: {"session.id", "session.object", "session.expires_at"},
    # Seen on the wire, and left out of the types or newer than them.
    Dialect.PREVIEW: {
        *("session.id", "session.object", "session.expires_at", "session.include"),
        *("session.input_audio_noise_reduction", "name"),
        "response.usage.input_token_details.cached_tokens_details",
    },
}


def validated(event: Event, dialect: Dialect) -> BaseModel:
    """The event as the library has it. Raises what pydantic raises, or AssertionError."""
    model = MODELS[dialect].get(event["type"])
    assert model is not None, f"{dialect} has no event {event['type']}"
    read = model.model_validate_json(msgspec.json.encode(event), strict=True)
    assert unknown(read) <= _UNTYPED[dialect], f"{event['type']}: {unknown(read)}"
    if dialect is Dialect.GA and event["type"] in ("session.created", "session.updated"):
        session = msgspec.json.encode(event["session"])
        whole = RealtimeSessionCreateResponse.model_validate_json(session, strict=True)
        assert unknown(whole) <= {"parallel_tool_calls"}
    return read


def unknown(value: Any, path: str = "") -> set[str]:
    """The paths of members that the model has no field for."""
    found: set[str] = set()
    if isinstance(value, BaseModel):
        found |= {f"{path}{name}" for name in value.model_extra or {}}
        for name in type(value).model_fields:
            found |= unknown(getattr(value, name), f"{path}{name}.")
    elif isinstance(value, list):
        for entry in value:
            found |= unknown(entry, path)
    return found
