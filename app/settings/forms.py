"""The forms that texts must have. A `ValueError` here completes the sentence "NAME ...".

No message repeats a value in which a secret could stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

from app.policy.input_shapes import EAGERNESS
from app.protocol.dialects.voices import GA_VOICES
from app.settings.about import either

_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[^/?#@\s:\[\]]+|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*\.?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_KEY = re.compile(r"[\x21-\x7e]+")
_CLAIM = re.compile(r"[!-+\--z|~]{1,128}")  # no space, comma or brace: names are listed and placed
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?")
_HASH_KEY_CHARACTERS = 16


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`. A name counts only if it is `localhost`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"


def _origins(text: object) -> object:
    """Comma separated origins, each exactly as a browser would send it (RFC 6454, section 6.2)."""
    if not isinstance(text, str):
        return text
    entries = [entry.strip() for entry in text.split(",")]
    return tuple(dict.fromkeys(_origin(entry) for entry in entries if entry))


def _origin(entry: str) -> str:
    if entry in {"*", "null"}:
        raise ValueError(
            f"may not hold {entry!r}: list each origin, for example https://app.example.com"
        )
    shown = _shown(entry)
    lowered = entry.lower()
    match = _ORIGIN.fullmatch(lowered)
    if match is None:
        bare = lowered.rstrip("/")
        fix = f": write {bare}" if bare != lowered and _ORIGIN.fullmatch(bare) else ""
        raise ValueError(
            f"holds {shown}, which is no origin{fix or ': write scheme://host or'}"
            f"{'' if fix else ' scheme://host:port, without a path'}"
        )
    if entry != lowered:
        raise ValueError(f"holds {shown}: browsers send origins in lower case, write {lowered}")
    if not entry.isascii():
        raise ValueError(f"holds {shown}: write the host in its xn-- form, as browsers send it")
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 1 <= port <= 65535:
        raise ValueError(f"holds {shown}: a port is a number from 1 to 65535")
    if port is not None and _DEFAULT_PORTS.get(match["scheme"]) == port:
        raise ValueError(
            f"holds {shown}: browsers leave out the default port, write "
            f"{match['scheme']}://{match['host']}"
        )
    return entry


def _shown(entry: str) -> str:
    """An entry that may be repeated: what is not even like an address might be a secret."""
    return f"{entry[:60]!r}" if "://" in entry and not set("@?#") & set(entry) else "an entry"


def _host(text: str) -> str:
    if text.startswith("["):
        raise ValueError("must be an address without brackets, for example ::1")
    try:
        ip_address(text)
    except ValueError:
        if len(text) > 253 or not _HOST_NAME.fullmatch(text) or re.fullmatch(r"[0-9.]+", text):
            raise ValueError(
                "must be an address or a host name, for example 127.0.0.1 or 0.0.0.0; the port "
                "goes into RELAY_PORT"
            ) from None
    return text


def _model(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("must be a model's name: letters, digits, dots, hyphens and underscores")
    return text


def _voice(text: str) -> str:
    if text not in GA_VOICES:
        near = get_close_matches(text.lower(), GA_VOICES, n=1)
        hint = f" (did you mean `{near[0]}`?)" if near else ""
        raise ValueError(f"must be {either(GA_VOICES)}{hint}")
    return text


def _language(text: str) -> str:
    if not LANGUAGE.fullmatch(text):
        raise ValueError("must be a language such as `en` or `en-GB`")
    return text


def _eagerness(text: str) -> str:
    if text not in EAGERNESS:
        raise ValueError(f"must be {either(EAGERNESS)}")
    return text


def _claim(text: str) -> str:
    if not _CLAIM.fullmatch(text):
        raise ValueError("must be the name of a claim, for example role")
    return text


def _claims(text: object) -> object:
    """Comma separated names of claims."""
    if not isinstance(text, str):
        return text
    names = [name.strip() for name in text.split(",")]
    return tuple(dict.fromkeys(_claim(name) for name in names if name))


def _scope(text: str) -> str:
    if not text.startswith("https://") or not text.endswith("/.default") or " " in text:
        raise ValueError(
            "must be a scope, for example https://cognitiveservices.azure.com/.default"
        )
    return text


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _proxy(text: str) -> str:
    parts = _split(text)
    if (
        parts is None
        or parts.scheme != "http"
        or not parts.hostname
        or parts.path not in {"", "/"}
        or parts.query
        or parts.fragment
    ):
        raise ValueError("must be the address of an HTTP proxy, for example http://proxy:3128")
    return text


def _key(secret: SecretStr) -> SecretStr:
    if not _KEY.fullmatch(secret.get_secret_value()):
        raise ValueError("holds a space, a line break or a character that no key has")
    return secret


def _hash_key(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < _HASH_KEY_CHARACTERS:
        raise ValueError(f"is too short: use at least {_HASH_KEY_CHARACTERS} random characters")
    return secret


def readable(path: Path) -> Path:
    """`path`, if there is a file that can be read."""
    try:
        with path.open("rb") as stream:
            stream.read(1)
    except OSError as error:
        raise ValueError(f"names {path}, which cannot be read ({error.strerror})") from None
    return path


def _text_form(check: Callable[[str], str]) -> AfterValidator:
    return AfterValidator(check)


Origins = Annotated[tuple[str, ...], BeforeValidator(_origins)]
Host = Annotated[str, _text_form(_host)]
Model = Annotated[str, _text_form(_model)]
Voice = Annotated[str, _text_form(_voice)]
Language = Annotated[str, _text_form(_language)]
Eagerness = Annotated[str, _text_form(_eagerness)]
ClaimName = Annotated[str, _text_form(_claim)]
ClaimNames = Annotated[tuple[str, ...], BeforeValidator(_claims)]
Scope = Annotated[str, _text_form(_scope)]
Proxy = Annotated[str, _text_form(_proxy)]
Key = Annotated[SecretStr, AfterValidator(_key)]
HashKey = Annotated[SecretStr, AfterValidator(_hash_key)]
ReadableFile = Annotated[Path, AfterValidator(readable)]
