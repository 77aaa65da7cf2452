"""A request's head at each of its limits, and one past it."""

from __future__ import annotations

import h11
import pytest

from app.wire.request_head import HeadLimits, LimitedParser

LIMITS = HeadLimits()
HOST = b"Host: relay.test"


def status_of(head: bytes) -> int | None:
    """How the parser refuses it; None if it does not."""
    parser = LimitedParser(LIMITS)
    parser.receive_data(head)
    try:
        event = parser.next_event()
    except h11.RemoteProtocolError:
        assert parser.refusal is not None
        return parser.refusal[0]
    assert isinstance(event, h11.Request)
    return None


def head(*headers: bytes, line: bytes = b"GET / HTTP/1.1") -> bytes:
    return b"\r\n".join([line, HOST, *headers, b"", b""])


def padded(start: bytes, length: int) -> bytes:
    """A line of so many bytes, its carriage return included."""
    return start + b"a" * (length - len(start) - 1)


@pytest.mark.parametrize(("over", "wanted"), [(0, None), (1, 431)])
def test_a_header_line(over: int, wanted: int | None) -> None:
    assert status_of(head(padded(b"X: ", LIMITS.line + over))) == wanted


@pytest.mark.parametrize(("over", "wanted"), [(0, None), (1, 414)])
def test_the_request_line(over: int, wanted: int | None) -> None:
    tail = b" HTTP/1.1"
    path = b"GET /" + b"a" * (LIMITS.line + over - 1 - len(b"GET /") - len(tail))
    assert status_of(head(line=path + tail)) == wanted


@pytest.mark.parametrize(("over", "wanted"), [(0, None), (1, 431)])
def test_the_number_of_headers(over: int, wanted: int | None) -> None:
    more = [b"X-%d: a" % number for number in range(LIMITS.headers - 1 + over)]
    assert status_of(head(*more)) == wanted


@pytest.mark.parametrize(("over", "wanted"), [(0, None), (1, 431)])
def test_the_whole_head(over: int, wanted: int | None) -> None:
    # It is measured to the end of its blank line's line feed, less the line feed before it.
    fixed = len(head(b"A: ", b"B: "))
    room = LIMITS.head - fixed + over
    raw = head(b"A: " + b"a" * (room // 2), b"B: " + b"b" * (room - room // 2))
    assert len(raw) == LIMITS.head + over
    assert status_of(raw) == wanted


@pytest.mark.parametrize(
    ("version", "wanted"), [(b"1.0", None), (b"1.1", None), (b"2.0", 505), (b"0.9", 505)]
)
def test_the_version(version: bytes, wanted: int | None) -> None:
    assert status_of(head(line=b"GET / HTTP/" + version)) == wanted


def test_a_head_that_is_not_whole_is_refused_one_byte_past_the_limit() -> None:
    start = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
    lines = (b"X: " + b"a" * 4000 + b"\r\n") * 5
    parser = LimitedParser(LIMITS)
    parser.receive_data((start + lines)[: LIMITS.head])
    assert parser.next_event() is h11.NEED_DATA
    parser.receive_data(b"a")
    with pytest.raises(h11.RemoteProtocolError):
        parser.next_event()
    assert parser.refusal == (431, f"The request head is larger than {LIMITS.head} bytes.")


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\nHost: relay.test\n\n",
        b"GET / HTTP/1.1\r\nHost: relay.test\nX: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: relay.test\r\n\n",
        b"GET / HTTP/1.1\r\nHost: relay.test\r\nX: a\r\n b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: relay.test\r\nX: a\r\n\tContent-Length: 5\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: relay.test\r\n\r\n",
    ],
)
def test_what_two_servers_may_read_in_two_ways_is_refused(raw: bytes) -> None:
    """RFC 9112, sections 2.2 and 5.2."""
    assert status_of(raw) == 400


def test_what_stands_behind_the_head_is_not_judged_as_one() -> None:
    raw = b"POST / HTTP/1.1\r\nHost: relay.test\r\nContent-Length: 4\r\n\r\na\n b"
    assert status_of(raw) is None
