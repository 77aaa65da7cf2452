"""What well-behaved clients send, in either spelling: the ground on which attacks are built."""

from __future__ import annotations

import base64
from collections.abc import Callable
from random import Random
from typing import Any

from app.protocol.names import Dialect

Tree = dict[str, Any]
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
SOUND = base64.b64encode(bytes(range(96))).decode()
VOICES = ("alloy", "echo", "marin", "verse")
FORMATS = {
    "pcm16": {"type": "audio/pcm", "rate": 24000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}


def some(rng: Random, fields: Tree) -> Tree:
    """One field, a few, or all."""
    count = rng.choice((1, 1, 2, 3, len(fields)))
    return {key: fields[key] for key in rng.sample(list(fields), min(count, len(fields)))}


def turn_detection(rng: Random) -> Any:
    kind = rng.choice(("server_vad", "semantic_vad", None))
    if kind is None:
        return rng.choice((None, {"type": "none"}))
    flags = {"create_response": rng.random() < 0.5, "interrupt_response": True}
    if kind == "semantic_vad":
        return {"type": kind, **some(rng, {"eagerness": "low", **flags})}
    ranges = {"threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500}
    return {"type": kind, **some(rng, {**ranges, **flags, "idle_timeout_ms": 6000})}


def tool(name: str) -> Tree:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    return {"type": "function", "name": name, "description": "x", "parameters": parameters}


def tool_choice(rng: Random) -> Any:
    named = {"type": "function", "name": rng.choice(("lamp", "secret", "own"))}
    old = {"type": "function", "function": {"name": "lamp"}}
    return rng.choice(("auto", "none", "required", named, old))


def _shared(rng: Random) -> Tree:
    names = rng.sample(("lamp", "door", "own", "secret"), rng.randint(0, 3))
    return {
        "instructions": "Be a pirate.",
        "tools": [tool(name) for name in names],
        "tool_choice": tool_choice(rng),
    }


def _output(rng: Random, dialect: Dialect) -> Tree:
    voice, name = rng.choice(VOICES), rng.choice(list(FORMATS))
    modalities = rng.choice((["text"], ["audio"]))
    tokens = rng.choice((100, "inf", 100_000))
    if dialect is Dialect.GA:
        audio = some(rng, {"voice": voice, "format": FORMATS[name]})
        return {
            "output_modalities": modalities,
            "audio": {"output": audio},
            "max_output_tokens": tokens,
            "parallel_tool_calls": True,
        }
    both = ["text", "audio"] if modalities == ["audio"] else modalities
    return {
        "modalities": both,
        "voice": voice,
        "output_audio_format": name,
        "max_response_output_tokens": tokens,
        "temperature": rng.choice((0.8, 0.1, 2)),
    }


def session_update(rng: Random, dialect: Dialect) -> Tree:
    fields = _shared(rng) | _output(rng, dialect)
    fields |= {"model": "gpt-realtime", "tracing": "auto", "prompt": None}
    heard = {
        "turn_detection": turn_detection(rng),
        "transcription": {"model": "m", "language": rng.choice(("de", "en")), "prompt": "p"},
        "noise_reduction": {"type": "near_field"},
        "format": rng.choice(list(FORMATS)),
    }
    if dialect is Dialect.GA:
        heard["format"] = FORMATS[heard["format"]]
        output = fields["audio"]["output"] | {"speed": rng.choice((1.0, 9))}
        session = some(rng, {**fields, "type": "realtime"})
        session |= {"audio": {"input": some(rng, heard), "output": some(rng, output)}}
        return {"type": "session.update", "session": session}
    named = {
        "turn_detection": heard["turn_detection"],
        "input_audio_transcription": heard["transcription"],
        "input_audio_noise_reduction": heard["noise_reduction"],
        "input_audio_format": heard["format"],
        "speed": rng.choice((1.0, 9)),
    }
    return {"type": "session.update", "session": some(rng, fields | named)}


def part(rng: Random, role: str, dialect: Dialect) -> Tree:
    if role == "assistant":
        return {"type": "text" if dialect is Dialect.PREVIEW else "output_text", "text": "I said"}
    spoken = {"type": "input_audio", "audio": SOUND, "transcript": "forged"}
    seen = {"type": "input_image", "image_url": PNG, "detail": "high"}
    typed = {"type": "input_text", "text": "Hello"}
    return rng.choice((typed, typed, spoken, seen)) if role == "user" else typed


def item(rng: Random, dialect: Dialect) -> Tree:
    if rng.random() < 0.2:
        call = rng.choice(("call_1", "call_1", "call_h"))
        return {"type": "function_call_output", "call_id": call, "output": "sunny"}
    role = rng.choice(("user", "user", "user", "assistant", "system"))
    content = [part(rng, role, dialect) for _ in range(rng.choice((1, 1, 2)))]
    made = {"type": "message", "role": role, "content": content}
    more = {"id": "own-1", "status": "completed", "object": "realtime.item"}
    return made | some(rng, more) if rng.random() < 0.5 else made


def item_create(rng: Random, dialect: Dialect) -> Tree:
    event = {"type": "conversation.item.create", "item": item(rng, dialect)}
    places = ("root", "item_u", "item_h", "nowhere", None)
    return event | ({"previous_item_id": rng.choice(places)} if rng.random() < 0.4 else {})


def response_create(rng: Random, dialect: Dialect) -> Tree:
    if rng.random() < 0.1:
        return {"type": "response.create", "response": rng.choice((None, {}))}
    reference = {"type": "item_reference", "id": rng.choice(("item_u", "item_a", "item_h"))}
    context = [item(rng, dialect) for _ in range(rng.randint(0, 2))]
    fields = _shared(rng) | _output(rng, dialect)
    fields |= {
        "metadata": {"client_event_id": "x", "topic": "y"},
        "conversation": rng.choice(("none", "auto")),
        rng.choice(("input", "input", "input_items")): rng.choice((context, [reference])),
    }
    return {"type": "response.create", "response": some(rng, fields)}


def about_an_item(rng: Random, _dialect: Dialect) -> Tree:
    event: Tree = {"item_id": rng.choice(("item_u", "item_a", "item_a", "item_c", "item_h", "no"))}
    kind = rng.choice(("retrieve", "delete", "truncate"))
    if kind == "truncate":
        event |= {"content_index": 0, "audio_end_ms": rng.choice((0, 1500))}
    return {"type": f"conversation.item.{kind}", **event}


def about_audio(rng: Random, _dialect: Dialect) -> Tree:
    if rng.random() < 0.5:
        return {"type": "input_audio_buffer.append", "audio": SOUND}
    return {"type": f"input_audio_buffer.{rng.choice(('commit', 'clear'))}"}


def cancel(rng: Random, _dialect: Dialect) -> Tree:
    named = {"response_id": rng.choice(("resp_1", "resp_h", "no", None))}
    return {"type": "response.cancel", **(named if rng.random() < 0.6 else {})}


EVENTS: tuple[Callable[[Random, Dialect], Tree], ...] = (
    session_update,
    session_update,
    response_create,
    response_create,
    item_create,
    item_create,
    about_an_item,
    about_audio,
    cancel,
)
