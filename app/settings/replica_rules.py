"""What the settings of admin listener and replicas must not say, with the fix in each sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.settings.choices import RedisDown, Source
from app.settings.forms import is_loopback
from app.settings.problem import Problem, problem

if TYPE_CHECKING:
    from app.settings.reading import Reading
    from app.settings.settings import Settings

MAKE_A_KEY = "python -c 'import secrets; print(secrets.token_hex(32))'"


def admin_is_guarded(settings: Settings, _: Reading) -> Iterator[Problem]:
    if settings.admin_port is None or settings.admin_token is not None:
        return
    if not is_loopback(settings.admin_host):
        yield problem(
            "RELAY_ADMIN_HOST is no loopback address and RELAY_ADMIN_TOKEN is missing, so that "
            "whoever reaches it could end sessions: set RELAY_ADMIN_TOKEN (make one with "
            f"{MAKE_A_KEY}), or set RELAY_ADMIN_HOST to 127.0.0.1.",
            "admin_host",
            "admin_port",
            "admin_token",
        )


def admin_has_a_port(settings: Settings, reading: Reading) -> Iterator[Problem]:
    if settings.admin_port is not None:
        if settings.admin_port == settings.port != 0 and settings.admin_host == settings.host:
            yield problem(
                f"RELAY_ADMIN_PORT and RELAY_PORT are both {settings.port}: choose another port "
                "for the admin listener.",
                "admin_port",
                "port",
            )
        return
    if reading.is_set("admin_token"):
        yield problem(
            "RELAY_ADMIN_TOKEN is set, but there is no admin listener: set RELAY_ADMIN_PORT, for "
            "example to 9090, or remove it.",
            "admin_port",
            "admin_token",
        )


def replicas_share(settings: Settings, reading: Reading) -> Iterator[Problem]:
    if settings.redis_url is not None:
        if reading.source_of("user_hash_key") is Source.DEFAULT:
            yield problem(
                "RELAY_REDIS_URL is set, but RELAY_USER_HASH_KEY is not, so that replicas would "
                "not know a user of the other for the same: set it to the same value on all of "
                f"them (make one with {MAKE_A_KEY}).",
                "redis_url",
                "user_hash_key",
            )
        return
    if settings.reuse_port:
        yield problem(
            "RELAY_REUSE_PORT is on, but RELAY_REDIS_URL is missing: processes that share a port "
            "must share tickets and limits. Set RELAY_REDIS_URL, or leave RELAY_REUSE_PORT out.",
            "reuse_port",
            "redis_url",
        )
    if settings.processes > 1:
        yield problem(
            f"RELAY_PROCESSES is {settings.processes}, but RELAY_REDIS_URL is missing: processes "
            "that share a port must share tickets and limits. Set RELAY_REDIS_URL, or leave "
            "RELAY_PROCESSES out.",
            "processes",
            "redis_url",
        )
    if settings.redis_down is RedisDown.LOCAL:
        yield problem(
            "RELAY_REDIS_DOWN is `local`, but RELAY_REDIS_URL is missing: set it, or remove "
            "RELAY_REDIS_DOWN.",
            "redis_down",
            "redis_url",
        )


REPLICA_RULES = (admin_is_guarded, admin_has_a_port, replicas_share)
