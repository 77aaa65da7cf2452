"""Audio in its plainest shape is not taken apart, and all else is as if it were."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.policy.policy import Act, Policy
from app.protocol.client_frames import plain_append
from app.session.client_side import ClientJudge
from app.session.commands import PauseClient, ToUpstream
from app.session.limits import Limits

from .playbook import Playbook

HEAD = b'{"type":"input_audio_buffer.append","audio":"'
LIMITS = Limits(audio_speed=2.0, audio_burst_seconds=1.0)


def plain(audio: bytes) -> bytes:
    return HEAD + audio + b'"}'


def both(frames: list[bytes], **given: Any) -> tuple[Playbook, Playbook]:
    """The same frames to a gate as it is, and to one that takes everything apart."""
    quick, thorough = Playbook(limits=LIMITS, **given).ready(), Playbook(limits=LIMITS, **given)
    thorough.ready()
    judge: ClientJudge = thorough.gate._client
    judge.plain = lambda *_: None  # type: ignore[method-assign]
    for frame in frames:
        assert quick.client(frame) == thorough.client(frame)
        quick.now += 0.01
        thorough.now += 0.01
    return quick, thorough


audio = st.binary(max_size=400).map(base64.b64encode)
bent = st.one_of(
    audio,
    audio.map(lambda text: text[:-1]),
    audio.map(lambda text: text + b"="),
    audio.map(lambda text: b"=" + text),
    audio.map(lambda text: text.replace(b"A", b"-")),
    audio.map(lambda text: text + b'","audio":"AAAA'),
    audio.map(lambda text: text + b'","event_id":"e1'),
    st.text(max_size=8).map(str.encode),
)


@settings(deadline=None, max_examples=150)
@given(frames=st.lists(bent.map(plain), min_size=1, max_size=6))
def test_it_is_judged_counted_and_charged_as_any_other_event(frames: list[bytes]) -> None:
    quick, thorough = both(frames)
    assert quick.gate.state.counters == thorough.gate.state.counters
    assert quick.gate.next_deadline() == thorough.gate.next_deadline()


def test_the_frame_itself_goes_on() -> None:
    frame = plain(base64.b64encode(bytes(4800)))
    (command,) = Playbook().ready().client(frame)
    assert isinstance(command, ToUpstream)
    assert command.frame is frame


def test_audio_over_the_limit_still_waits() -> None:
    play = Playbook(limits=LIMITS).ready()
    frame = plain(base64.b64encode(bytes(48_000)))
    assert not any(isinstance(one, PauseClient) for one in play.client(frame))
    assert any(isinstance(one, PauseClient) for one in play.client(frame))


@pytest.mark.parametrize(
    ("audio", "size"),
    [
        (b"AAAA", 3),
        (b"AAA=", 2),
        (b"AA==", 1),
        (b"", 0),
        (b"A===", None),
        (b"AA=A", None),
        (b"AAAAA", None),
        (b"AAA\xc3\xa9", None),
        (b"AA\\u0041A", None),
    ],
)
def test_only_strict_base64_is_plain(audio: bytes, size: int | None) -> None:
    assert plain_append(plain(audio)) == size


@pytest.mark.parametrize("frame", [b"", b"{}", HEAD, HEAD[:-1], b'"}', HEAD + b'AAAA"} '])
def test_another_shape_is_not(frame: bytes) -> None:
    assert plain_append(frame) is None


def test_where_the_policy_has_something_to_say_it_is_asked() -> None:
    policy = Policy(rows={"input_audio_buffer.append": Act.REFUSE})
    quick, _ = both([plain(b"AAAA")], policy=policy)
    assert quick.gate.state.counters.client_events_forwarded == 0


def test_what_it_says_is_what_the_standard_reader_reads() -> None:
    frame = plain(base64.b64encode(b"x" * 300))
    assert plain_append(frame) == len(base64.b64decode(json.loads(frame)["audio"]))
