"""Upstream's events: what passes, what is rebuilt, what stays behind the relay."""

from __future__ import annotations

import json
from typing import Any

from app.policy.policy import Policy, Profile
from app.protocol.close_reasons import CloseReason
from app.session.commands import Note, ToClient
from app.session.limits import Limits
from tests.unit.session.playbook import Playbook, ending, events, notes, sent_up


def delta(response_id: str = "resp_1", item_id: str = "item_a") -> dict[str, Any]:
    return {
        "type": "response.audio.delta",
        "event_id": "e",
        "response_id": response_id,
        "item_id": item_id,
        "output_index": 0,
        "content_index": 0,
        "delta": "AAAA",
    }


def test_a_delta_of_a_visible_response_passes_as_the_very_bytes() -> None:
    play = Playbook().ready()
    play.response()
    play.answer_item()
    frame = json.dumps(delta(), indent=3).encode()
    assert play.upstream(frame) == [ToClient(frame)]


def test_a_delta_of_an_unknown_response_stays_behind() -> None:
    play = Playbook().ready()
    play.response()
    play.answer_item()
    assert play.upstream(delta("resp_other")) == []
    assert play.upstream(delta(item_id="item_other")) == []
    assert play.gate.state.counters.verdicts["hidden"] == 2


def test_response_done_is_rebuilt_from_known_keys_and_its_tokens_are_counted() -> None:
    play = Playbook().ready()
    play.response()
    usage = {"total_tokens": 9, "input_tokens": 4, "output_tokens": 5, "canary": "x"}
    response = {"id": "resp_1", "status": "completed", "usage": usage, "canary": "x"}
    (done,) = events(play.upstream({"type": "response.done", "response": response}))
    assert "canary" not in json.dumps(done)
    counters = play.gate.state.counters
    assert (counters.responses, counters.input_tokens, counters.output_tokens) == (1, 4, 5)


def test_a_response_without_usage_or_of_no_shape_is_no_trouble() -> None:
    play = Playbook().ready()
    play.response()
    usage = {"input_tokens": True, "output_tokens": "many"}
    play.upstream({"type": "response.done", "response": {"id": "resp_1", "usage": usage}})
    assert play.gate.state.counters.input_tokens == 0
    shapeless: list[object] = [None, 1, [], {}]
    for event_type in ("response.created", "response.done", "conversation.item.created"):
        for value in shapeless:
            broken = {"type": event_type, "response": value, "item": value}
            assert play.upstream(broken) == []


def test_an_unknown_event_is_dropped_counted_and_noted() -> None:
    play = Playbook().ready()
    (note,) = play.upstream({"type": "brand.new", "secret": "x"})
    assert note == Note("upstream.unknown_event", {"type": "brand.new"})
    (note,) = play.upstream({"type": "x" * 1000})
    assert note == Note("upstream.unknown_event", {"type": "odd"})
    assert notes(play.upstream(b"not json")) == ["upstream.unknown_event"]
    assert play.gate.state.counters.upstream_events_unknown == 3


def test_a_second_session_created_never_reaches_the_client() -> None:
    play = Playbook().ready()
    assert play.upstream({"type": "session.created", "session": play.session}) == []


def test_an_error_gets_a_fixed_text_and_keeps_the_clients_event_id() -> None:
    play = Playbook().ready()
    (sent,) = sent_up(play.client({"type": "response.cancel", "event_id": "e5"}))
    error = {
        "type": "invalid_request_error",
        "code": "response_cancel_not_active",
        "message": "Cancellation failed: deployment prod-7 in swedencentral",
        "event_id": sent["event_id"],
    }
    (told,) = events(play.upstream({"type": "error", "event_id": "x", "error": error}))
    assert told["error"]["event_id"] == "e5"
    assert "prod-7" not in json.dumps(told)


def test_an_error_for_one_of_our_own_events_stays_here() -> None:
    play = Playbook().ready()
    commands = play.upstream({"type": "error", "error": {"code": "x", "event_id": "rly_feed_1"}})
    assert events(commands) == []
    assert notes(commands) == ["own_event.refused"]


def test_upstreams_expiry_ends_the_session() -> None:
    play = Playbook().ready()
    commands = play.upstream({"type": "error", "error": {"code": "session_expired"}})
    assert ending(commands) is CloseReason.SESSION_TIME_LIMIT
    assert [event["error"]["code"] for event in events(commands)] == ["session_expired"]


