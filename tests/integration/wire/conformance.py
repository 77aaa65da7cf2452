"""The conformance table: sections 1 to 5, 7, 9 and 10, numbered as the Autobahn|Testsuite does.

Section 6 (UTF-8) stands in `conformance_text.py`; 12 and 13 (compression) are handshakes, not
frames: `test_conformance.py`. Only text messages carry meaning on these wires, so each row with a
binary message demands 1003 (RFC 6455, section 7.4.1).
"""

from __future__ import annotations

from .case import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    Case,
    Declared,
    F,
    Numbered,
    close,
    fragments,
    text,
)

LENGTHS = (0, 125, 126, 127, 128, 65535, 65536)
LIMIT = 16 * 1024 * 1024
"""The largest message that the wires under test take."""
FRAGMENTS = 1024
STAR = b"*"
HELLO = text("Hello")
ODD = bytes(range(0xF8, 0x100))  # not UTF-8


def framing() -> list[Case]:
    """1: payload lengths around each form of the length field."""
    whole, binary = Numbered("1.1"), Numbered("1.2")
    for length in LENGTHS:
        message = text(STAR * length)
        whole.add(f"text of {length} bytes", message, back=(message,))
    message = text(STAR * 65536)
    whole.add("text of 65536 bytes in chops of 997", message, back=(message,), chop=997)
    for length in LENGTHS:
        binary.add(f"binary of {length} bytes", F(BINARY, b"\xfe" * length), ends=1003)
    binary.add("binary in chops of 997", F(BINARY, b"\xfe" * 65536), ends=1003, chop=997)
    return whole.rows + binary.rows


def pings() -> list[Case]:
    """2: pings are answered with their payload, pongs with nothing."""
    rows = Numbered("2")
    for what, payload in (
        ("an empty ping", b""),
        ("a ping with text", b"are you there?"),
        ("a ping whose payload is not UTF-8", ODD),
        ("a ping of 125 bytes", b"\xfe" * 125),
    ):
        rows.add(what, F(PING, payload), back=(F(PONG, payload),))
    rows.add("a ping of 126 bytes", F(PING, b"\xfe" * 126), ends=1002)
    rows.add(
        "a ping of 125 bytes, byte by byte",
        F(PING, b"\xfe" * 125),
        back=(F(PONG, b"\xfe" * 125),),
        chop=1,
    )
    rows.add("an empty pong that nobody asked for", F(PONG))
    rows.add("a pong with text that nobody asked for", F(PONG, b"unasked"))
    rows.add("a pong, then a ping", F(PONG, b"a"), F(PING, b"b"), back=(F(PONG, b"b"),))
    ten = tuple(F(PING, b"ping %d" % number) for number in range(10))
    pongs = tuple(F(PONG, each.payload) for each in ten)
    rows.add("ten pings in one write", *ten, back=pongs)
    rows.add("ten pings, byte by byte", *ten, back=pongs, chop=1)
    return rows.rows


def reserved() -> list[Case]:
    """3: no extension is in force, so no reserved bit may be set (RFC 6455, section 5.2)."""
    rows = Numbered("3")
    rows.add("bit 3 on a text", F(TEXT, STAR, reserved=1), ends=1002)
    bad = (HELLO, F(TEXT, STAR, reserved=2), F(PING))
    rows.add("bit 2 behind a text", *bad, back=(HELLO,), ends=1002)
    bad = (HELLO, F(TEXT, STAR, reserved=3), F(PING))
    rows.add("bits 2 and 3, a write for each frame", *bad, back=(HELLO,), ends=1002, chop=0)
    bad = (HELLO, F(TEXT, STAR, reserved=4), F(PING))
    rows.add("bit 1, byte by byte", *bad, back=(HELLO,), ends=1002, chop=1)
    rows.add("bits 1 and 3 on a binary", F(BINARY, STAR, reserved=5), ends=1002)
    rows.add("bits 1 and 2 on a ping", F(PING, STAR, reserved=6), ends=1002)
    rows.add("all bits on a close", F(CLOSE, close().payload, reserved=7), ends=1002)
    return rows.rows


