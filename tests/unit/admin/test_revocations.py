"""Whom a body revokes, and what is said where it names nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.admin.answers import BadRequest
from app.admin.revocations import read_revocation
from app.auth.principal import Principal
from app.store.store import Revocation, RevokedKind

HASH = "0123456789abcdef"
SESSION = "sess_" + "0123456789ab" * 2


def hashed(principal: Principal) -> str:
    return f"hash of {principal.key}"


def read(body: Any) -> Revocation:
    return read_revocation(body if isinstance(body, bytes) else json.dumps(body).encode(), hashed)


def test_a_user_is_named_by_hash_or_by_name() -> None:
    assert read({"user": HASH}) == Revocation(RevokedKind.USER, HASH, 3600)
    named = {"user": {"issuer": "https://id", "user": "ada"}, "seconds": 60}
    assert read(named) == Revocation(RevokedKind.USER, "hash of https://id|ada", 60)


def test_a_session_is_named_by_its_id() -> None:
    revocation = read({"session": SESSION})
    assert (revocation.kind, revocation.name) == (RevokedKind.SESSION, SESSION)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"{" * 10_000,
        {},
        {"user": None},
        {"user": HASH, "session": SESSION},
        {"user": HASH, "minutes": 1},
        {"user": "ada"},
        {"user": HASH.upper()},
        {"user": HASH + "\n"},
        {"user": 7},
        {"user": {"issuer": "https://id"}},
        {"user": {"issuer": "https://id", "user": ""}},
        {"user": {"issuer": "https://id", "user": "ada", "name": "Ada"}},
        {"session": "sess_1"},
        {"session": HASH},
        {"session": SESSION, "seconds": 60},
        {"user": HASH, "seconds": 0},
        {"user": HASH, "seconds": -1},
        {"user": HASH, "seconds": 31 * 24 * 3600},
        {"user": HASH, "seconds": "60"},
        b'{"user": "0123456789abcdef", "seconds": NaN}',
        b'{"user": "0123456789abcdef", "seconds": 1e999}',
    ],
)
def test_anything_else_is_refused_in_a_sentence(body: Any) -> None:
    with pytest.raises(BadRequest) as bad:
        read(body)
    assert bad.value.status == 400
    assert bad.value.message.endswith(".")
    assert len(bad.value.message) < 400
