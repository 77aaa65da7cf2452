"""The public JSONTestSuite sent as messages: what is no JSON goes nowhere, what is none of our
events is answered in words."""

from __future__ import annotations

import json
from functools import cache

import pytest

from app.policy.policy import Policy, Profile
from app.protocol.names import Dialect
from app.session.commands import ToClient, ToUpstream
from tests.harness.readings import Unreadable, one_meaning
from tests.integration.lock.json_corpus import Document, documents
from tests.integration.lock.language import check
from tests.integration.lock.scene import LAMP, Cast, Scene
from tests.integration.lock.wires import ends

FRAMES = {
    "alone": "{}",
    "in an event": '{{"type":"input_audio_buffer.commit","note":{}}}',
    "behind an event": '{{"type":"input_audio_buffer.commit"}}{}',
    "before an event": '{}{{"type":"input_audio_buffer.commit"}}',
    "as a text": '{{"type":"input_audio_buffer.append","audio":{}}}',
    "as parameters": '{{"type":"session.update","session":{{"tools":[{{"name":"own",'
    '"parameters":{}}}]}}}}',
    "as metadata": '{{"type":"response.create","response":{{"metadata":{}}}}}',
}


@cache
def suite() -> tuple[Document, ...]:
    return tuple(documents())


def scenes() -> list[Scene]:
    spoken = zip(Profile, (Dialect.PREVIEW, Dialect.GA, Dialect.PREVIEW), strict=True)
    return [
        Scene(Cast(Policy(profile=profile, client_tools=(LAMP,)), dialect, dialect))
        for profile, dialect in spoken
    ]


def frame(place: str, document: Document) -> bytes:
    return FRAMES[place].format(document.text).encode("utf-8", "surrogatepass")


def test_the_suite_is_whole() -> None:
    kinds = [document.must for document in suite()]
    assert {kind: kinds.count(kind) for kind in "yni"} == {"y": 95, "n": 188, "i": 35}


@pytest.mark.parametrize("place", FRAMES)
def test_nothing_of_a_document_that_must_be_refused_goes_upstream(place: str) -> None:
    tried, everyone = 0, scenes()
    for document in suite():
        sent = frame(place, document)
        if document.must != "n" or _is_json(sent):
            continue
        tried += 1
        for at in everyone:
            (command,) = at.play(sent)
            assert isinstance(command, ToClient), document.name
            error = json.loads(command.frame)["error"]
            assert (error["code"], error["param"]) == ("invalid_json", None), document.name
    assert tried >= 180, "hardly one of them becomes JSON where it is put"


@pytest.mark.parametrize("place", FRAMES)
def test_every_other_document_is_answered_in_words_or_means_one_thing_upstream(place: str) -> None:
    passed, everyone = 0, scenes()
    for document in suite():
        if document.must == "n":
            continue
        for at in everyone:
            for command in at.play(frame(place, document)):
                if isinstance(command, ToUpstream):
                    check(one_meaning(command.frame), at.world)
                    passed += 1
                elif isinstance(command, ToClient):
                    event = one_meaning(command.frame)
                    assert event["type"] in ("error", "session.updated"), document.name
    assert bool(passed) is (place in ("in an event", "as parameters", "as metadata"))


def _is_json(sent: bytes) -> bool:
    try:
        one_meaning(sent)
    except Unreadable:
        return False
    return True


async def test_the_suite_over_a_real_connection_leaves_the_session_whole() -> None:
    async with ends(profile="open") as both, both.line() as line:
        for document in suite():
            await line.me.send(document.text)
        up, down = await line.finish()
    assert up == []
    assert len(down) == len(suite())
    assert {event["type"] for event in down} == {"error"}
    codes = {event["error"]["code"] for event in down}
    assert codes == {"invalid_json", "invalid_type", "missing_required_parameter"}
    for event in down:
        assert event["error"]["message"]
        assert event["event_id"].startswith("rly_")
