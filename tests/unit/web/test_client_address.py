"""Which address a client counts for: its own word for it never counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from app.web.client_address import ClientAddresses, TrustedProxies, client_address

PROXIES = TrustedProxies.of(["10.0.0.0/8", "192.0.2.7", "fd00::/8"])
NONE = TrustedProxies()


def test_without_a_trusted_proxy_the_header_is_never_read() -> None:
    assert client_address("203.0.113.9", ["198.51.100.1"], NONE) == "203.0.113.9"
    assert client_address("127.0.0.1", ["198.51.100.1"], NONE) == "127.0.0.1"
    assert client_address("203.0.113.9", ["198.51.100.1"], PROXIES) == "203.0.113.9"


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (["198.51.100.1"], "198.51.100.1"),
        (["6.6.6.6, 198.51.100.1"], "198.51.100.1"),  # the client forged the left entry
        (["6.6.6.6", "198.51.100.1"], "198.51.100.1"),  # or sent a header of its own
        (["198.51.100.1, 10.1.2.3, 192.0.2.7"], "198.51.100.1"),  # a chain of our proxies
        (["10.9.9.9, 198.51.100.1, 10.1.2.3"], "198.51.100.1"),  # forged to look like ours
        (["10.1.2.3, 10.4.5.6"], "10.1.2.3"),  # somebody inside of our own range
        ([], "10.0.0.1"),
        ([""], "10.0.0.1"),
        (["unknown"], "10.0.0.1"),
        (["_hidden, 10.1.2.3"], "10.1.2.3"),
        (["198.51.100.1, garbage"], "10.0.0.1"),  # what the proxy wrote is no address
        (["198.51.100.1,"], "10.0.0.1"),
        (["198.51.100.1:4711"], "198.51.100.1"),
        (["  198.51.100.1\t"], "198.51.100.1"),
        (["198.51.100.1:port"], "10.0.0.1"),
        (["198.51.100.1:123456"], "10.0.0.1"),
        (["[2001:db8:1:2:3:4:5:6]:443"], "2001:db8:1:2::/64"),
        (["[2001:db8:1:2::6]"], "2001:db8:1:2::/64"),
        (["2001:db8:1:2::6"], "2001:db8:1:2::/64"),
        (["[2001:db8:1:2::6]443"], "10.0.0.1"),
        (["[2001:db8:1:2::6]:x"], "10.0.0.1"),
        (["[2001:db8:1:2::6"], "10.0.0.1"),
        (["::ffff:198.51.100.1"], "198.51.100.1"),
        (["0198.51.100.1"], "10.0.0.1"),
        (["198.51.100.1/32"], "10.0.0.1"),
        (["3325256705"], "10.0.0.1"),
    ],
)
def test_the_rightmost_entry_that_is_no_proxy_counts(forwarded: list[str], expected: str) -> None:
    assert client_address("10.0.0.1", forwarded, PROXIES) == expected


@pytest.mark.parametrize("peer", ["10.0.0.1", "192.0.2.7", "fd00::1", "::ffff:10.0.0.1"])
def test_a_proxy_is_known_in_every_spelling_of_its_address(peer: str) -> None:
    assert client_address(peer, ["198.51.100.1"], PROXIES) == "198.51.100.1"


def test_neighbours_of_one_network_of_ipv6_count_as_one_and_others_do_not() -> None:
    one = client_address("2001:db8:1:2::1", [], NONE)
    assert one == client_address("2001:db8:1:2:ffff:ffff:ffff:ffff", [], NONE)
    assert one == client_address("2001:db8:1:2::1%eth0", [], NONE)
    assert one != client_address("2001:db8:1:3::1", [], NONE)


@pytest.mark.parametrize("peer", [None, "", "unix:", "/run/relay.sock"])
def test_what_has_no_address_is_counted_for_none(peer: str | None) -> None:
    assert client_address(peer, ["198.51.100.1"], PROXIES) is None


def test_an_ipv4_address_behind_a_translator_counts_as_itself() -> None:
    one = client_address("64:ff9b::198.51.100.1", [], NONE)
    assert one == "198.51.100.1"
    assert client_address("64:ff9b::198.51.100.2", [], NONE) == "198.51.100.2"
    assert client_address("64:ff9b:0:0:1::1", [], NONE) == "64:ff9b::/64"
    assert client_address("10.0.0.1", ["64:ff9b::c633:6401"], PROXIES) == one
    forged = ["198.51.100.9, 64:ff9b::10.0.0.1"]
    assert client_address("10.0.0.1", forged, PROXIES) == "10.0.0.1", "it is no proxy of ours"


@given(st.lists(st.text(st.characters(max_codepoint=255)), max_size=4))
def test_no_header_makes_it_fail_and_none_from_a_stranger_matters(forwarded: list[str]) -> None:
    assert client_address("10.0.0.1", forwarded, PROXIES) is not None
    assert client_address("203.0.113.9", forwarded, PROXIES) == "203.0.113.9"


@given(st.lists(st.text(st.characters(max_codepoint=255, exclude_characters=",")), max_size=4))
def test_what_stands_left_of_the_proxys_word_does_not_matter(forged: list[str]) -> None:
    chain = ", ".join([*forged, "198.51.100.1"])
    assert client_address("10.0.0.1", [chain], PROXIES) == "198.51.100.1"


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    return {
        "client": (peer, 4711) if peer else None,
        "headers": [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded],
    }


def test_a_proxy_that_is_not_trusted_is_named_in_the_log_once() -> None:
    addresses = ClientAddresses(PROXIES)
    with capture_logs() as lines:
        assert addresses.of(scope("10.0.0.1", "198.51.100.1")) == "198.51.100.1"
        assert addresses.of(scope(None, "198.51.100.1")) is None
        assert lines == []
        for _ in range(3):
            assert addresses.of(scope("203.0.113.9", "198.51.100.1")) == "203.0.113.9"
    (line,) = lines
    assert (line["event"], line["peer"]) == ("proxy.not_trusted", "203.0.113.9")
    assert "RELAY_TRUSTED_PROXIES" in line["hint"]
    assert "RELAY_FAILED_SIGN_INS_PER_MINUTE" in line["hint"]
    assert "openings" in line["hint"]
