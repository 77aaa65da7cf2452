"""Section 6 of the conformance table: what is UTF-8 and what is not (RFC 3629).

Each text of 6.5 to 6.23 is sent whole and once more in fragments of one byte.
"""

from __future__ import annotations

from .case import CONT, TEXT, Case, F, Numbered, fragments, text

WORD = "κόσμε".encode()
GREEK = "Ἰοὺ ἰού· τὰ πάντʼ ἂν ἐξήκοι σαφῆ".encode()
TOO_FAR = b"\xf4\x90\x80\x80"  # U+110000
SURROGATE = b"\xed\xa0\x80"
BAD_MIDDLE = WORD + SURROGATE + b"edited"


def _hex(*groups: str) -> list[bytes]:
    return [bytes.fromhex(group) for group in groups]


def lead(bits: int, length: int) -> bytes:
    """The first byte of a sequence of `length` bytes, by the scheme that RFC 2279 carried to 6."""
    return bytes([(0xFF << (8 - length) & 0xFF) | bits])


def stretched(value: int, length: int) -> bytes:
    """`value` in a sequence of `length` bytes, whether it may be or not."""
    tail = bytes(0x80 | (value >> 6 * place) & 0x3F for place in reversed(range(length - 1)))
    return lead(value >> 6 * (length - 1), length) + tail


def truncated(longest: bool) -> list[bytes]:
    """Sequences of 2 to 6 bytes without their last."""
    values = [(1 << (5 * length + 1)) - 1 if longest else 0 for length in range(2, 7)]
    return [stretched(value, n)[:-1] for n, value in zip(range(2, 7), values, strict=True)]


SURROGATES = (0xD800, 0xDB7F, 0xDB80, 0xDBFF, 0xDC00, 0xDF80, 0xDFFF)
PAIRS = [(high, low) for high in SURROGATES[:4] for low in (0xDC00, 0xDFFF)]
NONCHARACTERS = [
    *(plane << 16 | 0xFFFE for plane in range(17)),
    *(plane << 16 | 0xFFFF for plane in range(17)),
    *range(0xFDD0, 0xFDF0),
]
BROKEN = [*truncated(False), *truncated(True)]
CONTINUATIONS = bytes(range(0x80, 0xC0))

FIRSTS = [chr(n).encode() for n in (0, 0x80, 0x800, 0x10000)]
LASTS = [chr(n).encode() for n in (0x7F, 0x7FF, 0xFFFF, 0x10FFFF)]
EDGES = [chr(n).encode() for n in (0xD7FF, 0xE000, 0xFFFD, 0x10FFFF)]
LONE = [b"\x80", b"\xbf", *((b"\x80\xbf" * 3)[:size] for size in range(2, 7)), CONTINUATIONS]
LEADS = [lead(bits, n) + b" " for n in range(2, 7) for bits in (0, (1 << (7 - n)) - 1)]
OVERLONG = ((2, 0x7F), (3, 0x7FF), (4, 0xFFFF), (5, 0x1FFFFF), (6, 0x3FFFFFF))

LONGEST = [stretched((1 << 5 * n + 1) - 1, n) for n in (4, 5, 6)]

Group = tuple[str, str, list[bytes]]
VALID: tuple[Group, ...] = (
    ("6.5", "words", [WORD, GREEK, "日本語 😀".encode(), WORD + b"\0" + WORD]),
    ("6.7", "the first of each length", FIRSTS),
    ("6.9", "the last of each length", LASTS),
    ("6.11", "the edges of what is allowed", EDGES),
    ("6.23", "noncharacters, which are allowed", [chr(value).encode() for value in NONCHARACTERS]),
)
INVALID: tuple[Group, ...] = (
    ("6.8", "the first of five and six bytes", [stretched(1 << 21, 5), stretched(1 << 26, 6)]),
    ("6.10", "the last of four to six bytes", LONGEST),
    ("6.12", "one past the last code point", [TOO_FAR]),
    ("6.13", "continuation bytes alone", LONE),
    ("6.14", "first bytes alone", LEADS),
    ("6.15", "the last byte missing", BROKEN),
    ("6.16", "such sequences in a row", [b"".join(BROKEN)]),
    ("6.17", "bytes that never occur", _hex("fe", "ff", "fefeffff", "c0", "c1", "f5")),
    ("6.18", "an overlong slash", [stretched(0x2F, n) for n in range(2, 7)]),
    ("6.19", "the longest overlong", [stretched(value, n) for n, value in OVERLONG]),
    ("6.20", "an overlong zero", [stretched(0, n) for n in range(2, 7)]),
    ("6.21", "surrogates alone", [stretched(value, 3) for value in SURROGATES]),
    ("6.22", "surrogates in pairs", [stretched(a, 3) + stretched(b, 3) for a, b in PAIRS]),
)


