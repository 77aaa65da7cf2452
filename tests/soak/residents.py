"""People who talk through whatever relay answers, and notice when something is wrong."""

from __future__ import annotations

import asyncio
import random
import re
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.harness.client import Client, client
from tests.soak.city import PER_USER, City

OWN_WORDS = re.compile(r"w[0-9a-f]{12}q")
PATIENCE = 20.0
"""Seconds after which silence is a fault: every deadline of the relay's is shorter."""
GONE = (ConnectionClosed, InvalidHandshake, OSError, EOFError, httpx.TransportError)


@dataclass
class Town:
    """What all residents know. `wrong` are breaches of what must always hold."""

    city: City
    users: int
    http: httpx.AsyncClient
    live: Counter[str] = field(default_factory=Counter)
    lived: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    forgiven_until: float = 0.0
    over: bool = False
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    holding: int = 0

    def arrived(self, user: str) -> None:
        self.live[user] += 1
        if self.live[user] > PER_USER and time.monotonic() > self.forgiven_until:
            self.wrong.append(f"{user} has {self.live[user]} sessions")


async def resident(town: Town, number: int) -> None:
    """Comes and goes until it is over."""
    user = f"user{number % town.users}"
    while not town.over:
        try:
            await _visit(town, user)
        except TimeoutError:
            town.wrong.append(f"{user} waited {PATIENCE:.0f} s for nothing")
        except GONE as gone:
            town.lived[type(gone).__name__] += 1
            await asyncio.sleep(random.uniform(0.05, 0.3))


async def _visit(town: Town, user: str) -> None:
    port = random.choice(list(town.city.relays))
    async with asyncio.timeout(PATIENCE):
        answer = await town.http.post(
            f"http://127.0.0.1:{port}/tickets", headers={"Authorization": f"Bearer dev-{user}"}
        )
    if answer.status_code != 200:
        town.lived[f"ticket {answer.status_code}"] += 1
        await asyncio.sleep(0.2)
        return
    ticket = answer.json()["value"]
    if random.random() < 0.3:
        await _spend_twice(town, user, ticket)
    else:
        await _talk(town, user, ticket, random.choice(list(town.city.relays)))


async def _spend_twice(town: Town, user: str, ticket: str) -> None:
    """The same ticket at both relays at once: one session at most comes of it."""
    outcomes = await asyncio.gather(
        *(_talk(town, user, ticket, port) for port in town.city.relays), return_exceptions=True
    )
    opened = sum(outcome is True for outcome in outcomes)
    if opened > 1:
        town.wrong.append(f"{user} opened {opened} sessions with one ticket")
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, GONE):
            raise outcome


async def _talk(town: Town, user: str, ticket: str, port: int) -> bool:
    """A conversation; whether a session came of it, however it ended."""
    opened = False
    headers = {"Authorization": f"Bearer {ticket}"}
    try:
        async with (
            asyncio.timeout(PATIENCE),
            client(f"ws://127.0.0.1:{port}", headers=headers, open_timeout=PATIENCE) as me,
        ):
            await me.until("session.created", within=PATIENCE)
            opened = True
            town.arrived(user)
            try:
                await _turns(town, me)
            finally:
                town.live[user] -= 1
    except GONE as gone:
        if not opened:
            raise
        town.lived[f"cut: {type(gone).__name__}"] += 1
    return opened


async def _turns(town: Town, me: Client) -> None:
    own = f"w{secrets.token_hex(6)}q"
    for _ in range(random.randint(1, 5)):
        await me.say(f"Say: {own}")
        done = await me.until("response.done", within=PATIENCE)
        heard = set(OWN_WORDS.findall(str(done)))
        foreign = set(OWN_WORDS.findall(str(me.seen))) - {own}
        if foreign:
            town.wrong.append(f"{own} heard {foreign}")
        if done["response"]["status"] == "completed" and heard != {own}:
            town.wrong.append(f"{own} was answered with {heard or 'nothing'}")
        town.lived["turns"] += 1
        await asyncio.sleep(random.uniform(0, 0.4))
    if town.hold.is_set():
        town.holding += 1
        while town.hold.is_set():
            await asyncio.sleep(0.05)
        town.holding -= 1
    if random.random() < 0.3:
        me.socket.transport.abort()
