"""Settings of the admin listener, of proxies and of replicas: what is refused, with the fix."""

from __future__ import annotations

import pytest

from app.settings import RedisDown, SettingsError, load
from tests.unit.test_settings import EMBEDDED

KEY = {"RELAY_USER_HASH_KEY": "sixteen-characters-or-more"}
TOKEN = {"RELAY_ADMIN_TOKEN": "operators-token-0123"}
REDIS = {"RELAY_REDIS_URL": "redis://:pass-word-1@127.0.0.1:6379/0"}


def problems(**more: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refused:
        load(EMBEDDED | more)
    return refused.value.problems


def test_by_default_there_is_one_process_no_proxy_and_no_admin_listener() -> None:
    settings = load(EMBEDDED)
    assert (settings.admin_port, settings.admin_host) == (None, "127.0.0.1")
    assert (settings.trusted_proxies, settings.redis_url) == ((), None)
    assert (settings.processes, settings.reuse_port) == (1, False)
    assert settings.redis_down is RedisDown.REFUSE
    assert (settings.max_sessions_per_ip, settings.failed_sign_ins_per_minute) == (50, 60)


def test_ranges_of_proxies_are_kept_in_their_usual_spelling() -> None:
    text = " 10.0.0.0/8, 192.0.2.7,fd00::/8,, 10.0.0.0/8"
    assert load(EMBEDDED | {"RELAY_TRUSTED_PROXIES": text}).trusted_proxies == (
        "10.0.0.0/8",
        "192.0.2.7/32",
        "fd00::/8",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("proxy.internal", "holds an entry, which is no range of addresses"),
        ("10.0.0.0/33", "which is no range of addresses"),
        ("10.0.0.1/8", "write 10.0.0.0/8"),
        ("fd00::1/8", "write fd00::/8"),
        ("0.0.0.0/0", "which is everybody"),
        ("::/0", "which is everybody"),
    ],
)
def test_a_range_that_cannot_be_meant_is_refused(text: str, said: str) -> None:
    (problem,) = problems(RELAY_TRUSTED_PROXIES=text)
    assert problem.startswith("RELAY_TRUSTED_PROXIES holds")
    assert said in problem


def test_an_admin_listener_off_loopback_needs_a_token() -> None:
    wide = {"RELAY_ADMIN_PORT": "9090", "RELAY_ADMIN_HOST": "10.0.0.5"}
    (problem,) = problems(**wide)
    assert "RELAY_ADMIN_TOKEN is missing" in problem
    assert load(EMBEDDED | wide | TOKEN).admin_host == "10.0.0.5"
    assert load(EMBEDDED | {"RELAY_ADMIN_PORT": "0"}).admin_port == 0


@pytest.mark.parametrize(
    ("token", "said"),
    [("sh0rt-0ne", "is too short"), ("has spaces, and is long enough", "may hold letters")],
)
def test_a_token_that_no_header_can_hold_or_that_can_be_guessed_is_refused(
    token: str, said: str
) -> None:
    (problem,) = problems(RELAY_ADMIN_PORT="0", RELAY_ADMIN_TOKEN=token)
    assert said in problem
    assert token not in problem


def test_a_token_for_no_listener_is_a_mistake() -> None:
    (problem,) = problems(**TOKEN)
    assert problem.startswith("RELAY_ADMIN_TOKEN is set, but there is no admin listener")


def test_both_listeners_on_one_port_are_refused() -> None:
    (problem,) = problems(RELAY_PORT="9090", RELAY_ADMIN_PORT="9090")
    assert "both 9090" in problem
    assert load(EMBEDDED | {"RELAY_PORT": "0", "RELAY_ADMIN_PORT": "0"}).admin_port == 0


@pytest.mark.parametrize("name", ["http://relay-admin", "relay-admin:9090", "-x", "a b"])
def test_a_host_name_is_a_name_alone(name: str) -> None:
    (problem,) = problems(RELAY_ADMIN_PORT="0", RELAY_ADMIN_HOSTS=name)
    assert "which is no host name" in problem


def test_redis_needs_a_key_that_all_replicas_share() -> None:
    (problem,) = problems(**REDIS)
    assert "RELAY_USER_HASH_KEY" in problem
    assert "secrets.token_hex(32)" in problem
    settings = load(EMBEDDED | REDIS | KEY)
    assert settings.redis_url is not None
    shown = " ".join(row.value for row in settings.describe())
    assert "pass-word-1" not in shown


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://:pass-word-1@127.0.0.1", "must begin with redis://, rediss:// or unix://"),
        ("redis://:pass-word-1#@127.0.0.1", "holds a '#'"),
        ("redis://:pass-word-1?@127.0.0.1", "host or port can't be read"),
        ("redis://:pass-word-1/@127.0.0.1", "host or port can't be read"),
        ("redis://:pass-word-1@127.0.0.1:sixty", "host or port can't be read"),
        ("redis://:pass-word-1@127.0.0.1:0", "port must be from 1 to 65535"),
        ("redis://:pass-word-1@127.0.0.1/pass-word-1", "the number of a database"),
        ("redis://:pass-word-1@127.0.0.1/0?pass-word-1=x", "an option that is not known"),
        ("redis://:pass-word-1@", "names no host"),
        ("unix://:pass-word-1@redis.sock", "by its whole path"),
    ],
)
def test_an_address_that_cannot_be_redis_is_one_sentence_that_does_not_repeat_it(
    url: str, said: str
) -> None:
    (problem,) = problems(**KEY, RELAY_REDIS_URL=url)
    assert problem.startswith("RELAY_REDIS_URL cannot be used: ")
    assert said in problem
    assert problem.endswith(".")
    assert not problem.endswith("..")
    assert "pass-word" not in problem


@pytest.mark.parametrize(
    "given",
    [{"RELAY_REUSE_PORT": "on"}, {"RELAY_PROCESSES": "2"}, {"RELAY_REDIS_DOWN": "local"}],
)
def test_what_needs_redis_is_refused_without_it(given: dict[str, str]) -> None:
    (problem,) = problems(**given)
    assert problem.startswith(next(iter(given)))
    assert "RELAY_REDIS_URL" in problem
    load(EMBEDDED | REDIS | KEY | given)