def opcodes() -> list[Case]:
    """4: what is neither data nor control frame of RFC 6455, section 5.2."""
    cases: list[Case] = []
    for section, group, codes in (("4.1", "data", range(3, 8)), ("4.2", "control", range(11, 16))):
        rows = Numbered(section)
        for code, (frames, chop) in zip(
            codes, ((1, None), (2, None), (3, None), (3, 0), (3, 1)), strict=True
        ):
            bad = F(code) if frames == 1 else F(code, b"reserved")
            around = (HELLO, bad, F(PING)) if frames == 3 else (bad,)
            back = (HELLO,) if frames == 3 else ()
            rows.add(f"{group} opcode {code}", *around, back=back, ends=1002, chop=chop)
        cases += rows.rows
    return cases


def fragmentation() -> list[Case]:
    """5: messages in pieces, and control frames between them (RFC 6455, section 5.4)."""
    rows = Numbered("5")
    one, two = F(TEXT, b"frag1", fin=False), F(CONT, b"frag2")
    ping, pong, whole = F(PING, b"between"), F(PONG, b"between"), text("frag1frag2")
    rows.add("a ping in two fragments", F(PING, b"a", fin=False), F(CONT, b"b"), ends=1002)
    rows.add("a pong in two fragments", F(PONG, b"a", fin=False), F(CONT, b"b"), ends=1002)
    for how, chop in ((", one write", None), (", a write each", 0), (", byte by byte", 1)):
        rows.add("text in two fragments" + how, one, two, back=(whole,), chop=chop)
    for how, chop in ((", one write", None), (", a write each", 0), (", byte by byte", 1)):
        what = "a ping between two fragments" + how
        rows.add(what, one, ping, two, back=(pong, whole), chop=chop)
    for fin in (True, False):
        for how, chop in ((", one write", None), (", a write each", 0), (", byte by byte", 1)):
            what = f"a {'last' if fin else 'further'} fragment of nothing{how}"
            rows.add(what, F(CONT, b"stray", fin=fin), HELLO, ends=1002, chop=chop)
    stray = F(CONT, b"stray", fin=False)
    rows.add(
        "a fragment of nothing after a whole message",
        one,
        two,
        stray,
        HELLO,
        back=(whole,),
        ends=1002,
    )
    rows.add("fragments of nothing, again and again", stray, HELLO, stray, HELLO, ends=1002)
    last = F(CONT, b"stray")
    rows.add("last fragments of nothing, again and again", last, HELLO, last, HELLO, ends=1002)
    rows.add("a new text inside a message", one, HELLO, ends=1002)
    parts = tuple(
        F(TEXT if number == 0 else CONT, b"part%d " % number, fin=number == 4)
        for number in range(5)
    )
    between = (*parts[:2], ping, *parts[2:4], F(PING, b"again"), parts[4])
    back = (pong, F(PONG, b"again"), text(b"".join(part.payload for part in parts)))
    rows.add("five fragments with two pings between", *between, back=back, chop=0)
    rows.add("five fragments with two pings between, byte by byte", *between, back=back, chop=1)
    return rows.rows


VALID_CODES = (
    1000,
    1001,
    1002,
    1003,
    1007,
    1008,
    1009,
    1010,
    1011,
    1012,
    1013,
    1014,
    3000,
    3999,
    4000,
    4999,
)
INVALID_CODES = (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999)
FAR_CODES = (5000, 65535)


