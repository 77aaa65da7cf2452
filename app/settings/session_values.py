"""The frozen values that a session is opened with: policy, configuration, and which profile."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.policy.policy import Configuration, Policy, Profile
from app.policy.profiles import ProfileRule
from app.policy.turn_detection import TurnDetection, TurnKind
from app.policy.view import DEFAULT_VOICE
from app.protocol.dialects.voices import VOICES
from app.protocol.names import Dialect
from app.protocol.session_object import PREVIEW_SESSION_DEFAULTS
from app.settings.policy_file import PolicyFile
from app.settings.upstream_values import dialect_of

if TYPE_CHECKING:
    from app.settings.settings import Settings

SPEECH = "audio"
USUAL_SPEED = 1.0
USUAL_TEMPERATURE: float = PREVIEW_SESSION_DEFAULTS["temperature"]
"""What upstream does where nobody says otherwise."""


def profile_rule(settings: Settings) -> ProfileRule:
    """Which profile a user gets."""
    file = settings.policy_file or PolicyFile()
    return ProfileRule(settings.profile, settings.profile_claim, file.by_value)


def policy_of(settings: Settings, profile: Profile) -> Policy:
    """The rules of one profile, with what the policy file says of it."""
    changes = (settings.policy_file or PolicyFile()).changes(profile)
    wanted = changes.values.get("client_tools")
    policy = Policy(
        profile=profile,
        voices=VOICES[dialect_of(settings)],
        hints=settings.policy_hints,
        show_usage=settings.show_usage,
        show_rate_limits=settings.show_rate_limits,
        client_tools=tuple(
            tool
            for tool in settings.session_tools
            if not tool.on_server and (wanted is None or tool.name in wanted)
        ),
        server_tools=tuple(tool for tool in settings.session_tools if tool.on_server),
        transcription_model=settings.session_transcription_model,
        rows=changes.rows,
        reports=changes.reports,
    )
    values = {name: value for name, value in changes.values.items() if name != "client_tools"}
    if settings.session_max_output_tokens is not None:
        values.setdefault("max_output_tokens", settings.session_max_output_tokens)
    return replace(policy, **values)


def configuration_of(settings: Settings, policy: Policy) -> Configuration:
    """What each session under this policy is told before its client is heard.

    Lists and ranges of the policy file hold for a client that never asks, too: where upstream's own
    default lies outside, the session begins inside.
    """
    return Configuration(
        instructions=settings.session_instructions,
        voice=_voice(settings, policy),
        transcription_model=settings.session_transcription_model,
        tools=policy.server_tools + policy.client_tools,
        max_output_tokens=_tokens(settings, policy),
        temperature=_temperature(settings, policy),
        turn_detection=_turn_detection(settings, policy),
        transcription_language=settings.session_transcription_language,
        output_modalities=None if SPEECH in policy.output_modalities else policy.output_modalities,
        speed=_inside(policy.speed, USUAL_SPEED),
    )


def _voice(settings: Settings, policy: Policy) -> str | None:
    """One of the file's, where it lists any: which voice a model has by itself is for upstream to
    change. `policy_rules` keeps the setting within the list."""
    changes = (settings.policy_file or PolicyFile()).changes(policy.profile)
    if settings.session_voice is not None or "voices" not in changes.values:
        return settings.session_voice
    return DEFAULT_VOICE if DEFAULT_VOICE in policy.voices else policy.voices[0]


def _temperature(settings: Settings, policy: Policy) -> float | None:
    if settings.session_temperature is not None or dialect_of(settings) is Dialect.GA:
        return settings.session_temperature
    return _inside(policy.temperature, USUAL_TEMPERATURE)


def _inside(limits: tuple[float, float], usual: float) -> float | None:
    """The nearest allowed number to upstream's own; None where that is allowed."""
    low, high = limits
    return None if low <= usual <= high else min(max(usual, low), high)


def _tokens(settings: Settings, policy: Policy) -> int | None:
    """A cap that only clients had to keep would be none: upstream's own default is no limit."""
    if settings.session_max_output_tokens is not None:
        return settings.session_max_output_tokens
    changes = (settings.policy_file or PolicyFile()).changes(policy.profile)
    return policy.max_output_tokens if "max_output_tokens" in changes.values else None


def _turn_detection(settings: Settings, policy: Policy) -> TurnDetection | None:
    """The operator's, with the flags that the policy forces: forced means forced, also for a client
    that never touches them."""
    details = (
        settings.session_vad_threshold,
        settings.session_vad_prefix_ms,
        settings.session_vad_silence_ms,
        policy.create_response,
        policy.interrupt_response,
    )
    if settings.session_turn_detection is None and all(detail is None for detail in details):
        return None
    return TurnDetection(
        settings.session_turn_detection or TurnKind.SERVER_VAD,
        threshold=settings.session_vad_threshold,
        prefix_ms=settings.session_vad_prefix_ms,
        silence_ms=settings.session_vad_silence_ms,
        eagerness=settings.session_vad_eagerness,
        create_response=policy.create_response,
        interrupt_response=policy.interrupt_response,
    )
