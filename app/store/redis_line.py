"""One connection to Redis. The only module that touches redis-py, whose types are loose.

We use its connection (wire format, log-in, TLS), not its client: the client's pool and its ten
retries would hold a caller for many seconds where Redis is frozen.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from redis.asyncio import Connection, UnixDomainSocketConnection
from redis.exceptions import NoScriptError, RedisError, ResponseError

from app.store.address import RedisAddress
from app.store.redis_words import said

Answer = Any
"""What a script returns: bytes, int, None, or a tuple of these, as its `shape` says."""

Argument = str | bytes | int

NOT_REDIS = "what it answered is not an answer to what it was asked"


class Unanswered(Exception):  # noqa: N818  (told on as StoreDown)
    """The connection did not bring an answer; whether the command ran is not known."""


class Refused(Exception):  # noqa: N818  (told on as StoreDown)
    """Redis answered that it does not do this: out of memory, no permission, read only."""


@dataclass(frozen=True)
class Script:
    """A Lua script, run by its hash and sent whole where Redis does not know it. `shape` is the
    type of its answer."""

    text: str
    shape: Any
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", digest)


class _TlsConnection(Connection):
    """redis-py builds a context for each connection, which reads the authorities' file each time;
    this one is handed one."""

    def __init__(self, context: ssl.SSLContext, **options: Any) -> None:
        self._context = context
        super().__init__(**options)

    def _connection_arguments(self) -> Mapping[str, object]:
        return {"host": self.host, "port": self.port, "ssl": self._context}


def tls_context(address: RedisAddress) -> ssl.SSLContext | None:
    """What to trust, read from files: call it once, before the loop is busy. Raises OSError where
    the file of authorities can't be read."""
    if not address.tls:
        return None
    context = ssl.create_default_context(cafile=address.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Line:
    """A connection that serves one call at a time. It connects at its first.

    Whoever got anything but an answer from a call, be it an error or its own cancellation, must
    `abort`: the answer would be read by the next caller (CVE-2023-28858). No method but `heard`
    has a deadline of its own. `used` is its owner's note of when; `asked` says whether the last
    call got as far as Redis, which may then do what it was asked at any later time.
    """

    def __init__(self, address: RedisAddress, context: ssl.SSLContext | None) -> None:
        options: dict[str, Any] = {
            "db": address.db,
            "username": address.username,
            "password": address.password,
            "protocol": 2,
            "socket_timeout": None,  # its deadlines make a task for each write; ours do not
            "socket_connect_timeout": None,
            "driver_info": None,
        }
        self._password = address.password
        self._redis: Any
        if address.path:
            self._redis = UnixDomainSocketConnection(path=address.path, **options)
        elif context is not None:
            self._redis = _TlsConnection(context, host=address.host, port=address.port, **options)
        else:
            self._redis = Connection(host=address.host, port=address.port, **options)
        self.used = 0.0
        self.asked = False

    async def stale(self) -> bool:
        """Whether the other side has left, or said something that nobody asked for."""
        reader: asyncio.StreamReader | None = self._redis._reader
        if reader is None or reader.exception() is not None:
            return True
        try:
            return bool(await self._redis.can_read())
        except (RedisError, OSError):
            return True

    async def run(
        self, script: Script, keys: tuple[str, ...], arguments: tuple[Argument, ...]
    ) -> Answer:
        """The answer in the script's shape. Raises `Unanswered` and `Refused`."""
        self.asked = False
        try:
            if not self._redis.is_connected:
                await self._redis.connect()
            self.asked = True
            try:
                answer = await self._ask("EVALSHA", script.sha, len(keys), *keys, *arguments)
            except NoScriptError:
                answer = await self._ask("EVAL", script.text, len(keys), *keys, *arguments)
        except ResponseError as error:
            raise Refused(said(error, self._password)) from None
        except Exception as error:
            raise Unanswered(said(error, self._password)) from None
        try:
            return msgspec.convert(answer, script.shape)
        except msgspec.ValidationError:
            raise Unanswered(NOT_REDIS) from None

    async def subscribe(self, channel: str) -> None:
        """From now on only `heard` may be called. Raises `Unanswered` and `Refused`."""
        try:
            await self._redis.connect()
            await self._ask("SUBSCRIBE", channel)
        except ResponseError as error:
            raise Refused(said(error, self._password)) from None
        except Exception as error:
            raise Unanswered(said(error, self._password)) from None

    async def heard(self, within: float) -> bool:
        """Waits for the next message. False: `within` seconds passed without one, but Redis is
        there. Raises `Unanswered`."""
        try:
            answer = await self._redis.read_response(timeout=within)
            if answer is None:
                await self._redis.send_command("PING", check_health=False)
                answer = await self._redis.read_response(timeout=within)
        except Exception as error:
            raise Unanswered(said(error, self._password)) from None
        if answer is None:
            raise Unanswered(f"did not answer a ping within {within:g} s")
        if not isinstance(answer, list) or not answer:
            raise Unanswered(NOT_REDIS)
        return bool(answer[0] == b"message")

    def abort(self) -> None:
        """Closes the socket at once, whatever is under way."""
        writer: asyncio.StreamWriter | None = self._redis._writer
        if writer is not None:
            writer.transport.abort()
        self._redis._parser.on_disconnect()
        self._redis._close()

    async def _ask(self, *command: Argument) -> Answer:
        await self._redis.send_command(*command, check_health=False)
        return await self._redis.read_response()
