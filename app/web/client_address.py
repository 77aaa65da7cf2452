"""Whose connection this is, by address: the socket's peer, or whom a trusted proxy names.

A client can write any `X-Forwarded-For` that it likes; each proxy appends the address that it saw.
So the header is read from its right end, past the entries of proxies that the operator trusts, and
never further: what stands left of the first stranger is the stranger's own claim. The header
`Forwarded` (RFC 7239) is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any

import structlog

from app.web.asked import header_values

log = structlog.get_logger("web.address")

FORGOTTEN = (
    "this peer sends X-Forwarded-For and is not in RELAY_TRUSTED_PROXIES: if it is your proxy, all "
    "its clients count as one address, and share RELAY_MAX_SESSIONS_PER_IP, the openings and "
    "tickets of an address, and RELAY_FAILED_SIGN_INS_PER_MINUTE: one bad client can lock out all"
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_HOME_PREFIX = 64
"""What one customer of an IPv6 provider has at least: within it, addresses are for the asking."""

_TRANSLATED = IPv6Network("64:ff9b::/96")
"""Where a translator puts all IPv4 addresses (RFC 6052, section 2.1): each is somebody else's."""


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """The ranges whose connections may name their clients. None by default."""

    networks: tuple[Network, ...] = field(default=())

    @classmethod
    def of(cls, ranges: Sequence[str]) -> TrustedProxies:
        """From texts such as `10.0.0.0/8`. Raises ValueError for one that is no range."""
        return cls(tuple(ip_network(text) for text in ranges))

    def hold(self, address: Address) -> bool:
        """Whether `address` is a proxy of ours."""
        return any(
            address.version == network.version and address in network for network in self.networks
        )


def client_address(
    peer: str | None, forwarded: Sequence[str], proxies: TrustedProxies
) -> str | None:
    """The address that limits count, as text: an IPv6 one as its /64. PURE.

    `peer` is the socket's other end (None for a Unix socket, which has no address), `forwarded` all
    `X-Forwarded-For` headers in order. None where there is no address: then nothing is counted.
    An entry that is no address ends the search, as the proxy that wrote it knew no better: its own
    address counts.
    """
    found = _parsed(peer or "")
    if found is None:
        return None
    if proxies.networks and proxies.hold(found):
        for entry in _from_the_right(forwarded):
            named = _parsed(_without_port(entry))
            if named is None:
                break
            found = named
            if not proxies.hold(named):
                break
    return _counted(found)


def _from_the_right(headers: Sequence[str]) -> Iterator[str]:
    for header in reversed(headers):
        for entry in reversed(header.split(",")):
            yield entry.strip(" \t")


def _without_port(entry: str) -> str:
    """An address out of `1.2.3.4`, `1.2.3.4:5`, `2001:db8::1`, `[2001:db8::1]` or `[...]:5`."""
    if entry.startswith("["):
        inside, bracket, behind = entry[1:].partition("]")
        port = behind.removeprefix(":")
        return inside if bracket and (not behind or (behind != port and _digits(port))) else ""
    host, colon, port = entry.partition(":")
    return host if colon and ":" not in port and _digits(port) else entry


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5


def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])  # a zone says which cable, not who
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _counted(address: Address) -> str:
    if address in _TRANSLATED:
        address = IPv4Address(int(address) & 0xFFFF_FFFF)
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((int(address), _HOME_PREFIX), strict=False))


class ClientAddresses:
    """What the door asks. Says once in the log that a proxy may have been forgotten."""

    def __init__(self, proxies: TrustedProxies | None = None) -> None:
        self._proxies = proxies or TrustedProxies()
        self._told = False

    def of(self, scope: Mapping[str, Any]) -> str | None:
        """The address that counts for this request, from its ASGI scope."""
        client = scope.get("client")
        peer = client[0] if client else None
        forwarded = header_values(scope, b"x-forwarded-for")
        if forwarded and not self._told:
            found = _parsed(peer or "")
            if found is not None and not self._proxies.hold(found):
                self._told = True
                log.warning("proxy.not_trusted", peer=peer, hint=FORGOTTEN)
        return client_address(peer, forwarded, self._proxies)
