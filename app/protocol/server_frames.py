"""Upstream's frames: read as far as needed, decoded whole, encoded for a client. PURE.

frame --server_head----> ServerHead (ids only)        frame --decode_server--> ServerEvent
                                                      body --encode_server--> frame for a client
Whether a client of another dialect gets the event at all, or two for it, is the translator's.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from app.protocol.dialects import kind_of, wire_type
from app.protocol.events import ServerEvent, ServerHead
from app.protocol.item_object import item_in, item_out, items_in, items_out
from app.protocol.names import Dialect
from app.protocol.paths import internal_path, known_path
from app.protocol.session_object import RESPONSE, SESSION, inward, outward, shown_session


class _Head(msgspec.Struct, frozen=True):
    type: str
    response_id: str | None = None
    item_id: str | None = None


class _Typed(msgspec.Struct, frozen=True):
    type: str


_TYPED = msgspec.json.Decoder(_Typed)
_TYPE_NAME = re.compile(r"[a-z0-9_.]{1,80}")
_HEAD = msgspec.json.Decoder(_Head)
_ANY = msgspec.json.Decoder()
_ENCODER = msgspec.json.Encoder()


# msgspec.MsgspecError and UnicodeDecodeError are ValueErrors; deep nesting ends in RecursionError.
_UNREADABLE = (ValueError, RecursionError)


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
        event["error"] = {**error, "param": known_path(error["param"], dialect)}
    return _ENCODER.encode(event)
