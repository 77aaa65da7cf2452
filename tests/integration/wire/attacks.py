"""Hostile sockets, each as a function that sends without mercy: a process of their own.

    python -m tests.integration.wire.attacks NAME PORT SECONDS PATIENCE

sends for SECONDS, then waits up to PATIENCE seconds for the relay to end the connection, and prints
what happened as one JSON object. Blocking sockets: an attack must cost the attacker little.
"""

# ruff: noqa: T201
from __future__ import annotations

import base64
import json
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from .peer import BINARY, CLOSE, CONT, PING, PONG, TEXT, close_payload, frame

MIB = 1024 * 1024


@dataclass(slots=True)
class Attacker:
    """One connection and the time it has; `sent` counts bytes that the kernel took. `longest` is
    set by an attack that makes connections of its own: the longest that one had to wait."""

    sock: socket.socket
    until: float
    user: str
    sent: int = 0
    longest: float | None = None

    def push(self, data: bytes) -> bool:
        """Sends all of it, unless time runs out; false when it did."""
        view = memoryview(data)
        while view:
            left = self.until - time.monotonic()
            if left <= 0 or not select.select([], [self.sock], [], left)[1]:
                return False
            done = self.sock.send(view)
            self.sent += done
            view = view[done:]
        return True

    def flood(self, data: bytes, most: int = 1 << 40) -> None:
        """The same bytes again and again."""
        while self.sent < most and self.push(data):
            pass

    def trickle(self, data: bytes, pause: float) -> None:
        """A byte in a segment, `pause` seconds apart."""
        for byte in data:
            if not self.push(bytes([byte])):
                return
            if pause:
                time.sleep(pause)

    def upgrade(self, *extra: str) -> None:
        """The handshake as it should be, in the name of a user."""
        self.push(request(*UPGRADE, f"Authorization: Bearer dev-{self.user}", *extra))
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.sock.recv(1)
        assert head.startswith(b"HTTP/1.1 101"), head

    def ready(self) -> None:
        """Reads on to the session's first event, and no further."""
        self.upgrade()
        first = self.sock.recv(2)
        assert first[0] == 0x81, first
        length = first[1]
        if length == 126:
            (length,) = struct.unpack("!H", self.sock.recv(2))
        while length:
            length -= len(self.sock.recv(length))


UPGRADE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: " + base64.b64encode(bytes(16)).decode(),
    "Sec-WebSocket-Version: 13",
)


LET_IN = "Authorization: Bearer dev-attacker"


def request(*headers: str, line: str = "GET /ws HTTP/1.1") -> bytes:
    """A request's head."""
    return "\r\n".join([line, "Host: relay.test", *headers, "", ""]).encode()


