"""What the settings of sessions and of users' profiles must not say: one sentence for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.policy.placeholders import claim_in, placeholders, unclosed
from app.policy.turn_detection import TurnKind
from app.settings.policy_file import PolicyFile
from app.settings.policy_values import near
from app.settings.problem import Problem, problem
from app.settings.self_service import users_write

if TYPE_CHECKING:
    from app.settings.reading import Reading
    from app.settings.settings import Settings


def server_tools_come_later(settings: Settings, _: Reading) -> Iterator[Problem]:
    hidden = [tool.name for tool in settings.session_tools if tool.on_server]
    if hidden:
        yield problem(
            f'RELAY_SESSION_TOOLS_FILE has tools with "runs": "server" ({", ".join(hidden)}): that '
            'is not built yet and comes later; write "client", or remove them.',
            "session_tools",
        )


def turn_detection_is_one_thing(settings: Settings, _: Reading) -> Iterator[Problem]:
    kind = settings.session_turn_detection
    fitting = {
        "session_vad_threshold": TurnKind.SERVER_VAD,
        "session_vad_prefix_ms": TurnKind.SERVER_VAD,
        "session_vad_silence_ms": TurnKind.SERVER_VAD,
        "session_vad_eagerness": TurnKind.SEMANTIC_VAD,
    }
    for field, needed in fitting.items():
        # What upstream does by itself is server_vad, so its details need no further word.
        meant = kind or TurnKind.SERVER_VAD
        if getattr(settings, field) is not None and meant is not needed:
            said = f"is `{kind.value}`" if kind else "is not set"
            yield problem(
                f"RELAY_{field.upper()} belongs to `{needed.value}`, and "
                f"RELAY_SESSION_TURN_DETECTION {said}: set that to `{needed.value}`, or remove it.",
                "session_turn_detection",
                field,
            )


def placeholders_are_known(settings: Settings, reading: Reading) -> Iterator[Problem]:
    found = reading.found.get("session_instructions")
    place = found.place if found else "RELAY_SESSION_INSTRUCTIONS"
    about = ("session_instructions", "instruction_claims")
    for name in placeholders(settings.session_instructions or ""):
        claim = claim_in(name)
        if claim in settings.instruction_claims:
            continue
        known = tuple(f"user.{listed}" for listed in settings.instruction_claims)
        hint = near(name, known) if name == name.strip() else ""
        if claim is not None:
            fix = f"list `{claim[:64]}` in RELAY_INSTRUCTION_CLAIMS"
        elif claim_in(name.strip()) is not None:
            fix = f"write {{{{{name.strip()[:64]}}}}}, without spaces"
        else:
            fix = "write {{user.CLAIM}}, which is the only form"
        yield problem(
            f"{place} holds {{{{{name[:64]}}}}}, which is no placeholder of this relay{hint}: "
            f"{fix}, or remove it.",
            *about,
        )
    for begun in unclosed(settings.session_instructions or ""):
        yield problem(
            f"{place} holds {begun}, which is not closed: write {{{{user.CLAIM}}}}, or remove it.",
            *about,
        )


def users_do_not_write_the_prompt(settings: Settings, _: Reading) -> Iterator[Problem]:
    if settings.self_service_claims:
        return
    for claim in settings.instruction_claims:
        if users_write(claim):
            yield problem(
                f"RELAY_INSTRUCTION_CLAIMS lists `{claim}`, which users can often write themselves "
                "and so would write into the prompt: remove it, or set RELAY_SELF_SERVICE_CLAIMS "
                "to `true`.",
                "instruction_claims",
                "self_service_claims",
            )


def profiles_have_their_table(settings: Settings, reading: Reading) -> Iterator[Problem]:
    file, claim = settings.policy_file or PolicyFile(), settings.profile_claim
    if claim is None and not file.by_value:
        return
    about = ("policy_file", "profile_claim")
    if claim is None:
        yield problem(
            "RELAY_PROFILE_CLAIM is missing, and RELAY_POLICY_FILE has a table [profiles] (line "
            f"{file.line('profiles')}): set it to the claim whose values stand there.",
            *about,
        )
    elif not file.by_value:
        yield problem(
            "RELAY_PROFILE_CLAIM is set, and RELAY_POLICY_FILE says nothing of its values: write "
            "a table [profiles] with VALUE = PROFILE.",
            *about,
        )
    elif reading.is_set("profile"):
        yield problem(
            "RELAY_POLICY and RELAY_PROFILE_CLAIM are both set, and the claim decides on the "
            "profile: remove RELAY_POLICY.",
            "profile",
            "profile_claim",
        )
    if claim is not None and users_write(claim):
        yield problem(
            f"RELAY_PROFILE_CLAIM is `{claim}`, which users can often write themselves: choose one "
            "that only the issuer sets, such as a role or a group.",
            "profile_claim",
        )


SESSION_RULES = (
    server_tools_come_later,
    turn_detection_is_one_thing,
    placeholders_are_known,
    users_do_not_write_the_prompt,
    profiles_have_their_table,
)
