"""Origin rules, by rule name."""

from __future__ import annotations

import pytest

from app.auth.denied import Denied
from app.auth.origin import Allowed, OriginRules, judge_origin
from app.protocol.close_reasons import CloseReason

LISTED = "https://app.example.com"
RULES = OriginRules(frozenset({LISTED, "null"}), own=True, require=False)
FOREIGN_ONLY = OriginRules(frozenset({LISTED}), own=False, require=False)


def judged(
    *origins: str, host: str = "localhost:8080", scheme: str = "ws", rules: OriginRules = RULES
) -> str:
    answer = judge_origin(origins, host, scheme, rules)
    if isinstance(answer, Denied):
        assert answer.reason is CloseReason.FORBIDDEN
    else:
        assert answer.origin == (origins[0] if origins else None)
    return answer.rule


def test_a_listed_origin_comes_in_whatever_the_host_is() -> None:
    assert judged(LISTED, host="relay.example.com", scheme="wss") == "origin.listed"


@pytest.mark.parametrize(
    "near",
    [
        "https://app.example.com/",
        "https://app.example.com:443",
        "http://app.example.com",
        "https://APP.example.com",
        "https://app.example.com.evil.test",
        "https://evil.test/https://app.example.com",
        "https://app.example.com, https://app.example.com",
        " https://app.example.com",
        "",
    ],
)
def test_an_origin_that_only_resembles_a_listed_one_stays_out(near: str) -> None:
    assert judged(near) == "origin.unknown"


def test_null_never_matches_even_where_it_is_listed() -> None:
    assert judged("null") == "origin.null"


def test_more_than_one_origin_is_refused_even_if_each_is_listed() -> None:
    assert judged(LISTED, LISTED) == "origin.several"


def test_no_origin_comes_in_unless_one_is_required() -> None:
    assert judge_origin((), "h", "ws", RULES) == Allowed("origin.absent", None)
    strict = OriginRules(frozenset({LISTED}), own=True, require=True)
    assert judged(rules=strict) == "origin.required"
    assert judged(LISTED, rules=strict) == "origin.listed"


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        ("http://localhost:8080", "localhost:8080", "ws"),
        ("http://localhost:8080", "LOCALHOST:8080", "http"),
        ("https://127.0.0.1:8443", "127.0.0.1:8443", "wss"),
        ("https://127.0.0.1", "127.0.0.1", "https"),
        ("http://[::1]:8080", "[::1]:8080", "ws"),
        ("http://relay.localhost", "relay.localhost", "ws"),
    ],
)
def test_the_own_page_comes_in_where_it_is_served(origin: str, host: str, scheme: str) -> None:
    assert judged(origin, host=host, scheme=scheme) == "origin.own"
    assert judged(origin, host=host, scheme=scheme, rules=FOREIGN_ONLY) == "origin.unknown"


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        ("http://localhost:8081", "localhost:8080", "ws"),
        ("https://localhost:8080", "localhost:8080", "ws"),
        ("http://localhost:8080", "localhost:8080", "wss"),
        ("http://127.0.0.1:8080", "localhost:8080", "ws"),
        ("http://", "", "ws"),
        ("http://[::1:8080", "[::1:8080", "ws"),
        ("http://localhost@evil.test", "localhost@evil.test", "ws"),
    ],
)
def test_another_port_scheme_or_name_is_not_the_own_page(
    origin: str, host: str, scheme: str
) -> None:
    assert judged(origin, host=host, scheme=scheme) == "origin.unknown"


def test_a_foreign_name_that_was_pointed_at_us_is_not_the_own_page() -> None:
    assert judged("http://evil.test:8080", host="evil.test:8080") == "origin.unknown"


def test_the_refusal_names_the_origin_and_the_setting_but_no_endless_or_unprintable_text() -> None:
    def words(origin: str) -> str:
        answer = judge_origin((origin,), "h", "ws", RULES)
        assert isinstance(answer, Denied)
        return answer.message

    assert "'https://other.test'" in words("https://other.test")
    assert "RELAY_ALLOWED_ORIGINS" in words("https://other.test")
    assert len(words("https://" + "x" * 5000)) < 300
    assert words("http://\x1b[31m\xff").isprintable()
