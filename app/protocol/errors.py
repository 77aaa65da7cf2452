"""Errors: ours as frames, upstream's as fixed texts. PURE.

Upstream's own texts never pass: they name deployments, quotas and regions. Each known code has one
fixed text that begins as the API's does, because SDKs match on it.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from app.protocol.close_reasons import INVALID_REQUEST, SERVER_ERROR
from app.protocol.names import RELAY_ID_PREFIX
from app.protocol.strictness import event_id_fault

UPSTREAM_ERROR = "upstream_error"

FIXED_TEXTS: dict[str, str] = {
    "session_expired": "Your session hit the maximum duration.",
    "unknown_parameter": "Unknown parameter.",
    "missing_required_parameter": "Missing required parameter.",
    "invalid_value": "Invalid value.",
    "invalid_type": "Invalid type.",
    "decimal_below_min_value": "Invalid value: the number is too small.",
    "decimal_above_max_value": "Invalid value: the number is too large.",
    "integer_below_min_value": "Invalid value: the integer is too small.",
    "integer_above_max_value": "Invalid value: the integer is too large.",
    "string_above_max_length": "Invalid value: the string is too long.",
    "cannot_update_voice": ("Cannot update a conversation's voice if assistant audio is present."),
    "input_audio_buffer_commit_empty": (
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio."
    ),
    "conversation_already_has_active_response": (
        "Conversation already has an active response in progress. Wait until the response is "
        "finished before creating a new one."
    ),
    "response_cancel_not_active": "Cancellation failed: no active response found",
    "item_create_duplicate_item_id": ("Error adding item: an item with this id already exists."),
    "item_create_invalid_previous_item_id": (
        "Error adding item: the previous item does not exist."
    ),
    "item_delete_invalid_item_id": "Error deleting item: the item does not exist.",
    "item_retrieve_invalid_item_id": "Error retrieving item: the item does not exist.",
    "item_truncate_invalid_item_id": "Error truncating item: the item does not exist.",
    "invalid_tool_call_id": "Tool call ID not found in conversation.",
    "rate_limit_exceeded": "Rate limit reached. Please try again later.",
    "content_filter": "The content was filtered.",
    "server_error": "The server had an error while processing your request. Please try again.",
    UPSTREAM_ERROR: "The model's service reported an error.",
}
"""Upstream's error codes that pass, each with the text that a client sees."""

FATAL_CODES = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "billing_hard_limit_reached",
        "account_deactivated",
        "invalid_api_key",
        "model_not_found",
        "DeploymentNotFound",
    }
)
"""Troubles between the operator and upstream. Some SDKs give up for good when they see one (the
code is then about *their* credential), so a client sees `server_error`."""

UNCODED_TEXTS = ("Only model output audio messages can be truncated",)
"""Beginnings of texts that the API sends with `code: null`; they pass as they stand here."""

TRANSCRIPTION_FAILED = "The audio could not be transcribed."

_TOOL_POSITION = re.compile(r"\btools\[\d+\]")

_FIELD_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        type event_id session response item item_id previous_item_id response_id content_index
        audio_end_ms audio input output id object model modalities output_modalities instructions
        voice format rate speed input_audio_format output_audio_format input_audio_transcription
        input_audio_noise_reduction transcription noise_reduction language prompt turn_detection
        threshold prefix_padding_ms silence_duration_ms create_response interrupt_response
        eagerness idle_timeout_ms tools tool_choice name description parameters temperature
        max_output_tokens max_response_output_tokens parallel_tool_calls conversation metadata role
        content text transcript image_url call_id arguments status tracing truncation include
        reasoning
        """,
    )
)


def error_event(
    *,
    code: str | None,
    message: str,
    type_: str = INVALID_REQUEST,
    param: str | None = None,
    client_event_id: str | None = None,
    event_id: str,
    extra: dict[str, Any] | None = None,
) -> bytes:
    """A whole `error` event. `event_id` is the event's own, `client_event_id` the one it answers.

    `extra` stands beside `code`; its key `relay`, if any, at the top level.
    """
    error = {
        "type": type_,
        "code": code,
        "message": message,
        "param": param,
        "event_id": client_event_id,
    }
    event: dict[str, Any] = {"type": "error", "event_id": event_id, "error": error}
    for key, value in (extra or {}).items():
        (event if key == "relay" else error)[key] = value
    return msgspec.json.encode(event)


def safe_error(error: dict[str, Any]) -> dict[str, Any]:
    """Upstream's `error` object, rebuilt: known code, fixed text, documented param, the client's
    own `event_id`. The caller must not send it at all where it answers an event of ours."""
    event_id = error.get("event_id")
    own = isinstance(event_id, str) and event_id_fault(event_id) is None
    return {
        **_safe_core(error),
        "param": _safe_param(error.get("param")),
        "event_id": event_id if own else None,
    }


def safe_status_error(error: dict[str, Any]) -> dict[str, Any]:
    """The `error` of a response's `status_details`, rebuilt."""
    return _safe_core(error)


def safe_transcription_error(error: dict[str, Any]) -> dict[str, Any]:
    """The `error` of a failed transcription, rebuilt: upstream's text names the deployment."""
    return {**_safe_core(error), "message": TRANSCRIPTION_FAILED, "param": None}


def answers_relay(error: dict[str, Any]) -> bool:
    """Whether upstream's `error` object answers an event that the relay itself sent."""
    event_id = error.get("event_id")
    return isinstance(event_id, str) and event_id.startswith(RELAY_ID_PREFIX)


def _safe_core(error: dict[str, Any]) -> dict[str, Any]:
    code, kind, message = error.get("code"), error.get("type"), error.get("message")
    safe_type = INVALID_REQUEST if kind == INVALID_REQUEST else SERVER_ERROR
    if code is None and isinstance(message, str):
        for text in UNCODED_TEXTS:
            if message.startswith(text):
                return {"type": safe_type, "code": None, "message": text}
    if not isinstance(code, str):
        code = kind if isinstance(kind, str) and kind in FATAL_CODES else UPSTREAM_ERROR
    if code in FATAL_CODES:
        code, safe_type = SERVER_ERROR, SERVER_ERROR
    elif code not in FIXED_TEXTS:
        code = UPSTREAM_ERROR
    return {"type": safe_type, "code": code, "message": FIXED_TEXTS[code]}


def _safe_param(param: object) -> str | None:
    """A documented field's path, list positions included; anything else is upstream's own text. A
    position in `tools` is left out: upstream's list begins with tools that are not the client's."""
    if not isinstance(param, str) or len(param) > 128:
        return None
    for step in param.split("."):
        name, bracket, index = step.partition("[")
        if name not in _FIELD_WORDS:
            return None
        if bracket and not (index.endswith("]") and index[:-1].isdigit() and index.isascii()):
            return None
    return _TOOL_POSITION.sub("tools", param)
