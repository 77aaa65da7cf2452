"""Where Redis is: what a URL may say, and what is said about one that can't be used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.address import RedisAddress, parse_redis_url


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost", RedisAddress("localhost", 6379)),
        ("REDIS://cache.example.com:7000/3", RedisAddress("cache.example.com", 7000, 3)),
        (" redis://127.0.0.1:6379/ \n", RedisAddress("127.0.0.1", 6379)),
        ("redis://[::1]:6380/1", RedisAddress("::1", 6380, 1)),
        (
            "rediss://us%40er:p%2Fa%3As%23s@h:6380",
            RedisAddress("h", 6380, 0, "us@er", "p/a:s#s", tls=True),
        ),
        ("rediss://:key=@h:6380/0", RedisAddress("h", 6380, 0, None, "key=", tls=True)),
        (
            "rediss://h?ssl_ca_certs=%2Fetc%2Fca.pem",
            RedisAddress("h", 6379, tls=True, ca_file="/etc/ca.pem"),
        ),
        ("unix:///run/redis.sock", RedisAddress("", 0, path="/run/redis.sock")),
        (
            "unix://u:p@/run/redis.sock?db=2",
            RedisAddress("", 0, 2, "u", "p", path="/run/redis.sock"),
        ),
    ],
)
def test_a_good_url_is_read(url: str, address: RedisAddress) -> None:
    assert parse_redis_url(url) == address


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "begin with redis://"),
        ("localhost:6379", "begin with redis://"),
        ("https://h", "begin with redis://"),
        ("redis:h", "begin with redis://"),
        ("redis://", "names no host"),
        ("redis://:secret@", "names no host"),
        ("redis://:sec/ret@h", "%2F"),
        ("redis://:secret@h:port", "port"),
        ("redis://:secret@h:0", "1 to 65535"),
        ("redis://:secret@h:70000", "port"),
        ("redis://:sec#ret@h", "%23"),
        ("redis://:sec?ret@h", "%3F"),
        ("redis://:secret@h?timeout=5", "option"),
        ("rediss://:secret@h?ssl_cert_reqs=none", "'ssl_ca_certs' is the only one"),
        ("redis://:secret@h/zero", "number of a database"),
        ("redis://:secret@h/-1", "number of a database"),
        ("redis://:secret@[h", "host or port"),
        ("unix://run/redis.sock", "whole path"),
        ("unix://:secret@/run/redis.sock?db=x", "number of a database"),
    ],
)
def test_a_url_that_is_wrong_is_told_in_a_sentence_without_the_password(
    url: str, says: str
) -> None:
    with pytest.raises(ValueError, match="Redis URL") as wrong:
        parse_redis_url(url)
    text = str(wrong.value)
    assert says in text
    assert text.endswith(".")
    assert "sec" not in text
    assert "ret@" not in text
    assert wrong.value.__cause__ is None


@given(st.text(max_size=40), st.sampled_from(["redis://", "rediss://:", "unix://", ""]))
def test_whatever_is_written_gives_an_address_or_a_sentence(text: str, scheme: str) -> None:
    assert read(scheme + text)


def read(text: str) -> bool:
    """Whether it is an address that names a place, or is told in a sentence."""
    try:
        address = parse_redis_url(text)
    except ValueError as error:
        return str(error).endswith(".")
    return bool(address.path or address.host)


def test_an_address_in_a_log_shows_neither_user_nor_password() -> None:
    for url in ("rediss://anna:s3cret@h:6380/2", "unix://anna:s3cret@/run/redis.sock"):
        address = parse_redis_url(url)
        assert "s3cret" not in f"{address} {address!r}"
        assert "anna" not in str(address)
    assert str(parse_redis_url("rediss://anna:s3cret@[::1]:6380/2")) == "rediss://[::1]:6380/2"