def closing() -> list[Case]:
    """7: the closing handshake (RFC 6455, sections 5.5.1, 7.1 and 7.4)."""
    after, payload, reasons = Numbered("7.1"), Numbered("7.3"), Numbered("7.5")
    after.add("a message, then a close", HELLO, close(), back=(HELLO,), closes=True)
    after.add("two closes", close(), close(), closes=True)
    after.add("a ping after the close", close(), F(PING), closes=True)
    after.add("a message after the close", close(), HELLO, closes=True)
    unfinished = F(TEXT, b"frag1", fin=False)
    after.add(
        "a close inside a message, then its rest",
        unfinished,
        close(),
        F(CONT, b"frag2"),
        closes=True,
    )
    big = text(STAR * 256 * 1024)
    after.add("256 KiB, a close, a ping", big, close(), F(PING), back=(big,), closes=True)
    payload.add("an empty close", close(None), closes=True)
    payload.add("half a code", F(CLOSE, b"\x03"), ends=1002)
    payload.add("a code alone", close(), closes=True)
    payload.add("a code and a reason", close(1000, "Goodbye"), closes=True)
    payload.add("a reason of 123 bytes", close(1000, "*" * 123), closes=True)
    payload.add("a reason of 124 bytes", close(1000, "*" * 124), ends=1002)
    reasons.add("a reason that is not UTF-8", close(1000, ODD), ends=1007)
    reasons.add("a reason cut inside a character", close(1000, "€".encode()[:2]), ends=1007)
    rows = after.rows + payload.rows + reasons.rows
    valid, invalid, far = Numbered("7.7"), Numbered("7.9"), Numbered("7.13")
    for code in VALID_CODES:
        valid.add(f"code {code}", close(code, "why"), answer=code, closes=True)
    for code in INVALID_CODES:
        invalid.add(f"code {code}", close(code), ends=1002)
    for code in FAR_CODES:
        far.add(f"code {code}", close(code), ends=1002)
    return rows + valid.rows + invalid.rows + far.rows


def large() -> list[Case]:
    """9: large messages, many fragments, many chops, many messages."""
    rows = Numbered("9.1")
    for kib in (64, 256, 1024, 4096, 16384):
        message = text(STAR * kib * 1024)
        rows.add(f"text of {kib} KiB", message, back=(message,))
    rows.add("one byte more than the limit", text(STAR * (LIMIT + 1)), ends=1009)
    # Up to 125 bytes over it are refused behind the payload only: the parser leaves room for a
    # control frame inside a message.
    rows.add("126 bytes more than the limit, announced", Declared(LIMIT + 126), ends=1009)
    rows.add("2^63 bytes, announced", Declared(2**63), ends=1009)
    half = STAR * (LIMIT // 2)
    over = (F(TEXT, half, fin=False), F(CONT, half, fin=False), F(CONT, STAR))
    rows.add("one byte more than the limit, in fragments", *over, ends=1009)
    rows.add(
        "a ping between fragments that fill the limit",
        over[0],
        F(PING),
        F(CONT, half),
        back=(F(PONG), text(half * 2)),
    )
    cases = rows.rows
    for section, what in (("9.2", "a binary message"), ("9.4", "a binary fragment")):
        rows = Numbered(section)
        rows.add(what, F(BINARY, STAR * 4096, fin=section == "9.2"), ends=1003)
        cases += rows.rows
    rows = Numbered("9.3")
    for size in (1024, 4096, 16384, 65536, 262144, 1048576):
        whole = STAR * min(1024 * 1024, size * FRAGMENTS)
        rows.add(f"1 MiB in fragments of {size}", *fragments(whole, size), back=(text(whole),))
    rows.add(
        "as many fragments as the limit",
        *fragments(STAR * FRAGMENTS, 1),
        back=(text(STAR * FRAGMENTS),),
    )
    rows.add("one fragment more than the limit", *fragments(STAR * (FRAGMENTS + 1), 1), ends=1002)
    cases += rows.rows
    rows = Numbered("9.5")
    message = text(STAR * 256 * 1024)
    for chop in (64, 128, 256, 512, 1024, 2048):
        rows.add(f"256 KiB in chops of {chop}", message, back=(message,), chop=chop)
    cases += rows.rows
    rows = Numbered("9.7")
    for size in (0, 16, 64, 256, 1024, 4096, 16384):
        many = (text(STAR * size),) * 200
        rows.add(f"200 messages of {size} bytes at once", *many, back=many)
    return cases + rows.rows


def other() -> list[Case]:
    """10: a message that a sender has cut into fragments by itself."""
    rows = Numbered("10.1")
    message = STAR * 65536
    rows.add("64 KiB in fragments of 1300", *fragments(message, 1300), back=(text(message),))
    return rows.rows


TITLES = {
    "1": "Framing: payload lengths",
    "2": "Pings and pongs",
    "3": "Reserved bits",
    "4": "Opcodes",
    "5": "Fragmentation",
    "6": "UTF-8",
    "7": "Closing: codes, reasons, what comes after",
    "9": "Limits: large messages, many fragments, chops",
    "10": "Fragments by the sender's choice",
}
