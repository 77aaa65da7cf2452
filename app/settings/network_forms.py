"""The forms of addresses, ranges and tokens of the listeners, and of the shared store's address.

A `ValueError` here completes the sentence "NAME ...". No message repeats a secret.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, SecretStr

from app.store.address import parse_redis_url

_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*")
_ADDRESS_LIKE = re.compile(r"[0-9a-f.:]{1,45}/[0-9]{1,3}|[0-9.]{1,15}")
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_TOKEN_CHARACTERS = 16


def _entries(text: object) -> list[str] | None:
    if not isinstance(text, str):
        return None
    return list(dict.fromkeys(entry for part in text.split(",") if (entry := part.strip())))


def _shown(entry: str, like: re.Pattern[str]) -> str:
    """An entry that may be repeated: what is not even like one might be a secret."""
    return repr(entry) if like.fullmatch(entry) else "an entry"


def _ranges(text: object) -> object:
    """Comma separated addresses and ranges, each in its usual spelling."""
    entries = _entries(text)
    return text if entries is None else tuple(_range(entry) for entry in entries)


def _range(entry: str) -> str:
    try:
        network = ip_network(entry, strict=False)
    except ValueError:
        raise ValueError(
            f"holds {_shown(entry, _ADDRESS_LIKE)}, which is no range of addresses: write "
            "10.0.0.0/8, fd00::/8 or an address"
        ) from None
    if "/" in entry and str(network.network_address) != str(ip_address(entry.partition("/")[0])):
        raise ValueError(f"holds {entry!r}, which is not the start of a range: write {network}")
    if network.prefixlen == 0:
        raise ValueError(
            f"holds {entry!r}, which is everybody: then every client could choose the address that "
            "it is counted for. Name the proxies' own range"
        )
    return str(network)


def _host_names(text: object) -> object:
    """Comma separated host names, without port."""
    entries = _entries(text)
    if entries is None:
        return text
    for entry in entries:
        if not _NAME.fullmatch(entry.lower()):
            raise ValueError(
                "holds an entry, which is no host name: write relay-admin.internal, without scheme "
                "and port"
            )
    return tuple(entry.lower() for entry in entries)


def _token(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if not _TOKEN.fullmatch(value):
        raise ValueError("may hold letters, digits and -._~+/ alone, as it goes into a header")
    if len(value) < _TOKEN_CHARACTERS:
        raise ValueError(f"is too short: use at least {_TOKEN_CHARACTERS} random characters")
    return secret


def _redis_url(secret: SecretStr) -> SecretStr:
    """As whoever connects will read it; its complaints never hold the password."""
    try:
        parse_redis_url(secret.get_secret_value())
    except ValueError as error:
        why = str(error).removesuffix(".")
        raise ValueError(f"cannot be used: {why[0].lower()}{why[1:]}") from None
    return secret


Ranges = Annotated[tuple[str, ...], BeforeValidator(_ranges)]
HostNames = Annotated[tuple[str, ...], BeforeValidator(_host_names)]
Token = Annotated[SecretStr, AfterValidator(_token)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