def test_an_error_takes_the_hint_of_the_event_that_it_answers() -> None:
    play = Playbook().ready()
    session = {"voice": "verse", "instructions": "mine"}
    (sent,) = sent_up(play.client({"type": "session.update", "event_id": "u1", "session": session}))
    refused = {"code": "cannot_update_voice", "event_id": sent["event_id"]}
    (told,) = events(play.upstream({"type": "error", "error": refused}))
    assert told["relay"]["ignored"] == ["session.instructions"]
    (updated,) = events(play.upstream({"type": "session.updated", "session": play.session}))
    assert updated["relay"].get("ignored", []) == []


def test_an_event_without_an_id_is_lent_one_and_its_error_names_none() -> None:
    play = Playbook().ready()
    create = {"type": "response.create", "response": {"instructions": "mine"}}
    (sent,) = sent_up(play.client(create))
    assert sent["event_id"].startswith("rly_feed_")
    refused = {"code": "invalid_value", "event_id": sent["event_id"]}
    (told,) = events(play.upstream({"type": "error", "error": refused}))
    assert told["error"]["event_id"] is None
    assert told["relay"]["ignored"] == ["response.instructions"]
    assert "event_id" not in told["relay"]
    (created,) = events(play.response())
    assert "relay" not in created, "the refused request is not waited for"


def test_a_refused_update_does_not_shift_the_answers_of_the_next() -> None:
    play = Playbook(policy=Policy(profile=Profile.OPEN)).ready()
    ids = []
    for text in ("first", "second"):
        update = {"type": "session.update", "session": {"instructions": text}}
        ids.append(sent_up(play.client(update))[0]["event_id"])
    refused = {"code": "cannot_update_voice", "event_id": ids[0]}
    play.upstream({"type": "error", "error": refused})
    (updated,) = events(play.upstream({"type": "session.updated", "session": play.session}))
    assert updated["session"]["instructions"] == "second"


def test_a_refused_tool_result_may_be_sent_again() -> None:
    play = Playbook().ready()
    play.gate.state.calls["call_1"] = False
    output = {"type": "function_call_output", "call_id": "call_1", "output": "42"}
    create = {"type": "conversation.item.create", "event_id": "t1", "item": output}
    (sent,) = sent_up(play.client(create))
    assert sent_up(play.client(create)) == []
    play.upstream({"type": "error", "error": {"code": "x", "event_id": sent["event_id"]}})
    assert sent_up(play.client(create))


def test_a_response_that_does_not_say_where_it_belongs_answers_the_oldest_request() -> None:
    play = Playbook().ready()
    for number in range(3):
        play.client({"type": "response.create", "response": {"conversation": "none"}})
        play.response(f"resp_{number}")
        assert not play.gate.state.responses[f"resp_{number}"].in_conversation
        done = {"id": f"resp_{number}", "status": "completed"}
        play.upstream({"type": "response.done", "response": done})
    assert play.gate.state.outstanding.out_of_band() == 0


def test_a_fault_that_names_no_event_gives_the_oldest_request_up() -> None:
    play = Playbook().ready()
    for _ in range(5):
        create = {"type": "response.create", "response": {"conversation": "none"}}
        assert sent_up(play.client(create))
        play.upstream({"type": "error", "error": {"type": "server_error", "event_id": None}})


def test_what_upstream_never_answers_is_forgotten_in_the_end() -> None:
    play = Playbook(limits=Limits(acts_burst=1e6, events_burst=1e6)).ready()
    for _ in range(600):
        play.client({"type": "input_audio_buffer.clear"})
    assert len(play.gate.state.outstanding.past) == 256
    assert not play.gate.state.outstanding.waiting


def test_response_created_tells_what_became_of_response_create() -> None:
    play = Playbook().ready()
    create = {"type": "response.create", "event_id": "r1", "response": {"instructions": "mine"}}
    (sent,) = sent_up(play.client(create))
    (created,) = events(play.response(metadata=sent["response"]["metadata"]))
    assert created["relay"]["ignored"] == ["response.instructions"]
    assert created["relay"]["event_id"] == "r1"


def test_an_out_of_band_response_is_matched_with_its_own_request() -> None:
    play = Playbook().ready()
    (sent,) = sent_up(
        play.client({"type": "response.create", "response": {"instructions": "mine"}})
    )
    play.client({"type": "response.create", "response": {"conversation": "none"}})
    (created,) = events(play.response("resp_oob", conversation_id=None))
    assert "relay" not in created
    (created,) = events(play.response("resp_2", **sent["response"], conversation_id="conv"))
    assert created["relay"]["ignored"] == ["response.instructions"]


def test_the_users_speech_is_visible_from_its_first_event() -> None:
    play = Playbook().ready()
    for event_type in ("speech_started", "speech_stopped", "committed"):
        event = {"type": f"input_audio_buffer.{event_type}", "item_id": "item_u"}
        assert events(play.upstream(event)), event_type


