"""Which of upstream's answers belongs to which event of the client's, also where they come late."""

from __future__ import annotations

from typing import Any

import pytest

from app.policy.policy import ClientTool, Policy, Profile
from app.protocol.names import ClientKind
from app.session.limits import Limits
from app.session.outstanding import MARK, PAST, WAITING, Origin, Outstanding, Sent, mark
from tests.unit.session.playbook import Event, Playbook, events, notes, sent_up

LOOK = ClientTool("look", {"type": "function", "name": "look", "parameters": {}})
NO_HURRY = Limits(acts_burst=1e6, events_burst=1e6, responses_per_minute=10**6)
STRIPPED = {"type": "response.create", "response": {"instructions": "mine"}}


def called(**options: Any) -> Playbook:
    """A session whose client was shown the call `call_1`."""
    play = Playbook(policy=Policy(client_tools=(LOOK,)), limits=NO_HURRY, **options).ready()
    play.response()
    call = {"id": "item_f", "type": "function_call", "name": "look", "call_id": "call_1"}
    added = {"type": "response.output_item.added", "response_id": "resp_1", "item": call}
    assert events(play.upstream(added))
    return play


def output(text: str, event_id: str = "x") -> Event:
    item = {"type": "function_call_output", "call_id": "call_1", "output": text}
    return {"type": "conversation.item.create", "event_id": event_id, "item": item}


def refuse(play: Playbook, sent: Event, code: str = "invalid_value") -> list[Event]:
    """Upstream refuses what it was sent."""
    error = {"type": "invalid_request_error", "code": code, "event_id": sent["event_id"]}
    return events(play.upstream({"type": "error", "event_id": "e", "error": error}))


@pytest.mark.parametrize(
    "first",
    [
        {"type": "response.create"},
        {"type": "input_audio_buffer.append", "audio": "AAA="},
        {"type": "input_audio_buffer.commit"},
    ],
    ids=lambda event: event["type"],
)
def test_an_error_about_another_event_of_the_same_id_does_not_reopen_a_call(first: Event) -> None:
    play = called()
    (other,) = sent_up(play.client({**first, "event_id": "x"}))
    play.response("resp_vad")
    assert sent_up(play.client(output("honest")))
    (told,) = refuse(play, other)
    assert told["error"]["event_id"] == "x"
    assert sent_up(play.client(output("forged"))) == []


def test_an_error_about_an_append_reaches_the_client_under_its_own_id() -> None:
    play = Playbook().ready()
    append = {"type": "input_audio_buffer.append", "audio": "AAA="}
    (named,) = sent_up(play.client({**append, "event_id": "a1"}))
    (told,) = refuse(play, named)
    assert told["error"]["event_id"] == "a1"
    assert sent_up(play.client(append)) == [append], "no id is lent where none can be told"


def test_a_call_is_reopened_by_the_refusal_of_its_output_and_once() -> None:
    play = called()
    (first,) = sent_up(play.client(output("first")))
    refuse(play, first)
    assert sent_up(play.client(output("second")))
    refuse(play, first)
    assert sent_up(play.client(output("third"))) == []


def test_an_output_that_upstream_has_taken_cannot_be_refused_any_more() -> None:
    play = called()
    (sent,) = sent_up(play.client(output("taken")))
    created = {**sent["item"], "id": "item_o"}
    play.upstream({"type": "conversation.item.created", "item": created})
    refuse(play, sent)
    assert sent_up(play.client(output("again"))) == []


def test_a_message_of_the_users_is_not_taken_for_the_output_of_a_call() -> None:
    play = called()
    (sent,) = sent_up(play.client(output("refused")))
    spoken = {"id": "item_u", "type": "message", "role": "user", "content": []}
    play.upstream({"type": "conversation.item.created", "item": spoken})
    refuse(play, sent)
    assert sent_up(play.client(output("again")))


