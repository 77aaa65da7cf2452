"""A client's frames: decoded once, strictly, into the internal spelling; encoded anew. PURE.

    frame --read_client--> Read --spelled--> ClientEvent      body --encode_client--> frame for
          (JSON, any dialect)    (internal spelling)                                  upstream

Nothing here raises for what a peer sent, and no byte of a client's frame is ever part of another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from app.protocol.events import ClientEvent, Malformed
from app.protocol.item_object import item_in, item_out, items_in, items_out
from app.protocol.names import ClientKind, Dialect
from app.protocol.paths import Spelling
from app.protocol.session_object import RESPONSE_CREATE, SESSION, inward, outward
from app.protocol.strictness import MAX_VALUES, event_id_fault, free_json_fault, tree_fault


class _Append(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: Literal["input_audio_buffer.append"]
    audio: str
    event_id: str | None = None


def _finite(text: str) -> float:
    """A number that is one. Python's own reading is 30 times faster than msgspec's for the numbers
    that an attacker would choose (1e308), and would take 1e999 for infinity."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


_APPEND = msgspec.json.Decoder(_Append)
_ANY = msgspec.json.Decoder(float_hook=_finite)
_ENCODER = msgspec.json.Encoder()
_CLIENT_KINDS = {kind.value: kind for kind in ClientKind}
_TRANSLATED = {
    ClientKind.SESSION_UPDATE.value: ("session", SESSION),
    ClientKind.RESPONSE_CREATE.value: ("response", RESPONSE_CREATE),
}
_BESIDE_A_VALUE = (b",", b"]", b"}")  # there are as many of them as values, or nearly
_PLAIN = {dialect: Spelling(dialect) for dialect in Dialect}

# msgspec.MsgspecError and UnicodeDecodeError are ValueErrors; deep nesting ends in RecursionError.
_UNREADABLE = (ValueError, RecursionError)


_PLAIN_HEAD = b'{"type":"input_audio_buffer.append","audio":"'
_PLAIN_TAIL = b'"}'
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def plain_append(frame: bytes) -> int | None:
    """How many bytes of audio an `input_audio_buffer.append` holds that is written exactly as
    `encode_client` would write it, without an id; None: it is not, or not strict base64.

    In this shape no two readers of JSON can differ, so the frame itself may go on.
    """
    if not (frame.startswith(_PLAIN_HEAD) and frame.endswith(_PLAIN_TAIL)):
        return None
    audio = frame[len(_PLAIN_HEAD) : -len(_PLAIN_TAIL)]
    padding = audio.translate(None, _BASE64)
    if len(audio) % 4 or padding not in (b"", b"=", b"==") or not audio.endswith(padding):
        return None
    return len(audio) // 4 * 3 - len(padding)


def decode_append(frame: bytes, dialect: Dialect) -> ClientEvent | Malformed | None:
    """An `input_audio_buffer.append`, if the frame is one and nothing else is in it; else None.

    Fails at the first byte that does not fit, so that it costs little whatever the frame holds.
    """
    try:
        append = _APPEND.decode(frame)
    except _UNREADABLE:
        return None
    fault = event_id_fault(append.event_id)
    if fault is not None:
        return Malformed("invalid_value", fault, "event_id")
    body = {"type": append.type, "audio": append.audio}
    return ClientEvent(ClientKind.AUDIO_APPEND, append.event_id, body, _PLAIN[dialect])


def decode_client(frame: bytes, dialect: Dialect) -> ClientEvent | Malformed:
    """One frame of a client as an event, or the reason why it is none."""
    return decode_append(frame, dialect) or decode_other(frame, dialect)


def decode_other(frame: bytes, dialect: Dialect) -> ClientEvent | Malformed:
    """A frame that is not a plain append, from a client whose dialect is known."""
    read = read_client(frame)
    return read if isinstance(read, Malformed) else spelled(read, dialect)


