"""Twenty thousand bent events against the real gate, in every profile.

Each frame that goes upstream must mean one thing to three kinds of parser and lie in a language
that was written down a second time, from the policy's design (`language`). Each answer to the
client must be an event that its library can read, and must not repeat what was planted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from app.policy.policy import Act, Policy, Profile
from app.protocol.names import Dialect
from app.session.commands import Note, PauseClient, ToClient, ToUpstream
from tests.harness.readings import READINGS, one_meaning, same
from tests.integration.lock.attacks import KEY_MARK, MARK, attack
from tests.integration.lock.language import EVENTS, answered, characters, check
from tests.integration.lock.scene import DOOR, LAMP, SECRET, Cast, Scene
from tests.integration.lock.words import World

EXAMPLES = 20_000
BATCHES = 8
SCENE_LASTS = 40
"""Frames after which a scene begins anew."""

VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"transcription_model": "the-deployment", "languages": ("de",), "create_response": False},
    {"moderates": True, "interrupt_response": True, "voices": ("echo", "marin")},
    {"history": True, "max_output_tokens": 99, "output_modalities": ("text",)},
    {"interrupt_response": False, "output_modalities": ("audio",), "session_characters": 40},
    {
        "rows": {
            "session.instructions": Act.ALLOW,
            "session.temperature": Act.STRIP,
            "response.tools": Act.STRIP,
            "user/input_text": Act.REFUSE,
            "assistant/output_text": Act.ALLOW,
            "conversation.item.retrieve": Act.REFUSE,
        }
    },
    {
        "reports": frozenset(
            {"response.instructions", "response.input", "system/input_text"}
            | {"conversation.item.delete", "function_call_output", "session.tools"}
        )
    },
)
SPELLINGS = (
    (Dialect.PREVIEW, Dialect.PREVIEW),
    (Dialect.GA, Dialect.GA),
    (Dialect.PREVIEW, Dialect.PREVIEW),
    (Dialect.GA, Dialect.PREVIEW),
    (Dialect.PREVIEW, Dialect.GA),
)


OWN_INSTRUCTIONS = "session.instructions"


class Told:
    """What one scene's upstream has been told so far, in so far as it binds what may follow."""

    def __init__(self, at: Scene) -> None:
        self.at = at
        self.text = 0
        self.calls: set[str] = set()
        self.ids: set[str] = set()

    def world(self, said: frozenset[str]) -> World:
        """The world in which the next event must be legal."""
        policy, world = self.at.cast.policy, self.at.world
        opened = {name: act is Act.ALLOW for name, act in policy.rows.items()}
        return replace(
            world,
            said_ids=said,
            modalities=policy.output_modalities,
            interrupt_response=policy.interrupt_response,
            rows=opened | dict.fromkeys(policy.reports, True),
            text_left=policy.session_characters - self.text,
            calls=world.calls - self.calls,
        )

    def note(self, event: dict[str, Any]) -> None:
        """The event has gone upstream."""
        self.text += characters(event)
        self.calls |= set(answered(event))
        if "event_id" in event:
            assert event["event_id"] not in self.ids, "an id is lent twice"
            self.ids.add(event["event_id"])


def scene(profile: Profile, number: int) -> Scene:
    """A scene of this profile; the rest varies with the number."""
    client, upstream = SPELLINGS[number % len(SPELLINGS)]
    policy = Policy(
        profile=profile,
        client_tools=(LAMP, DOOR),
        server_tools=(SECRET,),
        **{"session_characters": 10**9, **VARIANTS[number % len(VARIANTS)]},
    )
    return Scene(Cast(policy, client, upstream, fresh=policy.history and number % 2 == 1))


def strings(value: Any) -> Iterator[str]:
    """Every text in a value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield key
            yield from strings(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from strings(entry)


def check_forwarded(frame: bytes, said: bytes, told: Told) -> str:
    """The type of the event `frame`, which came of what the client said."""
    meaning = one_meaning(frame)
    own = json.loads(said).get("event_id")
    check(meaning, told.world(frozenset({own})))
    told.note(meaning)
    return str(meaning["type"])


def check_answer(frame: bytes, at: Scene) -> str:
    """The event's type. Of `relay`, keys are names in the client's own words, in any case."""
    event, *others = (reading(frame) for reading in READINGS)
    told = event.pop("relay", {})
    for other in others:
        other.pop("relay", None)
        assert same(event, other)
    assert event["event_id"].startswith("rly_feed_")
    assert event["type"] in ("error", "session.updated")
    if event["type"] == "session.updated":
        assert MARK not in "".join(map(str, told.get("changed", {}).values()))
        if at.cast.policy.profile is Profile.OPEN or OWN_INSTRUCTIONS in at.cast.policy.rows:
            del event["session"]["instructions"]  # who may set them sees its own
        told = {}
    for text in strings([event, told]):
        assert MARK not in text
        assert KEY_MARK not in text
    return str(event["type"])


def confront(told: Told, frame: bytes, seen: Counter[str]) -> None:
    """One frame, and everything that must be true of what comes of it."""
    at = told.at
    commands = at.play(frame)
    for command in commands:
        match command:
            case ToUpstream(_, sent):
                seen[f"sent {check_forwarded(sent, frame, told)}"] += 1
            case ToClient(sent):
                seen[f"told {check_answer(sent, at)}"] += 1
            case Note(_, fields):
                assert not any("‽" in text for text in strings(dict(fields)))
            case PauseClient():
                pass
            case _:
                raise AssertionError(f"an attacker's frame led to {command}")
    seen["nothing"] += not commands


@pytest.mark.parametrize("batch", range(BATCHES))
def test_what_goes_upstream_is_always_in_the_language_and_has_one_meaning(batch: int) -> None:
    rng = Random(f"lock {batch}")
    seen: Counter[str] = Counter()
    for number in range(EXAMPLES // BATCHES // SCENE_LASTS + 1):
        scenes = [Told(scene(profile, number)) for profile in Profile]
        for _ in range(SCENE_LASTS):
            frame = attack(rng, scenes[0].at.cast.client)
            seen["frames"] += 1
            for told in scenes:
                try:
                    confront(told, frame, seen)
                except Exception as fault:
                    cast = told.at.cast
                    raise AssertionError(
                        f"{cast.policy} {cast.client} -> {cast.upstream}: {frame[:2000]!r}"
                    ) from fault
    assert seen["frames"] >= EXAMPLES // BATCHES
    assert {f"sent {kind}" for kind in EVENTS} <= seen.keys(), "an event never passed"
    passed = sum(count for what, count in seen.items() if what.startswith("sent"))
    assert passed > seen["frames"] / 2, "of three profiles, too few let anything pass"
    assert seen["told error"] > seen["frames"] / 2
    assert seen["told session.updated"]
