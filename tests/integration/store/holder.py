"""A replica of its own process that takes leases and holds them until it is killed.

Arguments: the URL, the user, how many. Prints "held" when it has them.
"""

from __future__ import annotations

import asyncio
import sys

from app.relay.tasks import Tasks
from app.store.redis_store import RedisStore
from app.store.store import Lease
from tests.integration.store.scene import LEASES, QUICK, TICKETS


async def hold(url: str, user: str, number: int) -> None:
    store = RedisStore(url, TICKETS, LEASES, QUICK)
    store.start(Tasks().spawn)
    for one in range(number):
        assert await store.enter(Lease(f"held-{one}", user, "office")) is None
    sys.stdout.write("held\n")
    sys.stdout.flush()
    await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(hold(sys.argv[1], sys.argv[2], int(sys.argv[3])))
