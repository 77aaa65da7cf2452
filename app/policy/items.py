"""Items that a client writes: rebuilt from allowed parts, or refused whole. PURE.

An item is an act: nothing of it is stripped that would change its meaning. What a client may not
write about itself (`status`, `object`, `transcript`, ids of parts) is not copied, and told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from app.policy import images
from app.policy.audio import measure
from app.policy.findings import Fault, Findings, missing, too_long, wrong_type, wrong_value
from app.policy.policy import Policy
from app.policy.sight import Sight
from app.policy.switches import switched
from app.policy.tables import CONTENT_PARTS, ITEM_TYPES, UNKNOWN_ITEM, Act, Row
from app.policy.verdict import Refuse
from app.policy.wording import POLICY_VIOLATION, refused
from app.protocol.names import RELAY_ID_PREFIX

MAX_PARTS = 16

_ITEM_ID = re.compile(r"[A-Za-z0-9_-]{1,32}\Z")
_ROLES = {"user": "user", "system": "system", "developer": "system", "assistant": "assistant"}
_MESSAGE = frozenset({"type", "role", "content", "id"})
_OUTPUT = frozenset({"type", "call_id", "output", "id"})
_CONTENT = {"input_audio": "audio", "input_image": "image_url"}  # else `text`


@dataclass(frozen=True, slots=True)
class Built:
    """An item to send on, and what it charges."""

    item: dict[str, Any]
    audio_ms: float = 0.0
    text_characters: int = 0


@dataclass(frozen=True, slots=True)
class Desk:
    """Where an item is judged: with which notes (and rules), for which session, with how much text
    left."""

    findings: Findings
    sight: Sight
    text_left: int

    @property
    def policy(self) -> Policy:
        """The rules."""
        return self.findings.policy

    def after(self, characters: int) -> Desk:
        """The desk for what follows, when `characters` have been spent."""
        return replace(self, text_left=self.text_left - characters)

    def refused(self, row: Row, what: str, path: str, why: str | None = None) -> Refuse:
        """A refusal by `row`; `what` is a sentence's subject with `{path}` in it."""
        said = self.findings.sent.path(path)
        return refused(row, self.policy, what.replace("{path}", said), said, why)


def judge_item(item: Any, path: str, desk: Desk) -> Built | Refuse | Fault:
    """One item (internal spelling). `path` names it in faults: `item` or `response.input[0]`."""
    if not isinstance(item, dict):
        return missing(path) if item is None else wrong_type(path, "an object")
    kind = item.get("type")
    if kind is None:
        return missing(f"{path}.type")
    fault = _id_fault(item.get("id"), path)
    if fault is not None:
        return fault
    if kind == "message":
        return _message(item, path, desk)
    row = ITEM_TYPES.get(kind, UNKNOWN_ITEM) if isinstance(kind, str) else UNKNOWN_ITEM
    if kind == "function_call_output" and desk.findings.act(row) is Act.ALLOW:
        return _tool_output(item, path, row, desk)
    named = "this type" if row is UNKNOWN_ITEM else f"type '{row.name}'"
    return desk.refused(row, f"'{{path}}' of {named}", path)


def _id_fault(item_id: object, path: str) -> Fault | None:
    if item_id is None:
        return None
    if not isinstance(item_id, str):
        return wrong_type(f"{path}.id", "a string")
    reserved = item_id == "root" or item_id.startswith(RELAY_ID_PREFIX)
    if reserved or not _ITEM_ID.match(item_id):
        return wrong_value(
            f"{path}.id", "1 to 32 characters of A-Z a-z 0-9 _ -, not 'root', not 'rly_...'"
        )
    return None


def _identity(item: dict[str, Any]) -> dict[str, Any]:
    return {} if item.get("id") is None else {"id": item["id"]}