def test_committed_names_no_hidden_predecessor() -> None:
    play = Playbook().ready()
    item = {"id": "rly_feed_9", "type": "message", "role": "system", "content": []}
    assert events(play.upstream({"type": "conversation.item.created", "item": item})) == []
    committed = {
        "type": "input_audio_buffer.committed",
        "item_id": "item_u",
        "previous_item_id": "rly_feed_9",
    }
    (told,) = events(play.upstream(committed))
    assert told["previous_item_id"] is None


def test_a_deleted_item_is_announced_and_then_unknown_and_the_chain_is_mended() -> None:
    play = Playbook().ready()
    previous = None
    for name in ("a", "b", "c"):
        item = {"id": f"item_{name}", "type": "message", "role": "user", "content": []}
        play.upstream(
            {"type": "conversation.item.created", "item": item, "previous_item_id": previous}
        )
        previous = f"item_{name}"
    deleted = {"type": "conversation.item.deleted", "item_id": "item_b"}
    assert events(play.upstream(deleted))
    assert play.gate.state.items["item_c"].previous == "item_a"
    assert play.upstream(deleted) == []


def test_a_system_message_is_shown_to_the_open_client_that_wrote_it_and_to_no_other() -> None:
    play = Playbook(policy=Policy(profile=Profile.OPEN)).ready()
    content = [{"type": "input_text", "text": "Rule one."}]
    item = {"type": "message", "role": "system", "content": content}
    foreign = {"type": "conversation.item.created", "item": {**item, "id": "item_x"}}
    assert play.upstream(foreign) == []
    (sent,) = sent_up(play.client({"type": "conversation.item.create", "item": item}))
    assert play.upstream(foreign | {"item": {**item, "id": "item_z"}}) == [], "not by its turn"
    mine = {"type": "conversation.item.created", "item": {**item, "id": sent["item"]["id"]}}
    assert events(play.upstream(mine))
    play.client({"type": "conversation.item.create", "item": {**item, "id": "chosen"}})
    assert events(
        play.upstream({"type": "conversation.item.created", "item": {**item, "id": "chosen"}})
    )


def test_truncating_needs_an_answer_that_was_heard() -> None:
    play = Playbook().ready()
    truncate = {
        "type": "conversation.item.truncate",
        "item_id": "item_a",
        "content_index": 0,
        "audio_end_ms": 100,
    }
    assert events(play.client(truncate))[0]["type"] == "error"
    play.response()
    play.answer_item()
    assert events(play.client(truncate)) == []


def test_upstreams_loss_ends_the_session_with_words() -> None:
    play = Playbook().ready()
    commands = play.gate.on_upstream_lost(0, CloseReason.UPSTREAM_LOST)
    assert ending(commands) is CloseReason.UPSTREAM_LOST
    assert events(commands)[0]["type"] == "error"


def test_a_client_that_left_is_told_nothing() -> None:
    play = Playbook().ready()
    commands = play.gate.on_client_lost(CloseReason.CLIENT_GONE)
    assert events(commands) == []
    assert ending(commands) is CloseReason.CLIENT_GONE


def test_an_event_that_cannot_be_read_whole_is_unknown() -> None:
    play = Playbook().ready()
    deep = b"[" * 20_000 + b"]" * 20_000
    for broken in (deep, b'{"x":1e999}'):
        frame = b'{"type":"response.done","response":' + broken + b"}"
        assert notes(play.upstream(frame)) == ["upstream.unknown_event"]


def test_a_call_is_answered_once_also_in_the_input_of_a_response() -> None:
    play = Playbook().ready()
    play.gate.state.calls["call_1"] = False
    output = {"type": "function_call_output", "call_id": "call_1", "output": "42"}
    twice = {"conversation": "none", "input": [output, output]}
    assert sent_up(play.client({"type": "response.create", "response": twice})) == []
    once = {"conversation": "none", "input": [output]}
    assert sent_up(play.client({"type": "response.create", "response": once}))
    assert sent_up(play.client({"type": "conversation.item.create", "item": output})) == []


def test_a_pending_change_of_format_never_makes_audio_cheaper() -> None:
    play = Playbook().ready()
    play.session["input_audio_format"] = "g711_ulaw"
    play.upstream({"type": "session.updated", "session": play.session})
    play.client({"type": "session.update", "session": {"input_audio_format": "pcm16"}})
    play.client({"type": "input_audio_buffer.append", "audio": "AAAA" * 160})
    assert play.gate.state.counters.audio_ms_from_client == 60


def test_voice_activity_that_floods_with_responses_ends_the_session() -> None:
    play = Playbook().ready()
    for number in range(39):
        assert ending(play.response(f"resp_{number}")) is None
    assert ending(play.response("resp_40")) is CloseReason.RATE_LIMITED
