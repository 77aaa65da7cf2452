"""Where Redis is, read from a URL. Imports nothing but the standard library."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

SCHEMES = ("redis", "rediss", "unix")
DEFAULT_PORT = 6379
AUTHORITY_FILE = "ssl_ca_certs"
"""The one option that a rediss:// URL may carry: a file of certificate authorities to trust."""

_EXAMPLES = "redis://127.0.0.1:6379/0 or rediss://:PASSWORD@host:6380/0"


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where Redis listens, and as whom to speak to it. `path` is a Unix socket, else empty."""

    host: str
    port: int
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca_file: str | None = None
    path: str = ""

    def __str__(self) -> str:
        """Fit for a log: without user and password."""
        if self.path:
            return f"unix://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'rediss' if self.tls else 'redis'}://{host}:{self.port}/{self.db}"


def parse_redis_url(text: str) -> RedisAddress:
    """Reads a URL such as `rediss://user:password@host:6380/0` or `unix:///run/redis.sock?db=1`.

    Raises ValueError with one sentence that says what is wrong; it never holds the password, nor
    any part of the URL that might be one.
    """
    text = text.strip()
    scheme = text.partition("://")[0].lower()
    if scheme not in SCHEMES or "://" not in text:
        raise ValueError(
            f"The Redis URL must begin with redis://, rediss:// or unix://, as in {_EXAMPLES}."
        )
    if "#" in text:
        raise ValueError("The Redis URL holds a '#': in a password, write it as %23.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(
            "The Redis URL's host or port can't be read: in a user name or password write "
            "'/' as %2F, '?' as %3F, '@' as %40, ':' as %3A, '[' as %5B."
        ) from None
    options = _options(parts)
    if scheme == "unix":
        return _unix(parts, options)
    if not parts.hostname:
        raise ValueError(f"The Redis URL names no host; it should look like {_EXAMPLES}.")
    if port == 0:
        raise ValueError("The Redis URL's port must be from 1 to 65535.")
    return RedisAddress(
        host=unquote(parts.hostname),
        port=port or DEFAULT_PORT,
        db=_database(parts.path.removeprefix("/")),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=scheme == "rediss",
        ca_file=options.get(AUTHORITY_FILE),
    )


def _unix(parts: SplitResult, options: dict[str, str]) -> RedisAddress:
    if not parts.path.startswith("/") or parts.hostname:
        raise ValueError(
            "The Redis URL must name the socket by its whole path, as in unix:///run/redis.sock."
        )
    return RedisAddress(
        host="",
        port=0,
        db=_database(options.get("db", "")),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        path=unquote(parts.path),
    )


def _database(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise ValueError(
            "What follows the host in the Redis URL must be the number of a database, such as /0."
        )
    return int(text)


def _options(parts: SplitResult) -> dict[str, str]:
    allowed = {"rediss": AUTHORITY_FILE, "unix": "db"}.get(parts.scheme)
    found = parse_qs(parts.query, keep_blank_values=True)
    if set(found) - {allowed}:
        offer = f"'{allowed}' is the only one" if allowed else "there is none for redis://"
        raise ValueError(
            f"The Redis URL has an option that is not known ({offer}). A '?' in a password is "
            "written %3F."
        )
    return {name: values[-1] for name, values in found.items() if values[-1]}
