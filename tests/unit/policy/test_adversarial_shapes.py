"""Any value at any known place: what goes upstream lies in the language, and nothing raises.

The large run is `tests/integration/lock/test_generated_attacks.py`; here hypothesis looks for the
smallest example, which is what one wants to read when a new value rule is wrong.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.policy.policy import Policy, Profile
from app.policy.rows import ROWS, choices
from app.policy.tables import Act
from app.protocol.names import Dialect
from app.session.commands import ToClient, ToUpstream
from tests.harness.readings import one_meaning
from tests.integration.lock.attacks import SHAPES, SMUGGLED
from tests.integration.lock.language import check
from tests.integration.lock.scene import DOOR, LAMP, SECRET, Cast, Scene
from tests.integration.lock.words import World

often = settings(
    max_examples=250, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
_PLACES = """
    session session.instructions session.tools session.tool_choice session.tool_choice.name
    session.modalities session.voice session.speed session.temperature session.type session.audio
    session.turn_detection session.turn_detection.type session.turn_detection.threshold
    session.turn_detection.silence_duration_ms session.turn_detection.create_response
    session.turn_detection.eagerness session.input_audio_transcription
    session.input_audio_transcription.language session.input_audio_noise_reduction
    session.input_audio_format session.output_audio_format session.max_response_output_tokens
    session.prompt session.output_modalities session.max_output_tokens
    response response.conversation response.input response.append_input_items response.metadata
    response.metadata.key response.tools response.tool_choice response.instructions
    response.modalities response.voice response.temperature response.prompt
    response.max_output_tokens response.audio
    item item.type item.role item.content item.id item.call_id item.output
    previous_item_id item_id response_id audio content_index audio_end_ms event_id
"""
PLACES = _PLACES.split()
KINDS = (
    *("session.update", "response.create", "conversation.item.create", "response.cancel"),
    *("conversation.item.truncate", "conversation.item.retrieve", "conversation.item.delete"),
    "input_audio_buffer.append",
)
_WORDS = """
    auto none required inf text audio server_vad semantic_vad near_field pcm16 alloy low message
    user system assistant function function_call_output item_reference mcp input_text input_audio
    item_u item_a item_h call_1 call_h resp_1 resp_h lamp secret own realtime root rly_1 AAAA
"""
word = st.sampled_from(_WORDS.split())
leaf = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 9000), st.floats(-2, 9), word, st.text(max_size=5)
)
name = st.one_of(
    st.sampled_from(sorted(SMUGGLED)),
    st.sampled_from(("type", "name", "content", "text", "audio", "parameters", "threshold")),
)
value = st.one_of(
    st.sampled_from(SHAPES),
    st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(name, inner, max_size=4)
        ),
        max_leaves=12,
    ),
)
event = st.tuples(
    st.sampled_from(KINDS),
    st.lists(st.tuples(st.sampled_from(PLACES), value), min_size=1, max_size=4),
)


def built(kind: str, fields: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {"type": kind}
    for path, entry in fields:
        *steps, leaf_name = path.split(".")
        target = made
        for step in steps:
            if not isinstance(target.get(step), dict):
                target[step] = {}
            target = target[step]
        target[leaf_name] = deepcopy(entry)
    return made


def policy(profile: Profile, **more: Any) -> Policy:
    return Policy(profile=profile, client_tools=(LAMP, DOOR), server_tools=(SECRET,), **more)


def confront(at: Scene, made: dict[str, Any], world: World) -> None:
    for command in at.play(json.dumps(made).encode()):
        if isinstance(command, ToUpstream):
            check(one_meaning(command.frame), world)
        elif isinstance(command, ToClient):
            assert one_meaning(command.frame)["event_id"].startswith("rly_")


@given(made=event)
@often
@pytest.mark.parametrize("dialect", list(Dialect))
@pytest.mark.parametrize("profile", list(Profile))
def test_no_value_leaves_the_language(
    profile: Profile, dialect: Dialect, made: tuple[str, list[tuple[str, Any]]]
) -> None:
    at = Scene(Cast(policy(profile), dialect, dialect))
    confront(at, built(*made), at.world)


WIDEST = {name: Act.ALLOW for name, row in ROWS.items() if Act.ALLOW in choices(row)}
OPENING = frozenset(name for name, row in ROWS.items() if row.opens())


@given(made=event)
@often
@pytest.mark.parametrize("how", ["rows", "reports"])
@pytest.mark.parametrize("profile", [Profile.LOCKED, Profile.GUIDED])
def test_the_widest_file_of_an_operator_opens_nothing_that_is_closed_to_all(
    profile: Profile, how: str, made: tuple[str, list[tuple[str, Any]]]
) -> None:
    """It may make any profile as wide as `open`, but for tools, which stay the operator's."""
    more: dict[str, Any] = {"rows": WIDEST} if how == "rows" else {"reports": OPENING}
    at = Scene(Cast(policy(profile, **more)))
    wide = Scene(Cast(policy(Profile.OPEN))).world
    sent = built(*made)
    for root in ("session", "response"):
        if isinstance(sent.get(root), dict):
            sent[root].pop("tools", None)
    confront(at, sent, wide)
