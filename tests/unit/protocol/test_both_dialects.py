"""Whatever both dialects can say survives the way into the other, and the way there and back."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.protocol.client_frames import decode_client, encode_client
from app.protocol.dialects.translator import Told, Translator
from app.protocol.events import ClientEvent
from app.protocol.names import Dialect
from app.protocol.server_frames import decode_server, encode_server
from tests.unit.protocol.said_by_both import announced, client_events, server_events

PREVIEW, GA = Dialect.PREVIEW, Dialect.GA
OTHER = {PREVIEW: GA, GA: PREVIEW}
Event = dict[str, Any]
MADE_UP = "made_up"


def upwards(event: Event, client: Dialect, upstream: Dialect) -> Event:
    """A client's event as upstream gets it."""
    decoded = decode_client(json.dumps(event).encode(), client)
    assert isinstance(decoded, ClientEvent), decoded
    assert not decoded.sent.foreign
    sent: Event = json.loads(encode_client(decoded.body, upstream, decoded.event_id))
    return sent


class Crossed:
    """A session between dialects, with a client of `client`."""

    def __init__(self, client: Dialect) -> None:
        self._client = client
        self._translator = Translator(Told(), lambda: MADE_UP)

    def downwards(self, events: list[Event]) -> list[Event]:
        """Upstream's events as the client gets them."""
        return [json.loads(frame) for event in events for frame in self._one(event)]

    def _one(self, event: Event) -> list[bytes]:
        decoded = decode_server(json.dumps(event).encode(), OTHER[self._client])
        assert decoded is not None, event
        bodies = self._translator.events(decoded.body, self._client)
        return [encode_server(body, self._client) for body in bodies]


def without_type(event: Event) -> Event:
    """Without the mark that only GA's sessions have."""
    session = event.get("session")
    if not isinstance(session, dict):
        return event
    return {**event, "session": {key: value for key, value in session.items() if key != "type"}}


@given(client_events())
def test_a_client_says_the_same_in_both_dialects(said: tuple[Event, Event]) -> None:
    preview, ga = said
    assert upwards(preview, PREVIEW, GA) == without_type(ga)
    assert upwards(ga, GA, PREVIEW) == preview


@given(client_events())
def test_a_clients_event_makes_the_way_there_and_back(said: tuple[Event, Event]) -> None:
    preview, ga = said
    assert upwards(upwards(preview, PREVIEW, GA), GA, PREVIEW) == preview
    there = upwards(ga, GA, PREVIEW)
    assert upwards(there, PREVIEW, GA) == without_type(ga)


@given(client_events())
def test_in_its_own_dialect_a_clients_event_is_what_it_was(said: tuple[Event, Event]) -> None:
    preview, ga = said
    assert upwards(preview, PREVIEW, PREVIEW) == preview
    assert upwards(ga, GA, GA) == ga


# The preview's clients demand a temperature, which GA does not have: they see the usual one.
def with_temperature(event: Event) -> Event:
    if "session" not in event:
        return event
    return {**event, "session": {**event["session"], "temperature": 0.8}}


@given(server_events())
def test_a_service_says_the_same_in_both_dialects(said: tuple[Event, Event]) -> None:
    preview, ga = said
    assert Crossed(GA).downwards([preview]) == [ga]
    assert Crossed(PREVIEW).downwards([ga]) == [with_temperature(preview)]


@given(server_events())
def test_a_servers_event_makes_the_way_there_and_back(said: tuple[Event, Event]) -> None:
    preview, ga = said
    there = Crossed(GA).downwards([preview])
    assert Crossed(PREVIEW).downwards(there) == [with_temperature(preview)]
    there = Crossed(PREVIEW).downwards([ga])
    assert Crossed(GA).downwards(there) == [ga]


def without_ids_of_done(events: list[Event]) -> list[Event]:
    """The event that a preview service never sent has an id of our own."""
    return [
        {k: v for k, v in event.items() if k != "event_id"}
        if event["type"] == "conversation.item.done"
        else event
        for event in events
    ]


@settings(max_examples=60)
@given(st.lists(announced(), min_size=1, max_size=4))
def test_items_are_announced_in_each_dialects_way(
    said: list[tuple[list[Event], list[Event]]],
) -> None:
    fresh = list({told[0]["item"]["id"]: (told, other) for told, other in said}.values())
    preview = [event for told, _ in fresh for event in told]
    ga = [event for _, told in fresh for event in told]
    to_ga, to_preview = Crossed(GA), Crossed(PREVIEW)
    there = to_ga.downwards(preview)
    assert without_ids_of_done(there) == without_ids_of_done(ga)
    assert to_preview.downwards(ga) == preview
    assert Crossed(PREVIEW).downwards(there) == preview
    back = Crossed(GA).downwards(preview)
    assert without_ids_of_done(back) == without_ids_of_done(ga)
