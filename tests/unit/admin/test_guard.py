"""Whom the admin listener hears: names, pages, tokens, bodies."""

from __future__ import annotations

from typing import Any

import pytest

from app.admin.answers import BadRequest
from app.admin.desk import AdminRules
from app.admin.guard import judge

TOKEN = "t0ken-of-sixteen-characters"
OPEN = AdminRules()
GUARDED = AdminRules(TOKEN, frozenset({"relay-admin.internal"}))
BEARER = ("authorization", f"Bearer {TOKEN}")
JSON = ("content-type", "application/json")


def request(
    *headers: tuple[str, str], method: str = "GET", path: str = "/sessions", host: str | None = None
) -> dict[str, Any]:
    named = [("host", "127.0.0.1:9090" if host is None else host)] if host != "" else []
    return {
        "method": method,
        "path": path,
        "scheme": "http",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in [*named, *headers]],
    }


def refused(rules: AdminRules, asked: dict[str, Any]) -> tuple[int, str]:
    with pytest.raises(BadRequest) as bad:
        judge(rules, asked)
    assert bad.value.message.endswith(".")
    assert TOKEN not in bad.value.message
    return bad.value.status, bad.value.code


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:9090", "[::1]:9090", "[::1]", "10.2.3.4:80", "localhost:9090",
             "LOCALHOST", "relay-admin.internal:9090", "Relay-Admin.Internal"],
)  # fmt: skip
def test_it_is_called_by_address_as_localhost_or_by_a_listed_name(host: str) -> None:
    judge(GUARDED, request(BEARER, host=host))


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:9090", "127.0.0.1.evil.example",
             "localhost.evil.example", "localhost@evil.example", "[::1", "relay-admin.internal.",
             "[evil.example]", "2130706433", "127.0.0.1:80@evil.example",
             "[::1].evil.example", "[::1]:80@evil.example", "127.0.0.1:evil", "[127.0.0.1]",
             "[::1%25.evil.example]", "127.0.0.1:", "::1"],
)  # fmt: skip
def test_any_other_name_is_refused_whatever_it_shows(host: str) -> None:
    assert refused(GUARDED, request(BEARER, host=host)) == (421, "host")
    assert refused(OPEN, request(host=host, path="/healthz")) == (421, "host")


def test_two_hosts_are_refused() -> None:
    assert refused(OPEN, request(("host", "127.0.0.1"))) == (421, "host")


def test_only_its_own_origin_may_ask() -> None:
    judge(OPEN, request(("origin", "http://127.0.0.1:9090"), JSON, method="POST"))
    for origin in ("null", "http://127.0.0.1", "https://127.0.0.1:9090", "http://localhost:9090",
                   "https://evil.example", ""):  # fmt: skip
        asked = request(("origin", origin), JSON, method="POST")
        assert refused(OPEN, asked) == (403, "origin")
    twice = request(("origin", "http://127.0.0.1:9090"), ("origin", "null"), JSON, method="POST")
    assert refused(OPEN, twice) == (403, "origin")


@pytest.mark.parametrize(
    "shown",
    [
        [],
        [("authorization", "")],
        [("authorization", "Bearer")],
        [("authorization", "Bearer ")],
        [("authorization", f"Bearer {TOKEN}x")],
        [("authorization", f"Bearer {TOKEN[:-1]}")],
        [("authorization", f"Basic {TOKEN}")],
        [("authorization", TOKEN)],
        [("authorization", "Bearer t\xf6ken")],
        [BEARER, BEARER],
    ],
)
def test_a_token_is_asked_for_everything_but_being_alive(shown: list[tuple[str, str]]) -> None:
    assert refused(GUARDED, request(*shown)) == (401, "token")
    assert refused(GUARDED, request(*shown, JSON, method="POST")) == (401, "token")
    judge(GUARDED, request(*shown, path="/healthz"))


def test_the_scheme_may_be_written_as_one_likes() -> None:
    judge(GUARDED, request(("authorization", f"bearer {TOKEN}")))


@pytest.mark.parametrize(
    "kinds",
    [[], ["text/plain"], ["application/x-www-form-urlencoded"], ["multipart/form-data"],
     ["application/jsonx"], ["application/json", "text/plain"], ["text/plain; application/json"]],
)  # fmt: skip
def test_a_change_needs_a_json_body(kinds: list[str]) -> None:
    asked = request(*(("content-type", kind) for kind in kinds), method="POST")
    assert refused(OPEN, asked) == (415, "content_type")


def test_json_may_name_its_characters() -> None:
    asked = request(("content-type", "Application/JSON; charset=utf-8"), method="POST")
    judge(OPEN, asked)
