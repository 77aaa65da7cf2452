"""Fifty conversations at once: nobody hears another's words, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from typing import Any

from tests.harness.client import Client
from tests.harness.speech import hello, speak, turn
from tests.integration.flows.answers import HEARD, answer, check_chain
from tests.integration.flows.stack import Stack, stack

CONVERSATIONS = 50
SPEAKERS = 5
"""So many of them also speak aloud."""


def own_words(number: int) -> str:
    """Words that no other conversation holds, in whole or in part."""
    return f"k{number:02d}q"


async def converse(way: Stack, number: int, all_here: asyncio.Barrier) -> Client:
    """Two typed turns, and for some a spoken one; all begin when everybody has come."""
    async with way.client(user=f"user{number}") as me:
        async with asyncio.timeout(30):
            await all_here.wait()
        for words in (f"Say: {own_words(number)}", f"My name is {own_words(number)}"):
            await me.say(words)
            await me.until("conversation.item.created", within=30)
            said = await answer(me, within=30)
            assert own_words(number) in said.text
        if number < SPEAKERS:
            await speak(me, turn(hello()))
            await me.until(HEARD[-1], within=30)
            assert (await answer(me, within=30)).text.startswith("You said:")
        await me.say("What is my name?")
        await me.until("conversation.item.created", within=30)
        said = await answer(me, within=30)
        assert said.text == f"Your name is {own_words(number)}."
        return me


def descriptors() -> Counter[str]:
    """What the process holds open, by kind; sockets and files have numbers that change."""
    held: Counter[str] = Counter()
    for number in os.listdir("/proc/self/fd"):
        try:
            name = os.readlink(f"/proc/self/fd/{number}")
        except OSError:  # the listing's own
            continue
        held[name.partition(":")[0]] += 1
    return held


def others() -> set[asyncio.Task[Any]]:
    """All tasks of the loop but this one."""
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


async def settled(tasks: set[asyncio.Task[Any]], held: Counter[str]) -> None:
    """Waits for the last callbacks of sockets that have closed; then all must be as before."""
    for _ in range(200):
        if others() == tasks and descriptors() == held:
            return
        await asyncio.sleep(0.01)
    assert others() == tasks, {task.get_name() for task in others() ^ tasks}
    assert descriptors() == held


def ids(me: Client) -> set[str]:
    """All ids that upstream and relay gave within one conversation."""
    found: set[str] = set()
    for event in me.seen:
        found |= {event["event_id"]}
        found |= {str(event[key]) for key in ("item_id", "response_id") if key in event}
        for key in ("item", "response", "session"):
            if key in event:
                found.add(event[key]["id"])
    return found


async def test_fifty_conversations_at_once_stay_apart_and_leave_nothing() -> None:
    before_all = others(), descriptors()
    async with stack() as way:
        # The first conversation brings what lives as long as the process: threads, imports.
        await converse(way, 99, asyncio.Barrier(1))
        await way.relay.idle()
        await asyncio.sleep(0.05)
        before = others(), descriptors()
        barrier = asyncio.Barrier(CONVERSATIONS)
        everybody = await asyncio.gather(
            *(converse(way, number, barrier) for number in range(CONVERSATIONS))
        )
        await way.relay.idle(within=2.0)
        await settled(*before)
        dialled = way.upstream.journal.connections
        assert len(dialled) == CONVERSATIONS + 1, "one upstream connection for each client"
        assert not [connection for connection in dialled if connection.open]
        assert {connection.close_code_received for connection in dialled} == {1000}
    await settled(*before_all)

    for number, me in enumerate(everybody):
        check_chain(me)
        seen = json.dumps(me.seen)
        assert own_words(number) in seen
        strangers = [other for other in range(CONVERSATIONS) if other != number]
        assert not [other for other in strangers if own_words(other) in seen]
    given = Counter(name for me in everybody for name in ids(me))
    assert not [name for name, times in given.items() if times > 1], "an id stands in two"
    assert len({line["session_id"] for line in way.relay.closed()}) == CONVERSATIONS + 1
    assert {line["reason"] for line in way.relay.closed()} == {"client_closed"}
