"""The conversations of the protocol's fact sheet, each told by a client and a service of a dialect.

A flow is a list of steps: what the client says, and what the service answers to that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from app.protocol.names import Dialect
from tests.integration.dialects.speech import (
    AUDIO,
    GA,
    VAD,
    Event,
    Service,
    message,
    request,
    update,
)


@dataclass(frozen=True)
class Step:
    """`says`: the client's event, by its dialect. `hears`: the service's answer, by its own."""

    says: Callable[[Dialect], Event]
    hears: Callable[[Service], list[Event]] = field(default=lambda _service: [])
    session: bool = False  # answered with the session as it is then


def typed(text: str, item_id: str) -> Callable[[Dialect], Event]:
    return lambda dialect: {
        "type": "conversation.item.create",
        "event_id": "typ",
        "item": message(dialect, "user", text, item_id),
    }


def ask(**settings: object) -> Callable[[Dialect], Event]:
    return lambda dialect: request(dialect, **settings)


def plain(kind: str, **fields: object) -> Callable[[Dialect], Event]:
    return lambda _dialect: {"type": kind, **fields}


def user(service: Service, text: str, item_id: str, previous: str | None) -> list[Event]:
    return service.known(message(service.dialect, "user", text, item_id), previous)


TEXT_TURN = [
    Step(lambda d: update(d, modalities=["text"]), session=True),
    Step(typed("Hello", "item_u"), lambda s: user(s, "Hello", "item_u", None)),
    Step(ask(), lambda s: s.answers("resp_1", "item_a", "item_u", "text", "Hello to you")),
    Step(
        lambda d: {
            "type": "conversation.item.create",
            "previous_item_id": "item_a",
            "item": message(d, "user", "Again", "item_v"),
        },
        lambda s: user(s, "Again", "item_v", "item_a"),
    ),
    Step(
        plain("conversation.item.retrieve", item_id="item_a"),
        lambda s: [s.event("conversation.item.retrieved", item=s.said("item_a", "text", "Hello"))],
    ),
    Step(
        plain("conversation.item.delete", item_id="item_v"),
        lambda s: [s.event("conversation.item.deleted", item_id="item_v")],
    ),
]

AUDIO_TURN = [
    Step(lambda d: update(d, turn_detection=VAD, voice="coral"), session=True),
    Step(plain("input_audio_buffer.append", audio=AUDIO)),
    Step(
        plain("input_audio_buffer.append", audio=AUDIO),
        lambda s: [
            *s.spoken_by_user("item_u", None),
            *s.answers("resp_1", "item_a", "item_u", "audio", "I can hear you"),
            *s.transcribed("item_u", "Can you hear me?"),
        ],
    ),
    Step(
        plain("conversation.item.truncate", item_id="item_a", content_index=0, audio_end_ms=100),
        lambda s: [
            s.event(
                "conversation.item.truncated",
                item_id="item_a",
                content_index=0,
                audio_end_ms=100,
            )
        ],
    ),
]


def calls(service: Service) -> list[Event]:
    called = {"id": "item_c", "type": "function_call", "name": "lamp", "call_id": "call_1"}
    begun = {**called, "arguments": ""}
    ended = {"object": "realtime.item", "status": "completed", **called, "arguments": '{"on":1}'}
    place = {"response_id": "resp_1", "item_id": "item_c", "output_index": 0, "call_id": "call_1"}
    kind = "response.function_call_arguments"
    named = {} if service.dialect is not GA else {"name": "lamp"}
    return [
        service.begins("resp_1", "audio"),
        *service.item_begins("resp_1", begun, "item_u"),
        service.event(f"{kind}.delta", **place, delta='{"on":'),
        service.event(f"{kind}.delta", **place, delta="1}"),
        service.event(f"{kind}.done", **place, arguments='{"on":1}', **named),
        *service.item_ends("resp_1", ended, "item_u"),
        service.ends("resp_1", "audio", [ended]),
    ]


OUTPUT: Event = {"type": "function_call_output", "call_id": "call_1", "output": '{"lamp":"on"}'}

TOOL_CALL = [
    Step(typed("Light!", "item_u"), lambda s: user(s, "Light!", "item_u", None)),
    Step(ask(), calls),
    Step(
        plain("conversation.item.create", item={"id": "item_o", **OUTPUT}),
        lambda s: s.known({"id": "item_o", **OUTPUT}, "item_c"),
    ),
    Step(ask(), lambda s: s.answers("resp_2", "item_a", "item_o", "audio", "It is on")),
]


def begun(service: Service) -> list[Event]:
    """An answer of which the end has not come yet."""
    item = {"id": "item_a", "type": "message", "role": "assistant", "content": []}
    return [
        service.begins("resp_1", "audio"),
        *service.item_begins("resp_1", item, "item_u"),
        *service.streams("resp_1", "item_a", "audio", "Once upon a time")[:-2],
    ]


def cut(service: Service) -> list[Event]:
    """The person speaks, and the answer ends as it is."""
    cut_off = service.said("item_a", "audio", "Once upon", "incomplete")
    details = {"type": "cancelled", "reason": "turn_detected"}
    return [
        service.event("input_audio_buffer.speech_started", audio_start_ms=5, item_id="item_v"),
        *service.streams("resp_1", "item_a", "audio", "Once upon")[-2:],
        *service.item_ends("resp_1", cut_off, "item_u"),
        service.ends("resp_1", "audio", [cut_off], status="cancelled", status_details=details),
        *service.spoken_by_user("item_v", "item_a")[1:],
        *service.answers("resp_2", "item_b", "item_v", "audio", "Yes"),
    ]


INTERRUPTION = [
    Step(typed("Tell me a story", "item_u"), lambda s: user(s, "Tell...", "item_u", None)),
    Step(ask(), begun),
    Step(plain("input_audio_buffer.append", audio=AUDIO), cut),
    Step(
        plain("response.cancel", event_id="can"),
        lambda s: [
            s.error("response_cancel_not_active", "Cancellation failed: no active response found")
        ],
    ),
]


def beside(service: Service) -> list[Event]:
    mark = {"metadata": {"topic": "aside"}, "conversation_id": None}
    item = service.said("item_x", "text", "An aside")
    begun = {**item, "status": "in_progress", "content": []}
    return [
        service.begins("resp_x", "text", **mark),
        service.item_begins("resp_x", begun, None)[0],
        *service.streams("resp_x", "item_x", "text", "An aside"),
        *service.item_ends("resp_x", item, None, beside=True),
        service.ends("resp_x", "text", [item], **mark),
    ]


OUT_OF_BAND = [
    Step(typed("Hello", "item_u"), lambda s: user(s, "Hello", "item_u", None)),
    Step(
        lambda d: request(
            d,
            conversation="none",
            metadata={"topic": "aside"},
            modalities=["text"],
            input=[
                {"type": "item_reference", "id": "item_u"},
                message(d, "user", "What is that about?"),
            ],
        ),
        beside,
    ),
    Step(ask(), lambda s: s.answers("resp_1", "item_a", "item_u", "audio", "Hello")),
]


def refused(service: Service) -> list[Event]:
    path = {False: "session.turn_detection.type", True: "session.audio.input.turn_detection.type"}
    param = path[service.dialect is GA]
    return [service.error("invalid_value", f"Invalid value for '{param}' of sess_upstream.", param)]


ERRORS = [
    Step(lambda d: update(d, turn_detection=VAD), refused),
    Step(
        plain("input_audio_buffer.commit", event_id="com"),
        lambda s: [s.error("input_audio_buffer_commit_empty", "buffer of deployment-x too small")],
    ),
    Step(
        ask(),
        lambda s: [
            s.begins("resp_1", "audio"),
            s.ends(
                "resp_1",
                "audio",
                [],
                status="failed",
                status_details={
                    "type": "failed",
                    "error": {"type": "x", "code": "rate_limit_exceeded", "message": "of dep-x"},
                },
            ),
        ],
    ),
]

FLOWS: dict[str, list[Step]] = {
    "text turn": TEXT_TURN,
    "audio turn": AUDIO_TURN,
    "tool call": TOOL_CALL,
    "interruption": INTERRUPTION,
    "out of band": OUT_OF_BAND,
    "errors": ERRORS,
}
