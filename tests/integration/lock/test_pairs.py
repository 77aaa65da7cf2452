"""Two users at once, fifty times: tools, answers beside the conversation, interruptions.

Everything that a user says holds a word of its own. Nobody may see another's word, and no id may
stand in two conversations.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from string import ascii_lowercase
from typing import Any

from tests.harness.client import Client, Event
from tests.harness.tools import WEATHER, tool_output, tools_file
from tests.integration.flows.stack import STORY, Stack, errors, stack
from tests.integration.lock.wires import words

PAIRS = 50
AT_ONCE = 10
TALKING = {"pace": 8.0, "burst_ms": 400}
PATIENCE = 40


def own_word(user: int) -> str:
    """Letters that stand in nobody else's word, and in no sentence."""
    first, second = divmod(user, 26)
    return f"Q{ascii_lowercase[first]}xz{ascii_lowercase[second]}q"


def message(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


class User:
    """One side of a pair."""

    def __init__(self, me: Client, user: int, partner: asyncio.Barrier) -> None:
        self._me, self._partner = me, partner
        self.word = own_word(user)

    async def done(self, **known: Any) -> Event:
        """The next `response.done` with these fields; the partner's step begins with ours."""
        while True:
            event = await self._me.until("response.done", within=PATIENCE)
            response: dict[str, Any] = event["response"]
            if all(response.get(key) == value for key, value in known.items()):
                return response

    async def together(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._partner.wait()

    async def asks_a_tool(self) -> None:
        await self.together()
        await self._me.say(f"What is the weather in {self.word}?")
        (call,) = (await self.done())["output"]
        assert self.word in call["arguments"]
        await self._me.send(tool_output(call["call_id"], f'{{"sky": "over {self.word}"}}'))
        await self._me.send({"type": "response.create"})
        (said,) = (await self.done())["output"]
        assert said["content"][0]["text"] == f"The tool answered: sky: over {self.word}"

    async def is_interrupted(self) -> None:
        """A story is being told; an answer beside it comes; then the story is cut short."""
        await self.together()
        await self._me.send({"type": "conversation.item.create", "item": message(STORY)})
        aloud = {"modalities": ["text", "audio"]}
        await self._me.send({"type": "response.create", "response": aloud})
        await self._me.until("response.audio.delta", within=PATIENCE)
        beside: Event = {"conversation": "none", "metadata": {"of": self.word}}
        beside |= {"input": [message(f"Say: aside {self.word}")]}
        await self._me.send({"type": "response.create", "response": beside})
        aside = await self.done(metadata={"of": self.word})
        assert aside["output"][0]["content"][0]["text"] == f"aside {self.word}"
        await self._me.send({"type": "response.cancel"})
        await self.done(status="cancelled")

    async def is_remembered(self) -> None:
        await self.together()
        for text in (f"My name is {self.word}", "What is my name?"):
            await self._me.say(text)
            (said,) = (await self.done())["output"]
        assert said["content"][0]["text"] == f"Your name is {self.word}."


async def converse(way: Stack, user: int, partner: asyncio.Barrier) -> Client:
    async with way.client(user=f"user{user}") as me:
        await me.send({"type": "session.update", "session": {"modalities": ["text"]}})
        await me.until("session.updated")
        one = User(me, user, partner)
        await one.asks_a_tool()
        await one.is_interrupted()
        await one.is_remembered()
        return me


async def pair(way: Stack, number: int, seats: asyncio.Semaphore) -> list[Client]:
    async with seats:
        barrier = asyncio.Barrier(2)
        both = (converse(way, 2 * number + side, barrier) for side in range(2))
        return list(await asyncio.gather(*both))


def ids(value: Any) -> set[str]:
    """Whatever is called an id, at any depth, but the client's own words."""
    if isinstance(value, list):
        return {found for entry in value for found in ids(entry)}
    if not isinstance(value, dict):
        return set()
    found = {found for key, entry in value.items() for found in ids(entry) if key != "metadata"}
    named = (key for key in value if key == "id" or key.endswith("_id"))
    return found | {value[key] for key in named if isinstance(value[key], str)}


async def test_of_fifty_pairs_nobody_sees_anything_of_anybody_else() -> None:
    seats = asyncio.Semaphore(AT_ONCE)
    async with stack(upstream=TALKING, session_tools=tools_file(WEATHER)) as way:
        pairs = await asyncio.gather(*(pair(way, number, seats) for number in range(PAIRS)))
    everybody = [me for both in pairs for me in both]
    all_words = [own_word(user) for user in range(2 * PAIRS)]
    assert len(set(all_words)) == len(everybody) == 2 * PAIRS
    given: Counter[str] = Counter()
    for user, me in enumerate(everybody):
        seen = words(me.seen)
        assert [word for word in all_words if word in seen] == [own_word(user)]
        assert not errors(me.seen)
        given.update(ids(me.seen))
    assert not [name for name, times in given.items() if times > 1], "an id stands in two"
    assert len(given) > 50 * len(everybody)
    assert len({line["session_id"] for line in way.relay.closed()}) == 2 * PAIRS
