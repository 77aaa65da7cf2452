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

from app.policy.policy import Policy, Profile
from app.protocol.names import Dialect
from app.session.commands import Note, PauseClient, ToClient, ToUpstream
from tests.harness.readings import first_wins, last_wins, one_meaning, same
from tests.integration.lock.attacks import FREE, KEY_MARK, MARK, attack
from tests.integration.lock.language import EVENTS, check
from tests.integration.lock.scene import DOOR, LAMP, SECRET, Cast, Scene

EXAMPLES = 20_000
BATCHES = 8
SCENE_LASTS = 40
"""Frames after which a scene begins anew."""

VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"transcription_model": "the-deployment", "languages": ("de",), "create_response": False},
    {"moderates": True, "interrupt_response": True, "voices": ("echo", "marin")},
    {"history": True, "max_output_tokens": 99, "output_modalities": ("text",)},
)
SPELLINGS = (
    (Dialect.PREVIEW, Dialect.PREVIEW),
    (Dialect.GA, Dialect.GA),
    (Dialect.PREVIEW, Dialect.PREVIEW),
    (Dialect.GA, Dialect.PREVIEW),
    (Dialect.PREVIEW, Dialect.GA),
)


def scene(profile: Profile, number: int) -> Scene:
    """A scene of this profile; the rest varies with the number."""
    client, upstream = SPELLINGS[number % len(SPELLINGS)]
    policy = Policy(
        profile=profile,
        client_tools=(LAMP, DOOR),
        server_tools=(SECRET,),
        session_characters=10**9,
        **VARIANTS[number % len(VARIANTS)],
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


def without_free_names(value: Any) -> Any:
    """Without the names that a client invents for itself: nobody reads those in another case."""
    if isinstance(value, dict):
        return {k: without_free_names(v) for k, v in value.items() if k not in FREE}
    return [without_free_names(entry) for entry in value] if isinstance(value, list) else value


def check_forwarded(frame: bytes, said: bytes, at: Scene) -> str:
    """The type of the event `frame`, which came of what the client said."""
    meaning = last_wins(frame)
    assert same(meaning, first_wins(frame))
    one_meaning(json.dumps(without_free_names(meaning)).encode())
    own = json.loads(said).get("event_id")
    check(meaning, replace(at.world, said_ids=frozenset({own})))
    return str(meaning["type"])


def check_answer(frame: bytes, at: Scene) -> str:
    """The event's type."""
    event = one_meaning(frame)
    assert event["event_id"].startswith("rly_feed_")
    assert event["type"] in ("error", "session.updated")
    if event["type"] == "session.updated":
        told = event.pop("relay")
        told.pop("ignored", None)  # names of fields, as this client spelled them
        assert MARK not in "".join(map(str, told.get("changed", {}).values()))
        if at.cast.policy.profile is Profile.OPEN:
            del event["session"]["instructions"]  # an open client sees its own
    for text in strings(event):
        assert MARK not in text
        assert KEY_MARK not in text
    return str(event["type"])


def confront(at: Scene, frame: bytes, seen: Counter[str]) -> None:
    """One frame, and everything that must be true of what comes of it."""
    commands = at.play(frame)
    for command in commands:
        match command:
            case ToUpstream(_, sent):
                seen[f"sent {check_forwarded(sent, frame, at)}"] += 1
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
        scenes = [scene(profile, number) for profile in Profile]
        for _ in range(SCENE_LASTS):
            frame = attack(rng, scenes[0].cast.client)
            seen["frames"] += 1
            for at in scenes:
                try:
                    confront(at, frame, seen)
                except Exception as fault:
                    cast = at.cast
                    raise AssertionError(
                        f"{cast.policy} {cast.client} -> {cast.upstream}: {frame[:2000]!r}"
                    ) from fault
    assert seen["frames"] >= EXAMPLES // BATCHES
    assert {f"sent {kind}" for kind in EVENTS} <= seen.keys(), "an event never passed"
    passed = sum(count for what, count in seen.items() if what.startswith("sent"))
    assert passed > seen["frames"] / 2, "of three profiles, too few let anything pass"
    assert seen["told error"] > seen["frames"] / 2
    assert seen["told session.updated"]
