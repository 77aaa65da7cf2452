"""Events: decoded once, strictly, into the one internal spelling; encoded by our own encoder. PURE.

    frame --decode_client--> ClientEvent | Malformed      body --encode_client--> frame for upstream
    frame --server_head----> ServerHead (ids only)        frame --decode_server--> ServerEvent
                                                          body --encode_server--> frame for a client

Nothing here raises for what a peer sent, and no byte of a client's frame is ever part of another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from app.protocol.dialects import kind_of, wire_type
from app.protocol.item_object import item_in, item_out, items_in, items_out
from app.protocol.names import ClientKind, Dialect, ServerKind
from app.protocol.paths import Spelling, client_path, internal_path
from app.protocol.session_object import (
    RESPONSE,
    RESPONSE_CREATE,
    SESSION,
    inward,
    outward,
    shown_session,
)
from app.protocol.strictness import event_id_fault, free_json_fault, tree_fault


@dataclass(frozen=True, slots=True)
class ClientEvent:
    """One event of a client. `body` is in the internal spelling, with `type`, without `event_id`.

    `kind` is a plain string for a type that the protocol does not know; the policy refuses it.
    `sent` names fields as this client spelled them.
    """

    kind: ClientKind | str
    event_id: str | None
    body: dict[str, Any]
    sent: Spelling


@dataclass(frozen=True, slots=True)
class Malformed:
    """Why a frame is no event, as the values of the `error` that answers it."""

    code: str
    message: str
    param: str | None = None
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event of upstream, wholly decoded. `body` is in the internal spelling, with `type`."""

    kind: ServerKind
    body: dict[str, Any]


class ServerHead(msgspec.Struct, frozen=True):
    """The names in an event of upstream, read without decoding the rest."""

    kind: ServerKind
    response_id: str | None = None
    item_id: str | None = None


class _Head(msgspec.Struct, frozen=True):
    type: str
    response_id: str | None = None
    item_id: str | None = None


class _Typed(msgspec.Struct, frozen=True):
    type: str


class _Append(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: Literal["input_audio_buffer.append"]
    audio: str
    event_id: str | None = None


_APPEND = msgspec.json.Decoder(_Append)
_TYPED = msgspec.json.Decoder(_Typed)
_TYPE_NAME = re.compile(r"[a-z0-9_.]{1,80}")
_HEAD = msgspec.json.Decoder(_Head)
_ANY = msgspec.json.Decoder()
_ENCODER = msgspec.json.Encoder()
_CLIENT_KINDS = {kind.value: kind for kind in ClientKind}
_TRANSLATED = {
    ClientKind.SESSION_UPDATE.value: ("session", SESSION),
    ClientKind.RESPONSE_CREATE.value: ("response", RESPONSE_CREATE),
}
_PLAIN = {dialect: Spelling(dialect) for dialect in Dialect}

# msgspec.MsgspecError and UnicodeDecodeError are ValueErrors; deep nesting ends in RecursionError.
_UNREADABLE = (ValueError, RecursionError)


def decode_client(frame: bytes, dialect: Dialect) -> ClientEvent | Malformed:
    """One frame of a client as an event, or the reason why it is none."""
    try:
        append = _APPEND.decode(frame)
    except _UNREADABLE:
        return _decode_any(frame, dialect)
    fault = event_id_fault(append.event_id)
    if fault is not None:
        return Malformed("invalid_value", fault, "event_id")
    body = {"type": append.type, "audio": append.audio}
    return ClientEvent(ClientKind.AUDIO_APPEND, append.event_id, body, _PLAIN[dialect])


def _decode_any(frame: bytes, dialect: Dialect) -> ClientEvent | Malformed:
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
    return _translated(kind, event_id, tree, dialect)


def _translated(
    kind: str, event_id: str | None, tree: dict[str, Any], dialect: Dialect
) -> ClientEvent | Malformed:
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
            return f"A tool is too large. {fault}"
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


def server_kind(frame: bytes, dialect: Dialect) -> ServerKind | None:
    """The kind of an upstream frame, read by a real parser; None: unknown, or not an event."""
    try:
        return kind_of(_TYPED.decode(frame).type, dialect)
    except _UNREADABLE:
        return None


def type_for_logs(frame: bytes) -> str:
    """The `type` of an upstream frame that nobody knows, fit for a log line."""
    try:
        said = _TYPED.decode(frame).type
    except _UNREADABLE:
        return "unreadable"
    return said if _TYPE_NAME.fullmatch(said) else "odd"


def server_head(frame: bytes, dialect: Dialect) -> ServerHead | None:
    """Kind and names of an upstream frame; None: unknown, not an event, or an id is no string.

    Audio is skipped, not decoded: this is all that a delta costs.
    """
    try:
        head = _HEAD.decode(frame)
    except _UNREADABLE:
        return None
    kind = kind_of(head.type, dialect)
    return None if kind is None else ServerHead(kind, head.response_id, head.item_id)


def decode_server(frame: bytes, dialect: Dialect) -> ServerEvent | None:
    """An upstream frame wholly decoded; None: not an event, or of a kind that is unknown."""
    try:
        body: Any = _ANY.decode(frame)
    except _UNREADABLE:
        return None
    kind = kind_of(body["type"], dialect) if _has_type(body) else None
    if kind is None:
        return None
    body["type"] = kind.value
    if isinstance(body.get("session"), dict):
        body["session"] = inward(body["session"], SESSION[dialect]).value
    if isinstance(body.get("response"), dict):
        response = inward(body["response"], RESPONSE[dialect]).value
        body["response"] = response
        if "output" in response:
            response["output"] = items_in(response["output"], dialect)
    if "item" in body:
        body["item"] = item_in(body["item"], dialect)
    error = body.get("error")
    if isinstance(error, dict) and isinstance(error.get("param"), str):
        body["error"] = {**error, "param": internal_path(error["param"], dialect)}
    return ServerEvent(kind, body)


def _has_type(body: Any) -> bool:
    return isinstance(body, dict) and isinstance(body.get("type"), str)


def encode_server(body: dict[str, Any], dialect: Dialect) -> bytes:
    """The frame for a client of this dialect. `body` is an event in our spelling, `type` first.

    A session object gets every key that strict clients of the dialect demand.
    """
    event = {**body, "type": wire_type(body["type"], dialect)}
    if isinstance(body.get("session"), dict):
        event["session"] = shown_session(body["session"], dialect)
    if isinstance(body.get("response"), dict):
        response = outward(body["response"], RESPONSE[dialect])
        if "output" in response:
            response["output"] = items_out(response["output"], dialect)
        event["response"] = response
    if "item" in body:
        event["item"] = item_out(body["item"], dialect)
    error = body.get("error")
    if isinstance(error, dict) and isinstance(error.get("param"), str):
        event["error"] = {**error, "param": client_path(error["param"], dialect)}
    return _ENCODER.encode(event)
