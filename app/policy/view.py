"""What a client sees of its session: every key that clients parse, no value that is ours. PURE.

Keys are kept and values blanked, because strict clients fail on a missing key. Turn detection,
formats, modalities and voice are never blanked: clients steer by them.
"""

from __future__ import annotations

from typing import Any

from app.policy.policy import Configuration, Policy
from app.policy.server_objects import scalars
from app.policy.tables import SESSION_FIELDS, Act
from app.policy.tool_shapes import may_call
from app.protocol.names import Dialect
from app.protocol.paths import client_path
from app.protocol.session_object import SESSION, shown_session

DEFAULT_VOICE = "alloy"
SHOWN_TRANSCRIPTION_MODEL = "whisper-1"  # the true one names a deployment on Azure

DEFAULT_TURN_DETECTION: dict[str, Any] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,
    "create_response": True,
    "interrupt_response": True,
}
"""What the API does when nobody says otherwise."""

_TURN_KEYS = (
    "type",
    "threshold",
    "prefix_padding_ms",
    "silence_duration_ms",
    "create_response",
    "interrupt_response",
    "eagerness",
    "idle_timeout_ms",  # GA alone
)
_PCM = {"type": "audio/pcm", "rate": 24000}


def session_view(
    session: dict[str, Any],
    policy: Policy,
    *,
    session_id: str,
    expires_at: int,
    model: str,
    instructions: str,
) -> dict[str, Any]:
    """Upstream's `session` (internal spelling) as this client may see it, in the same spelling.

    `session_id`, `expires_at` (UNIX seconds) and `model` (the alias that the client asked for)
    are the relay's. `instructions` are the client's own, shown where it may set them.
    """
    audio = _object(session.get("audio"))
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model,
        "expires_at": expires_at,
        "output_modalities": _modalities(session.get("output_modalities")),
        "instructions": instructions if _may(policy, "session.instructions") else "",
        "audio": {
            "input": _input(_object(audio.get("input"))),
            "output": _output(_object(audio.get("output"))),
        },
        "tools": _tools(session.get("tools"), policy),
        "tool_choice": _tool_choice(session.get("tool_choice"), policy),
        **scalars(session, ("temperature",)),
        "max_output_tokens": scalars(session, ("max_output_tokens",)).get(
            "max_output_tokens", "inf"
        ),
        "prompt": None,
        "tracing": None,
        "truncation": "auto",
        "include": None,
    }


def opening_view(configuration: Configuration, policy: Policy, *, model: str) -> dict[str, Any]:
    """The session as a ticket's holder will find it, in the preview spelling: our configuration on
    top of the API's defaults, seen through the policy. Without `id` and `expires_at`."""
    session = configuration.session()
    audio = session.setdefault("audio", {})
    audio["input"] = {"turn_detection": DEFAULT_TURN_DETECTION} | audio.get("input", {})
    view = session_view(session, policy, session_id="", expires_at=0, model=model, instructions="")
    shown = shown_session(view, Dialect.PREVIEW)
    return {key: value for key, value in shown.items() if key not in ("id", "expires_at")}


def may_set(policy: Policy) -> list[str]:
    """The session's settings that this policy lets a client change, in the preview spelling."""
    return [
        _setting(path)
        for path, row in SESSION_FIELDS.items()
        if policy.act(row) is Act.ALLOW
        and path != "session.type"
        and not _without_preview_name(path)
        and not (path.endswith(".transcription") and policy.transcription_model is None)
    ]


def _may(policy: Policy, name: str) -> bool:
    """Whether a client's value of this field goes on, be it that it is reported."""
    return policy.act(SESSION_FIELDS[name]) is Act.ALLOW or name in policy.reports


def _without_preview_name(path: str) -> bool:
    foreign = SESSION[Dialect.PREVIEW].foreign
    return client_path(path, Dialect.PREVIEW) == path and path.partition(".")[2] in foreign


def _setting(path: str) -> str:
    said = client_path(path, Dialect.PREVIEW)
    return f"{said}.language" if path.endswith(".transcription") else said


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _modalities(value: Any) -> list[str]:
    known = value if isinstance(value, list) else []
    return [entry for entry in known if entry in ("text", "audio")] or ["audio"]


def _input(audio: dict[str, Any]) -> dict[str, Any]:
    turn, noise = audio.get("turn_detection"), audio.get("noise_reduction")
    return {
        "format": _format(audio.get("format")),
        "transcription": _transcription(audio.get("transcription")),
        "noise_reduction": scalars(noise, ("type",)) if isinstance(noise, dict) else None,
        "turn_detection": scalars(turn, _TURN_KEYS) if isinstance(turn, dict) else None,
    }


def _output(audio: dict[str, Any]) -> dict[str, Any]:
    voice = audio.get("voice")
    return {
        "format": _format(audio.get("format")),
        # A custom voice is an object with the operator's id in it.
        "voice": voice if isinstance(voice, str) else DEFAULT_VOICE,
        **({"speed": 1.0} | scalars(audio, ("speed",))),
    }


def _format(value: Any) -> dict[str, Any]:
    return scalars(value, ("type", "rate")) if isinstance(value, dict) else dict(_PCM)


def _transcription(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    language = value.get("language")
    shown: dict[str, Any] = {"model": SHOWN_TRANSCRIPTION_MODEL}
    return {**shown, "language": language} if isinstance(language, str) else shown


def _tools(value: Any, policy: Policy) -> list[dict[str, Any]]:
    """Client tools: name, description, parameters. Hidden tools and `mcp` do not exist here."""
    shown = []
    for tool in value if isinstance(value, list) else ():
        name = tool.get("name") if isinstance(tool, dict) else None
        if not isinstance(name, str) or tool.get("type") != "function":
            continue
        if may_call(name, policy):
            known = scalars(tool, ("type", "name", "description"))
            parameters = tool.get("parameters")
            shown.append(known | ({"parameters": parameters} if parameters is not None else {}))
    return shown


def _tool_choice(value: Any, policy: Policy) -> Any:
    if value in ("none", "required"):
        return value
    name = value.get("name") if isinstance(value, dict) else None
    if isinstance(name, str) and may_call(name, policy):
        return {"type": "function", "name": name}
    return "auto"