@dataclass(frozen=True, slots=True)
class Read:
    """A client's event in whatever spelling it came. `tree` is the caller's own, without
    `event_id`; `spelled` uses it up."""

    kind: str
    event_id: str | None
    tree: dict[str, Any]

    @property
    def session(self) -> dict[str, Any] | None:
        """The settings of a `session.update`, if this is one that has any."""
        session = self.tree.get("session")
        update = self.kind == ClientKind.SESSION_UPDATE
        return session if update and isinstance(session, dict) else None


def read_client(frame: bytes) -> Read | Malformed:
    """The frame as JSON that obeys our rules. Costs up to about 15 ms for 256 KiB of the worst
    JSON, so the caller meters it first."""
    if sum(map(frame.count, _BESIDE_A_VALUE)) > MAX_VALUES:  # cheaper than to read them
        return Malformed("invalid_value", f"The event holds more than {MAX_VALUES} values.")
    try:
        tree: Any = _ANY.decode(frame)
    except _UNREADABLE:
        return Malformed(
            "invalid_json",
            "The message is not valid JSON: send one JSON object per text message (UTF-8, no NaN, "
            "no infinities, not nested without end).",
        )
    if not isinstance(tree, dict):
        return Malformed("invalid_type", "The message is not a JSON object.")
    event_id = tree.pop("event_id", None)
    fault = event_id_fault(event_id)
    if fault is not None:
        return Malformed("invalid_value", fault, "event_id")
    kind = tree.get("type")
    if kind is None:
        message = "Missing required parameter: 'type'."
        return Malformed("missing_required_parameter", message, "type", event_id)
    if not isinstance(kind, str):
        message = "Invalid type for 'type': expected a string."
        return Malformed("invalid_type", message, "type", event_id)
    fault = tree_fault(tree)
    if fault is not None:
        return Malformed("invalid_value", fault, None, event_id)
    return Read(kind, event_id, tree)


def spelled(read: Read, dialect: Dialect) -> ClientEvent | Malformed:
    """The event in the internal spelling, read as that of a client of this dialect."""
    kind, event_id, tree = read.kind, read.event_id, read.tree
    known = _CLIENT_KINDS.get(kind, kind)
    if "item" in tree:
        tree["item"] = item_in(tree["item"], dialect)
    root, tables = _TRANSLATED.get(kind, ("", SESSION))
    if not isinstance(tree.get(root), dict):
        return ClientEvent(known, event_id, tree, _PLAIN[dialect])
    inside = inward(tree[root], tables[dialect])
    if inside.clash is not None:
        first, second = (f"{root}.{name}" for name in inside.clash)
        message = f"'{first}' and '{second}' name the same value: send only one of them."
        return Malformed("invalid_value", message, second, event_id)
    fault = _tools_fault(inside.value.get("tools"))
    if fault is not None:
        return Malformed("invalid_value", fault, f"{root}.tools", event_id)
    if "input" in inside.value:
        inside.value["input"] = items_in(inside.value["input"], dialect)
    spelling = Spelling(
        dialect,
        {f"{root}.{ours}": f"{root}.{theirs}" for ours, theirs in inside.renamed.items()},
        tuple(f"{root}.{name}" for name in inside.foreign),
    )
    return ClientEvent(known, event_id, {**tree, root: inside.value}, spelling)


def _tools_fault(tools: Any) -> str | None:
    for tool in tools if isinstance(tools, list) else ():
        fault = free_json_fault(tool)
        if fault is not None:
            return f"A tool cannot be taken. {fault}"
    return None


def encode_client(body: dict[str, Any], dialect: Dialect, event_id: str | None) -> bytes:
    """The frame for an upstream of this dialect. `body` is a rebuilt event in our spelling.

    Key order: `type`, `event_id` (absent where None), then the body's own.
    """
    event: dict[str, Any] = {"type": body["type"]}
    if event_id is not None:
        event["event_id"] = event_id
    for key, value in body.items():
        if key == "session":
            event[key] = outward(value, SESSION[dialect])
        elif key == "response":
            response = outward(value, RESPONSE_CREATE[dialect])
            if "input" in response:
                response["input"] = items_out(response["input"], dialect)
            event[key] = response
        elif key == "item":
            event[key] = item_out(value, dialect)
        else:
            event[key] = value
    return _ENCODER.encode(event)
