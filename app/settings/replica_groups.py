"""Settings of the operator's own listener, and of several processes that share their state."""

from __future__ import annotations

from app.settings.about import setting
from app.settings.choices import RedisDown
from app.settings.forms import Host
from app.settings.group import Group
from app.settings.network_forms import HostNames, RedisUrl, Token


class Admin(Group):
    """A second listener, for the operator alone: what is live, revocation, drain
    ([operations](operations.md))."""

    title = "Admin listener"

    admin_host: Host = setting(
        "127.0.0.1",
        "Address to listen on. Any but loopback needs RELAY_ADMIN_TOKEN.",
        example="10.0.0.5",
        form="an address or a host name",
    )
    admin_port: int | None = setting(
        None,
        "Port of the admin listener; 0 takes a free one, which the log names.",
        default_text="no admin listener; `realtime-relay demo` takes a free port",
        example="9090",
        form="a whole number from 0 to 65535",
        ge=0,
        le=65535,
    )
    admin_token: Token | None = setting(
        None,
        "What a request to it must show as `Authorization: Bearer ...`.",
        form="at least 16 random characters",
    )
    admin_hosts: HostNames = setting(
        (),
        "Names by which it is reached, beside `localhost` and bare addresses; a request for any "
        "other is refused, as it may come from a page that has made a name point here.",
        example="relay-admin.internal",
        form="host names, comma separated",
    )


class Shared(Group):
    """What several processes or replicas need to be one relay ([operations](operations.md))."""

    title = "Replicas"

    redis_url: RedisUrl | None = setting(
        None,
        "Redis that keeps tickets, counts and revocations for all replicas. Without it this "
        "process keeps them, and must be the only one. Needs RELAY_USER_HASH_KEY.",
        form="`redis://...` or `rediss://...`",
    )
    redis_down: RedisDown = setting(
        RedisDown.REFUSE,
        "What happens to new sessions while Redis does not answer: they are refused, or each "
        "process counts for itself. Live ones go on.",
    )
    processes: int = setting(
        1,
        "Processes of this machine on RELAY_PORT, started and watched by `serve`: one for each "
        "core. RELAY_MAX_SESSIONS holds for each. Needs RELAY_REDIS_URL.",
        ge=1,
        le=64,
    )
    reuse_port: bool = setting(
        False,
        "Lets other processes of this machine listen on RELAY_PORT too, where something else than "
        "RELAY_PROCESSES starts them. Needs RELAY_REDIS_URL.",
    )
