"""What is set up and does not do what it looks like: no mistake that stops the start, and worth a
sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.policy.placeholders import claim_in, placeholders
from app.policy.policy import Act, Policy, Profile
from app.policy.tables import EVENTS, ITEM_TYPES, Row
from app.protocol.names import ClientKind, Dialect
from app.settings.choices import AuthMode
from app.settings.policy_file import PolicyFile
from app.settings.upstream_values import dialect_of

if TYPE_CHECKING:
    from app.settings.settings import Settings

DEV_CLAIMS = frozenset({"sub"})
"""What is known of a user with RELAY_AUTH=dev."""


def remarks(settings: Settings) -> Iterator[str]:
    """One sentence for each, with the fix."""
    yield from _profiles_of_nobody(settings)
    yield from _calls_without_answer(settings)
    yield from _half_a_history(settings)
    yield from _nothing_to_warm(settings)
    yield from _claims_of_nobody(settings)
    named = {claim_in(name) for name in placeholders(settings.session_instructions or "")}
    for claim in settings.instruction_claims:
        if claim not in named:
            yield (
                f"RELAY_INSTRUCTION_CLAIMS lists `{claim}`, and no instructions name it: write "
                f"{{{{user.{claim}}}}} in them, or remove it."
            )


def _profiles_of_nobody(settings: Settings) -> Iterator[str]:
    file, rule = settings.policy_file or PolicyFile(), settings.profile_rule()
    given = ", ".join(profile.value for profile in rule.named())
    for profile in file.profiles:
        if profile in rule.named():
            continue
        way = f"RELAY_POLICY={profile.value}" if rule.claim is None else "a value in [profiles]"
        yield (
            f"RELAY_POLICY_FILE: line {file.line(profile.value)}: [{profile.value}] has no effect, "
            f"because nobody gets that profile (in use: {given}): give it by {way}, or remove the "
            "table."
        )


def _open(row: Row, policy: Policy) -> bool:
    return policy.act(row) is Act.ALLOW or row.name in policy.reports


def _calls_without_answer(settings: Settings) -> Iterator[str]:
    """A model that may call a tool waits for the answer of a client that may not give it."""
    file = settings.policy_file or PolicyFile()
    for profile in settings.profile_rule().named():
        policy, where = settings.policy(profile), profile.value
        rows = (EVENTS[ClientKind.ITEM_CREATE], ITEM_TYPES["function_call_output"])
        shut = [row for row in rows if not _open(row, policy)]
        if not policy.client_tools or not shut:
            continue
        line = file.line_of(profile, shut[0].name)
        by = f"RELAY_POLICY_FILE: line {line}: it" if line else f"Profile {where}"
        yield (
            f"{by} refuses `{shut[0].name}`, and RELAY_SESSION_TOOLS_FILE has client tools: the "
            f"model of profile {where} would call them, and nobody may answer. In "
            f'RELAY_POLICY_FILE, write "{shut[0].name}" = "allow" in [{where}.rows], or '
            f"client_tools = [] in [{where}]."
        )


def _half_a_history(settings: Settings) -> Iterator[str]:
    """Frontends replay what was said as items of the conversation."""
    file = settings.policy_file or PolicyFile()
    row = EVENTS[ClientKind.ITEM_CREATE]
    policy = settings.policy(Profile.GUIDED)
    if policy.history and not _open(row, policy):
        yield (
            f"RELAY_POLICY_FILE: line {file.line_of(Profile.GUIDED, row.name)}: `{row.name}` is "
            "refused, so that `history` accepts what was said in `response.input` alone: allow it, "
            "or remove `history`."
        )


def _nothing_to_warm(settings: Settings) -> Iterator[str]:
    file = settings.policy_file or PolicyFile()
    if dialect_of(settings) is not Dialect.GA:
        return
    for profile, changes in file.profiles.items():
        if "temperature" in changes.values:
            yield (
                f"RELAY_POLICY_FILE: line {file.line(profile.value, 'temperature')}: `temperature` "
                "has no effect, because upstream speaks GA, which has no such setting: remove it."
            )


def _claims_of_nobody(settings: Settings) -> Iterator[str]:
    if settings.auth is not AuthMode.DEV:
        return
    rule = settings.profile_rule()
    if rule.claim in DEV_CLAIMS:
        yield (
            f"With RELAY_AUTH=dev the claim `{rule.claim}` is the name that everybody gives "
            "themselves, and so does everybody choose their profile: it protects nothing."
        )
    if rule.claim is not None and rule.claim not in DEV_CLAIMS:
        yield (
            f"With RELAY_AUTH=dev nobody has the claim `{rule.claim}` (only `sub`, the name): "
            f"everybody gets profile {rule.everybody_else().value}."
        )
    for claim in settings.instruction_claims:
        if claim not in DEV_CLAIMS:
            yield (
                f"With RELAY_AUTH=dev nobody has the claim `{claim}`: {{{{user.{claim}}}}} in the "
                'instructions becomes "".'
            )
