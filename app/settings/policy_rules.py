"""What the policy file and the session's settings must not say together: each rule yields
sentences that name the line, the variable and the fix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.policy.policy import Profile
from app.policy.turn_detection import TurnKind
from app.settings.policy_file import PolicyFile
from app.settings.policy_values import near
from app.settings.problem import Problem, problem

if TYPE_CHECKING:
    from app.settings.reading import Reading
    from app.settings.settings import Settings


def _at(reading: Reading, line: int) -> str:
    found = reading.found.get("policy_file")
    place = found.place if found else "RELAY_POLICY_FILE"
    return f"{place}: line {line}:"


def _named(settings: Settings) -> Iterator[tuple[PolicyFile, Profile, str, object]]:
    """Each value that the file sets: the file, the profile, the key and the value."""
    file = settings.policy_file or PolicyFile()
    for profile, changes in file.profiles.items():
        for name, value in changes.values.items():
            yield file, profile, name, value


def session_is_within_the_lists(settings: Settings, reading: Reading) -> Iterator[Problem]:
    """What sessions begin with must be something that clients may choose too."""
    begins = {
        "voices": ("session_voice", settings.session_voice),
        "languages": ("session_transcription_language", settings.session_transcription_language),
    }
    for file, profile, name, value in _named(settings):
        field, begin = begins.get(name, ("", None))
        if begin is not None and isinstance(value, tuple) and begin not in value:
            yield problem(
                f"{_at(reading, file.line(profile.value, name))} `{name}` of [{profile.value}] "
                f"leaves out {begin!r}, with which sessions begin (RELAY_{field.upper()}): add it, "
                "or change the setting.",
                "policy_file",
                field,
            )


def session_is_within_the_ranges(settings: Settings, reading: Reading) -> Iterator[Problem]:
    for file, profile, name, value in _named(settings):
        at = _at(reading, file.line(profile.value, name))
        tokens, heat = settings.session_max_output_tokens, settings.session_temperature
        if name == "max_output_tokens" and isinstance(value, int) and tokens and tokens > value:
            yield problem(
                f"{at} [{profile.value}] caps responses at {value} tokens, and sessions begin with "
                f"{tokens} (RELAY_SESSION_MAX_OUTPUT_TOKENS): raise one or lower the other.",
                "policy_file",
                "session_max_output_tokens",
            )
        if name == "temperature" and isinstance(value, tuple) and heat is not None:
            low, high = value
            if not low <= heat <= high:
                yield problem(
                    f"{at} [{profile.value}] allows temperatures from {low} to {high}, and "
                    f"sessions begin with {heat} (RELAY_SESSION_TEMPERATURE): change one of them.",
                    "policy_file",
                    "session_temperature",
                )


def languages_are_heard(settings: Settings, reading: Reading) -> Iterator[Problem]:
    about = ("session_transcription_model", "session_transcription_language", "policy_file")
    if settings.session_transcription_model is not None:
        return
    if settings.session_transcription_language is not None:
        yield problem(
            "RELAY_SESSION_TRANSCRIPTION_LANGUAGE is set, and nothing is transcribed: set "
            "RELAY_SESSION_TRANSCRIPTION_MODEL too, or remove the language.",
            *about,
        )
    for file, profile, name, _ in _named(settings):
        if name == "languages":
            yield problem(
                f"{_at(reading, file.line(profile.value, name))} `languages` has no effect, "
                "because nothing is transcribed: set RELAY_SESSION_TRANSCRIPTION_MODEL too.",
                *about,
            )


def client_tools_exist(settings: Settings, reading: Reading) -> Iterator[Problem]:
    known = {tool.name: tool for tool in settings.session_tools}
    for file, profile, name, value in _named(settings):
        if name != "client_tools" or not isinstance(value, tuple):
            continue
        for index, tool in enumerate(value):
            at = _at(reading, file.line(profile.value, name, index))
            about = ("policy_file", "session_tools")
            if tool not in known:
                hint = near(tool, tuple(known))
                yield problem(
                    f"{at} RELAY_SESSION_TOOLS_FILE has no tool {tool[:64]!r}{hint}.", *about
                )
            elif known[tool].on_server:
                yield problem(
                    f"{at} the tool {tool!r} runs on the server and is hidden from clients: "
                    "remove it here.",
                    *about,
                )


def messages_are_large_enough(settings: Settings, reading: Reading) -> Iterator[Problem]:
    """Base64 makes four bytes of three, and the event around it needs some more."""
    for file, profile, name, value in _named(settings):
        if name not in ("append_bytes", "image_bytes") or not isinstance(value, int):
            continue
        needed = (value + 2) // 3 * 4 + 1024
        if needed > settings.max_message_bytes:
            yield problem(
                f"{_at(reading, file.line(profile.value, name))} {value} bytes do not fit into a "
                f"message: lower `{name}`, or raise RELAY_MAX_MESSAGE_BYTES to {needed}.",
                "policy_file",
                "max_message_bytes",
            )


def forced_turns_are_noticed(settings: Settings, reading: Reading) -> Iterator[Problem]:
    """Without turn detection no turn ends by itself: nothing could begin or interrupt."""
    if settings.session_turn_detection is not TurnKind.NONE:
        return
    for file, profile, name, value in _named(settings):
        if name in ("create_response", "interrupt_response") and value is True:
            yield problem(
                f"{_at(reading, file.line(profile.value, name))} `{name}` is forced to true, and "
                "sessions begin without turn detection (RELAY_SESSION_TURN_DETECTION is `none`): "
                "change one of them.",
                "policy_file",
                "session_turn_detection",
            )


POLICY_RULES = (
    session_is_within_the_lists,
    session_is_within_the_ranges,
    languages_are_heard,
    client_tools_exist,
    messages_are_large_enough,
    forced_turns_are_noticed,
)
