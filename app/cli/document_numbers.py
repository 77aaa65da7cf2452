"""The numbers in the docs, taken from where they are in force: limits, caps, values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from app.policy import items, response_fields, shapes, tool_shapes
from app.policy.policy import Act, ClientTool, Policy, Profile
from app.protocol import strictness
from app.session.limits import Limits
from app.settings.policy_file import Changes, PolicyFile
from app.settings.policy_values import KEYS
from app.settings.settings import Settings, abouts
from app.store.memory import StoreLimits
from app.web.tickets import BODY_BYTES
from app.wire import framing
from app.wire.handshake import HANDSHAKE_SECONDS
from app.wire.http import HeadLimits
from app.wire.wire import CLIENT_WIRE

_Limit = tuple[str, str, str]
"""What, how much by default, and what happens then."""

_MEANINGS: dict[str, str] = {
    "profile": "the column of the tables that holds",
    "hints": "whether the `relay` field is told",
    "show_usage": "whether clients see token counts; off, they read 0",
    "show_rate_limits": "whether `rate_limits.updated` is shown",
    "voices": "voices that a client may choose",
    "output_modalities": "modalities that a client may choose",
    "client_tools": "function tools that run in the client",
    "max_output_tokens": "most tokens of one response that a client may ask for",
    "transcription_model": "the operator's transcription model; without one, clients "
    "name no language",
    "languages": "languages that a client may name for transcription; none: any",
    "server_tools": "tools that run behind the relay and are hidden",
    "create_response": "forced value of `create_response`; none: the client's choice",
    "interrupt_response": "forced value of `interrupt_response`; none: the client's choice",
    "moderates": "whether the operator moderates; then guided refuses audio in items",
    "history": "whether guided accepts assistant text before the first response",
    "speed": "range of the speaking speed",
    "temperature": "range of the temperature",
    "append_bytes": "most decoded audio in one event, in bytes",
    "image_bytes": "largest decoded image, in bytes",
    "tool_output_bytes": "largest output of one tool call, in bytes",
    "text_characters": "most characters in one part",
    "session_characters": "most characters of text from a client in one session",
    "instructions_characters": "most characters of a client's instructions",
    "rows": "acts of single rows",
    "reports": "rows in report mode",
}

_PROBES: dict[str, Any] = {
    "profile": Profile.OPEN,
    "policy_hints": False,
    "show_usage": False,
    "show_rate_limits": True,
    "session_tools": (ClientTool("probe", {}),),
    "session_transcription_model": "probe",
    "session_max_output_tokens": 7,
    "policy_file": PolicyFile(
        {
            Profile.GUIDED: Changes(
                values={name: "probe" for name in KEYS if name != "client_tools"},
                rows={"session.voice": Act.ALLOW},
                reports=frozenset({"session.voice"}),
            )
        }
    ),
}
"""Settings that may reach the policy, each with a value that is not its default."""


def policy_values() -> str:
    """Every value of `Policy`: its default, and the variable that sets it, found by trying."""
    usual = Policy()
    setters = _setters()
    lines = []
    for name in (field.name for field in fields(Policy)):
        setter = setters.get(name, "no setting")
        lines.append(f"| {_MEANINGS[name]} | {_shown(getattr(usual, name))} | {setter} |")
    return _table("value", "default", "set by", lines)


def _setters() -> dict[str, str]:
    found: dict[str, list[str]] = {}
    usual = Settings().policy()
    for setting, value in _PROBES.items():
        policy = Settings.model_construct(**{setting: value}).policy()
        for field in fields(Policy):
            if getattr(policy, field.name) != getattr(usual, field.name):
                found.setdefault(field.name, []).append(f"`{abouts()[setting].variable}`")
    return {name: " or ".join(variables) for name, variables in found.items()}


def policy_numbers() -> str:
    """Caps on what one event may hold."""
    policy, limits = Policy(), Limits()
    numbers = {
        "text in one part": f"{policy.text_characters:,} characters",
        "parts in one message": f"1 to {items.MAX_PARTS}",
        "text of a client in one session": f"{policy.session_characters:,} characters",
        "output of one tool call": _size(policy.tool_output_bytes),
        "audio in one event, decoded": _size(policy.append_bytes),
        "an image, decoded": _size(policy.image_bytes),
        "entries in `response.input`": f"{response_fields.MAX_INPUT}",
        "instructions (profile open)": f"{policy.instructions_characters:,} characters",
        "metadata": f"{shapes.METADATA_PAIRS} pairs, keys of {shapes.METADATA_KEY} and values of "
        f"{shapes.METADATA_VALUE} characters",
        "tools": f"{tool_shapes.MAX_TOOLS}, descriptions of {tool_shapes.MAX_DESCRIPTION:,} "
        f"characters, parameters of {_size(tool_shapes.MAX_PARAMETERS)}",
        "an event as a whole": f"{strictness.MAX_DEPTH} levels, {strictness.MAX_VALUES:,} values, "
        f"{strictness.MAX_KEYS} keys in one object",
        "integers": "within 2^53",
        "deliberate violations": f"{limits.violations_per_minute} in a minute end the session",
    }
    lines = [f"| {what} | {most} |" for what, most in numbers.items()]
    return _table("what", "at most", lines)


def limits() -> str:
    """What a client meets, with the variable where there is one."""
    rows = [*_session_limits(), *_rates(Limits()), *_wire_limits(), *_door_limits()]
    return _table("limit", "default", "then", [f"| {' | '.join(row)} |" for row in rows])


def _session_limits() -> Iterator[_Limit]:
    most = Limits()
    warned = " and ".join(f"{seconds:.0f}" for seconds in most.session_warnings)
    yield (
        "one session (`RELAY_SESSION_MAX_SECONDS`)",
        f"{most.session_seconds:.0f} s",
        f"`session_time_limit`; warned {warned} s before",
    )
    yield (
        "silence (`RELAY_IDLE_SECONDS`)",
        f"{most.idle_seconds:.0f} s",
        f"`idle_timeout`; warned {most.idle_warning:.0f} s before",
    )
    yield "accepted until ready", f"{most.setup_seconds:.0f} s", "`upstream_unavailable`"
    yield (
        "sessions of one user (`RELAY_MAX_SESSIONS_PER_USER`)",
        f"{most.sessions_per_user}",
        "`too_many_sessions`",
    )
    yield (
        "sessions of one process (`RELAY_MAX_SESSIONS`)",
        f"{most.sessions}",
        "`too_many_sessions`",
    )


def _wire_limits() -> Iterator[_Limit]:
    wire = CLIENT_WIRE
    yield "one message (`RELAY_MAX_MESSAGE_BYTES`)", _size(wire.max_message), "`message_too_big`"
    yield (
        "messages sent before `session.created`",
        f"{wire.hold_frames}, or {_size(wire.hold_bytes)}",
        "they wait, in order; beyond that nothing more is read",
    )
    yield "fragments of one message", f"{framing.MAX_FRAGMENTS:,}", "`protocol_error`"
    yield (
        "control frames",
        f"{framing.CONTROL_PER_SECOND:.0f} a second, {framing.CONTROL_BURST:.0f} at once",
        "`protocol_error`",
    )
    yield "no byte read although some wait", f"{wire.stall_seconds:.0f} s", "`slow_client`"
    yield (
        "no answer to a ping",
        f"{wire.ping_timeout:.0f} s, a ping every {wire.ping_interval:.0f} s",
        "`client_gone`",
    )


def _door_limits() -> Iterator[_Limit]:
    head, store = HeadLimits(), StoreLimits()
    ticket = Settings.model_fields["ticket_seconds"].default
    per_ip = str(Settings.model_fields["max_sessions_per_ip"].default)
    yield "sessions of one address (`RELAY_MAX_SESSIONS_PER_IP`)", per_ip, "`too_many_sessions`"
    yield "a ticket's life (`RELAY_TICKET_SECONDS`)", f"{ticket} s", "`unauthenticated`"
    yield "unused tickets of one user", f"{store.tickets_per_owner}", "HTTP 429"
    yield "body of `POST /tickets`", _size(BODY_BYTES), "HTTP 413"
    yield (
        "head of a request",
        f"{_size(head.head)}, lines of {_size(head.line)}, {head.headers} headers, complete after "
        f"{head.head_seconds:.0f} s",
        "HTTP 431, 414 or 408",
    )
    yield "connected until accepted", f"{HANDSHAKE_SECONDS:.0f} s", "refused"


def _rates(session: Limits) -> Iterator[_Limit]:
    yield (
        "audio (`RELAY_AUDIO_SPEED`)",
        f"{session.audio_speed:g} times real time, {session.audio_burst_seconds:.0f} s at once",
        "it waits: the relay stops reading until the allowance has caught up",
    )
    yield (
        "events (`RELAY_EVENTS_PER_SECOND`)",
        f"{session.events_per_second:.0f} a second, {session.events_burst:.0f} at once",
        "audio waits, anything else is refused",
    )
    yield (
        "of these, not audio (`RELAY_ACTS_PER_SECOND`)",
        f"{session.acts_per_second:.0f} a second, {session.acts_burst:.0f} at once",
        "refused with `rate_limit_exceeded` and `retry_after_ms`; "
        f"{session.flood_seconds:.0f} s of that: `rate_limited`",
    )
    yield (
        "responses, whoever caused them (`RELAY_RESPONSES_PER_MINUTE`)",
        f"{session.responses_per_minute} a minute",
        "`response.create` is refused with `retry_after_ms`, audio waits",
    )
    yield (
        "responses beside the conversation",
        f"{session.out_of_band_responses} at once",
        "refused with `rate_limit_exceeded`",
    )


def _table(*head_and_lines: Any) -> str:
    *head, lines = head_and_lines
    return "\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines]) + "\n"


def _size(count: int) -> str:
    return f"{count // 1024:,} KiB" if count < 1024 * 1024 else f"{count // 1024 // 1024} MiB"


def _shown(value: Any) -> str:
    match value:
        case None | ():
            return "none"
        case dict() | frozenset():
            return ", ".join(sorted(value)) or "none"
        case bool():
            return "on" if value else "off"
        case tuple() if all(isinstance(part, float) for part in value):
            return " to ".join(f"{part:g}" for part in value)
        case tuple():
            return ", ".join(f"`{part}`" for part in value)
        case int():
            return f"{value:,}"
        case _:
            return f"`{value}`"
