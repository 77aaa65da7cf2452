"""A canary in every text of every documented server event: which of them may a client see?

`SEEN` is the whole answer, with a reason for each line. A leak without a line fails, and so does a
line that nothing matches: the list cannot rot.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest

from app.policy.policy import Policy, Profile
from app.protocol.names import Dialect
from app.session.commands import Command, Note, ToClient
from tests.harness.readings import one_meaning
from tests.integration.lock.canaries import CANARY, UNKNOWN, events, kinds, leaks
from tests.integration.lock.scene import LAMP, SECRET, Cast, Scene

ITEM = ("conversation.item.added", "conversation.item.created", "conversation.item.done")
RESPONSE = ("response.created", "response.done")
HOT = (
    *("response.*text.delta", "response.*text.done", "response.*audio.delta"),
    *("response.*audio.done", "response.*_transcript.delta", "response.*_transcript.done"),
    "response.function_call_arguments.*",
)
"""What the model says, piece by piece: the bytes pass as they stand once item and response are
visible. A rebuilt delta would cost as much as everything else together."""


@dataclass(frozen=True)
class Seen:
    """Paths that a client is meant to see in these events (shell patterns), and why."""

    events: tuple[str, ...]
    paths: tuple[str, ...]
    why: str
    open_only: bool = False
    split_only: bool = False  # where one event of a preview upstream becomes two for a GA client
    switch: str | None = None  # the setting of the operator's that shows it

    def covers(self, kind: str, path: str, policy: Policy, split: bool = True) -> bool:
        if self.open_only and policy.profile is not Profile.OPEN:
            return False
        if self.switch is not None and not getattr(policy, self.switch):
            return False
        if self.split_only and not split:
            return False
        known = any(fnmatchcase(kind, pattern) for pattern in self.events)
        return known and any(path == one for one in self.paths)


def of_items(prefix: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{name}" for name in names)


ITEM_FIELDS = (
    *("arguments", "output", "object", "status"),
    *("content[].text", "content[].transcript"),
)
COUNTS = (
    *("total_tokens", "input_tokens", "output_tokens"),
    *("input_token_details.text_tokens", "input_token_details.audio_tokens"),
    *("output_token_details.text_tokens", "output_token_details.audio_tokens"),
)
PROMPT_COUNTS = of_items("input_token_details", "image_tokens", "cached_tokens")
CACHED = of_items(
    "input_token_details.cached_tokens_details", "text_tokens", "audio_tokens", "image_tokens"
)
TURN = ("eagerness", "prefix_padding_ms", "silence_duration_ms", "threshold")
SEEN = (
    Seen(("*",), ("event_id",), "clients demand it; upstream's number of the event"),
    Seen(HOT, ("delta", "text", "transcript", "arguments", "call_id"), "what the model says"),
    Seen(("response.function_call_arguments.done",), ("name",), "the client's tool"),
    Seen(HOT, (UNKNOWN, f"{UNKNOWN}_too.{UNKNOWN}[]", f"{UNKNOWN}_more"), "see HOT"),
    Seen(
        (
            *("response.*text.*", "response.*audio.*", "response.*_transcript.*"),
            *("response.content_part.*", "conversation.item.truncated"),
            "conversation.item.input_audio_transcription.*",
        ),
        ("content_index",),
        "which part of the item",
    ),
    Seen((*HOT, "response.content_part.*", "response.output_item.*"), ("output_index",), "which"),
    Seen(
        ("input_audio_buffer.*", "conversation.item.truncated"),
        ("audio_start_ms", "audio_end_ms"),
        "when this user spoke",
    ),
    Seen(
        ("conversation.item.input_audio_transcription.segment",),
        ("start", "end"),
        "when this user spoke",
    ),
    Seen(
        RESPONSE,
        tuple(f"response.usage.{name}" for name in (*COUNTS, *PROMPT_COUNTS, *CACHED)),
        "what it cost",
        switch="show_usage",
    ),
    Seen(
        ("conversation.item.input_audio_transcription.completed",),
        tuple(f"usage.{name}" for name in (*COUNTS[:5], "seconds")),
        "what it cost",
        switch="show_usage",
    ),
    Seen(
        ("rate_limits.updated",),
        of_items("rate_limits[]", "name", "limit", "remaining", "reset_seconds"),
        "what is left of the deployment's quota",
        switch="show_rate_limits",
    ),
    Seen(
        ("response.content_part.*",),
        ("part.text", "part.transcript"),
        "what the model says",
    ),
    Seen(
        ("conversation.item.input_audio_transcription.*",),
        ("delta", "transcript", "text", "id", "speaker"),
        "what this user said",
    ),
    Seen(
        ("conversation.item.input_audio_transcription.*",),
        of_items("logprobs[]", "token", "logprob", "bytes[]", UNKNOWN, f"{UNKNOWN}_more")
        + of_items("logprobs[]", f"{UNKNOWN}_too.{UNKNOWN}[]"),
        "the profile shows how sure upstream is of the words",
        open_only=True,
    ),
    Seen((*ITEM, "response.output_item.*"), of_items("item", *ITEM_FIELDS), "a visible item"),
    Seen(("conversation.item.[ac]*",), ("item.id",), "a new item's name"),
    Seen(("conversation.item.done",), ("item.id",), "a new item, done when added", split_only=True),
    Seen(
        ("conversation.item.retrieved",),
        of_items("item", *ITEM_FIELDS, "content[].audio", "content[].image_url"),
        "the client asked for the whole of a visible item",
    ),
    Seen(("input_audio_buffer.*",), ("item_id",), "the name of what this user said"),
    Seen(RESPONSE, of_items("response.output[]", *ITEM_FIELDS), "visible items"),
    Seen(
        RESPONSE,
        of_items("response", "object", "status", "conversation_id", "status_details.reason"),
        "names and words that clients steer by",
    ),
    Seen(("response.created",), ("response.id",), "a new response's name"),
    Seen(RESPONSE, ("response.metadata{}",), "the client's own, echoed: some SDKs wait for it"),
    Seen(
        RESPONSE,
        of_items("response", "voice", "output_audio_format", "modalities[]", "max_output_tokens")
        + of_items("response", "temperature")
        + of_items("response", "audio.output.voice", "audio.output.format.rate")
        + of_items("response", "audio.output.format")  # a word between the two spellings
        + of_items("response", "output_modalities[]"),
        "how this response sounds",
    ),
    Seen(("conversation.created",), ("conversation.id", "conversation.object"), "documented"),
    Seen(
        ("session.updated",),
        of_items("session", "voice", "max_response_output_tokens", "temperature", "speed")
        + of_items("session.turn_detection", *TURN)
        + of_items("session.audio.input.turn_detection", *TURN, "idle_timeout_ms")
        + of_items("session.audio.output", "speed")
        + of_items("session", "input_audio_transcription.language", "max_output_tokens")
        + of_items("session.audio.input", "format.rate", "transcription.language")
        + of_items("session.audio.output", "voice", "format.rate"),
        "clients steer by voice, formats, turn detection and language",
    ),
    Seen(
        ("session.updated",),
        (
            *of_items("session.tools[]", "name", "description", "parameters{}"),
            "session.tool_choice.name",
        ),
        "an open client's own tools; hidden ones are left out by their names",
        open_only=True,
    ),
)

PAIRS = [(upstream, client) for upstream in Dialect for client in Dialect]
NAMES = {"assistant": "item_a", "user": "item_u", "system": "item_s"}


SWITCHES = ((True, False), (False, True))
"""Both ways of `show_usage` and `show_rate_limits`, on which some of what is seen depends."""


def rules(profile: Profile, switches: int = 0) -> Policy:
    usage, limits = SWITCHES[switches]
    return Policy(
        profile=profile,
        client_tools=(LAMP,),
        server_tools=(SECRET,),
        show_usage=usage,
        show_rate_limits=limits,
    )


def scene(
    profile: Profile, dialect: Dialect, client: Dialect | None = None, switches: int = 0
) -> Scene:
    policy = rules(profile, switches)
    at = Scene(Cast(policy, client or dialect, dialect))
    output = {"type": "function_call_output", "call_id": "call_1", "output": "x"}
    at.item("item_o", after="item_c", **output)
    return at


def aimed(event: dict[str, Any]) -> dict[str, Any]:
    """The event, about things that the client may see: else it is dropped for its ids alone."""
    known = {"item_id": "item_a", "response_id": "resp_1"}
    event |= {key: value for key, value in known.items() if key in event}
    if "item" in event:
        _aim_item(event["item"])
    if "response" in event:
        event["response"]["id"] = "resp_1"
        for item in event["response"].get("output") or ():
            _aim_item(item)
    return event


def _aim_item(item: dict[str, Any]) -> None:
    match item.get("type"):
        case "function_call":
            item |= {"id": "item_c", "name": "lamp", "call_id": "call_1"}
        case "function_call_output":
            item |= {"id": "item_o", "call_id": "call_1"}
        case _:
            item["id"] = NAMES.get(str(item.get("role")), "item_a")


def variants(dialect: Dialect) -> Iterator[dict[str, Any]]:
    """Every event, in words that the types list and in others, with our ids and with any."""
    for wild in (False, True):
        for event in events(dialect, wild=wild):
            yield event
            yield aimed(json.loads(json.dumps(event)))


def shown(commands: list[Command]) -> Iterator[tuple[str, str]]:
    """Where canaries are in what goes to the client; nothing may be written down of them."""
    for command in commands:
        if isinstance(command, ToClient):
            event = one_meaning(command.frame)
            for path in leaks(event):
                yield event["type"], path
        elif isinstance(command, Note):
            assert CANARY not in str(command)


@cache
def leaked(
    dialect: Dialect, profile: Profile, client: Dialect, switches: int = 0
) -> frozenset[tuple[str, str]]:
    """All (event, path) at which a client of this profile sees a canary."""
    return frozenset(
        leak
        for event in variants(dialect)
        for leak in shown(scene(profile, dialect, client, switches).told(**event))
    )


@pytest.mark.parametrize("profile", list(Profile))
@pytest.mark.parametrize(
    ("dialect", "client", "switches"),
    [(*pair, 0) for pair in PAIRS] + [(dialect, dialect, 1) for dialect in Dialect],
)
def test_nothing_is_seen_that_is_not_meant_to_be_seen(
    dialect: Dialect, client: Dialect, profile: Profile, switches: int
) -> None:
    policy = rules(profile, switches)
    split = (dialect, client) == (Dialect.PREVIEW, Dialect.GA)
    unmeant = {
        (kind, path)
        for kind, path in leaked(dialect, profile, client, switches)
        if not any(seen.covers(kind, path, policy, split) for seen in SEEN)
    }
    assert not unmeant


@pytest.mark.parametrize("seen", SEEN, ids=lambda seen: f"{seen.events[0]} {seen.paths[0]}")
def test_whatever_the_list_says_is_really_seen(seen: Seen) -> None:
    found = {
        path
        for switches in range(len(SWITCHES))
        for dialect, client in PAIRS
        if not switches or dialect is client
        for kind, path in leaked(dialect, Profile.OPEN, client, switches)
        if seen.covers(kind, path, rules(Profile.OPEN, switches))
    }
    assert found == set(seen.paths)


@pytest.mark.parametrize("dialect", list(Dialect))
def test_each_documented_type_was_tried_and_most_were_seen(dialect: Dialect) -> None:
    tried = {event["type"] for event in variants(dialect)}
    assert tried == kinds(dialect)
    assert len(tried) > 30
    seen = {kind for kind, _ in leaked(dialect, Profile.GUIDED, dialect)}
    never = {kind for kind in tried - seen if not kind.startswith(("mcp_", "response.mcp_"))}
    assert never <= {
        *("session.created", "session.updated", "transcription_session.updated"),
        *("rate_limits.updated", "conversation.item.added", "conversation.item.created"),
        *("output_audio_buffer.started", "output_audio_buffer.stopped"),
        *("output_audio_buffer.cleared", "input_audio_buffer.dtmf_event_received"),
        *("conversation.item.done", "input_audio_buffer.timeout_triggered"),
        *("conversation.item.input_audio_transcription.segment",),
    }, never


@pytest.mark.parametrize("dialect", list(Dialect))
@pytest.mark.parametrize("moment", ["greeting", "configuring"])
def test_nothing_shows_before_the_session_is_ready(dialect: Dialect, moment: str) -> None:
    for event in variants(dialect):
        if moment == "configuring" and event["type"] == "session.updated":
            continue
        gate = Scene(Cast(Policy(), dialect, dialect, fresh=True), begun=moment).gate
        for command in gate.on_upstream(0, json.dumps(event).encode(), 1000.0):
            if isinstance(command, ToClient):
                assert CANARY not in command.frame.decode()
                assert json.loads(command.frame)["type"] == "error"


@pytest.mark.parametrize("profile", list(Profile))
@pytest.mark.parametrize("dialect", list(Dialect))
def test_of_an_error_nothing_shows_but_fixed_words(dialect: Dialect, profile: Profile) -> None:
    for code in ("◆", "server_error", "insufficient_quota", "content_filter", None):
        told = ("type", "message", "param", "event_id", "inner")
        error: dict[str, Any] = {"code": code, **{key: CANARY + key for key in told}}
        at = scene(profile, dialect)
        (command,) = at.told(type="error", event_id="e", error=error)
        assert isinstance(command, ToClient)
        assert CANARY not in command.frame.decode()
        details = {"type": "failed", "error": error}
        failed = {"id": "resp_1", "status": "failed", "status_details": details}
        (command,) = at.told(type="response.done", event_id="e", response=failed)
        assert isinstance(command, ToClient)
        assert CANARY not in command.frame.decode()