@pytest.mark.parametrize("event_id", ["mine", None])
def test_a_request_that_voice_activity_forestalled_is_refused_to_its_client(
    event_id: str | None,
) -> None:
    play = Playbook().ready()
    (sent,) = sent_up(play.client({**STRIPPED, "event_id": event_id}))
    for metadata in ({}, {"metadata": None}):
        (created,) = events(play.response("resp_vad", **metadata))
        assert "relay" not in created
    (told,) = refuse(play, sent, "conversation_already_has_active_response")
    assert told["error"]["event_id"] == event_id
    assert told["relay"]["ignored"] == ["response.instructions"]


def test_a_hint_waits_for_the_response_that_bears_the_mark() -> None:
    play = Playbook().ready()
    (sent,) = sent_up(play.client(STRIPPED))
    assert "relay" not in events(play.response("resp_vad"))[0]
    (created,) = events(play.response("resp_2", metadata=sent["response"]["metadata"]))
    assert created["relay"]["ignored"] == ["response.instructions"]
    assert created["response"]["metadata"] == {}, "the mark is not shown"


def test_a_mark_stands_beside_the_clients_metadata_if_there_is_room() -> None:
    play = Playbook().ready()
    for count in (0, 15, 16):
        own = {f"k{number}": "v" for number in range(count)}
        create = {"type": "response.create", "response": {"instructions": "x", "metadata": own}}
        (sent,) = sent_up(play.client(create))
        marked = {MARK: sent["event_id"]} if count < 16 else {}
        assert sent["response"]["metadata"] == own | marked


def test_what_hangs_on_nothing_bears_no_mark() -> None:
    for create in ({"type": "response.create"}, STRIPPED):
        play = Playbook(policy=Policy(profile=Profile.OPEN)).ready()
        (sent,) = sent_up(play.client(create))
        assert "metadata" not in sent.get("response", {})


@pytest.mark.parametrize("metadata", [None, 7, {MARK: 7}, {MARK: "rly_feed_1"}, {MARK: "x"}])
def test_a_mark_that_names_no_request_says_nothing(metadata: object) -> None:
    play = Playbook().ready()
    play.client({"type": "input_audio_buffer.commit"})
    (created,) = events(play.response(metadata=metadata))
    assert "relay" not in created


def test_a_mark_names_a_request_and_no_other_event() -> None:
    play = Playbook().ready()
    (sent,) = sent_up(play.client({"type": "input_audio_buffer.commit"}))
    (created,) = events(play.response(metadata={MARK: sent["event_id"]}))
    assert "relay" not in created


def test_an_error_under_an_id_that_was_never_lent_names_none() -> None:
    play = called()
    assert sent_up(play.client(output("honest", "r")))
    (told,) = refuse(play, {"event_id": "r"})
    assert told["error"]["event_id"] is None
    assert sent_up(play.client(output("forged"))) == []


# -- requests of the relay's own -------------------------------------------------------------------


def asks(play: Playbook, *, in_conversation: bool = True) -> Event:
    """A response of the relay's own is on its way; the metadata that upstream will echo."""
    sent = Sent(ClientKind.RESPONSE_CREATE, "rly_own", origin=Origin.RELAY)
    sent.in_conversation = in_conversation
    play.gate.state.outstanding.add(sent)
    event: Event = {"type": "response.create"}
    mark(event, sent.event_id)
    metadata: Event = event["response"]["metadata"]
    return metadata


def test_a_response_of_the_relays_own_is_hidden_from_its_first_event_on() -> None:
    play = Playbook().ready()
    metadata = asks(play)
    assert events(play.response("resp_vad", metadata=None)), "somebody else's"
    assert play.response("resp_h", metadata=metadata) == []
    assert play.answer_item("item_h", "resp_h") == []
    done = {"id": "resp_h", "status": "completed", "metadata": metadata}
    assert play.upstream({"type": "response.done", "response": done}) == []
    assert events(play.response("resp_2"))


def test_where_upstream_tells_no_metadata_nothing_is_shown_that_may_be_hidden() -> None:
    play = Playbook().ready()
    asks(play)
    assert play.response("resp_1") == []
    assert play.response("resp_2") == [], "either may be it"


def test_the_refusal_of_the_relays_own_request_stays_here() -> None:
    play = Playbook().ready()
    asks(play)
    error = {"type": "invalid_request_error", "code": "invalid_value", "event_id": "rly_own"}
    commands = play.upstream({"type": "error", "error": error})
    assert (events(commands), notes(commands)) == ([], ["own_event.refused"])
    assert events(play.response())


