"""What is said of an error from Redis, and that it is never what came over the wire."""

from __future__ import annotations

import pytest
from redis._parsers.base import BaseParser

from app.store.redis_words import said

PASSWORD = "S3CRET"


def parsed(answer: str) -> Exception:
    error: Exception = BaseParser.parse_error(answer)  # type: ignore[no-untyped-call]
    return error


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("ERR unknown command 'AUTH', with args beginning with: 'user' 'S3CRET' ", "ResponseError"),
        ("unknown command 'S3CRET'", "ResponseError"),
        ("S3CRET is not known", "ResponseError"),
        ("WRONGPASS no user with S3CRET", "WRONGPASS"),
        ("NOAUTH S3CRET", "NOAUTH"),
        ("OOM command not allowed for S3CRET", "OOM"),
        ("NOPERM S3CRET", "NOPERM"),
        ("READONLY S3CRET", "READONLY"),
        ("BUSY Redis is busy with S3CRET", "BUSY"),
        ("LOADING S3CRET", "LOADING"),
        ("ERR max number of clients reached", "max number of clients"),
    ],
)
def test_of_an_answer_one_word_is_passed_on_and_never_the_password(answer: str, word: str) -> None:
    text = said(parsed(answer), PASSWORD)
    assert word in text
    assert PASSWORD not in text
    assert "'user'" not in text


def test_what_this_machine_says_of_a_connection_is_passed_on_without_the_password() -> None:
    assert said(OSError("No route to host."), None) == "No route to host"
    assert said(OSError("cannot speak with S3CRET"), PASSWORD) == "cannot speak with ***"


def test_a_word_that_is_the_password_is_not_passed_on() -> None:
    assert "HUNTER" not in said(parsed("HUNTER is unknown"), "HUNTER")