def _rows(what: str, payload: bytes, good: bool, rows: Numbered) -> None:
    for how, frames in (("whole", (text(payload),)), ("in bytes", fragments(payload, 1))):
        shown = f"{what}, {how}: {payload[:12].hex(' ')}"
        if good:
            rows.add(shown, *frames, back=(text(payload),))
        else:
            rows.add(shown, *frames, ends=1007)


def _prefixes() -> list[Case]:
    """6.6: every beginning of a word, whole; those that cut a character are no text."""
    rows = Numbered("6.6")
    boundaries = {len(WORD.decode()[:count].encode()) for count in range(6)}
    for size in range(1, len(WORD) + 1):
        message = text(WORD[:size])
        what = f"the first {size} bytes of a word"
        if size in boundaries:
            rows.add(what, message, back=(message,))
        else:
            rows.add(what, message, ends=1007)
    return rows.rows


def _pieces() -> list[Case]:
    """6.1 to 6.4: empty ones, fragments at and inside characters, and failing early."""
    empty, good, bad, early = Numbered("6.1"), Numbered("6.2"), Numbered("6.3"), Numbered("6.4")
    hollow = F(TEXT, fin=False), F(CONT, fin=False), F(CONT)
    empty.add("an empty message", text(b""), back=(text(b""),))
    empty.add("three empty fragments", *hollow, back=(text(b""),))
    filled = hollow[0], F(CONT, b"middle", fin=False), hollow[2]
    empty.add("a middle between empty fragments", *filled, back=(text(b"middle"),))
    good.add("a sentence, whole", text(GREEK), back=(text(GREEK),))
    good.add(
        "a sentence in two fragments, cut inside a character",
        *fragments(GREEK, len(GREEK) // 2 + 1),
        back=(text(GREEK),),
    )
    good.add("a sentence in fragments of a byte", *fragments(GREEK, 1), back=(text(GREEK),))
    good.add("a word, a byte in a write", text(WORD), back=(text(WORD),), chop=1)
    bad.add("a surrogate in a text, whole", text(BAD_MIDDLE), ends=1007)
    bad.add("a surrogate in a text in fragments of a byte", *fragments(BAD_MIDDLE, 1), ends=1007)
    # The rest of the message never comes: the end may not wait for it.
    early.add(
        "the second fragment is bad, no third comes",
        F(TEXT, WORD, fin=False),
        F(CONT, TOO_FAR, fin=False),
        ends=1007,
    )
    early.add(
        "the second fragment ends a bad character early, no third comes",
        F(TEXT, WORD + TOO_FAR[:1], fin=False),
        F(CONT, TOO_FAR[1:2], fin=False),
        ends=1007,
    )
    early.add("a bad text in one frame, in chops", text(BAD_MIDDLE), ends=1007, chop=len(WORD) + 6)
    early.add("a bad text in one frame, byte by byte", text(BAD_MIDDLE), ends=1007, chop=1)
    return [*empty.rows, *good.rows, *bad.rows, *early.rows]


def utf8() -> list[Case]:
    """All of section 6."""
    cases = [*_pieces(), *_prefixes()]
    for groups, good in ((VALID, True), (INVALID, False)):
        for section, what, payloads in groups:
            rows = Numbered(section)
            for payload in payloads:
                _rows(what, payload, good, rows)
            cases += rows.rows
    return cases