def _tool_output(item: dict[str, Any], path: str, row: Row, desk: Desk) -> Built | Refuse | Fault:
    call_id, output = item.get("call_id"), item.get("output")
    if not isinstance(call_id, str):
        return wrong_type(f"{path}.call_id", "a string")
    if not isinstance(output, str):
        return wrong_type(f"{path}.output", "a string")
    if len(output.encode()) > desk.policy.tool_output_bytes:
        return too_long(f"{path}.output", desk.policy.tool_output_bytes, "bytes")
    if not desk.sight.call_open(call_id):
        said = desk.findings.sent.path(f"{path}.call_id")
        message = (
            f"'{said}' names no open call of a client tool (profile "
            f"'{desk.policy.profile}', rule '{row.rule}'): answer each call that this session was "
            "shown, once."
        )
        return Refuse(row.rule, POLICY_VIOLATION, message, said)
    desk.findings.ignore_others(item, _OUTPUT, path)
    rebuilt = {"type": "function_call_output", "call_id": call_id, "output": output}
    return Built({**_identity(item), **rebuilt})


def _message(item: dict[str, Any], path: str, desk: Desk) -> Built | Refuse | Fault:
    said = item.get("role")
    if said is None:
        return missing(f"{path}.role")
    role = _ROLES.get(said) if isinstance(said, str) else None
    if role is None:
        return desk.refused(UNKNOWN_ITEM, "This '{path}'", f"{path}.role")
    content = item.get("content")
    if not isinstance(content, list):
        return wrong_type(f"{path}.content", "a list of content parts")
    if not 1 <= len(content) <= MAX_PARTS:
        return wrong_value(f"{path}.content", f"1 to {MAX_PARTS} content parts")
    parts: list[dict[str, Any]] = []
    audio_ms, characters = 0.0, 0
    for position, part in enumerate(content):
        built = _part(part, role, f"{path}.content[{position}]", desk.after(characters))
        if not isinstance(built, Built):
            return built
        parts.append(built.item)
        audio_ms += built.audio_ms
        characters += built.text_characters
    desk.findings.ignore_others(item, _MESSAGE, path)
    rebuilt = {"type": "message", "role": role, "content": parts}
    return Built({**_identity(item), **rebuilt}, audio_ms, characters)


def _part(part: Any, role: str, path: str, desk: Desk) -> Built | Refuse | Fault:
    if not isinstance(part, dict):
        return wrong_type(path, "an object")
    kind = part.get("type")
    known = kind if isinstance(kind, str) else ""
    row = CONTENT_PARTS.get(f"any/{known}") or CONTENT_PARTS.get(f"{role}/{known}") or UNKNOWN_ITEM
    switch = switched(row, desk.policy, response_happened=desk.sight.response_happened())
    if desk.findings.act(row, switch.act if switch else None) is not Act.ALLOW:
        article = "an" if role == "assistant" else "a"
        what = f"'{{path}}' of {article} {role} message"
        return desk.refused(row, what, path, switch.why if switch else None)
    desk.findings.ignore_others(part, ("type", _CONTENT.get(known, "text")), path)
    if kind == "input_audio":
        audio = measure(
            part.get("audio"), desk.sight.input_format(), desk.policy.append_bytes, f"{path}.audio"
        )
        if isinstance(audio, Fault):
            return audio
        return Built({"type": kind, "audio": audio.text}, audio.milliseconds)
    if kind == "input_image":
        image = images.check(part.get("image_url"), desk.policy.image_bytes, f"{path}.image_url")
        return image if isinstance(image, Fault) else Built({"type": kind, "image_url": image})
    return _text(known, part.get("text"), f"{path}.text", desk)


def _text(kind: str, text: Any, path: str, desk: Desk) -> Built | Refuse | Fault:
    if not isinstance(text, str):
        return wrong_type(path, "a string")
    if len(text) > desk.policy.text_characters:
        return too_long(path, desk.policy.text_characters)
    if len(text) > desk.text_left:
        said = desk.findings.sent.path(path)
        message = (
            f"'{said}' exceeds the text that one session may send (profile "
            f"'{desk.policy.profile}', rule 'item-text-limit'): start a new session."
        )
        return Refuse("item-text-limit", POLICY_VIOLATION, message, said, violation=False)
    return Built({"type": kind, "text": text}, 0.0, len(text))
