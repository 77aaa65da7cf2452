"""Of two names for one value one at most goes on: each line of that section in docs/policy.md."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.policy.client_events import judge
from app.policy.policy import Policy
from app.policy.verdict import Forward
from app.protocol.client_frames import decode_client, encode_client
from app.protocol.events import Malformed
from app.protocol.names import Dialect
from tests.unit.policy.stand_in import LAMP, OPEN, Session, refused, session_update

RULES = Policy(client_tools=(LAMP,))


def goes_on(frame: bytes, policy: Any = RULES, dialect: Dialect = Dialect.PREVIEW) -> Any:
    """What goes upstream of a frame, and what its client is told was left out."""
    event = decode_client(frame, dialect)
    assert not isinstance(event, Malformed), event
    verdict = judge(event, policy, Session())
    assert isinstance(verdict, Forward), verdict
    sent = msgspec.json.decode(encode_client(verdict.event, dialect, None))
    return sent, verdict.hint.rules if verdict.hint else {}


def test_of_two_equal_keys_the_last_alone_goes_on() -> None:
    frame = b'{"type":"session.update","session":{"voice":"ash","voice":"coral"}}'
    assert goes_on(frame) == ({"type": "session.update", "session": {"voice": "coral"}}, {})


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("input", "input_items"),
        ("input_items", "append_input_items"),
        ("instructions", "prompt"),
        ("max_output_tokens", "max_response_output_tokens"),
    ],
)
def test_two_names_of_one_version_refuse_the_event(
    first: str, second: str, dialect: Dialect
) -> None:
    value: Any = {"instructions": "x", "max_output_tokens": 5}.get(first, [])
    event = {"type": "response.create", "response": {first: value, second: value}}
    read = decode_client(msgspec.json.encode(event), dialect)
    if (first, dialect) == ("max_output_tokens", Dialect.GA):
        assert not isinstance(read, Malformed)  # there the other is the preview's name
        assert read.sent.foreign == ("response.max_response_output_tokens",)
        return
    assert isinstance(read, Malformed)
    assert f"'response.{first}' and 'response.{second}' name the same value" in read.message


@pytest.mark.parametrize("beside", [b'"voice":"ash",', b""])
def test_a_name_of_the_other_version_is_stripped(beside: bytes) -> None:
    audio = b'"audio":{"output":{"voice":"coral"}},"temperature":0.7'
    frame = b'{"type":"session.update","session":{' + beside + audio + b"}}"
    sent, told = goes_on(frame)
    voice = {"voice": "ash"} if beside else {}
    assert sent["session"] == voice | {"temperature": 0.7}
    assert told == {"session.audio": "other-spelling"}


def test_keys_that_differ_in_capital_letters_are_two() -> None:
    sent, told = goes_on(b'{"type":"session.update","session":{"voice":"ash","Voice":"coral"}}')
    assert sent["session"] == {"voice": "ash"}
    assert told == {"session.Voice": "unknown-field"}
    metadata = b'{"type":"response.create","response":{"metadata":{"a":"1","A":"2"}}}'
    sent, told = goes_on(metadata)
    assert sent["response"] == {"metadata": {"a": "1"}}
    assert told == {"response.metadata.A": "response-metadata"}
    tool = {"type": "function", "name": "mine", "parameters": {"a": 1, "A": 2}}
    read = decode_client(msgspec.json.encode(session_update(tools=[tool])), Dialect.PREVIEW)
    assert isinstance(read, Malformed)
    assert read.message.startswith("A tool cannot be taken.")


@pytest.mark.parametrize("policy", [RULES, OPEN])
@pytest.mark.parametrize("name", ["lamp", "door"])
def test_a_choice_with_two_names_refuses_the_event(policy: Any, name: str) -> None:
    choice = {"type": "function", "name": name, "function": {"name": "lamp"}}
    verdict = refused(session_update(tool_choice=choice), policy)
    assert (verdict.code, verdict.violation) == ("invalid_value", False)