def sent(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """A client's frame."""
    return frame(opcode, payload, masked=True, fin=fin)


def event(kind: str, more: str = "") -> bytes:
    """A client's event in its frame."""
    return sent(TEXT, b'{"type":"%b"%b}' % (kind.encode(), more.encode()))


def silent(a: Attacker) -> None:
    del a


def trickled_head(a: Attacker) -> None:
    a.trickle(request(*UPGRADE, "X-Slow: " + "a" * 4000), 0.1)


def header_flood(a: Attacker) -> None:
    a.push(b"GET / HTTP/1.1\r\nHost: x\r\n")
    a.flood(b"X-Flood: " + b"a" * 8000 + b"\r\n", 200 * MIB)


def header_crumbs(a: Attacker) -> None:
    a.push(b"GET / HTTP/1.1\r\nHost: x\r\n")
    a.flood(b"a:b\r\n" * 20_000, 200 * MIB)


def endless_line(a: Attacker) -> None:
    a.push(b"GET /")
    a.flood(b"a" * 65_536, 200 * MIB)


def endless_body(a: Attacker) -> None:
    a.push(request(LET_IN, "Content-Length: 1000000000", line="POST /tickets HTTP/1.1"))
    a.flood(b"a" * 65_536, 200 * MIB)


def trickled_body(a: Attacker) -> None:
    a.push(request(LET_IN, "Content-Length: 1000", line="POST /tickets HTTP/1.1"))
    a.trickle(b"a" * 1000, 0.1)


def pipelined(a: Attacker) -> None:
    a.flood(request(line="GET /livez HTTP/1.1") * 200)


def crowd(a: Attacker) -> None:
    """As many connections as this process may have, up to 260, each with requests whose answers
    nobody reads."""
    others, address = [], a.sock.getpeername()
    for _ in range(260):
        other = socket.socket()
        other.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        other.connect(address)
        other.setblocking(False)
        others.append(other)
    while time.monotonic() < a.until:
        for other in others:
            with suppress(OSError):
                a.sent += other.send(request(line="GET /livez HTTP/1.1") * 400)
        time.sleep(0.02)


def refused_and_talking(a: Attacker) -> None:
    a.push(request(*UPGRADE))  # no credential
    a.flood(sent(TEXT, b"x" * 60_000))


def odd_upgrades(a: Attacker) -> None:
    """Each on a connection of its own; how long the slowest answer took stands for the end."""
    address = a.sock.getpeername()
    a.longest = 0.0
    while time.monotonic() < a.until:
        for name, odd, _ in ODD_UPGRADES:
            began = time.monotonic()
            with socket.create_connection(address, 10) as other:
                other.sendall(odd)
                assert other.recv(65_536).startswith(b"HTTP/1.1 "), f"{name}: no answer"
            a.sent += len(odd)
            a.longest = max(a.longest, time.monotonic() - began)


def ping_flood(a: Attacker) -> None:
    a.upgrade()
    a.flood(sent(PING, b"p" * 125) * 500)


def patient_pings(a: Attacker) -> None:
    a.upgrade()
    while a.push(sent(PING, b"p" * 125)):
        time.sleep(1 / 18)


def pong_flood(a: Attacker) -> None:
    a.upgrade()
    a.flood(sent(PONG, b"p" * 125) * 500)


def empty_fragments(a: Attacker) -> None:
    a.upgrade()
    a.push(sent(TEXT, fin=False))
    a.flood(sent(CONT, fin=False) * 10_000)


def tiny_fragments(a: Attacker) -> None:
    a.upgrade()
    a.push(sent(TEXT, b"{", fin=False))
    a.flood(sent(CONT, b" ", fin=False) * 10_000)


def tiny_messages(a: Attacker) -> None:
    a.ready()
    a.flood(sent(TEXT, b"{") * 10_000)


def one_byte_segments(a: Attacker) -> None:
    a.ready()
    audio = base64.b64encode(bytes(480)).decode()
    while time.monotonic() < a.until:
        a.trickle(event("input_audio_buffer.append", f',"audio":"{audio}"'), 0)


def audio_flood(a: Attacker) -> None:
    a.ready()
    audio = base64.b64encode(bytes(96_000)).decode()
    a.flood(event("input_audio_buffer.append", f',"audio":"{audio}"'))


def half_a_frame(a: Attacker) -> None:
    a.ready()
    a.push(sent(TEXT, b"x" * 200_000)[:100_000])


def huge_announcement(a: Attacker) -> None:
    a.upgrade()
    a.push(struct.pack("!BBQ", 0x81, 0xFF, 1 << 40) + bytes(4))
    a.flood(bytes(65_536))


def binary_flood(a: Attacker) -> None:
    a.upgrade()
    a.flood(sent(BINARY, b"x" * 60_000))


def data_after_close(a: Attacker) -> None:
    a.upgrade()
    a.push(sent(CLOSE, close_payload(1000)))
    a.flood(sent(TEXT, b"x" * 60_000))


def stalled_reader(a: Attacker) -> None:
    a.ready()
    a.push(event("input_audio_buffer.clear"))  # the scripted upstream then talks without end


def stalled_upstream(a: Attacker) -> None:
    a.ready()
    a.push(event("response.cancel"))  # the scripted upstream then reads no more
    audio = base64.b64encode(bytes(96_000)).decode()
    a.flood(event("input_audio_buffer.append", f',"audio":"{audio}"'))


_KEY = UPGRADE[2]


def _odd() -> Iterator[tuple[str, bytes, tuple[int, ...]]]:
    """Handshakes that are not quite one, and the statuses that may answer them. Those that the
    HTTP class takes for an ordinary request are told what to do by the app: 426."""

    def like(*headers: str, line: str = "GET /ws HTTP/1.1") -> bytes:
        return request(*headers, line=line)

    up, connection, key, version = UPGRADE
    page = (426,)
    yield "a body", like(*UPGRADE, "Content-Length: 5") + b"12345", (400,)
    yield "a chunked body", like(*UPGRADE, "Transfer-Encoding: chunked") + b"0\r\n\r\n", (400,)
    yield "HTTP/1.0", like(*UPGRADE, line="GET /ws HTTP/1.0"), (400, 505)
    yield "HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (505,)
    yield "HTTP/9.9", like(*UPGRADE, line="GET /ws HTTP/9.9"), (505,)
    yield (
        "h2c",
        like("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: A"),
        page,
    )
    yield "POST", like(*UPGRADE, line="POST /ws HTTP/1.1"), (405,)
    yield "no key", like(up, connection, version), (400,)
    yield "two keys", like(*UPGRADE, key), (400,)
    yield "a short key", like(up, connection, "Sec-WebSocket-Key: c2hvcnQ=", version), (400,)
    yield "no version", like(up, connection, key), (400, 426)
    yield "version 8", like(up, connection, key, "Sec-WebSocket-Version: 8"), (400, 426)
    yield "two versions", like(*UPGRADE, version), (400, 426)
    yield "no Connection", like(up, key, version), page
    yield "Connection: keep-alive", like(up, "Connection: keep-alive", key, version), page
    yield "upgrade to two things", like("Upgrade: websocket, h2c", connection, key, version), page
    yield (
        "no Host",
        b"GET /ws HTTP/1.1\r\n" + b"\r\n".join(h.encode() for h in UPGRADE) + b"\r\n\r\n",
        (400,),
    )
    yield "two Hosts", like(*UPGRADE, "Host: other"), (400,)
    yield "two Origins", like(*UPGRADE, "Origin: https://a", "Origin: https://b"), (400, 403)
    yield "a path that is no door", like(*UPGRADE, line="GET /elsewhere HTTP/1.1"), (403, 404)
    yield (
        "an absolute address",
        like(*UPGRADE, line="GET http://x/ws HTTP/1.1"),
        (400, 401, 403, 404),
    )
    yield "an asterisk", like(*UPGRADE, line="GET * HTTP/1.1"), (400, 403, 404)
    yield "CONNECT", like(*UPGRADE, line="CONNECT x:1 HTTP/1.1"), (400, 404, 405)
    yield "a folded header", like(*UPGRADE, "X: a\r\n b"), (400, 401)
    yield "a header without a name", like(*UPGRADE, ": a"), (400,)
    yield "a NUL", like(*UPGRADE, "X: \0"), (400,)
    yield "TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32) + b"\r\n\r\n", (400,)
    yield "no credential", like(*UPGRADE), (401,)


ODD_UPGRADES = tuple(_odd())

GOOD_UPGRADES = {
    "lower case": (b"upgrade: WEBSOCKET", b"connection: upgrade"),
    "upper case": (b"UPGRADE: WebSocket", b"CONNECTION: UPGRADE"),
    "a list": (b"Upgrade: websocket", b"Connection: keep-alive, Upgrade"),
    "two lines": (b"Upgrade: websocket", b"Connection: keep-alive\r\nConnection: Upgrade"),
}
"""Spellings of an upgrade that are good (RFC 6455, section 4.2.1)."""


def wait_for_the_end(sock: socket.socket, until: float) -> None:
    """Raises OSError once the relay holds the connection no more. Nothing is read. Its end of file
    is not enough, it may go on reading: then a byte now and again finds out."""
    seen = select.poll()
    seen.register(sock.fileno(), select.POLLRDHUP | select.POLLHUP | select.POLLERR)
    while (left := until - time.monotonic()) > 0:
        if seen.poll(left * 1000):
            sock.send(b"?")
            time.sleep(0.1)


def attack(run: Callable[[Attacker], None], port: int, seconds: float, patience: float) -> object:
    """Runs one attack, then waits for the end of its connection."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.connect(("127.0.0.1", port))
    sock.settimeout(10)
    begun = time.monotonic()
    attacker = Attacker(sock, begun + seconds, f"attacker-{os.getpid()}")
    gone: float | None = None
    try:
        run(attacker)
        gone = attacker.longest
        if gone is None:
            wait_for_the_end(sock, begun + seconds + patience)
    except TimeoutError:
        raise  # an answer that never came
    except OSError:
        gone = time.monotonic() - begun
    heard = b""
    with suppress(OSError):
        sock.setblocking(False)
        heard = sock.recv(65_536)
    sock.close()
    return {
        "sent": attacker.sent,
        "gone": gone,
        "seconds": time.monotonic() - begun,
        "heard": heard[:400].decode("latin-1"),
    }


if __name__ == "__main__":
    name, port, seconds, patience = sys.argv[1:]
    print(json.dumps(attack(globals()[name], int(port), float(seconds), float(patience))))