@pytest.mark.parametrize("in_conversation", [True, False])
def test_a_cancel_never_meets_a_request_of_the_relays_own(in_conversation: bool) -> None:
    play = Playbook().ready()
    asks(play, in_conversation=in_conversation)
    sent = sent_up(play.client({"type": "response.cancel"}))
    assert bool(sent) is not in_conversation


def test_a_client_can_make_the_relay_forget_its_own_events_alone() -> None:
    play = Playbook(limits=NO_HURRY).ready()
    metadata = asks(play)
    for _ in range(WAITING + PAST + 1):
        play.client({"type": "response.create"})
    assert len(play.gate.state.outstanding.waiting) == WAITING
    assert len(play.gate.state.outstanding.past) == PAST
    assert play.response("resp_h", metadata=metadata) == []


def test_the_relays_own_responses_do_not_use_up_what_the_client_may_ask_for() -> None:
    play = Playbook(limits=Limits(out_of_band_responses=1, responses_per_minute=10)).ready()
    metadata = asks(play, in_conversation=False)
    beside = {"type": "response.create", "response": {"conversation": "none"}}
    assert play.gate.state.outstanding.count(ClientKind.RESPONSE_CREATE) == 0
    assert play.response("resp_h", conversation_id=None, metadata=metadata) == []
    assert sent_up(play.client(beside))
    assert sent_up(play.client(beside)) == []


def test_a_fault_that_names_nobody_never_gives_up_a_request_of_the_relays_own() -> None:
    play = Playbook().ready()
    asks(play)
    play.upstream({"type": "error", "error": {"type": "server_error", "event_id": None}})
    assert play.gate.state.outstanding.hidden()


def test_an_item_is_known_by_its_id_before_its_turn() -> None:
    waiting = Outstanding()
    for number, item_id in enumerate((None, "b", None)):
        waiting.add(Sent(ClientKind.ITEM_CREATE, f"rly_{number}", item_id=item_id))
    waiting.add(Sent(ClientKind.ITEM_RETRIEVE, "rly_9", item_id="b"))
    taken = [waiting.item(item_id, None) for item_id in ("b", "x", "b", "y")]
    assert [sent and sent.event_id for sent in taken] == ["rly_1", "rly_0", "rly_2", None]


STRIPPED_UPDATE = {"type": "session.update", "session": {"instructions": "mine"}}


def voiced(voice: str) -> Event:
    return {"type": "session.update", "event_id": voice, "session": {"voice": voice}}


def test_an_update_of_which_nothing_is_left_is_answered_behind_those_on_their_way() -> None:
    play = Playbook(limits=NO_HURRY).ready()
    (first,) = sent_up(play.client(voiced("coral")))
    assert events(play.client({**STRIPPED_UPDATE, "event_id": "mine"})) == []
    (second,) = sent_up(play.client(voiced("ash")))
    play.session["voice"] = "coral"
    answers = events(play.upstream({"type": "session.updated", "session": play.session}))
    assert [answer["type"] for answer in answers] == ["session.updated"] * 2
    assert answers[1]["relay"]["ignored"] == ["session.instructions"]
    assert answers[1]["relay"]["event_id"] == "mine"
    assert answers[1]["session"]["voice"] == "coral"
    assert len(events(play.upstream({"type": "session.updated", "session": play.session}))) == 1
    assert first["event_id"] != second["event_id"]


def test_the_refusal_of_an_update_brings_the_next_answer_too() -> None:
    play = Playbook(limits=NO_HURRY).ready()
    (sent,) = sent_up(play.client(voiced("coral")))
    assert events(play.client(STRIPPED_UPDATE)) == []
    assert [told["type"] for told in refuse(play, sent)] == ["error", "session.updated"]


def test_it_is_answered_at_once_where_nothing_is_on_its_way() -> None:
    play = Playbook(limits=NO_HURRY).ready()
    (answer,) = events(play.client(STRIPPED_UPDATE))
    assert answer["type"] == "session.updated"
