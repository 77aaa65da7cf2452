"""What `check` says of the state that replicas share."""

from __future__ import annotations

from app.parts import make_redis_store
from app.settings import RedisDown, Settings
from app.store.store import StoreDown

ONE_ONLY = (
    "in the memory of this process: run one process only, or set RELAY_REDIS_URL. With a second "
    "one, tickets of the first would be refused there, limits would count twice, and a revocation "
    "would not reach it"
)


async def shared_state(settings: Settings) -> tuple[bool, str, str]:
    """Whether it is fine, what to know, and what to do about it."""
    try:
        store = make_redis_store(settings)
    except ValueError as error:
        return False, str(error), ""
    if store is None:
        return True, ONE_ONLY, ""
    try:
        await store.take_ticket("check")  # of a name that no ticket's hash has
        policy = await store.forgets()
    except StoreDown as down:
        fix = "Is Redis running there, and are its password and TLS as in RELAY_REDIS_URL?"
        return settings.redis_down is RedisDown.LOCAL, str(down), fix
    finally:
        await store.close()
    if policy is not None:
        said = f"Redis answers, but throws keys away when its memory is full ({policy})"
        return True, said, "Set its maxmemory-policy to noeviction: a key holds a limit or a ban."
    return True, "Redis answers", ""
